//! The request being served: everything that a placeholder can stand for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::manifest::Operation;
use crate::session::OptionValue;

/// One operation at one location. `None` and empty mean that the request has no such value.
#[derive(Clone)]
pub struct Request {
    /// What is being done.
    pub operation: Operation,
    /// Where.
    pub location: Location,
    /// The engine's id of the session that was found, where one was: a line of its name with another
    /// id is another session and binds nothing.
    pub id: Option<String>,
    /// Which run of the engine that id belongs to.
    pub instance: Option<String>,
    /// The session's name: `{name}`. Output lines bind ids to this name alone.
    pub name: Option<String>,
    /// The shim and its ticket: `{launch}`. It carries command, environment and directory.
    pub launch: Option<Vec<OsString>>,
    /// The log writer: `{recorder}`.
    pub recorder: Option<Vec<OsString>>,
    /// The session's log file: `{log}`.
    pub log: Option<PathBuf>,
    /// The user's command: `{command}`.
    pub command: Option<Vec<String>>,
    /// Variables for the session: `{env-file}` and `{env-inherited}`.
    pub env: Vec<(String, String)>,
    /// The session's directory: `{workdir}`.
    pub workdir: Option<String>,
    /// The options given, without the one that names the location: `{option-NAME}`.
    pub options: BTreeMap<String, OptionValue>,
    /// The random id of this start, or of the start that made the session: `{run}`. Where it is
    /// given, an output line with another `{run}` is another session and binds nothing. `None` for
    /// sessions that kst did not make, and when one of those is started again as it is.
    pub run: Option<String>,
    /// How many lines are asked for: `{lines}`.
    pub lines: Option<u32>,
    /// The time from which on output is asked for: `{since}`.
    pub since: Option<Timestamp>,
    /// The time before which it is: `{until}`.
    pub until: Option<Timestamp>,
    /// Whether its times are asked for: `{?times}`.
    pub times: bool,
    /// Seconds to wait: `{timeout}`. The runs of this operation get that much longer.
    pub timeout: Option<u32>,
    /// What to type, as a terminal would send it: `{keys}`.
    pub keys: Option<String>,
    /// A file that holds the same: `{keys-file}`.
    pub keys_file: Option<PathBuf>,
    /// A file that holds a text of several lines, to be pasted: `{paste-file}`.
    pub paste_file: Option<PathBuf>,
    /// Whether Enter follows what is pasted: `{?enter}`.
    pub enter: bool,
    /// A signal's name without SIG: `{signal}`.
    pub signal: Option<String>,
    /// When the engine is to start the session again by itself, in engines' words: `{restart}`.
    pub restart: Option<String>,
    /// Whether the user's terminal is there: `{?terminal}`.
    pub terminal: bool,
    /// Whether not to ask first: `{?force}`.
    pub force: bool,
    /// Whether a session that has ended, and that kst did not make, is to be started just as it is:
    /// `{?resume}`.
    pub resume: bool,
}

/// One of the places that an engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The socket's or the program's name, or `default`.
    pub name: String,
    /// Whether it is the one that the engine takes where it is told none.
    pub is_default: bool,
    /// Whether kst itself was started inside this place: `{?inside}`.
    pub inside: bool,
}

/// The longest line, in bytes, that is put into an env file. The readers of such files give up at
/// 64 KiB.
const ENV_LINE: usize = 60_000;

impl Request {
    /// A request with nothing but its operation and location.
    pub fn new(operation: Operation, location: Location) -> Self {
        Request {
            operation,
            location,
            id: None,
            instance: None,
            name: None,
            launch: None,
            recorder: None,
            log: None,
            command: None,
            env: Vec::new(),
            workdir: None,
            options: BTreeMap::new(),
            run: None,
            lines: None,
            since: None,
            until: None,
            times: false,
            timeout: None,
            keys: None,
            keys_file: None,
            paste_file: None,
            enter: false,
            signal: None,
            restart: None,
            terminal: false,
            force: false,
            resume: false,
        }
    }

    /// The entries that a file of `KEY=VALUE` lines can hold.
    pub(super) fn env_lines(&self) -> impl Iterator<Item = &(String, String)> {
        self.env.iter().filter(|(key, value)| fits_line(key, value))
    }

    /// The entries that it cannot: they go through the program's own environment.
    pub(super) fn env_inherited(&self) -> impl Iterator<Item = &(String, String)> {
        self.env.iter().filter(|(key, value)| !fits_line(key, value))
    }
}

/// Whether a line can hold this entry and gives it back unchanged. A carriage return would be lost
/// at the end of one.
fn fits_line(key: &str, value: &str) -> bool {
    !value.contains(['\n', '\r']) && key.len() + value.len() < ENV_LINE
}

/// Environment values are secrets, and what is typed may be one, so they are left out.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.env.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("location", &self.location)
            .field("name", &self.name)
            .field("launch", &self.launch)
            .field("recorder", &self.recorder)
            .field("log", &self.log)
            .field("command", &self.command)
            .field("env", &keys)
            .field("workdir", &self.workdir)
            .field("options", &self.options)
            .field("run", &self.run)
            .field("lines", &self.lines)
            .field("since", &self.since)
            .field("until", &self.until)
            .field("times", &self.times)
            .field("timeout", &self.timeout)
            .field("keys_file", &self.keys_file)
            .field("paste_file", &self.paste_file)
            .field("enter", &self.enter)
            .field("signal", &self.signal)
            .field("restart", &self.restart)
            .field("terminal", &self.terminal)
            .field("force", &self.force)
            .field("resume", &self.resume)
            .finish()
    }
}
