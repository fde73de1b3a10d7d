//! Making what a backend answers with.

use crate::{Health, Plan, Session, State};

impl Session {
    /// A session of which no more is known than this.
    pub fn new(name: &str, state: State) -> Self {
        Session {
            name: name.into(),
            state,
            created: None,
            started: None,
            ended: None,
            exit: None,
            restarts: None,
            out_of_memory: None,
            image: None,
            windows: None,
            health: None,
            details: Vec::new(),
        }
    }

    /// Add something else that is worth showing; nothing where the value is empty.
    pub fn detail(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.details.push((key.into(), value.into()));
        }
    }
}

impl Health {
    /// The engine answered, and this is its version.
    pub fn version(version: &str) -> Self {
        let version = (!version.is_empty()).then(|| version.into());
        Health { available: true, version, problem: None, lacks: Vec::new() }
    }

    /// The engine cannot be used, for this reason: one sentence with what to do.
    pub fn problem(sentence: &str) -> Self {
        Health {
            available: false,
            version: None,
            problem: Some(sentence.into()),
            lacks: Vec::new(),
        }
    }
}

impl Plan {
    /// The form of this name.
    pub fn of(form: &str) -> Self {
        Plan { form: form.into() }
    }
}
