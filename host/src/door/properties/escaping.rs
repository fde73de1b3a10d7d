//! Escaping: whatever stands around a value, what a program makes of the value is the value.

use std::process::Command;

use proptest::prelude::*;

use super::super::escape::{escape, sh_words};
use super::super::form::{self, Encoding};
use super::undo::{strftime, tmux_format, undo};
use super::usage::quoted;
use super::{Share, holds, texts};

const ALL: [Encoding; 5] =
    [Encoding::Sh, Encoding::TmuxFormat, Encoding::TmuxWord, Encoding::Strftime, Encoding::Regex];

#[test]
fn what_is_escaped_is_read_as_it_was() {
    holds(3000, &(texts::wild(), proptest::sample::select(ALL.to_vec())), |(text, encoding)| {
        let escaped =
            String::from_utf8(escape(encoding, text.as_bytes())).expect("text stays text");
        // A tmux format that ends in `#`, or is followed by more, is the parser's business.
        prop_assert_eq!(undo(encoding, &escaped), Ok(text.clone()));
        prop_assert!(escaped.len() <= text.len() * 4 + 2);
        Ok(())
    });
}

/// A form's own text before and after a value, and whether the parser takes it.
fn around(alphabet: &'static [&'static str]) -> impl Strategy<Value = (String, String, String)> {
    let lines = (texts::text(), texts::text()).prop_map(|(one, two)| format!("{one}\n{two}"));
    let value = prop_oneof![3 => texts::wild(), 1 => lines];
    (texts::some_of(alphabet), value, texts::some_of(alphabet))
}

fn taken(before: &str, encoding: &str, after: &str) -> bool {
    let [before, after] = [before, after].map(|text| match text {
        "" => String::new(),
        text => quoted(text),
    });
    form::parse(&format!("eng {before}{{keys:{encoding}}}{after}")).is_ok()
}

#[test]
fn a_shell_reads_a_value_the_same_whatever_the_form_puts_around_it() {
    const TEXT: &[&str] = &["x", " ", "'", "\"", "\\", "#", "$", "=", "-n", "%", "'x'", "\"y\""];
    let taken_in = Share::default();
    holds(600, &around(TEXT), |(before, value, after)| {
        let value = value.replace('\0', "");
        let stands = taken(&before, "sh", &after);
        taken_in.note(stands);
        // Which process it is says every shell for itself.
        if !stands || before.contains("$$") || after.contains("$$") {
            return Ok(());
        }
        let words = |value: &str| {
            let value = sh_words(&[value.as_bytes().to_vec()]);
            let value = String::from_utf8(value).expect("text stays text");
            let script = format!("set -- {before}{value}{after}\nprintf '%s\\0' \"$@\"");
            let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let expected = words("VALUE").map(|words| words.replace("VALUE", &value));
        prop_assert_eq!(words(&value), expected, "`{}` and `{}`", before, after);
        Ok(())
    });
    taken_in.at_least(20);
}

/// Checks that `read` finds the value, escaped, as it is in each form of these parts that stands.
fn reads_the_same(
    cases: u32,
    alphabet: &'static [&'static str],
    (name, encoding): (&str, Encoding),
    read: impl Fn(&str) -> Result<String, String>,
) {
    let taken_in = Share::default();
    holds(cases, &around(alphabet), |(before, value, after)| {
        let stands = taken(&before, name, &after);
        taken_in.note(stands);
        if !stands {
            return Ok(());
        }
        let read = |value: &str| {
            let value = String::from_utf8(escape(encoding, value.as_bytes()));
            read(&format!("{before}{}{after}", value.expect("text stays text")))
        };
        let expected = read("VALUE").map(|text| text.replace("VALUE", &value));
        prop_assert_eq!(read(&value), expected, "`{}` and `{}`", before, after);
        Ok(())
    });
    taken_in.at_least(20);
}

#[test]
fn tmux_reads_a_value_the_same_whatever_the_form_puts_around_it() {
    const TEXT: &[&str] =
        &["x", "#", "##", "#{", "#{pid}", "}", "#(", ")", "[", "#[", ",", "#S", "(", "#}"];
    reads_the_same(6000, TEXT, ("tmux-format", Encoding::TmuxFormat), |text| {
        tmux_format(text, |more| Ok(format!("<{more}>")))
    });
}

#[test]
fn strftime_reads_a_value_the_same_whatever_the_form_puts_around_it() {
    const TEXT: &[&str] = &["x", "%", "%%", "%H", "E", " "];
    reads_the_same(3000, TEXT, ("strftime", Encoding::Strftime), |text| {
        strftime(text, |more| Ok(format!("<{more}>")))
    });
}
