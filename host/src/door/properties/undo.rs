//! What the programs make of escaped text, as their sources and standards say; written apart from
//! the escapers.

use super::super::form::Encoding;

/// The text that a program takes `escaped` for. The error says where it would do more than that.
pub fn undo(encoding: Encoding, escaped: &str) -> Result<String, String> {
    match encoding {
        Encoding::Sh => match shell_words::split(escaped) {
            Ok(words) if words.len() == 1 => Ok(words.concat()),
            other => Err(format!("the shell reads {other:?}")),
        },
        Encoding::TmuxFormat => tmux_format(escaped, |more| Err(format!("tmux expands {more}"))),
        Encoding::TmuxWord => tmux_word(escaped),
        Encoding::Strftime => strftime(escaped, |more| Err(format!("strftime fills in {more}"))),
        Encoding::Regex => regex(escaped),
    }
}

/// tmux's `format_expand`; `expand` says what stands for an expression.
pub fn tmux_format(
    text: &str,
    mut expand: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        let after = from.trim_start_matches('#');
        let run = from.len() - after.len();
        // In front of a bracket they belong to a style, which formats leave as it is.
        if after.starts_with('[') {
            out.push_str(&from[..=run]);
            rest = &from[run + 1..];
            continue;
        }
        match from[1..].chars().next() {
            Some(c @ ('#' | ',' | '}')) => {
                out.push(c);
                rest = &from[2..];
            }
            Some(open @ ('{' | '(')) => {
                let end = if open == '{' { end_of_braces(from) } else { end_of_command(from) };
                // tmux leaves out all that follows.
                let end = end.ok_or("tmux does not come to the end of an expression")?;
                out.push_str(&expand(&from[..=end])?);
                rest = &from[end + 1..];
            }
            Some(c) if c.is_ascii_alphabetic() => {
                out.push_str(&expand(&from[..2])?);
                rest = &from[2..];
            }
            Some(c) => {
                out.push('#');
                out.push(c);
                rest = &from[1 + c.len_utf8()..];
            }
            // tmux drops a single one at the end.
            None => rest = "",
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Where `#{` ends: tmux's `format_skip`.
fn end_of_braces(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek().map(|(_, next)| *next)) {
            ('#', Some('{')) => {
                depth += 1;
                chars.next();
            }
            ('#', Some(',' | '#' | '}' | ':')) => {
                chars.next();
            }
            ('}', _) => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where `#(` ends.
fn end_of_command(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (c == ')' && depth == 0).then_some(at)
    })
}

/// A word of tmux's command line: `cmd_parse_from_arguments`.
fn tmux_word(word: &str) -> Result<String, String> {
    let Some(before) = word.strip_suffix(';') else { return Ok(word.to_owned()) };
    match before.strip_suffix('\\') {
        Some(before) => Ok(format!("{before};")),
        None => Err("tmux takes what follows for another command".to_owned()),
    }
}

/// `strftime`; `fill` says what stands for a conversion.
pub fn strftime(
    text: &str,
    mut fill: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '%' { chars.next() } else { None }) {
            ('%', Some('%')) => out.push('%'),
            ('%', Some(next)) => out.push_str(&fill(&format!("%{next}"))?),
            ('%', None) => return Err("strftime is left with a `%`".to_owned()),
            (c, _) => out.push(c),
        }
    }
    Ok(out)
}

/// What a regular expression without alternatives matches, in POSIX terms.
fn regex(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if "^.[$()|*+?{\\".contains(c) => out.push(c),
                other => return Err(format!("`\\{other:?}` is not defined")),
            },
            '[' => match (chars.next(), chars.next()) {
                (Some(c), Some(']')) if c != '^' => out.push(c),
                other => return Err(format!("a bracket with {other:?}")),
            },
            c if ".^$*+?()|{}]".contains(c) => return Err(format!("`{c}` matches others")),
            c => out.push(c),
        }
    }
    Ok(out)
}
