//! Ending a session.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::host::Host;
use super::ledger::Event;
use super::model::{SessionState, SessionStatus};
use super::processes;
use super::serve::{SessionProcesses, Trouble};
use super::several::{Each, Told};
use super::shared::SharedSurvey;
use super::sighting::{Sighting, same_run};
use super::signal_name::SignalName;
use super::survey::Filter;
use crate::door::{About, Operation, Processes};
use crate::plugin::StopRequest;
use crate::{Error, Result};

/// How to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopOptions {
    /// Ask its processes to end, and kill them only after the timeout.
    pub graceful: bool,
    /// How long to wait for that. `None`: what the session was started with, or else ten seconds.
    pub timeout: Option<Duration>,
}

/// How long a session has to end for which nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Default for StopOptions {
    /// Ask, and wait for as long as the session's definition says.
    fn default() -> Self {
        StopOptions { graceful: true, timeout: None }
    }
}

/// What stopping came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopOutcome {
    /// The session as it is now.
    pub status: SessionStatus,
    /// Whether it was running before.
    pub was_running: bool,
}

/// How often a session is ended that its engine starts again at the same moment.
const TIMES: u32 = 8;

impl Host {
    /// End a session, and return when its processes are gone. One that has ended already is no
    /// error.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::Stop`] names what survived.
    pub fn stop(&self, name: &str, filter: &Filter, options: StopOptions) -> Result<StopOutcome> {
        self.stop_found(&self.find_reached(name, filter)?, options)
    }

    /// End several sessions at the same time. One that fails does not keep the others from it.
    pub fn stop_each(
        &self,
        names: &[String],
        filter: &Filter,
        options: StopOptions,
        told: Told<'_, StopOutcome>,
    ) -> Vec<Each<StopOutcome>> {
        let shared = SharedSurvey::of(self, names.len());
        self.each_name(names, filter, told, |name| match shared.running(name, filter) {
            Some(found) => self.stop_found(&found, options),
            None => self.stop(name, filter, options),
        })
    }

    /// End every session that kst started and that runs, at the same time; never one that it did not
    /// start. One that runs where nobody can be asked is a failure of its own.
    ///
    /// # Errors
    ///
    /// Only where `filter` names a backend or location that cannot be asked at all.
    pub fn stop_all(
        &self,
        filter: &Filter,
        options: StopOptions,
        told: Told<'_, StopOutcome>,
    ) -> Result<Vec<Each<StopOutcome>>> {
        let mut found = self.ours(filter)?;
        found.retain(|seen| seen.is_running() || seen.is_out_of_sight());
        let mut all = self.each_found(found, told, |seen| match seen.is_out_of_sight() {
            // Its engine is asked again: it may answer now, and otherwise says why not.
            true => self.stop(&seen.status.name, &seen.filter(), options),
            false => self.stop_found(seen, options),
        });
        for (name, error) in self.running_out_of_reach(filter) {
            let each = Each { name, result: Err(error) };
            told(&each);
            all.push(each);
        }
        Ok(all)
    }

    pub(super) fn stop_found(&self, found: &Sighting, options: StopOptions) -> Result<StopOutcome> {
        if !found.is_running() {
            return Ok(StopOutcome { status: found.status.clone(), was_running: false });
        }
        self.end_for_good(found, options)?;
        let after = self.afresh().find(&found.status.name, &found.filter());
        let status = match after {
            Ok(seen) if seen.is_running() && same_run(&seen, found) => {
                return Err(survived(found, self.survivors(found)));
            }
            Ok(seen) => seen.status,
            // A foreign session that its engine forgets when it ends, and a dry run.
            Err(_) => {
                let state = SessionState::Stopped;
                SessionStatus { state, pid: None, ..found.status.clone() }
            }
        };
        Ok(StopOutcome { status, was_running: true })
    }

    /// End a session that its engine may start again in the very moment between its own end and the
    /// stop: such a stop says that it has failed, and is made again.
    fn end_for_good(&self, found: &Sighting, options: StopOptions) -> Result<()> {
        let entry = found.entry.as_ref().filter(|entry| !entry.here);
        let may_come_back = entry.is_some_and(|entry| entry.restart.is_some());
        let mut left = if may_come_back && !self.dry_run() { TIMES } else { 1 };
        loop {
            left -= 1;
            match self.end(found, options) {
                Err(Error::Stop { .. }) if left > 0 => {}
                done => return done,
            }
        }
    }

    fn end(&self, found: &Sighting, options: StopOptions) -> Result<()> {
        let name = &found.status.name;
        let plugin = match &found.plugin {
            Some(plugin) => Arc::clone(plugin),
            None => return Ok(()),
        };
        if let (Some(entry), false) = (&found.entry, self.dry_run()) {
            // Before anything is done: from here on its end is not its own.
            self.ledger()?.append(&Event::Stopping { run: entry.run.clone() })?;
        }
        let spec = found.entry.as_ref().and_then(|entry| self.known_ledger()?.spec(&entry.run));
        let timeout = options.timeout.unwrap_or_else(|| {
            let own = spec.as_ref().and_then(|spec| spec.stop_timeout);
            own.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into()))
        });
        let signal = spec.and_then(|spec| spec.stop_signal?.parse::<SignalName>().ok());
        let shim = found.entry.as_ref().filter(|entry| entry.here).and_then(|entry| entry.shim);
        let program = found.entry.as_ref().filter(|entry| entry.here).and_then(|entry| entry.pid);
        let about = About {
            backend: found.status.backend.clone(),
            digest: plugin.digest().to_string(),
            operation: Operation::Stop,
            location: found.location.name.clone(),
            session: Some(found.status.name.clone()),
        };
        let processes = Arc::new(SessionProcesses {
            shim,
            program,
            graceful: options.graceful,
            timeout,
            signal: signal.map_or("TERM", SignalName::name),
            observer: self.observer(about),
        });
        if found.in_engine {
            let mut request = found.request(Operation::Stop);
            request.force = !options.graceful;
            let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
            request.timeout = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
            let ask = StopRequest {
                name: name.clone(),
                graceful: options.graceful,
                timeout: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            };
            let at = &found.location;
            let served =
                self.serve(&plugin, request, processes.clone(), |guest| guest.stop(at, &ask));
            match served {
                // It ended on its own at this moment.
                Ok(_) | Err(Trouble::NotFound | Trouble::NotRunning) => {}
                Err(trouble) => return Err(stop_error(found, trouble)),
            }
        }
        if self.dry_run() {
            if !found.in_engine {
                processes.would_end(&[], Path::new(""));
            }
            return Ok(());
        }
        // Whatever the backend did: what stood under the shim must be gone.
        match processes.end_shims() {
            Some(ending) if !ending.gone => Err(survived(found, ending.survivors)),
            _ => Ok(()),
        }
    }

    /// What is still alive of a session.
    fn survivors(&self, found: &Sighting) -> Vec<(u32, String)> {
        let shim = found.entry.as_ref().and_then(|entry| entry.shim);
        let Some((shim, _)) = shim else { return Vec::new() };
        processes::descendants(shim).into_iter().map(|one| (one.pid, one.comm)).collect()
    }
}

fn survived(found: &Sighting, survivors: Vec<(u32, String)>) -> Error {
    let names: Vec<String> = survivors
        .iter()
        .map(|(pid, comm)| format!("{} (process {pid})", crate::text::escape_controls(comm)))
        .collect();
    let what = if names.is_empty() {
        "it is still running".to_owned()
    } else {
        format!("still alive: {}", names.join(", "))
    };
    let name = &found.status.name;
    Error::Stop {
        name: name.clone(),
        what,
        advice: Some(format!("kill it with 'kst stop --force {name}'")),
    }
}

fn stop_error(found: &Sighting, trouble: Trouble) -> Error {
    match trouble {
        Trouble::Other(Error::Failed { what, advice }) => {
            Error::Stop { name: found.status.name.clone(), what, advice }
        }
        trouble => trouble.error(&found.status.name, &found.place()),
    }
}
