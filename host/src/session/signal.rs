//! Sending a signal to a session's program.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::host::Host;
use super::model::SessionStatus;
use super::processes::{self, Held};
use super::serve::SessionProcesses;
use super::sighting::Sighting;
use super::survey::Filter;
use crate::door::{About, Operation};
use crate::text::{escape_controls, nearest};
use crate::{Error, Result};

/// A signal, by its name or its number: `TERM`, `sigterm` and `15` are the same.
///
/// ```
/// use kst::session::SignalName;
///
/// let signal: SignalName = "sigusr1".parse()?;
/// assert_eq!((signal.name(), signal), ("USR1", "10".parse()?));
/// let error = "TREM".parse::<SignalName>().unwrap_err();
/// assert_eq!(error.advice(), Some("did you mean 'TERM'?"));
/// # Ok::<(), kst::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalName(Signal);

impl SignalName {
    /// Its name, without SIG.
    pub fn name(self) -> &'static str {
        let name = self.0.as_str();
        name.strip_prefix("SIG").unwrap_or(name)
    }

    /// The number that it has on this machine.
    pub fn number(self) -> i32 {
        self.0 as i32
    }

    fn raw(self) -> Option<rustix::process::Signal> {
        rustix::process::Signal::from_named_raw(self.number())
    }
}

/// How long a program that has just ended may take to be known for that.
const AGAIN: Duration = Duration::from_millis(50);

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SignalName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let upper = text.to_ascii_uppercase();
        let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
        let known = || Signal::iterator().map(SignalName);
        let found = known().find(|signal| match plain.parse::<i32>() {
            Ok(number) => signal.number() == number && upper == plain,
            Err(_) => signal.name() == plain,
        });
        found.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let names: Vec<&str> = known().map(SignalName::name).collect();
            Error::Invalid {
                what: format!("there is no signal '{}'", escape_controls(&shown)),
                advice: Some(match nearest(plain, names) {
                    Some(close) => format!("did you mean '{close}'?"),
                    None => {
                        "TERM, INT, HUP, QUIT, KILL, USR1 and USR2 are some that there are".into()
                    }
                }),
            }
        })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same() {
        for text in ["TERM", "term", "SIGTERM", "SigTerm", "15"] {
            assert_eq!(text.parse::<SignalName>().unwrap().name(), "TERM", "{text}");
        }
        for signal in Signal::iterator().map(SignalName) {
            assert_eq!(signal.name().parse::<SignalName>().unwrap(), signal);
            assert_eq!(signal.number().to_string().parse::<SignalName>().unwrap(), signal);
        }
        for text in ["", "SIG", "0", "-1", "99", "SIG15", "SIGSIGTERM", "TERM ", "RTMIN", "\u{1b}"]
        {
            let error = text.parse::<SignalName>().unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{text}: {error}");
        }
    }
}
