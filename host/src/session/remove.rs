//! Forgetting an ended session.

use std::sync::Arc;

use super::host::Host;
use super::ledger::Entry;
use super::model::SessionState;
use super::serve::{SessionProcesses, Trouble};
use super::several::{Each, Told};
use super::sighting::{Sighting, runs_on};
use super::survey::Filter;
use crate::door::Operation;
use crate::{Error, Result};

impl Host {
    /// Remove an ended session that kst made, with its last output.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::Failed`] where it is running or was not
    /// made by kst.
    pub fn remove(&self, name: &str, filter: &Filter) -> Result<()> {
        self.remove_found(&self.find_reached(name, filter)?)
    }

    /// Remove several ended sessions. One that fails does not keep the others from it.
    pub fn remove_each(
        &self,
        names: &[String],
        filter: &Filter,
        told: Told<'_, ()>,
    ) -> Vec<Each<()>> {
        self.each_name(names, filter, told, |name| self.remove(name, filter))
    }

    /// Remove every session that kst made and that has ended. One whose engine does not tell whether
    /// it runs stays.
    ///
    /// # Errors
    ///
    /// Only where `filter` names a backend or location that cannot be asked at all.
    pub fn remove_exited(&self, filter: &Filter, told: Told<'_, ()>) -> Result<Vec<Each<()>>> {
        let mut found = self.ours(filter)?;
        found.retain(|seen| self.has_ended(seen));
        Ok(self.each_found(found, told, |seen| self.remove_found(seen)))
    }

    /// Whether it is sure that a session has ended, though it may not be known how.
    pub(super) fn has_ended(&self, seen: &Sighting) -> bool {
        match seen.status.state {
            SessionState::Exited | SessionState::Stopped => true,
            SessionState::Running | SessionState::Defined => false,
            SessionState::Unknown => {
                let gone = |entry: &Arc<Entry>| entry.here && !runs_on(entry, self.boot());
                !seen.in_engine && seen.plugin.is_some() && seen.entry.as_ref().is_some_and(gone)
            }
        }
    }

    fn remove_found(&self, found: &Sighting) -> Result<()> {
        let name = &found.status.name;
        let place = found.place();
        if found.status.state == SessionState::Defined {
            return Err(Error::NotFound {
                name: name.clone(),
                advice: Some(
                    "the config defines it, and it was not started: there is nothing to remove"
                        .into(),
                ),
            });
        }
        let Some(entry) = &found.entry else {
            let advice = match found.is_running() {
                // Once it has ended it is not removed either.
                true => format!("it is running: 'kst stop {name}' ends it"),
                false => "remove it with the program that made it".to_owned(),
            };
            return Err(Error::Failed {
                what: format!(
                    "session '{name}' in {place} was not made by kst, so it is not removed"
                ),
                advice: Some(advice),
            });
        };
        if found.is_running() {
            return Err(Error::Failed {
                what: format!("session '{name}' in {place} is running"),
                advice: Some(format!("stop it first: kst stop {name}")),
            });
        }
        self.remove_from_engine(found)?;
        if self.dry_run() {
            return Ok(());
        }
        let ledger = self.ledger()?;
        let all = ledger.load_named(name).into_iter().filter(|earlier| {
            earlier.backend == entry.backend
                && earlier.location == entry.location
                && earlier.number < entry.number
        });
        for earlier in all {
            ledger.remove_run(&earlier.run)?;
        }
        ledger.remove_run(&entry.run)
    }

    /// Remove what the engine keeps of an ended session of kst's.
    pub(crate) fn remove_from_engine(&self, found: &Sighting) -> Result<()> {
        let (true, Some(plugin)) = (found.in_engine, &found.plugin) else { return Ok(()) };
        let name = &found.status.name;
        let request = found.request(Operation::Remove);
        let at = &found.location;
        let none = SessionProcesses::none();
        match self.serve(plugin, request, none, |guest| guest.remove(at, name)) {
            Ok(_) | Err(Trouble::NotFound) => Ok(()),
            Err(trouble) => Err(trouble.error(name, &found.place())),
        }
    }
}
