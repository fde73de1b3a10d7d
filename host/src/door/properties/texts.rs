//! Texts as a user, a config or an attacker might give them.

use proptest::prelude::*;

use crate::text::escape_controls;

/// Pieces that mean something to an engine, a shell, a terminal or a parser of ours.
const PIECES: &[&str] = &[
    "a",
    "web",
    "0",
    " ",
    "  ",
    "-",
    "--",
    "-rf",
    "=",
    ";",
    ";;",
    "\\",
    "\\;",
    "'",
    "\"",
    "''",
    "#",
    "##",
    "#(id)",
    "#{pid}",
    "#[fg=red]",
    "[",
    "]",
    "{",
    "}",
    "{name}",
    "<word>",
    "...",
    "%",
    "%%",
    "%H",
    "$",
    "$(id)",
    "`id`",
    "&&",
    "|",
    "*",
    "?",
    "~",
    "/",
    "../",
    ".",
    ":",
    ",",
    "^",
    "(",
    ")",
    "+",
    "!",
    "é",
    "日本",
    "{any}...",
    "{?force}",
];

/// Pieces with characters that a line or an argument cannot hold.
const CONTROLS: &[&str] = &["\n", "\r", "\t", "\0", "\u{1b}[2J", "\u{7f}", "\u{9b}"];

/// Any text without control characters, often an odd one, sometimes none at all.
pub fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        3 => "[a-z][a-z0-9_-]{0,8}",
        5 => some_of(PIECES),
        1 => Just(String::new()),
        1 => "\\PC{0,12}",
    ]
}

/// The same, as far as a form may hold it: plain to see.
pub fn literal() -> impl Strategy<Value = String> + Clone {
    let plain = |c: &char| *c == ' ' || !c.is_whitespace() && *c != '\u{2800}';
    text().prop_map(move |text| {
        text.chars()
            .filter(plain)
            .filter(|c| escape_controls(&c.to_string()).starts_with(*c))
            .collect()
    })
}

/// Any text, and now and then one with control characters, or a very long one.
pub fn wild() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        40 => text(),
        3 => "-[a-z]{1,3}",
        2 => (text(), proptest::sample::select(CONTROLS), text())
            .prop_map(|(before, control, after)| [&before, control, &after].concat()),
        1 => (1_usize..140_000).prop_map(|length| "long".repeat(length / 4)),
    ]
}

/// What no rule is against, wherever it stands.
pub fn tame() -> impl Strategy<Value = String> + Clone {
    text().prop_map(|text| if text.starts_with('-') { format!("x{text}") } else { text })
}

/// A few of these, one after the other.
pub fn some_of(pieces: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::collection::vec(proptest::sample::select(pieces), 0..6)
        .prop_map(|pieces| pieces.concat())
}
