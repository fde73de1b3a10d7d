//! One line of the ledger.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::session::{ExitStatus, RestartPolicy};

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// kst is about to start it.
    Start {
        /// The run's id, see [`super::new_run`].
        run: String,
        /// The session's name.
        name: String,
        /// The backend's name.
        backend: String,
        /// The location in the backend.
        location: String,
        /// The machine's boot, see [`crate::session::processes::boot_id`].
        boot: String,
        /// When.
        at: Timestamp,
        /// How many-th run of its name it is, from 1.
        number: u32,
        /// Where its output goes, if not into the ledger's own `logs/RUN.log`.
        log: Option<PathBuf>,
        /// Whether its processes run on this machine, under a shim.
        here: bool,
        /// When it is started again by itself; of that, no waits.
        restart: Option<RestartPolicy>,
    },
    /// The engine has made it.
    Made {
        /// The run's id.
        run: String,
        /// The engine's id of it.
        id: Option<String>,
        /// Which instance of the engine that id belongs to.
        instance: Option<String>,
    },
    /// The shim has started its program, for the first time or again.
    Running {
        /// The run's id.
        run: String,
        /// The shim's process id.
        shim_pid: u32,
        /// The shim's start time, in clock ticks since the machine started.
        shim_start: u64,
        /// The program's process id.
        pid: u32,
        /// The program's start time.
        pid_start: u64,
        /// When, and the how-many-th time that it was started again; `None` for the first time.
        again: Option<(Timestamp, u32)>,
    },
    /// Its program has ended and is to be started again.
    Restarting {
        /// The run's id.
        run: String,
        /// How it ended.
        exit: ExitStatus,
        /// When.
        at: Timestamp,
        /// When it is to be started again.
        again_at: Timestamp,
    },
    /// Its program could not be started.
    Failed {
        /// The run's id.
        run: String,
    },
    /// It was seen to be ready, as its definition says when that is.
    Ready {
        /// The run's id.
        run: String,
        /// When.
        at: Timestamp,
    },
    /// kst was asked to stop it: its end is not its own.
    Stopping {
        /// The run's id.
        run: String,
    },
    /// Its main process has ended.
    End {
        /// The run's id.
        run: String,
        /// How.
        exit: ExitStatus,
        /// When.
        at: Timestamp,
    },
    /// The user wants to hear no more of it.
    Removed {
        /// The run's id.
        run: String,
    },
}

/// A text in a line. It stays where it stands unless it is written with escapes: a ledger has
/// thousands of lines, and of most of them nothing is kept. (serde borrows into a `Cow`, but copies
/// into one that is inside an `Option`.)
#[derive(Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    /// The text, as a value of its own.
    pub(super) fn into_owned(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A line as it is written and read. Every field but the first two may be missing, and unknown ones
/// are passed over, so that a newer kst can write more.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) event: Text<'a>,
    #[serde(borrow)]
    pub(super) run: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) backend: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) boot: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u32>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) here: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) instance: Option<Text<'a>>,
    /// Process id and start time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shim: Option<(u32, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<(u32, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<i32>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) restart: Option<Text<'a>>,
    /// How often its program was started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) restarts: Option<u32>,
    /// When it is to be started again.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) again_at: Option<Text<'a>>,
}

impl Line<'_> {
    fn ended(&mut self, exit: ExitStatus, at: &Timestamp) {
        match exit {
            ExitStatus::Code(code) => self.code = Some(code),
            ExitStatus::Signal(signal) => self.signal = Some(signal),
        }
        self.at = Some(Text(Cow::Owned(at.to_string())));
    }

    /// How something ended, and when.
    pub(super) fn end(&self) -> Option<(ExitStatus, Timestamp)> {
        let code = self.code.map(ExitStatus::Code);
        let exit = code.or(self.signal.map(ExitStatus::Signal))?;
        Some((exit, self.at.as_deref()?.parse().ok()?))
    }
}

impl Event {
    /// The event as it is written, without the line's end.
    pub(super) fn line(&self) -> Line<'_> {
        fn some(text: &str) -> Option<Text<'_>> {
            Some(Text(Cow::Borrowed(text)))
        }
        fn time(at: &Timestamp) -> Option<Text<'static>> {
            Some(Text(Cow::Owned(at.to_string())))
        }
        let mut line = Line::default();
        let (event, run) = match self {
            Event::Start { run, name, backend, location, boot, at, number, log, here, restart } => {
                line.name = some(name);
                line.backend = some(backend);
                line.location = some(location);
                line.boot = some(boot);
                line.at = time(at);
                line.number = Some(*number);
                line.log = log.as_ref().map(|log| Text(log.to_string_lossy()));
                line.here = Some(*here);
                line.restart = restart.as_ref().map(|policy| Text(Cow::Owned(policy.to_string())));
                ("start", run)
            }
            Event::Made { run, id, instance } => {
                line.id = id.as_deref().and_then(some);
                line.instance = instance.as_deref().and_then(some);
                ("made", run)
            }
            Event::Running { run, shim_pid, shim_start, pid, pid_start, again } => {
                line.shim = Some((*shim_pid, *shim_start));
                line.pid = Some((*pid, *pid_start));
                if let Some((at, restarts)) = again {
                    line.at = time(at);
                    line.restarts = Some(*restarts);
                }
                ("running", run)
            }
            Event::Failed { run } => ("failed", run),
            Event::Ready { run, at } => {
                line.at = time(at);
                ("ready", run)
            }
            Event::Stopping { run } => ("stopping", run),
            Event::Restarting { run, exit, at, again_at } => {
                line.ended(*exit, at);
                line.again_at = Some(Text(Cow::Owned(again_at.to_string())));
                ("restarting", run)
            }
            Event::End { run, exit, at } => {
                line.ended(*exit, at);
                ("end", run)
            }
            Event::Removed { run } => ("removed", run),
        };
        line.event = Text(Cow::Borrowed(event));
        line.run = Text(Cow::Borrowed(run));
        line
    }
}
