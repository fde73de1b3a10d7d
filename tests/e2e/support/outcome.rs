//! What a program that has ended left.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// What came of running a program. Its methods that check return it again, so that they chain.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub duration: Duration,
}

impl Outcome {
    /// Standard output as text; what is not UTF-8 in it is replaced.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; what is not UTF-8 in it is replaced.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Checks that it succeeded.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.exits(0)
    }

    /// Checks the exit code. An error must say something, on standard error alone.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "the exit code is not {code}\n{self}");
        if code != 0 {
            assert!(!self.stderr.is_empty(), "it failed without a word\n{self}");
        }
        self.does_not_panic()
    }

    /// It ended with this code, which is a session's and no failure of its own.
    #[track_caller]
    pub fn returns(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Checks that standard error holds `text`.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.err().contains(text), "it does not say {text:?}\n{self}");
        self
    }

    /// Checks that standard output holds `text`.
    #[track_caller]
    pub fn prints(&self, text: &str) -> &Self {
        assert!(self.out().contains(text), "it does not print {text:?}\n{self}");
        self
    }

    /// Checks that neither stream holds `text`: a secret, an escape sequence.
    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        let both = self.out() + &self.err();
        assert!(!both.contains(text), "it shows {text:?}\n{self}");
        self
    }

    /// Standard output, which must be one JSON document and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is not one JSON document: {error}\n{self}"),
        }
    }

    #[track_caller]
    fn does_not_panic(&self) -> &Self {
        assert!(!self.err().contains("panicked at"), "it panicked\n{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.command)?;
        match self.code {
            Some(code) => writeln!(f, "exit code {code}, after {:?}", self.duration)?,
            None => writeln!(f, "ended by a signal, after {:?}", self.duration)?,
        }
        writeln!(f, "--- stdout\n{}--- stderr\n{}---", self.out(), self.err())
    }
}
