//! Which sessions, and which after which.

use std::collections::BTreeSet;

use crate::config::{Dependency, Ready};
use crate::session::host::Host;
use crate::session::model::SessionConfig;
use crate::text::nearest;
use crate::{Error, Result};

/// A session of the config, as it comes up with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What must be how far before it is started.
    pub depends_on: Vec<Dependency>,
    /// What shows that it is ready.
    pub ready: Option<Ready>,
    /// Whether another one of the plan waits for its end.
    pub is_awaited: bool,
    /// Whether its definition cannot be used. It then fails, and what needs it is not started.
    pub is_broken: bool,
}

impl Step {
    pub(super) fn needs(&self, name: &str) -> bool {
        self.depends_on.iter().any(|one| one.name == name)
    }
}

/// Sessions of the config, each behind those that it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the config, as far as they don't need each other.
    pub steps: Vec<Step>,
}

impl Host {
    /// The sessions to bring up: those named, of the config or its groups, and all that they need.
    /// Without a name: every session of the config.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]: a name is neither a session's nor a group's; [`Error::Config`]: there is
    /// no session in the config.
    pub fn plan_up(&self, names: &[String]) -> Result<Plan> {
        let mut chosen = self.chosen(names)?;
        let mut next: Vec<String> = chosen.iter().cloned().collect();
        while let Some(name) = next.pop() {
            for dependency in self.needs(&name) {
                if chosen.insert(dependency.name.clone()) {
                    next.push(dependency.name.clone());
                }
            }
        }
        Ok(self.plan_of(&chosen))
    }

    /// The sessions to take down: those named, of the config or its groups, and all that need them.
    /// Without a name: every session of the config. They stand in the order of [`Host::plan_up`].
    ///
    /// # Errors
    ///
    /// As [`Host::plan_up`].
    pub fn plan_down(&self, names: &[String]) -> Result<Plan> {
        let mut chosen = self.chosen(names)?;
        let all: Vec<&str> = self.config().sessions().map(|(name, _)| name).collect();
        loop {
            let before = chosen.len();
            for name in &all {
                if self.needs(name).iter().any(|one| chosen.contains(&one.name)) {
                    chosen.insert((*name).to_owned());
                }
            }
            if chosen.len() == before {
                return Ok(self.plan_of(&chosen));
            }
        }
    }

    /// Ask now for the approvals that the sessions of a plan need, where somebody is there to ask: not
    /// when several of them are being started at once.
    pub fn ask_about(&self, plan: &Plan) {
        let sessions = plan.steps.iter().filter_map(|step| self.defined(&step.name).ok());
        let backends: BTreeSet<String> = sessions
            .filter_map(|session| session.backend)
            .chain([self.default_backend()])
            .collect();
        for backend in backends {
            // Whoever starts hears the answer.
            let _ = self.ask_for(&backend);
        }
    }

    fn needs(&self, name: &str) -> &[Dependency] {
        self.config().startup(name).map(|one| &one.depends_on[..]).unwrap_or_default()
    }

    fn chosen(&self, names: &[String]) -> Result<BTreeSet<String>> {
        let config = self.config();
        let mut chosen = BTreeSet::new();
        if let (true, Some(problem)) = (names.is_empty(), config.unread().first()) {
            // What is missing may be half of them.
            return Err(problem.to_error());
        }
        for name in names {
            if let Some(members) = config.groups().get(name) {
                chosen.extend(members.iter().cloned());
            } else if config.sessions().any(|(known, _)| known == name) {
                chosen.insert(name.clone());
            } else {
                let known = config.sessions().map(|(name, _)| name);
                let known = known.chain(config.groups().keys().map(String::as_str));
                return Err(Error::NotFound {
                    name: name.clone(),
                    advice: Some(match nearest(name, known) {
                        Some(meant) => format!("did you mean '{meant}'?"),
                        None => "up and down are for sessions and groups of the config; \
                                 'kst config show' shows it"
                            .to_owned(),
                    }),
                });
            }
        }
        if names.is_empty() {
            chosen.extend(config.sessions().map(|(name, _)| name.to_owned()));
            if chosen.is_empty() {
                return Err(Error::Config {
                    file: None,
                    line: None,
                    what: "the config defines no session".to_owned(),
                    advice: Some(
                        "write some below ops.sessions in ./kstlib.conf.yml, or name the file with \
                         --config"
                            .to_owned(),
                    ),
                });
            }
        }
        Ok(chosen)
    }

    fn plan_of(&self, chosen: &BTreeSet<String>) -> Plan {
        let mut left: Vec<Step> = self
            .config()
            .sessions()
            .filter(|(name, _)| chosen.contains(*name))
            .map(|(name, session)| self.step(name, session.is_err(), chosen))
            .collect();
        let mut steps: Vec<Step> = Vec::new();
        let mut done: BTreeSet<String> = BTreeSet::new();
        while !left.is_empty() {
            let free = |step: &Step| step.depends_on.iter().all(|one| done.contains(&one.name));
            // In a circle, whose members are all broken, none is free.
            let at = left.iter().position(free).unwrap_or(0);
            let step = left.remove(at);
            done.insert(step.name.clone());
            steps.push(step);
        }
        Plan { steps }
    }

    fn step(&self, name: &str, is_broken: bool, chosen: &BTreeSet<String>) -> Step {
        let startup = self.config().startup(name).cloned().unwrap_or_default();
        let depends_on: Vec<Dependency> =
            startup.depends_on.into_iter().filter(|one| chosen.contains(&one.name)).collect();
        let is_awaited = chosen.iter().any(|other| {
            let condition = crate::config::Condition::Succeeded;
            self.needs(other).iter().any(|one| one.name == name && one.condition == condition)
        });
        Step { name: name.to_owned(), depends_on, ready: startup.ready, is_awaited, is_broken }
    }

    /// The definition of a step that is not broken.
    pub(super) fn defined(&self, name: &str) -> Result<SessionConfig> {
        let defined = self.config().session(name)?;
        defined.cloned().ok_or_else(|| Error::NotFound { name: name.to_owned(), advice: None })
    }
}
