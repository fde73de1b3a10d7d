//! What a session is: its definition, its state.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::policy::RestartPolicy;

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Its process is alive.
    Running,
    /// Ended by kst, or created and never started.
    Stopped,
    /// Ended by itself.
    Exited,
    /// In the config, not started.
    Defined,
    /// It has ended or cannot be reached, and nobody recorded how.
    Unknown,
}

impl SessionState {
    /// The word used in tables, JSON and docs.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionState::Running => "running",
            SessionState::Stopped => "stopped",
            SessionState::Exited => "exited",
            SessionState::Defined => "defined",
            SessionState::Unknown => "unknown",
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a session's main process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExitStatus {
    /// It returned this code, 0 to 255.
    Code(i32),
    /// A signal of this number ended it.
    Signal(i32),
}

/// A command as its user gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Words to run as they are, without a shell (after `--`, or a list in the config).
    Words(Vec<String>),
    /// A text to split by POSIX shell rules and run without a shell (`-c`, a string in the config).
    Text(String),
    /// A text for `sh -c` (`--shell`, `shell: true`).
    Shell(String),
}

/// The value of a backend's option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// Present or not.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text of any kind.
    Text(String),
    /// The values of a repeatable option, in order.
    List(Vec<String>),
}

/// How many bytes of a session's output are kept where nobody says otherwise.
pub const DEFAULT_HISTORY: u64 = 64 << 20;

/// The fewest bytes of a session's output that can be kept.
pub const LEAST_HISTORY: u64 = 64 << 10;

/// The definition of a session: everything needed to start it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionConfig {
    /// Its name: a letter, then letters, digits, `_` or `-`, at most 64 in all.
    pub name: String,
    /// The backend's name (`tmux`, `container`, or a plugin's); `None`: the default one.
    pub backend: Option<String>,
    /// Which of the backend's locations (a tmux socket's name; `podman` or `docker`).
    pub location: Option<String>,
    /// What to run; `None` for the user's shell or the image's own command.
    pub command: Option<Command>,
    /// The working directory. On this machine absolute; in a container a path of the container.
    pub working_dir: Option<PathBuf>,
    /// Variables given besides (on this machine) the caller's environment.
    pub env: BTreeMap<String, String>,
    /// Files of variables besides, absolute paths: read when the session is started. Of two the later
    /// counts, and `env` before both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<PathBuf>,
    /// The backend's own options (`image`, `volumes`, …), as its schema names them.
    pub options: BTreeMap<String, OptionValue>,
    /// The signal that asks it to end, by its name without SIG; `None`: TERM, or the image's own.
    pub stop_signal: Option<String>,
    /// How long it has to end after that, in seconds, where a stop does not say so itself.
    pub stop_timeout: Option<u32>,
    /// When its program is started again by itself; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartPolicy>,
    /// How many bytes of its output are kept, where it runs on this machine; `None`: as many as of
    /// all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<u64>,
    /// The file that defines it, if one does.
    pub defined_in: Option<PathBuf>,
}

/// What is known of a session. What cannot be known is `None` or [`SessionState::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStatus {
    /// Its name, exactly as its engine has it.
    pub name: String,
    /// Its state.
    pub state: SessionState,
    /// The backend it runs in.
    pub backend: String,
    /// The place in the backend: `default` for a tmux server without a name of its own.
    pub location: String,
    /// The process id of its main process on this machine, while it runs.
    pub pid: Option<u32>,
    /// When it was made.
    pub created_at: Option<jiff::Timestamp>,
    /// When its main process began, this time: an engine may start a session again.
    pub started_at: Option<jiff::Timestamp>,
    /// When `kst up` found it to be ready, since it began.
    pub ready_at: Option<jiff::Timestamp>,
    /// When its main process ended.
    pub ended_at: Option<jiff::Timestamp>,
    /// How its main process ended.
    pub exit: Option<ExitStatus>,
    /// Whether the kernel ended it for want of memory. `None` where nobody tells: what runs on this
    /// machine ends by SIGKILL then, as it does when somebody kills it.
    pub out_of_memory: Option<bool>,
    /// Which run of its name it is, from 1, as far as kst remembers (see [`Host::remove`]); of those
    /// that kst started.
    ///
    /// [`Host::remove`]: super::Host::remove
    pub run: Option<u32>,
    /// How often its program was started again by itself: on this machine by kst, as its definition
    /// says, elsewhere by its engine, where that counts it.
    pub restarts: Option<u32>,
    /// Whether its program has ended and is about to be started again. Its state is
    /// [`SessionState::Running`] all the while.
    pub restarting: bool,
    /// When that will be, where it is known.
    pub restarting_at: Option<jiff::Timestamp>,
    /// How its program ended the last time, of a session that runs on and was started again, or is
    /// about to be; where that is known.
    pub last_exit: Option<ExitStatus>,
    /// When that was.
    pub last_ended_at: Option<jiff::Timestamp>,
    /// How many windows it has (tmux, screen).
    pub window_count: Option<u32>,
    /// The image it runs (containers).
    pub image: Option<String>,
    /// Its engine's own word on whether it is well.
    pub health: Option<String>,
    /// What else its backend tells, in the backend's order.
    pub details: Vec<(String, String)>,
    /// Whether kst started it.
    pub ours: bool,
}

impl SessionStatus {
    /// A session of which no more is known than this.
    pub(crate) fn new(name: &str, state: SessionState, backend: &str, location: &str) -> Self {
        SessionStatus {
            name: name.to_owned(),
            state,
            backend: backend.to_owned(),
            location: location.to_owned(),
            pid: None,
            created_at: None,
            started_at: None,
            ready_at: None,
            ended_at: None,
            exit: None,
            out_of_memory: None,
            run: None,
            restarts: None,
            restarting: false,
            restarting_at: None,
            last_exit: None,
            last_ended_at: None,
            window_count: None,
            image: None,
            health: None,
            details: Vec::new(),
            ours: false,
        }
    }

    /// Since when it runs, or ran: when it began, or at least when it was made.
    pub fn since(&self) -> Option<jiff::Timestamp> {
        self.started_at.or(self.created_at)
    }
}
