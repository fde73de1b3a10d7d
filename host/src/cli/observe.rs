//! `--verbose` and `--dry-run`: each program that is run, or would be.

use std::sync::{Mutex, PoisonError};

use kst::door::{Observer, RunInfo, RunOutcome};

use super::output::Output;
use super::render::{style, words};

/// Tells of runs on standard error, and keeps what a dry run holds back.
pub struct Watcher {
    verbose: bool,
    dry_run: bool,
    output: Output,
    held_back: Mutex<Vec<Vec<String>>>,
}

impl Watcher {
    pub fn new(verbose: bool, dry_run: bool, output: Output) -> Self {
        Watcher { verbose, dry_run, output, held_back: Mutex::default() }
    }

    /// The commands that a dry run did not run; `None` where there were none.
    pub fn held_back(&self) -> Option<Vec<Vec<String>>> {
        let held_back = self.held_back.lock().unwrap_or_else(PoisonError::into_inner);
        (!held_back.is_empty()).then(|| held_back.clone())
    }
}

impl Observer for Watcher {
    fn planned(&self, run: &RunInfo<'_>) {
        let argv = run.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner).push(argv);
    }

    fn ran(&self, run: &RunInfo<'_>, outcome: &RunOutcome<'_>) {
        if self.verbose || self.dry_run {
            let argv: Vec<_> = run.argv.iter().map(|word| word.to_string_lossy()).collect();
            let dim = style::DIM;
            self.output.say(&format!(
                "{dim}{:>9}  {:<8}{dim:#} {}",
                words::milliseconds(outcome.duration),
                words::ending(&outcome.result),
                words::line(&argv),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use kst::door::{Effect, Operation};

    use super::*;

    #[test]
    fn a_dry_run_keeps_what_it_held_back() {
        let watcher = Watcher::new(false, true, Output::new());
        assert_eq!(watcher.held_back(), None);
        let argv = ["/usr/bin/tmux", "kill-session", "-t", "$1"].map(OsString::from);
        watcher.planned(&RunInfo {
            backend: "tmux",
            operation: Operation::Stop,
            location: "default",
            form: "end",
            effect: Effect::Changes,
            argv: &argv,
        });
        let held_back = watcher.held_back().unwrap();
        assert_eq!(words::line(&held_back[0]), "/usr/bin/tmux kill-session -t '$1'");
    }
}
