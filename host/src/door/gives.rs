//! `gives` lines: the shape of a line that a program prints, and what is captured from it.
//!
//! Each capture ends where the literal text after it first occurs, so matching never goes back: its
//! time grows with the line's length alone.

use super::bind::Row;
use crate::guard::Guard;
use crate::text::escape_controls;

/// The longest `gives`, in bytes.
const GIVES_BYTES: usize = 1024;
/// The longest id, in bytes.
const ID_BYTES: usize = 256;
/// The most pids of one line.
const PIDS: usize = 4096;

/// A parsed `gives` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gives {
    /// The line begins with this.
    start: String,
    /// Each capture with the literal text after it, which is empty only at the line's end.
    captures: Vec<(Capture, String)>,
}

/// What is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    Id,
    Name,
    Pids,
    Instance,
    Run,
    Anything,
}

impl Capture {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "id" => Capture::Id,
            "name" => Capture::Name,
            "pids" => Capture::Pids,
            "instance" => Capture::Instance,
            "run" => Capture::Run,
            "*" => Capture::Anything,
            _ => return None,
        })
    }
}

impl Gives {
    /// Parse a `gives` line. The error is a sentence without the form's name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > GIVES_BYTES {
            return Err(format!("gives is longer than {GIVES_BYTES} bytes"));
        }
        // A tab is the one control character that engines separate columns with.
        if escape_controls(&text.replace('\t', " ")) != text.replace('\t', " ") {
            return Err("gives holds control or invisible characters other than tabs".to_owned());
        }
        let (start, mut rest) = literal(text)?;
        let mut captures = Vec::new();
        while let Some(inside) = rest.strip_prefix('{') {
            let Some((name, after)) = inside.split_once('}') else {
                return Err("gives has a `{` that is not closed".to_owned());
            };
            let Some(capture) = Capture::parse(name) else {
                return Err(format!("gives has an unknown capture {{{}}}", escape_controls(name)));
            };
            let again = captures.iter().any(|(earlier, _)| *earlier == capture);
            if again && capture != Capture::Anything {
                return Err(format!("gives captures {{{name}}} twice"));
            }
            let (end, left) = literal(after)?;
            if end.is_empty() && !left.is_empty() {
                return Err("gives has two captures with nothing between them".to_owned());
            }
            captures.push((capture, end.to_owned()));
            rest = left;
        }
        if captures.iter().all(|(capture, _)| *capture == Capture::Anything) {
            return Err("gives captures nothing".to_owned());
        }
        Ok(Gives { start: start.to_owned(), captures })
    }

    /// Whether it captures this.
    pub(super) fn has(&self, capture: Capture) -> bool {
        self.captures.iter().any(|(own, _)| *own == capture)
    }

    /// What one line (without its end) gives; `None` where it has another shape or is not text.
    ///
    /// An id, pid, instance or run that is not one is left out of the row, and the row stays: that
    /// a line claims a name matters, whatever else is in it.
    pub(super) fn read(&self, line: &[u8]) -> Option<Row> {
        let line = std::str::from_utf8(line).ok()?;
        let mut rest = line.strip_prefix(self.start.as_str())?;
        let mut row = Row::default();
        for (capture, end) in &self.captures {
            let (text, after) =
                if end.is_empty() { (rest, "") } else { rest.split_once(end.as_str())? };
            rest = after;
            match capture {
                Capture::Id => row.id = token(text),
                Capture::Name => row.name = Some(text.to_owned()),
                Capture::Pids => row.pids = pids(text),
                Capture::Instance => row.instance = token(text),
                Capture::Run => row.run = token(text),
                // Columns are what tabs are for: a name with one in it, which ends early here, leaves
                // more of them behind than the line may have.
                Capture::Anything if text.contains('\t') && Guard::WholeColumns.holds() => {
                    return None;
                }
                Capture::Anything => {}
            }
        }
        rest.is_empty().then_some(row)
    }
}

/// The literal text before the next capture, and what follows it.
fn literal(text: &str) -> Result<(&str, &str), String> {
    let (literal, rest) = match text.find('{') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    match literal.contains('}') {
        true => Err("gives has a `}` without a `{`".to_owned()),
        false => Ok((literal, rest)),
    }
}

/// Something that may become a word of its own: printable, without spaces, no option.
fn token(text: &str) -> Option<String> {
    let plain = !text.is_empty()
        && text.len() <= ID_BYTES
        && !text.starts_with('-')
        && !text.contains(char::is_whitespace)
        && escape_controls(text) == text;
    (plain || !Guard::PlainIds.holds()).then(|| text.to_owned())
}

/// Process ids, separated by spaces; 0 is how engines say that there is none. Nothing at all where
/// one of them is not a number.
fn pids(text: &str) -> Vec<u32> {
    let mut pids = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match word.parse::<u32>() {
            Ok(0) => {}
            Ok(pid) if i32::try_from(pid).is_ok() && pids.len() < PIDS => pids.push(pid),
            _ => return Vec::new(),
        }
    }
    pids
}

#[cfg(test)]
mod tests;
