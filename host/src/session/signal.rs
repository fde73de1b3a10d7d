//! Sending a signal to a session's program.

use std::time::Duration;

use super::host::Host;
use super::model::SessionStatus;
use super::processes::{self, Held};
use super::serve::SessionProcesses;
use super::sighting::Sighting;
use super::signal_name::SignalName;
use super::survey::Filter;
use crate::door::{About, Operation};
use crate::text::escape_controls;
use crate::{Error, Result};

/// How long a program that has just ended may take to be known for that.
const AGAIN: Duration = Duration::from_millis(50);

impl Host {
    /// Send a signal to a session's program, and to nothing else: one that kst started on this machine
    /// gets it itself; elsewhere, and for others, the backend's engine sends it, where it can. What that
    /// ends on this machine is started again where its definition says so.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::NotRunning`];
    /// [`Error::Unsupported`] where nobody knows its process.
    pub fn signal(&self, name: &str, filter: &Filter, signal: SignalName) -> Result<SessionStatus> {
        let mut found = self.find_reached(name, filter)?;
        if !found.is_running() {
            return Err(not_running(&found));
        }
        let gone = |found: &Sighting| {
            let entry = found.entry.as_ref().filter(|entry| entry.here);
            entry.is_some_and(|entry| entry.pid.and_then(Held::open).is_none())
        };
        if !found.status.restarting && gone(&found) {
            // Its program has ended since, and another one may have taken its place.
            std::thread::sleep(AGAIN);
            found = self.afresh().find_reached(name, filter)?;
        }
        match &found.entry {
            Some(entry) if entry.here => self.signal_here(&found, entry.pid, signal)?,
            Some(_) if found.status.restarting => return Err(restarting(&found)),
            _ => self.signal_by_engine(&found, signal)?,
        }
        Ok(found.status)
    }

    fn signal_here(
        &self,
        found: &Sighting,
        program: Option<processes::Identity>,
        signal: SignalName,
    ) -> Result<()> {
        // It is held: nothing that took its number since can get the signal.
        let held = program.and_then(Held::open).ok_or_else(|| match found.status.restarting {
            true => restarting(found),
            false => not_running(found),
        })?;
        let observer = self.observer(About {
            backend: found.status.backend.clone(),
            digest: found.plugin.as_ref().map(|one| one.digest().to_string()).unwrap_or_default(),
            operation: Operation::Signal,
            location: found.location.name.clone(),
            session: Some(found.status.name.clone()),
        });
        let told = [processes::SessionSignal::now(signal.name(), &held)];
        if self.dry_run() {
            observer.would_signal(&told);
            return Ok(());
        }
        let raw = signal.raw().ok_or_else(|| Error::invalid("this machine has no such signal"))?;
        held.signal(raw).map_err(|error| {
            Error::failed(format!("the signal {signal} could not be sent: {error}"))
        })?;
        observer.signalled(&told);
        Ok(())
    }

    fn signal_by_engine(&self, found: &Sighting, signal: SignalName) -> Result<()> {
        let (name, at) = (&found.status.name, &found.location);
        let plugin = match &found.plugin {
            Some(plugin) if plugin.manifest().supports(Operation::Signal) => plugin,
            _ => {
                let what = match found.entry {
                    Some(_) => "it sends no signals".to_owned(),
                    None => format!(
                        "session '{}' was not started by kst, so which process is its program is not \
                         known",
                        escape_controls(name)
                    ),
                };
                return Err(Error::Unsupported { backend: found.status.backend.clone(), what });
            }
        };
        let mut request = found.request(Operation::Signal);
        request.signal = Some(signal.name().to_owned());
        let none = SessionProcesses::none();
        let served = self.serve(plugin, request, none, |guest| guest.signal(at, name));
        served.map(drop).map_err(|trouble| trouble.error(name, &found.place()))
    }
}

/// Why a session gets nothing between two lives of its program.
fn restarting(found: &Sighting) -> Error {
    let name = escape_controls(&found.status.name);
    Error::NotRunning {
        name: found.status.name.clone(),
        what: format!(
            "the program of session '{name}' has ended, and is about to be started again"
        ),
        advice: Some(format!("keep it from that with 'kst stop {name}'")),
    }
}

/// Why a session that does not run gets nothing.
pub(super) fn not_running(found: &Sighting) -> Error {
    let name = escape_controls(&found.status.name);
    Error::NotRunning {
        name: found.status.name.clone(),
        what: format!("session '{name}' is not running ({})", found.status.state),
        advice: Some(format!("start it with 'kst start {name}'")),
    }
}
