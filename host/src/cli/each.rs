//! Commands about several sessions: a line for each as it is done, and one exit code for all.

use std::sync::{Mutex, PoisonError};

use kst::session::Each;
use serde_json::{Value, json};

use super::app::App;

/// Tells what became of each, as it happens.
pub struct Lines<'a> {
    app: &'a App,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How much a dry run had held back before.
    held_back: usize,
    /// The exit code of the first that failed in a dry run, which does one after the other.
    failed_dry: Option<u8>,
    /// Why a line could not be printed.
    unprinted: Option<anyhow::Error>,
}

impl<'a> Lines<'a> {
    pub fn new(app: &'a App) -> Self {
        Lines { app, state: Mutex::default() }
    }

    /// Tell what became of one: the `line` of what it came to, or why it failed.
    pub fn tell<T>(&self, each: &Each<T>, line: impl Fn(&T) -> String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let held_back = self.app.held_back_so_far();
        let dry = held_back > std::mem::replace(&mut state.held_back, held_back);
        match &each.result {
            // What a dry run would do is shown at its end.
            _ if dry => {}
            Ok(value) if !self.app.globals.json && !self.app.output.is_quiet() => {
                let printed = self.app.output.print(line(value).as_bytes());
                state.unprinted = state.unprinted.take().or(printed.err());
            }
            Ok(_) => {}
            Err(error) => {
                let code = self.app.output.error_of(&each.name, error);
                state.failed_dry = state.failed_dry.or(Some(code));
            }
        }
    }

    /// What is left to print; the exit code is that of the first in `all` that failed. With --json
    /// that is an array with a `document` for each, and for those that failed
    /// `{"name": …, "error": …, "error_code": …}`.
    pub fn finish<T>(
        self,
        all: &[Each<T>],
        document: impl Fn(&str, &T) -> Value,
    ) -> anyhow::Result<u8> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.unprinted {
            return Err(error);
        }
        if self.app.globals.json && !self.app.held_back() {
            let documents = all.iter().map(|each| match &each.result {
                Ok(value) => document(&each.name, value),
                Err(error) => json!({
                    "name": each.name,
                    "error": error.to_string(),
                    "error_code": error.exit_code(),
                }),
            });
            self.app.output.json(&Value::Array(documents.collect()))?;
        }
        if self.app.globals.dry_run {
            // That it stopped at a change is none.
            return Ok(state.failed_dry.unwrap_or(0));
        }
        let mut failed = all.iter().filter_map(|each| each.result.as_ref().err());
        Ok(failed.next().map_or(0, kst::Error::exit_code))
    }
}
