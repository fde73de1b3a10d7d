//! What the values of options must look like before anything else looks at them. What they mean
//! (a good session name, a valid image) is the library's to check.

mod time;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kst::Error;

/// The longest name or word that is taken, in bytes.
const LONGEST_WORD: usize = 1024;
/// The longest text, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// Any name a session may have, foreign ones with strange characters too, on one line.
pub fn name() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|value| {
        let name = utf8(value)?;
        within(&name, LONGEST_WORD)?;
        match name.contains(['\n', '\r', '\0']) {
            true => Err("no session's name has line breaks"),
            false => Ok(name),
        }
    })
}

/// A word: a backend, a location, an image, a port, an option's `key=value`. None of them begins
/// with a dash: an option without its value would take the next one for it.
pub fn word() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|value| {
        let word = utf8(value)?;
        within(&word, LONGEST_WORD)?;
        if word.chars().any(char::is_control) {
            return Err("it holds control characters");
        }
        match word.starts_with('-') {
            true => Err("it begins with a dash"),
            false => Ok(word),
        }
    })
}

/// A text that may have several lines: a command.
pub fn text() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|value| {
        let text = utf8(value)?;
        within(&text, LONGEST_TEXT)?;
        Ok::<_, &'static str>(text)
    })
}

/// One word of a command. It may be empty.
pub fn command_word() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(utf8)
}

/// A path of this machine, whatever bytes it has.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|value| match value.is_empty() {
        true => Err("it is empty"),
        false => Ok(PathBuf::from(value)),
    })
}

/// A whole number from 0 to `most`.
pub fn number(most: u32) -> impl TypedValueParser<Value = u32> {
    OsStringValueParser::new().try_map(move |value| {
        let number = utf8(value)?.parse::<u32>().ok().filter(|number| *number <= most);
        number.ok_or_else(|| format!("it must be a whole number from 0 to {most}"))
    })
}

/// A length of time in whole seconds, at most so many: `90`, `90s`, `5m`.
pub fn seconds(most: u32) -> impl TypedValueParser<Value = u32> {
    OsStringValueParser::new().try_map(move |value| {
        let length = kst::limits::time(&utf8(value)?).filter(|length| length.subsec_nanos() == 0);
        let seconds = length.and_then(|length| u32::try_from(length.as_secs()).ok());
        seconds.filter(|seconds| *seconds <= most).ok_or_else(|| {
            format!(
                "it must be a whole number of seconds from 0 to {most}, or so long as 90s or 5m"
            )
        })
    })
}

/// A length of time: seconds (`10`, `0.5`), or with units (`10s`, `1m30s`, `2h`).
pub fn duration() -> impl TypedValueParser<Value = Duration> {
    OsStringValueParser::new().try_map(|value| {
        let text = utf8(value)?;
        let length = kst::limits::time(&text).filter(|length| *length <= LONGEST_TIME);
        length.ok_or("it is no length of time, such as 10, 0.5, 90s, 1m30s or 2h")
    })
}

/// The longest time: ten years.
const LONGEST_TIME: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A time: so long ago, or at a time; in local time where that has no zone.
pub fn time() -> impl TypedValueParser<Value = Timestamp> {
    OsStringValueParser::new().try_map(|value| {
        let text = utf8(value)?;
        within(&text, LONGEST_WORD)?;
        time::parse(&text, Timestamp::now(), &TimeZone::system())
    })
}

/// An error where nothing can be between two times.
pub fn in_order(since: Option<Timestamp>, until: Option<Timestamp>) -> kst::Result<()> {
    match since.zip(until) {
        Some((since, until)) if since > until => Err(Error::Invalid {
            what: format!(
                "--since is {since:.0}, and --until is {until:.0}: nothing is between them"
            ),
            advice: Some("the earlier time is --since".into()),
        }),
        _ => Ok(()),
    }
}

fn utf8(value: OsString) -> Result<String, &'static str> {
    value.into_string().map_err(|_| "it is not UTF-8")
}

fn within(text: &str, longest: usize) -> Result<(), &'static str> {
    match text.len() {
        0 => Err("it is empty"),
        length if length > longest => Err("it is too long"),
        _ => Ok(()),
    }
}
