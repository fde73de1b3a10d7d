//! Asking engines what they are.

use std::thread;

use super::host::Host;
use super::locations::{self, Wanted};
use super::serve::SessionProcesses;
use super::sighting::place;
use super::survey::{BackendHealth, HealthState, unwell};
use crate::Error;
use crate::door::{Operation, Request};

impl Host {
    /// Ask each engine that is there for its version, and add it to what is known of its health. An
    /// engine that says it cannot be used, and a backend that misbehaves, becomes
    /// [`HealthState::Broken`].
    pub fn probe(&self, health: &mut [BackendHealth]) {
        thread::scope(|scope| {
            for one in health.iter_mut().filter(|one| one.state != HealthState::Absent) {
                scope.spawn(|| self.probe_one(one));
            }
        });
    }

    fn probe_one(&self, health: &mut BackendHealth) {
        let Ok(plugin) = self.backend(&health.backend) else { return };
        let wanted = Wanted { named: health.location.as_deref(), among: &[] };
        let places = locations::existing(plugin.manifest().manifest(), &self.programs(), wanted);
        let Some(at) = places.unwrap_or_default().into_iter().next() else { return };
        let request = Request::new(Operation::Probe, at.clone());
        let none = SessionProcesses::none();
        let probed = match self.serve(&plugin, request, none, |guest| guest.probe(&at)) {
            Ok((probed, _)) => probed,
            Err(trouble) if health.state == HealthState::Ok => {
                let error = trouble.error("", &place(plugin.name(), &at));
                *health = unwell(plugin.name(), Some(&at.name), HealthState::Broken, &error);
                return;
            }
            Err(_) => return,
        };
        let shown = |text: String| crate::text::escape_controls(text.trim());
        health.version = probed.version.map(shown);
        health.lacks = probed.lacks.into_iter().take(32).map(shown).collect();
        if !probed.available && health.state == HealthState::Ok {
            let unusable = || "it says that it cannot be used".to_owned();
            let error = Error::Unavailable {
                backend: plugin.name().to_owned(),
                what: probed.problem.map_or_else(unusable, shown),
                advice: None,
            };
            let told = unwell(plugin.name(), Some(&at.name), HealthState::Broken, &error);
            (health.state, health.problem, health.code) = (told.state, told.problem, told.code);
        }
    }
}
