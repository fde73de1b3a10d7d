//! A session that was brought up, or ran already, looked at again until it is as far as it should be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::session::host::Host;
use crate::session::ledger::{Entry, Event};
use crate::session::model::{ExitStatus, SessionState, SessionStatus};
use crate::session::processes;
use crate::session::sighting::ready_since;
use crate::session::survey::Filter;
use crate::{Error, Result};

/// How often a session is looked at that is getting ready.
const STEP: Duration = Duration::from_millis(50);
/// The same where each look asks an engine.
const ENGINE_STEP: Duration = Duration::from_millis(300);

/// A session that runs, or ran when it was last looked at.
pub(super) struct Brought<'h> {
    pub(super) host: &'h Host,
    pub(super) name: &'h str,
    /// Where it is, and nowhere else.
    pub(super) place: Filter,
    /// Whether kst started it. Of one that others started no run in the ledger tells anything, though
    /// there may be one of its name at its place that has ended.
    ours: bool,
    started_at: Option<Timestamp>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// `None`: nobody knows.
    exit: Option<ExitStatus>,
    stopped: bool,
}

impl End {
    /// One of which nobody knows how.
    const UNKNOWN: End = End { exit: None, stopped: false };

    fn of(status: &SessionStatus) -> Self {
        End { exit: status.exit, stopped: status.state == SessionState::Stopped }
    }

    /// Whether it ended by itself with code 0.
    pub(super) fn is_success(self) -> bool {
        !self.stopped && self.exit == Some(ExitStatus::Code(0))
    }

    /// That it should not have.
    pub(super) fn error(self, name: &str, when: &str) -> Error {
        let how = match self.exit {
            _ if self.stopped => "was stopped".to_owned(),
            Some(ExitStatus::Code(code)) => format!("ended with code {code}"),
            Some(ExitStatus::Signal(signal)) => format!("was ended by signal {signal}"),
            None => "ended, nobody knows how,".to_owned(),
        };
        Error::Failed {
            what: format!("session '{name}' {how} {when}"),
            advice: Some(format!("'kst logs {name}' shows all that it printed")),
        }
    }
}

impl<'h> Brought<'h> {
    pub(super) fn new(host: &'h Host, name: &'h str, status: &SessionStatus) -> Self {
        let place = Filter {
            backend: Some(status.backend.clone()),
            location: Some(status.location.clone()),
        };
        Brought { host, name, place, ours: status.ours, started_at: status.started_at }
    }

    /// The run of kst's that it is, as the ledger has it now.
    pub(super) fn run(&self) -> Option<Arc<Entry>> {
        if !self.ours {
            return None;
        }
        let at_place = |entry: &&Arc<Entry>| {
            Some(&entry.backend) == self.place.backend.as_ref()
                && Some(&entry.location) == self.place.location.as_ref()
        };
        self.host.entries_named(self.name).iter().rfind(at_place).cloned()
    }

    /// How it ended; `None` while it runs.
    pub(super) fn end(&self) -> Result<Option<End>> {
        // The ledger alone tells it of what runs on this machine, and costs a read.
        if let Some(entry) = self.run().filter(|entry| entry.here) {
            if let Some((exit, _)) = entry.end {
                return Ok(Some(End { exit: Some(exit), stopped: entry.stopping }));
            }
            if entry.shim.is_some_and(|(pid, start)| processes::alive(pid, start)) {
                return Ok(None);
            }
        }
        match self.host.afresh().status(self.name, &self.place) {
            Ok(status) if status.state == SessionState::Running => Ok(None),
            Ok(status) => Ok(Some(End::of(&status))),
            Err(Error::NotFound { .. }) => Ok(Some(End::UNKNOWN)),
            Err(error) => Err(error),
        }
    }

    /// Wait until it has ended, at most until `deadline`.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Result<End> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match self.host.afresh().wait(self.name, &self.place, left) {
            Ok(status) => Ok(End::of(&status)),
            Err(Error::NotFound { .. }) => Ok(End::UNKNOWN),
            Err(Error::TimedOut { .. }) if deadline.is_some_and(|at| Instant::now() >= at) => {
                Err(Error::TimedOut {
                    what: format!("session '{}' had not ended when the time was up", self.name),
                    advice: Some(format!(
                        "it runs on: 'kst logs {}' shows what it does",
                        self.name
                    )),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Write down that it is ready, once for each time that it became so: `kst events` tells it, too.
    pub(super) fn note_ready(&self) {
        let Some(entry) = self.run() else { return };
        let since = if entry.here { Some(entry.began()) } else { self.started_at };
        if ready_since(&entry, since).is_none()
            && let Ok(ledger) = self.host.ledger()
        {
            // It is ready whether or not that can be written down.
            let _ = ledger.append(&Event::Ready { run: entry.run.clone(), at: Timestamp::now() });
        }
    }

    /// How long to wait before it is looked at again.
    pub(super) fn step(&self) -> Duration {
        let here = self.place.backend.as_ref().is_some_and(|backend| self.host.runs_here(backend));
        if here { STEP } else { ENGINE_STEP }
    }
}
