//! The config's sessions, held against what their backends declare.

use std::collections::BTreeMap;
use std::path::Path;

use super::host::Host;
use super::model::SessionConfig;
use super::options::{check, check_required, is_others};
use crate::Error;
use crate::config::{Problem, Severity};

impl Host {
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
