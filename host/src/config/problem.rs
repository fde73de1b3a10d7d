//! What is wrong with a config file, and where.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::tree::{Place, shorten};
use crate::Error;
use crate::text::escape_controls;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Probably not what was meant; everything still works.
    Warning,
    /// What it concerns cannot be used.
    Error,
}

/// Something wrong in a config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1, where it is known.
    pub line: Option<u64>,
    /// The line itself, shortened to 200 characters. It may hold anything: escape it before it
    /// reaches a terminal.
    pub text_line: Option<String>,
    /// The key that it concerns, such as `ops.sessions.api.ports`, shortened to 200 characters;
    /// empty for the whole file.
    pub key: String,
    /// A sentence: what is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is about what may be an option of the session's backend: to be guessed at, until a
    /// start asks the backend.
    #[serde(skip)]
    pub may_be_option: bool,
}

impl Problem {
    /// A problem of a whole file.
    pub(super) fn of_file(file: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Problem {
            file: file.into(),
            line: None,
            text_line: None,
            key: String::new(),
            what: what.into(),
            advice: None,
            severity: Severity::Error,
            may_be_option: false,
        }
    }

    /// A problem of what stands at a place.
    pub(super) fn at(place: &Place, key: &str, what: impl Into<String>) -> Self {
        Problem {
            file: place.source.path.clone(),
            line: Some(place.line),
            text_line: place.source.line(place.line),
            key: shorten(&escape_controls(key)),
            what: what.into(),
            advice: None,
            severity: Severity::Error,
            may_be_option: false,
        }
    }

    /// What [`validate`](crate::session::validate) says of what stands at a place.
    pub(super) fn from_error(place: &Place, key: &str, error: &Error) -> Self {
        let mut problem = Self::at(place, key, error.to_string());
        problem.advice = error.advice().map(str::to_owned);
        problem
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Of a key that may be an option of the session's backend.
    pub(super) fn of_option(mut self) -> Self {
        self.may_be_option = true;
        self
    }

    /// Whether it is about a session of the config other than `name`.
    pub fn is_of_another_session(&self, name: Option<&str>) -> bool {
        let Some(session) = self.key.strip_prefix("ops.sessions.") else { return false };
        let rest = name.and_then(|name| session.strip_prefix(&shorten(&escape_controls(name))));
        !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The same as an [`Error::Config`].
    pub fn to_error(&self) -> Error {
        Error::Config {
            file: Some(self.file.clone()),
            line: self.line,
            what: if self.key.is_empty() {
                self.what.clone()
            } else {
                format!("{}: {}", self.key, self.what)
            },
            advice: self.advice.clone(),
        }
    }
}

impl fmt::Display for Problem {
    /// `FILE:LINE: KEY: SENTENCE`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_error())
    }
}
