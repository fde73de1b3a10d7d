//! One request served by one backend at one location.

use std::sync::Arc;
use std::time::Duration;

use super::host::Host;
use super::processes::{self, Identity, SessionSignal};
use crate::Error;
use crate::door::{
    About, Call, CallLimits, CallSettings, DoorError, Ending, Observer, Processes, Request, Silent,
};
use crate::plugin::{Answer, Fault, Guest, GuestError, Plugin};

/// Why a request was not served.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The backend says that there is no such session.
    NotFound,
    /// The backend says that there is one already.
    AlreadyExists,
    /// The backend says that it is not running.
    NotRunning,
    /// Everything that needs no answer but telling the user.
    Other(Error),
}

impl Trouble {
    /// As an error about the session `name` at `place`.
    pub(crate) fn error(self, name: &str, place: &str) -> Error {
        match self {
            Trouble::NotFound => Error::NotFound {
                name: name.to_owned(),
                advice: Some(format!("{place} was asked; 'kst list' shows what there is")),
            },
            Trouble::AlreadyExists => {
                Error::Exists { name: name.to_owned(), place: place.to_owned(), advice: None }
            }
            Trouble::NotRunning => Error::NotRunning {
                name: name.to_owned(),
                what: format!(
                    "session '{}' in {place} is not running",
                    crate::text::escape_controls(name)
                ),
                advice: None,
            },
            Trouble::Other(error) => error,
        }
    }
}

impl Host {
    /// Have a component serve a request: a fresh instance, with the door open for this request
    /// alone. Returns the door too: it knows what the engine's output bound.
    pub(crate) fn serve<T>(
        &self,
        plugin: &Plugin,
        request: Request,
        processes: Arc<dyn Processes + Send + Sync>,
        ask: impl FnOnce(&mut dyn Guest) -> Answer<T>,
    ) -> Result<(T, Arc<Call>), Trouble> {
        let backend = plugin.name();
        let about = About {
            backend: backend.to_owned(),
            digest: plugin.digest().to_string(),
            operation: request.operation,
            location: request.location.name.clone(),
            session: request.name.clone(),
        };
        let door = Arc::new(Call::new(
            Arc::clone(plugin.manifest()),
            self.programs(),
            self.files(plugin),
            request,
            processes,
            self.observer(about),
            CallSettings {
                limits: CallLimits::of(self.config().limits()),
                dry_run: self.dry_run(),
            },
        ));
        let answer = plugin.instantiate(Arc::clone(&door)).and_then(|mut guest| ask(&mut guest));
        match answer {
            Ok(Ok(value)) => Ok((value, door)),
            Ok(Err(error)) => Err(refused(backend, error, &door)),
            Err(Fault(what)) => Err(Trouble::Other(match stopped_dry(&door) {
                Some(error) => error,
                None => Error::PluginFault { backend: backend.to_owned(), what },
            })),
        }
    }
}

/// The error that ends a dry run at its first change, if that is what happened.
fn stopped_dry(door: &Call) -> Option<Error> {
    door.errors()
        .into_iter()
        .find(|error| matches!(error, DoorError::DryRun))
        .map(|error| error.into_error(""))
}

/// A backend's error, or the door's where the door said no: a backend cannot hide that.
fn refused(backend: &str, error: GuestError, door: &Call) -> Trouble {
    let mut door_errors = door.errors();
    if let Some(error) = stopped_dry(door) {
        return Trouble::Other(error);
    }
    let words = |text: String| crate::text::escape_controls(text.trim());
    match error {
        GuestError::NotFound => Trouble::NotFound,
        GuestError::AlreadyExists => Trouble::AlreadyExists,
        GuestError::NotRunning => Trouble::NotRunning,
        _ if !door_errors.is_empty() => Trouble::Other(door_errors.remove(0).into_error(backend)),
        GuestError::Unavailable(what) => Trouble::Other(Error::Unavailable {
            backend: backend.to_owned(),
            what: words(what),
            advice: None,
        }),
        GuestError::Unsupported(what) => {
            Trouble::Other(Error::Unsupported { backend: backend.to_owned(), what: words(what) })
        }
        GuestError::Invalid(what) => {
            Trouble::Other(Error::invalid(format!("{backend}: {}", words(what))))
        }
        GuestError::Failed(what) => {
            Trouble::Other(Error::failed(format!("{backend}: {}", words(what))))
        }
    }
}

/// The processes of the request's session, for the door's services.
pub(crate) struct SessionProcesses {
    /// The shim of a session that kst started.
    pub shim: Option<Identity>,
    /// Its program.
    pub program: Option<Identity>,
    /// Ask before killing.
    pub graceful: bool,
    /// How long to wait between the two.
    pub timeout: Duration,
    /// What the shim passes on when it is asked to end its program.
    pub signal: &'static str,
    /// Hears of each signal.
    pub observer: Arc<dyn Observer + Send + Sync>,
}

impl SessionProcesses {
    /// None: for operations that end nothing.
    pub(crate) fn none() -> Arc<dyn Processes + Send + Sync> {
        Arc::new(SessionProcesses {
            shim: None,
            program: None,
            graceful: true,
            timeout: Duration::ZERO,
            signal: "TERM",
            observer: Arc::new(Silent),
        })
    }

    /// The shim is sent a TERM, and passes on what the session's definition says.
    fn name_signals(&self, sent: &mut [SessionSignal]) {
        for one in sent.iter_mut().filter(|one| one.by_shim && one.signal == "TERM") {
            one.signal = self.signal;
        }
    }

    /// End what stands under the shim, if there is one; `None`: there is none.
    pub(crate) fn end_shims(&self) -> Option<processes::Ending> {
        let shim = self.shim?;
        let mut ending = processes::end_session(shim, self.program, self.graceful, self.timeout);
        self.name_signals(&mut ending.sent);
        self.observer.signalled(&ending.sent);
        Some(ending)
    }
}

impl Processes for SessionProcesses {
    fn end(&self, bound: &[u32], engine: &std::path::Path, _: std::time::Instant) -> Ending {
        let ending = match self.end_shims() {
            Some(ending) => ending,
            None if bound.is_empty() => return Ending { gone: false, left: 0 },
            None => {
                let ending = processes::end_bound(bound, engine, self.graceful, self.timeout);
                self.observer.signalled(&ending.sent);
                ending
            }
        };
        Ending { gone: ending.gone, left: ending.left }
    }

    fn would_end(&self, bound: &[u32], engine: &std::path::Path) {
        let (graceful, timeout) = (self.graceful, self.timeout);
        let mut plan = match self.shim {
            Some(shim) => processes::plan_session(shim, self.program, graceful, timeout),
            None => processes::plan_bound(bound, engine, graceful, timeout),
        };
        self.name_signals(&mut plan);
        self.observer.would_signal(&plan);
    }

    fn wait(&self, bound: &[u32], at_most: Duration) -> bool {
        match self.shim {
            Some(shim) => processes::wait_session(shim, self.program, at_most),
            None => processes::wait_bound(bound, at_most),
        }
    }
}
