//! Files of variables, as `env_file` names them and as docker compose reads them.
//!
//! A line is `NAME=value`, `export NAME=value`, or `NAME` alone for the value that kst itself has been
//! given. Blank lines and those that begin with `#` say nothing. In `'…'` everything is text; in `"…"`
//! a backslash makes `\n`, `\t`, `\r` of a letter and takes any other character as it is; both may go
//! over several lines. Without quotes a value ends before ` #`, and blanks around it are not part of it.
//! `${NAME}` and its kind are filled in, but not in `'…'`, from the variables above, then from kst's own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use super::interpolate;
use crate::session::validate;
use crate::text::shown_path;
use crate::{Error, Result};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Add the variables of a file to `env`, in the place of what is there.
///
/// # Errors
///
/// [`Error::Config`]: the file cannot be read, or a line of it cannot. Values are never shown.
pub(crate) fn add(path: &Path, env: &mut BTreeMap<String, String>) -> Result<()> {
    let text = read(path).map_err(|why| Error::Config {
        file: Some(path.to_owned()),
        line: None,
        what: format!("the file {why}"),
        advice: Some("an env_file of the config names it".to_owned()),
    })?;
    let mut lines = Lines { rest: &text, number: 0 };
    while let Some(line) = lines.next() {
        let number = lines.number;
        let wrong = |what: String| Error::Config {
            file: Some(path.to_owned()),
            line: Some(number),
            what,
            advice: Some("write NAME=value, the value in '…' if it holds anything unusual".into()),
        };
        if let Some((name, value)) = variable(line, &mut lines, env).map_err(wrong)? {
            env.insert(name, value);
        }
    }
    Ok(())
}

/// Whether a file could be read now; the sentence says why not.
pub(crate) fn look(path: &Path) -> std::result::Result<(), String> {
    read(path).map(drop).map_err(|why| format!("{} {why}", shown_path(path)))
}

/// What a file holds; the error is the end of a sentence about it.
fn read(path: &Path) -> std::result::Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    // NONBLOCK: opening a pipe must not wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path, flags, Mode::empty());
    let file = File::from(file.map_err(|error| failed(error.into()))?);
    if !file.metadata().map_err(failed)?.is_file() {
        return Err("is no regular file".to_owned());
    }
    let mut text = String::new();
    let read = file.take(LARGEST + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > LARGEST {
        return Err("is larger than 1 MiB".to_owned());
    }
    Ok(text)
}

/// The lines of a text, counted.
struct Lines<'t> {
    rest: &'t str,
    number: u64,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

/// The variable of a line, if it has one; a value in quotes may take more lines.
fn variable(
    line: &str,
    lines: &mut Lines<'_>,
    env: &BTreeMap<String, String>,
) -> std::result::Result<Option<(String, String)>, String> {
    let line = line.trim();
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
        None => (line, None),
    };
    validate::env_key(name).map_err(|_| {
        "the line does not begin with the name of a variable that may be set (line not shown)"
            .to_owned()
    })?;
    let lookup = |name: &str| match env.get(name) {
        Some(value) => Ok(Some(value.clone())),
        None => interpolate::own(name),
    };
    let value = match value {
        None => match interpolate::own(name)? {
            Some(value) => value,
            None => return Ok(None),
        },
        Some(text) => match text.chars().next() {
            Some('\'') => quoted(text, '\'', lines)?,
            Some('"') => interpolate::text(&quoted(text, '"', lines)?, &lookup)?,
            _ => interpolate::text(plain(text), &lookup)?,
        },
    };
    validate::env_value(name, &value).map_err(|error| error.to_string())?;
    Ok(Some((name.to_owned(), value)))
}

/// A value without quotes: up to a comment.
fn plain(text: &str) -> &str {
    let comment = |at: &usize| {
        text.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t']))
    };
    let end = text.match_indices('#').map(|(at, _)| at).find(comment).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim_end()
}

/// A value in quotes, without them.
fn quoted(text: &str, quote: char, lines: &mut Lines<'_>) -> std::result::Result<String, String> {
    let mut value = String::new();
    let mut text = text.get(1..).unwrap_or_default();
    loop {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == quote {
                let rest = chars.as_str().trim_start();
                return match rest.is_empty() || rest.starts_with('#') {
                    true => Ok(value),
                    false => Err("something follows the quote that ends the value".into()),
                };
            }
            match c {
                '\\' if quote == '"' => match chars.next() {
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some('r') => value.push('\r'),
                    // Still to be told from one that is to be filled in.
                    Some('$') if chars.as_str().starts_with('{') => value.push_str("$$"),
                    Some(other) => value.push(other),
                    None => value.push('\n'),
                },
                _ => value.push(c),
            }
        }
        value.push('\n');
        text = lines.next().ok_or("a quote is not closed")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(text: &str) -> Result<BTreeMap<String, String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut env = BTreeMap::from([("BEFORE".to_owned(), "b".to_owned())]);
        add(file.path(), &mut env)?;
        env.remove("BEFORE");
        Ok(env)
    }

    #[test]
    fn lines_are_read_as_compose_does() {
        for (text, value) in [
            ("A=1", "1"),
            ("export A=1\r\n", "1"),
            ("  A = b c  # a comment", "b c"),
            ("A=b#c", "b#c"),
            ("A=", ""),
            ("A=# nothing", ""),
            ("A='b # ${C} \\n\"'", "b # ${C} \\n\""),
            ("A=\"b\\n\\\"c\\\\\"  # d", "b\n\"c\\"),
            ("A='b\nc'", "b\nc"),
            ("A=${BEFORE}c", "bc"),
            ("A=\"${BEFORE:-x} \\${BEFORE} \\$5\"", "b ${BEFORE} $5"),
            ("B=1\nA=${B}2\nA=${A}3", "123"),
            ("# A=2\n\nA=1", "1"),
            ("A=a=b", "a=b"),
            ("A=ü", "ü"),
        ] {
            assert_eq!(read_in(text).unwrap()["A"], value, "{text}");
        }
        assert!(read_in("KST_NOT_SET_ANYWHERE").unwrap().is_empty());
        assert_eq!(read_in("PATH").is_err(), crate::session::validate::env_key("PATH").is_err());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_shown() {
        for text in ["A=1\nsecret words", "A=1\n1A=secret", "A=1\nB='secret", "A=1\nB=\"secret\" x"]
        {
            let error = read_in(text).unwrap_err().to_string();
            assert!(error.contains(":2"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(add(Path::new("/nonexistent/file"), &mut BTreeMap::new()).is_err());
        assert!(add(Path::new("/dev/zero"), &mut BTreeMap::new()).is_err());
    }
}
