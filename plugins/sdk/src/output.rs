//! Reading what a program left behind.

use crate::bindings::kst::runner::process;
use crate::{Error, ExitStatus};

/// What a program left behind. Bytes that are no UTF-8 are replaced in [`stdout`](Output::stdout) and
/// [`stderr`](Output::stderr); the bytes themselves are in [`raw`](Output::raw).
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// How the program ended.
    pub exit: ExitStatus,
    /// What it printed, as text.
    pub stdout: String,
    /// Its messages, as text.
    pub stderr: String,
    /// What it printed, as bytes, where that is not the same as `stdout`.
    bytes: Option<Vec<u8>>,
}

impl Output {
    /// An output, as a test would make one up.
    pub fn new(exit: ExitStatus, stdout: &str, stderr: &str) -> Self {
        Output { exit, stdout: stdout.into(), stderr: stderr.into(), bytes: None }
    }

    /// Whether the program ended with code 0.
    pub fn ok(&self) -> bool {
        matches!(self.exit, ExitStatus::Code(0))
    }

    /// The code that the program ended with; `None` where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        match self.exit {
            ExitStatus::Code(code) => Some(code),
            ExitStatus::Signal(_) => None,
        }
    }

    /// Itself if the program ended with code 0, otherwise [`Error::Failed`] with the program's own
    /// [`complaint`](Output::complaint).
    pub fn success(self) -> Result<Self, Error> {
        if self.ok() { Ok(self) } else { Err(self.failure()) }
    }

    /// [`Error::Failed`] with the program's own [`complaint`](Output::complaint).
    pub fn failure(&self) -> Error {
        Error::Failed(self.complaint())
    }

    /// Why the program failed, in its own words: the last line of its messages that says something,
    /// or else how it ended.
    pub fn complaint(&self) -> String {
        let said = self.stderr.lines().map(str::trim).rev().find(|line| !line.is_empty());
        match (said, self.exit) {
            (Some(line), _) => line.into(),
            (None, ExitStatus::Code(code)) => ["it ended with code ", &code.to_string()].concat(),
            (None, ExitStatus::Signal(signal)) => {
                ["it was ended by signal ", &signal.to_string()].concat()
            }
        }
    }

    /// Whether its messages hold this text.
    pub fn stderr_has(&self, text: &str) -> bool {
        self.stderr.contains(text)
    }

    /// Whether the program failed with one of the messages by which its engine says that it is not
    /// there: a reason for [`Error::Unavailable`].
    pub fn is_down(&self, messages: &[&str]) -> bool {
        !self.ok() && messages.iter().any(|message| self.stderr_has(message))
    }

    /// The lines it printed, without the empty ones.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout.lines().filter(|line| !line.is_empty())
    }

    /// The first line it printed that is not empty, or nothing.
    pub fn first_line(&self) -> &str {
        self.lines().next().unwrap_or_default()
    }

    /// What it printed, byte by byte.
    pub fn raw(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.stdout.as_bytes())
    }
}

impl From<process::Output> for Output {
    fn from(output: process::Output) -> Self {
        let (stdout, bytes) = match String::from_utf8(output.stdout) {
            Ok(text) => (text, None),
            Err(error) => {
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(error.into_bytes()))
            }
        };
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Output { exit: output.exit, stdout, stderr, bytes }
    }
}

/// Split a line into exactly `N` fields; the last takes the rest, separators and all. `None` where
/// there are too few.
///
/// ```
/// # use kst_plugin::fields;
/// assert_eq!(fields("$1 2 a name", " "), Some(["$1", "2", "a name"]));
/// assert_eq!(fields::<3>("$1 2", " "), None);
/// ```
pub fn fields<'a, const N: usize>(line: &'a str, separator: &str) -> Option<[&'a str; N]> {
    let mut parts = line.splitn(N, separator);
    let mut out = [""; N];
    for field in &mut out {
        *field = parts.next()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_that_says_something_is_the_complaint() {
        let output = Output::new(ExitStatus::Code(1), "", "warning: x\nno such box: a\n\n");
        assert_eq!(output.success(), Err(Error::failed("no such box: a")));
    }

    #[test]
    fn a_silent_failure_tells_how_it_ended() {
        assert_eq!(Output::new(ExitStatus::Code(3), "", " \n").complaint(), "it ended with code 3");
        let killed = Output::new(ExitStatus::Signal(9), "", "");
        assert_eq!(killed.complaint(), "it was ended by signal 9");
    }

    #[test]
    fn bytes_are_kept_beside_the_text() {
        let output = Output::from(process::Output {
            exit: ExitStatus::Code(0),
            stdout: b"a\xffb\n".to_vec(),
            stderr: Vec::new(),
        });
        assert_eq!(output.first_line(), "a\u{fffd}b");
        assert_eq!(output.raw(), b"a\xffb\n");
    }

    #[test]
    fn only_a_failure_can_mean_down() {
        let warned = Output::new(ExitStatus::Code(0), "", "cannot connect, trying again");
        assert!(!warned.is_down(&["cannot connect"]));
        let down = Output::new(ExitStatus::Code(1), "", "cannot connect\n");
        assert!(down.is_down(&["no server", "cannot connect"]) && !down.is_down(&["no server"]));
    }

    #[test]
    fn empty_lines_are_left_out() {
        let output = Output::new(ExitStatus::Code(0), "\n\na\nb\n", "");
        assert_eq!(output.lines().collect::<Vec<_>>(), ["a", "b"]);
    }
}
