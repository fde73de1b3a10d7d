//! What defines a session; and the config's sessions, held against what their backends declare.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::host::Host;
use super::ledger::Ledger;
use super::locations;
use super::model::{OptionValue, SessionConfig, SessionState, SessionStatus};
use super::options::{check, check_required, is_others};
use crate::config::{Problem, Severity, env_file};
use crate::door::{Manifest, Placement};
use crate::plugin::Plugin;
use crate::{Error, Result};

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
        let entries = self.entries_named(&status.name);
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

    /// All that is wrong with the config: its own
    /// [problems](crate::config::Config::problems), and what the backends would say of it: a backend
    /// that there is none of, an option that it does not have, one that is missing. No engine is
    /// asked.
    pub fn check_config(&self) -> Vec<Problem> {
        let mut problems = self.config().problems().to_vec();
        self.check_settings(&mut problems);
        for (name, session) in self.config().sessions() {
            let Ok(session) = session else { continue };
            for Wrong { key, error, severity } in self.check_definition(session) {
                let mut problem = self.config().session_problem(name, key.as_deref(), &error);
                problem.severity = severity;
                add(&mut problems, problem);
            }
        }
        problems
    }

    fn check_settings(&self, problems: &mut Vec<Problem>) {
        if let Some(default) = self.config().default_backend()
            && let Err(error @ Error::BackendNotFound { .. }) = self.backend(&default.value)
        {
            add(problems, self.config().setting_problem("default_backend", &error));
        }
        let programs = self.programs();
        for id in self.config().program_overrides().keys() {
            if let Err(error) = programs.resolve(id) {
                let key = format!("{id}_binary");
                let error = Error::failed(error.to_string());
                let mut problem = self.config().setting_problem(&key, &error);
                // The same config may be right on another machine.
                problem.severity = Severity::Warning;
                add(problems, problem);
            }
        }
    }

    /// What is wrong with the part of a definition that stands in the config, where it is about to
    /// be started as `merged`: with its file and line.
    pub(crate) fn check_defined(
        &self,
        manifest: &Manifest,
        defined: &SessionConfig,
        merged: &SessionConfig,
    ) -> Result<()> {
        let place = |key: Option<&str>, error: &Error| {
            let mut problem = self.config().session_problem(&defined.name, key, error);
            // A key that looks like another one was noticed when the config was read.
            let known = self.config().problems().iter().find(|known| known.key == problem.key);
            problem.advice = known.and_then(|one| one.advice.clone()).or(problem.advice);
            problem.to_error()
        };
        for (option, value) in &defined.options {
            // What was given on the command line counts in its place.
            if merged.options.get(option) == Some(value) {
                check_option(manifest, option, value)
                    .map_err(|error| place(Some(option), &error))?;
            }
        }
        check_required(manifest, &merged.options).map_err(|error| place(None, &error))
    }

    /// The error about an option that a backend has not got, naming one that has it.
    pub(crate) fn other_with_option(
        &self,
        manifest: &Manifest,
        given: &BTreeMap<String, OptionValue>,
        error: Error,
    ) -> Error {
        let Some(unknown) = given.keys().find(|name| !has_option(manifest, name)) else {
            return error;
        };
        let other = self.backends().into_iter().find(|name| {
            self.backend(name).is_ok_and(|other| has_option(other.manifest().manifest(), unknown))
        });
        match (error, other) {
            (Error::Invalid { what, .. }, Some(other)) => {
                let advice = format!("{other} has it: add --backend {other}");
                Error::Invalid { what, advice: Some(advice) }
            }
            (error, _) => error,
        }
    }

    /// A backend's plugin, for a start of this session; where the config names one that there is
    /// not, the error says where.
    pub(crate) fn backend_of(&self, backend: &str, session: &str) -> Result<Arc<Plugin>> {
        let config = self.config();
        self.ask_for(backend)?;
        self.backend(backend).map_err(|error| match error {
            Error::BackendNotFound { backend, advice } => {
                let defined = config.session(session).ok().flatten();
                let own = defined.is_some_and(|one| one.backend.as_ref() == Some(&backend));
                let own = own.then(|| config.session_key(session, "backend")).flatten();
                let default = config.default_backend().filter(|default| default.value == backend);
                let place = own.map(|own| own.place()).or(default.map(|default| default.place()));
                let place = place.map(|place| format!("it is named in {place}"));
                let advice = [advice, place].into_iter().flatten().collect::<Vec<_>>();
                Error::BackendNotFound { backend, advice: Some(advice.join("\n")) }
            }
            other => other,
        })
    }

    fn check_definition(&self, session: &SessionConfig) -> Vec<Wrong> {
        let backend = session.backend.clone().unwrap_or_else(|| self.default_backend());
        let plugin = match self.backend(&backend) {
            Ok(plugin) => plugin,
            // The default one is told of where it is set.
            Err(Error::BackendNotFound { .. }) if session.backend.is_none() => return Vec::new(),
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
        let mut wrong = Vec::new();
        for (option, value) in &session.options {
            if let Err(error) = check_option(manifest, option, value) {
                // Left out when the session is started.
                let others = is_others(manifest, session, option);
                let severity = if others { Severity::Warning } else { Severity::Error };
                wrong.push(Wrong { key: Some(option.clone()), error, severity });
            }
        }
        for file in &session.env_files {
            if let Err(what) = env_file::look(file) {
                let (key, error) = (Some("env_file".to_owned()), Error::failed(what));
                // It may be there by the time that the session is started.
                wrong.push(Wrong { key, error, severity: Severity::Warning });
            }
        }
        if let Err(error) = check_required(manifest, &session.options) {
            wrong.push(Wrong { key: None, error, severity: Severity::Error });
        }
        wrong
    }
}

fn has_option(manifest: &Manifest, name: &str) -> bool {
    manifest.options.iter().chain(&manifest.location_option).any(|option| option.name == name)
}

/// Check one option by itself, the name of a place too.
fn check_option(manifest: &Manifest, option: &str, value: &OptionValue) -> Result<()> {
    let alone = BTreeMap::from([(option.to_owned(), value.clone())]);
    // Where relative paths are taken from makes no difference to whether they are right.
    let checked = check(manifest, &alone, Path::new("/"))?;
    match checked.location {
        Some(location) => locations::named(manifest, &location).map(drop),
        None => Ok(()),
    }
}

/// Add a problem. Of two that are about the same key, the backend's words count, and the advice of
/// the first.
fn add(problems: &mut Vec<Problem>, new: Problem) {
    let same =
        |old: &&mut Problem| (&old.file, old.line, &old.key) == (&new.file, new.line, &new.key);
    match problems.iter_mut().find(same) {
        Some(old) => {
            old.what = new.what;
            old.severity = old.severity.max(new.severity);
            old.advice = old.advice.take().or(new.advice);
        }
        None => problems.push(new),
    }
}

/// What is wrong with a definition, and with which of its keys.
struct Wrong {
    key: Option<String>,
    error: Error,
    severity: Severity,
}
