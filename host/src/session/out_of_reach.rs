//! Sessions that kst started by a backend which is not there now: a plugin that was given then and is
//! not given this time. They are told of, and nothing is done to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::host::Host;
use super::ledger::Entry;
use super::locations::DEFAULT;
use super::sighting::{Sighting, of_entry, runs_on};
use super::survey::Filter;
use crate::Error;
use crate::door::Location;
use crate::text::escape_controls;

impl Host {
    /// Add those that ran when they were last heard of.
    pub(crate) fn add_out_of_reach(&self, seen: &mut Vec<Sighting>, filter: &Filter) {
        let elsewhere =
            |entry: &Entry| filter.location.as_ref().is_some_and(|l| *l != entry.location);
        // A backend that was asked for has answered, or there is none of that name.
        if filter.backend.is_some() {
            return;
        }
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (entry, known) in self.out_of_reach() {
            if elsewhere(&entry) {
                continue;
            }
            if !known {
                told.entry(entry.backend.clone()).or_default().push(entry.name.clone());
            }
            seen.push(sighting(entry));
        }
        for (backend, names) in told {
            self.warn(&not_given(&backend, &names));
        }
    }

    /// Those that run on this machine for all that is known, each with why nothing can be done.
    pub(super) fn running_out_of_reach(&self, filter: &Filter) -> Vec<(String, Error)> {
        if filter.backend.is_some() {
            return Vec::new();
        }
        let mut all = self.out_of_reach();
        all.retain(|(entry, _)| {
            let there = filter.location.as_ref().is_none_or(|at| *at == entry.location);
            there && (!entry.here || runs_on(entry, self.boot()))
        });
        let told = |entry: &Entry| Error::Unavailable {
            backend: entry.backend.clone(),
            what: not_given(&entry.backend, std::slice::from_ref(&entry.name)),
            advice: None,
        };
        all.into_iter().map(|(entry, _)| (entry.name.clone(), told(&entry))).collect()
    }

    /// Why nothing of this name was found, if it is out of reach.
    pub(crate) fn is_out_of_reach(&self, name: &str) -> Option<String> {
        let (entry, _) = self.out_of_reach().into_iter().find(|(entry, _)| entry.name == name)?;
        Some(not_given(&entry.backend, std::slice::from_ref(&entry.name)))
    }

    /// The runs of this boot that are not known to have ended, of backends that cannot be loaded; and
    /// whether the backend is known, so that what is wrong with it is told elsewhere.
    fn out_of_reach(&self) -> Vec<(Arc<Entry>, bool)> {
        let mut backends: BTreeMap<String, Option<bool>> = BTreeMap::new();
        let mut runs: BTreeMap<(String, String, String), (Arc<Entry>, bool)> = BTreeMap::new();
        for entry in self.entries().iter() {
            let known = *backends.entry(entry.backend.clone()).or_insert_with(|| {
                match self.backend(&entry.backend) {
                    Ok(_) => None,
                    Err(error) => Some(!matches!(error, Error::BackendNotFound { .. })),
                }
            });
            let Some(known) = known else { continue };
            let place = (entry.backend.clone(), entry.location.clone(), entry.name.clone());
            // The last run of a name is the one that counts.
            if self.may_run(entry) {
                runs.insert(place, (Arc::clone(entry), known));
            } else if !entry.failed {
                runs.remove(&place);
            }
        }
        runs.into_values().collect()
    }

    fn may_run(&self, entry: &Entry) -> bool {
        let made = if entry.here { entry.shim.is_some() } else { entry.id.is_some() };
        made && !entry.failed && entry.end.is_none() && self.boot() == Some(entry.boot.as_str())
    }
}

fn sighting(entry: Arc<Entry>) -> Sighting {
    Sighting {
        status: of_entry(&entry),
        plugin: None,
        location: Location {
            is_default: entry.location == DEFAULT,
            name: entry.location.clone(),
            inside: false,
        },
        entry: Some(entry),
        in_engine: false,
        id: None,
        instance: None,
    }
}

/// `session 'dev' was started by the backend screen, which is not there now: …`
fn not_given(backend: &str, names: &[String]) -> String {
    let quoted: Vec<String> =
        names.iter().map(|name| format!("'{}'", escape_controls(name))).collect();
    let (sessions, were) = if names.len() == 1 { ("session", "was") } else { ("sessions", "were") };
    let backend = escape_controls(backend);
    format!(
        "{sessions} {} {were} started by the backend {backend}, which is not there now: give its \
         plugin with 'kst --plugin FILE.wasm …', or name it under ops.plugins in the config",
        quoted.join(", ")
    )
}
