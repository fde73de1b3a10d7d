//! Forgetting an ended session.

use super::host::Host;
use super::model::SessionState;
use super::serve::{SessionProcesses, Trouble};
use super::sighting::Sighting;
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
        let found = self.find_reached(name, filter)?;
        let place = found.place();
        if found.status.state == SessionState::Defined {
            return Err(Error::NotFound {
                name: name.to_owned(),
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
        self.remove_from_engine(&found)?;
        if self.dry_run() {
            return Ok(());
        }
        self.ledger()?.remove_run(&entry.run)
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
