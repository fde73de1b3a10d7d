//! Ending a session and starting it again as it was.

use super::host::Host;
use super::model::{SessionConfig, SessionState, SessionStatus};
use super::several::{Each, Told};
use super::sighting::Sighting;
use super::start::LOCK_PATIENCE;
use super::stop::StopOptions;
use super::survey::Filter;
use crate::{Error, Result};

impl Host {
    /// End a session if it runs, and start it again: one that kst started by the definition that it
    /// was started with, as a new run; another one as it is, where its engine can do that. What can be
    /// known to fail does so before anything is ended. A dry run goes as far as the stop.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::Unsupported`] where it is not known how it
    /// was started; those of [`Host::stop`] and [`Host::start`].
    pub fn restart(
        &self,
        name: &str,
        filter: &Filter,
        options: StopOptions,
    ) -> Result<SessionStatus> {
        // Before anything is ended: without its engine it could not be started again.
        let mut found = self.find_startable(name, filter)?;
        if found.entry.is_none()
            && self.entries_named(name).iter().any(|entry| self.is_starting(entry))
        {
            // It may be one of kst's that is just being made. Whoever does so holds the lock.
            let backend = &found.status.backend;
            drop(self.ledger()?.lock_name(backend, name, LOCK_PATIENCE)?);
            found = self.afresh().find_startable(name, filter)?;
        }
        let Some(entry) = &found.entry else {
            return match found.status.state {
                SessionState::Defined => self.start(&place_of(&found)),
                _ => self.restart_as_it_is(&found, options),
            };
        };
        let spec = self.ledger()?.spec(&entry.run).ok_or_else(|| Error::Failed {
            what: format!(
                "what session '{name}' was started with is lost: its file in the state folder cannot \
                 be read"
            ),
            advice: Some(format!("stop it with 'kst stop {name}', and start it with its command")),
        })?;
        let prepared = self.prepare(spec, true)?;
        self.stop_found(&found, options)?;
        self.start_prepared(prepared)
    }

    /// [`Host::restart`] for several sessions at the same time. One that fails does not keep the
    /// others from it.
    pub fn restart_each(
        &self,
        names: &[String],
        filter: &Filter,
        options: StopOptions,
        told: Told<'_, SessionStatus>,
    ) -> Vec<Each<SessionStatus>> {
        self.each_name(names, filter, told, |name| self.restart(name, filter, options))
    }

    /// A session that kst did not start.
    fn restart_as_it_is(&self, found: &Sighting, options: StopOptions) -> Result<SessionStatus> {
        let name = &found.status.name;
        let resumes = found.plugin.as_ref().is_some_and(|plugin| plugin.manifest().resumes());
        if !resumes {
            return Err(Error::Unsupported {
                backend: found.status.backend.clone(),
                what: format!(
                    "session '{}' was not started by kst, so how it was started is not known",
                    crate::text::escape_controls(name)
                ),
            });
        }
        let prepared = self.prepare(place_of(found), false)?;
        self.stop_found(found, options)?;
        self.resume_locked(&prepared)
    }
}

/// Its name and where it is, and nothing else.
fn place_of(found: &Sighting) -> SessionConfig {
    let location = match found.status.state {
        // Where it will be its definition says.
        SessionState::Defined => None,
        _ => Some(found.status.location.clone()),
    };
    SessionConfig {
        name: found.status.name.clone(),
        backend: Some(found.status.backend.clone()),
        location,
        ..SessionConfig::default()
    }
}
