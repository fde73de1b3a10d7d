//! The one door: asking kst to run a form, and the services beside it.

use crate::bindings::kst::runner::process::{self, Invocation};
use crate::{Ending, Output, SpawnError};

/// Run a form of the description. `parameters` fill its own `<…>` in their order; most forms have none.
///
/// A program that fails is not an error here: see [`Output::success`]. With `?`, a [`SpawnError`]
/// becomes an [`Error`](crate::Error).
pub fn run(form: &str, parameters: &[&str]) -> Result<Output, SpawnError> {
    process::run(form, &owned(parameters)).map(Output::from)
}

/// Run several forms that read at once, each with its parameters; the answers stand in that order.
pub fn run_all(runs: &[(&str, &[&str])]) -> Vec<Result<Output, SpawnError>> {
    let invocations: Vec<Invocation> = runs
        .iter()
        .map(|&(form, parameters)| Invocation { form: form.into(), parameters: owned(parameters) })
        .collect();
    let answers = process::run_all(&invocations);
    answers.into_iter().map(|answer| answer.map(Output::from)).collect()
}

/// End the processes of the request's session on this machine. During `stop` only.
///
/// kst asks politely, waits for the request's timeout, then kills; where the request is not graceful
/// it kills at once. It names the survivors to the user itself.
pub fn end_session() -> Ending {
    process::end_session()
}

/// Wait until no process of the request's session is left on this machine, at most so long. Returns
/// whether that came to be. During `start`, `stop` and `wait` only.
pub fn wait_session(milliseconds: u32) -> bool {
    process::wait_session(milliseconds)
}

/// Sleep, at most until the operation's deadline.
pub fn pause(milliseconds: u32) {
    process::pause(milliseconds);
}

/// Write a line to kst's debug log, which `--verbose` shows.
pub fn note(text: &str) {
    process::note(text);
}

fn owned(parameters: &[&str]) -> Vec<String> {
    parameters.iter().map(|&parameter| parameter.into()).collect()
}
