//! Standard output and standard error.
//!
//! The result of a command, and nothing else, goes to standard output. A reader that has gone
//! (`kst list | head -1`) is no error, and must not end kst in the middle of a change: writing on is
//! skipped in silence.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::adapter::strip_bytes;
use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use kst::text::escape_controls;

use super::render::style;
use super::render::table::Page;

/// Where results, warnings and errors go.
#[derive(Debug, Clone, Default)]
pub struct Output {
    quiet: Arc<AtomicBool>,
    /// Lines for standard error that wait until what is written over on the terminal is done.
    held: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Output {
    pub fn new() -> Self {
        Output::default()
    }

    /// Print no more warnings and notes.
    pub fn be_quiet(&self) {
        self.quiet.store(true, Ordering::Relaxed);
    }

    /// Whether there are no warnings and notes.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Relaxed)
    }

    /// Whether lines on a terminal can be written over.
    pub fn moves_on_terminals() -> bool {
        std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
    }

    /// Print a result. Its styles are left out where colours are not wanted.
    pub fn print(&self, text: &[u8]) -> anyhow::Result<()> {
        if self.colours() {
            return self.print_raw(text);
        }
        if memchr::memchr(b'\x1b', text).is_none() {
            return self.print_raw(text);
        }
        // At once and not through a stream that strips, which would write line by line.
        self.print_raw(&strip_bytes(text).into_vec())
    }

    /// Print these very bytes.
    pub fn print_raw(&self, bytes: &[u8]) -> anyhow::Result<()> {
        written(all_to(io::stdout().lock(), bytes))
    }

    /// Print these very bytes; whether anybody is still there to read them.
    pub fn pass_on(&self, bytes: &[u8]) -> anyhow::Result<bool> {
        match all_to(io::stdout().lock(), bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            other => written(other).map(|()| true),
        }
    }

    /// Print one JSON document.
    pub fn json(&self, document: &serde_json::Value) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(document).context("cannot write JSON")?;
        text.push('\n');
        self.print_raw(text.as_bytes())
    }

    /// Something by the way, on standard error.
    pub fn note(&self, text: &str) {
        if !self.is_quiet() {
            self.say(&safe(text));
        }
    }

    /// The same, with styles.
    pub fn remark(&self, text: &str) {
        if !self.quiet.load(Ordering::Relaxed) {
            self.say(text);
        }
    }

    /// `warning: …` on standard error.
    pub fn warn(&self, text: &str) {
        if !self.is_quiet() {
            let warning = style::WARNING;
            self.say(&format!("{warning}warning:{warning:#} {}", safe(text)));
        }
    }

    /// `  hint: …` on standard error, below a warning.
    pub fn hint(&self, text: &str) {
        if !self.is_quiet() {
            self.say(&hint(text));
        }
    }

    /// `error: …` and what to do about it, on standard error; the exit code.
    pub fn error(&self, error: &anyhow::Error) -> u8 {
        let (lines, code) = describe(error);
        self.say(&lines);
        code
    }

    /// The same for one of several sessions, which is named.
    pub fn error_of(&self, name: &str, error: &kst::Error) -> u8 {
        let mut text = error.to_string();
        if !text.contains(&format!("'{}'", escape_controls(name))) {
            text = format!("session '{name}': {text}");
        }
        let (lines, code) = describe_as(&text, Some(error));
        self.say(&lines);
        code
    }

    /// `error: …` about a session, then what it printed last, then what to do.
    pub fn failure(&self, name: &str, error: &kst::Error, last: &[String]) {
        let style = style::ERROR;
        let mut text = error.to_string();
        if !text.contains(name) {
            text = format!("session '{name}': {text}");
        }
        let mut lines = format!("{style}error:{style:#} {}", safe(&text));
        for line in last {
            lines.push_str("\n    ");
            lines.push_str(line);
        }
        if let Some(advice) = error.advice() {
            lines.push('\n');
            lines.push_str(&hint(advice));
        }
        self.say(&lines);
    }

    /// A line on standard error, with styles. Nobody there to read it is nothing to fail for.
    pub fn say(&self, line: &str) {
        self.say_bytes(format!("{line}\n").as_bytes());
    }

    /// Keep what goes to standard error until [`Output::release`].
    pub fn hold(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
    }

    /// Write what was kept.
    pub fn release(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.say_bytes(&held.unwrap_or_default());
    }

    /// Bytes with styles on standard error.
    pub fn say_bytes(&self, bytes: &[u8]) {
        if let Some(held) = &mut *self.held.lock().unwrap_or_else(PoisonError::into_inner) {
            held.extend_from_slice(bytes);
            return;
        }
        let _ = all_to(AutoStream::auto(io::stderr().lock()), bytes);
    }

    /// Whether standard output is a terminal.
    pub fn terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether standard output takes colours, after `--color`, NO_COLOR and its kind.
    pub fn colours(&self) -> bool {
        AutoStream::choice(&io::stdout()) != ColorChoice::Never
    }

    /// How many lines the terminal on standard output has.
    pub fn height(&self) -> Option<usize> {
        let rows = rustix::termios::tcgetwinsize(io::stdout()).ok()?.ws_row;
        (rows > 0).then_some(usize::from(rows))
    }

    /// What a table on standard output is drawn on.
    pub fn page(&self) -> Page {
        Page { width: self.width(), colours: self.colours() }
    }

    /// How wide the terminal on standard output is. `None` where it is none: nothing is cut then.
    pub fn width(&self) -> Option<usize> {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return None;
        }
        let columns = rustix::termios::tcgetwinsize(&stdout).ok()?.ws_col;
        (columns > 0).then_some(usize::from(columns))
    }
}

fn all_to(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// The lines for an error, and its exit code.
fn describe(error: &anyhow::Error) -> (String, u8) {
    describe_as(&format!("{error:#}"), error.downcast_ref())
}

fn describe_as(text: &str, ours: Option<&kst::Error>) -> (String, u8) {
    let style = style::ERROR;
    let mut lines = format!("{style}error:{style:#} {}", safe(text));
    if let Some(advice) = ours.and_then(kst::Error::advice) {
        lines.push('\n');
        lines.push_str(&hint(advice));
    }
    (lines, ours.map_or(1, kst::Error::exit_code))
}

fn hint(text: &str) -> String {
    let style = style::HINT;
    format!("  {style}hint:{style:#} {}", safe(text))
}

/// The longest line of a message, in characters: a value of 100 KiB is quoted in part.
const LONGEST_LINE: usize = 2000;

/// `text` without control characters, its further lines indented below the first.
fn safe(text: &str) -> String {
    let lines: Vec<String> = text
        .trim_end()
        .lines()
        .map(|line| {
            let mut line = escape_controls(line);
            if let Some((cut, _)) = line.char_indices().nth(LONGEST_LINE) {
                line.truncate(cut);
                line.push('…');
            }
            line
        })
        .collect();
    lines.join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do_and_carry_their_code() {
        let error = kst::Error::NotFound {
            name: "a\u{1b}[2Jb".into(),
            advice: Some("kst list\nshows them".into()),
        };
        let (lines, code) = describe(&error.into());
        let lines = String::from_utf8(kst::text::plain(lines.as_bytes())).unwrap();
        assert_eq!(
            lines,
            "error: no session is called 'a\\x1b[2Jb'\n  hint: kst list\n    shows them"
        );
        assert_eq!(code, 3);
    }

    #[test]
    fn an_error_about_one_of_several_names_it() {
        // Seen on standard error by the tests of the program.
        let (lines, code) = describe_as("session 'a\u{1b}': x", None);
        assert!(lines.ends_with("session 'a\\x1b': x"), "{lines}");
        assert_eq!(code, 1);
    }

    #[test]
    fn other_errors_tell_their_causes() {
        let error = anyhow::Error::from(io::Error::other("disk full")).context("cannot write");
        let (lines, code) = describe(&error);
        assert!(lines.ends_with("cannot write: disk full"), "{lines}");
        assert_eq!(code, 1);
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        assert!(written(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(written(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
