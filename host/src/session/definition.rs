//! The config's sessions, held against what their backends declare.

use std::collections::BTreeMap;
use std::path::Path;

use super::host::Host;
use super::model::SessionConfig;
use super::options::{check, check_required};
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
            for (key, error) in self.check_definition(session) {
                let mut problem = self.config().session_problem(name, key.as_deref(), &error);
                // The entry is right, and can be used once the backend can.
                if !matches!(error, Error::Invalid { .. } | Error::BackendNotFound { .. }) {
                    problem.severity = Severity::Warning;
                }
                problems.push(problem);
            }
        }
        problems
    }

    /// What is wrong with one definition, and with which of its keys.
    fn check_definition(&self, session: &SessionConfig) -> Vec<(Option<String>, Error)> {
        let backend = session.backend.clone().unwrap_or_else(|| self.default_backend());
        let plugin = match self.backend(&backend) {
            Ok(plugin) => plugin,
            Err(error) => return vec![(Some("backend".to_owned()), error)],
        };
        let manifest = plugin.manifest().manifest();
        // Where relative paths are taken from makes no difference to whether they are right.
        let base = Path::new("/");
        let mut wrong = Vec::new();
        for (option, value) in &session.options {
            let alone = BTreeMap::from([(option.clone(), value.clone())]);
            if let Err(error) = check(manifest, &alone, base) {
                wrong.push((Some(option.clone()), error));
            }
        }
        if let Err(error) = check_required(manifest, &session.options) {
            wrong.push((None, error));
        }
        wrong
    }
}
