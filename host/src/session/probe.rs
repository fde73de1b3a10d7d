//! Asking engines what they are.

use std::thread;

use super::host::Host;
use super::locations::{self, Wanted};
use super::serve::SessionProcesses;
use super::survey::{BackendHealth, HealthState};
use crate::door::{Operation, Request};

impl Host {
    /// Ask each engine that is there for its version, and add it to what is known of its health. An
    /// engine that says it cannot be used becomes [`HealthState::Broken`].
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
        if let Ok((probed, _)) = self.serve(&plugin, request, none, |guest| guest.probe(&at)) {
            let shown = |text: String| crate::text::escape_controls(text.trim());
            health.version = probed.version.map(shown);
            health.lacks = probed.lacks.into_iter().take(32).map(shown).collect();
            if !probed.available && health.state == HealthState::Ok {
                health.state = HealthState::Broken;
                health.problem = probed.problem.map(shown);
            }
        }
    }
}
