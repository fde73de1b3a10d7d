//! `--verbose` and `--dry-run`: each program that is run and each signal that is sent, or would be.

use std::sync::{Mutex, PoisonError};

use kst::door::{Observer, RunInfo, RunOutcome};
use kst::session::processes::SessionSignal;
use serde_json::{Value, json};

use super::output::Output;
use super::render::{style, words};

/// Tells of runs on standard error, and keeps what a dry run holds back.
pub struct Watcher {
    verbose: bool,
    dry_run: bool,
    output: Output,
    held_back: Mutex<Vec<HeldBack>>,
}

/// What a dry run did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldBack {
    /// Run a command.
    Command(Vec<String>),
    /// Send a signal.
    Signal(SessionSignal),
}

impl HeldBack {
    /// One line: a command as it could be typed, or a sentence about a signal.
    pub fn line(&self) -> String {
        match self {
            HeldBack::Command(argv) => words::line(argv),
            HeldBack::Signal(signal) => signal.to_string(),
        }
    }
}

/// All of it for programs: commands and signals, each in their order.
pub fn json(held_back: &[HeldBack]) -> Value {
    let mut document = json!({ "would_run": [], "would_signal": [] });
    for one in held_back {
        let (key, value) = match one {
            HeldBack::Command(argv) => ("would_run", json!(argv)),
            HeldBack::Signal(signal) => (
                "would_signal",
                json!({
                    "signal": signal.signal,
                    "pid": signal.pid,
                    "program": signal.program,
                    "by_shim": signal.by_shim,
                    "after_seconds": signal.after.map(|after| after.as_secs_f64()),
                }),
            ),
        };
        if let Some(Value::Array(list)) = document.get_mut(key) {
            list.push(value);
        }
    }
    document
}

impl Watcher {
    pub fn new(verbose: bool, dry_run: bool, output: Output) -> Self {
        Watcher { verbose, dry_run, output, held_back: Mutex::default() }
    }

    /// What a dry run did not do; `None` where there was nothing.
    pub fn held_back(&self) -> Option<Vec<HeldBack>> {
        let held_back = self.held_back.lock().unwrap_or_else(PoisonError::into_inner);
        (!held_back.is_empty()).then(|| held_back.clone())
    }

    fn hold_back(&self, what: impl IntoIterator<Item = HeldBack>) {
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner).extend(what);
    }

    /// A line of `--verbose`: how long it took and how it ended, and what it was.
    fn tell(&self, duration: &str, ending: &str, what: &str) {
        let dim = style::DIM;
        self.output.say(&format!("{dim}{duration:>9}  {ending:<8}{dim:#} {what}"));
    }
}

impl Observer for Watcher {
    fn planned(&self, run: &RunInfo<'_>) {
        let argv = run.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        self.hold_back([HeldBack::Command(argv)]);
    }

    fn ran(&self, run: &RunInfo<'_>, outcome: &RunOutcome<'_>) {
        if self.verbose || self.dry_run {
            let argv: Vec<_> = run.argv.iter().map(|word| word.to_string_lossy()).collect();
            let duration = words::milliseconds(outcome.duration);
            self.tell(&duration, &words::ending(&outcome.result), &words::line(&argv));
        }
    }

    fn would_signal(&self, signals: &[SessionSignal]) {
        self.hold_back(signals.iter().cloned().map(HeldBack::Signal));
    }

    fn signalled(&self, signals: &[SessionSignal]) {
        if self.verbose {
            for signal in signals {
                self.tell("", "sent", &signal.to_string());
            }
        }
    }

    fn noted(&self, backend: &str, text: &str) {
        if self.verbose {
            self.tell("", "note", &format!("{backend}: {text}"));
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
        assert_eq!(held_back[0].line(), "/usr/bin/tmux kill-session -t '$1'");
    }

    #[test]
    fn signals_are_lines_that_are_no_commands() {
        let watcher = Watcher::new(false, true, Output::new());
        let signal = SessionSignal {
            signal: "TERM",
            pid: 4711,
            program: "sl\u{1b}p".into(),
            by_shim: true,
            after: None,
        };
        let kill = SessionSignal {
            signal: "KILL",
            by_shim: false,
            after: Some(std::time::Duration::from_millis(1500)),
            ..signal.clone()
        };
        watcher.would_signal(&[signal, kill]);
        let held_back = watcher.held_back().unwrap();
        let lines: Vec<String> = held_back.iter().map(HeldBack::line).collect();
        assert_eq!(
            lines,
            [
                "TERM to process 4711 (sl\\x1bp), passed on by kst beside it",
                "KILL to process 4711 (sl\\x1bp), if it is still there after 1.5 s",
            ]
        );
        let json = json(&held_back);
        assert_eq!(json["would_run"], json!([]));
        assert_eq!(json["would_signal"][1]["after_seconds"], 1.5);
    }
}
