//! What is known of sessions without asking any engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::host::Host;
use super::ledger::Entry;
use super::locations::DEFAULT;
use super::model::SessionStatus;
use super::sighting::{Sighting, from_ledger, that_count};
use super::survey::Filter;
use crate::door::Location;

impl Host {
    /// The sessions that the ledger and the config know, as far as they do: no program is run. What
    /// runs on this machine is told truly; of what runs elsewhere the state is not known, and it may
    /// not be there any more. Sessions of others are not among them.
    pub fn remembered(&self, filter: &Filter) -> Vec<SessionStatus> {
        let entries = self.entries();
        let mut places: BTreeMap<(&str, &str, &str), Vec<&Arc<Entry>>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !entry.failed) {
            let here = filter.backend.as_ref().is_none_or(|backend| *backend == entry.backend)
                && filter.location.as_ref().is_none_or(|location| *location == entry.location);
            if here {
                let place = (&*entry.backend, &*entry.location, &*entry.name);
                places.entry(place).or_default().push(entry);
            }
        }
        let last = places.values().filter_map(|runs| that_count(runs).last());
        let mut seen: Vec<Sighting> = last
            .filter_map(|entry| {
                let status = from_ledger(entry, entry.here, false, self.boot())?;
                Some(Sighting {
                    status,
                    plugin: None,
                    location: Location {
                        is_default: entry.location == DEFAULT,
                        name: entry.location.clone(),
                        inside: false,
                    },
                    entry: Some(Arc::clone(entry)),
                    in_engine: false,
                    id: None,
                    instance: None,
                })
            })
            .collect();
        self.add_defined(&mut seen, filter);
        seen.into_iter().map(|seen| seen.status).collect()
    }
}
