//! What defines a session; and the config's sessions, held against what their backends declare.

use std::collections::BTreeMap;
use std::path::Path;

use super::host::Host;
use super::ledger::Ledger;
use super::model::{SessionConfig, SessionState, SessionStatus};
use super::options::{check, check_required, is_others};
use crate::Error;
use crate::config::{Problem, Severity};
use crate::door::Placement;

impl Host {
    /// What a session was started with, where kst started it, its environment included; what the
    /// config says of one that was not started yet. `None` where neither is known.
    pub fn definition(&self, status: &SessionStatus) -> Option<SessionConfig> {
        if status.state == SessionState::Defined {
            return self.config().session(&status.name).ok().flatten().cloned();
        }
        if !status.ours {
            return None;
        }
        let entries = self.afresh().entries();
        let run = entries.iter().rfind(|entry| {
            !entry.failed
                && entry.name == status.name
                && entry.backend == status.backend
                && entry.location == status.location
        })?;
        Ledger::open_read(self.state()?)?.spec(&run.run)
    }

    /// Whether the commands of a backend run on this machine, so that a session without one runs the
    /// user's shell. `false` for a backend that cannot be used.
    pub fn runs_here(&self, backend: &str) -> bool {
        let plugin = self.backend(backend);
        plugin.is_ok_and(|plugin| plugin.manifest().manifest().placement == Placement::Here)
    }

    /// What the backends would say of the sessions that the config defines: a backend that there is
    /// none of, an option that it does not have, one that is missing. No engine is asked; broken
    /// entries are left out, since [`Config::problems`](crate::config::Config::problems) has them.
    pub fn check_definitions(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, session) in self.config().sessions() {
            let Ok(session) = session else { continue };
            for Wrong { key, error, severity } in self.check_definition(session) {
                let mut problem = self.config().session_problem(name, key.as_deref(), &error);
                problem.severity = severity;
                problems.push(problem);
            }
        }
        problems
    }

    fn check_definition(&self, session: &SessionConfig) -> Vec<Wrong> {
        let backend = session.backend.clone().unwrap_or_else(|| self.default_backend());
        let plugin = match self.backend(&backend) {
            Ok(plugin) => plugin,
            Err(error) => {
                // The entry is right, and can be used once the backend can.
                let severity = match error {
                    Error::BackendNotFound { .. } => Severity::Error,
                    _ => Severity::Warning,
                };
                return vec![Wrong { key: Some("backend".to_owned()), error, severity }];
            }
        };
        let manifest = plugin.manifest().manifest();
        // Where relative paths are taken from makes no difference to whether they are right.
        let base = Path::new("/");
        let mut wrong = Vec::new();
        for (option, value) in &session.options {
            let alone = BTreeMap::from([(option.clone(), value.clone())]);
            if let Err(error) = check(manifest, &alone, base) {
                // Left out when the session is started.
                let others = is_others(manifest, session, option);
                let severity = if others { Severity::Warning } else { Severity::Error };
                wrong.push(Wrong { key: Some(option.clone()), error, severity });
            }
        }
        if let Err(error) = check_required(manifest, &session.options) {
            wrong.push(Wrong { key: None, error, severity: Severity::Error });
        }
        wrong
    }
}

/// What is wrong with a definition, and with which of its keys.
struct Wrong {
    key: Option<String>,
    error: Error,
    severity: Severity,
}
