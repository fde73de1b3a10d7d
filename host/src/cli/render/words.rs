//! Command lines and how they ended.

use std::fmt::Display;
use std::time::Duration;

use jiff::Timestamp;
use kst::session::{ExitStatus, SessionState, SessionStatus};
use kst::text::escape_controls;
use nix::sys::signal::Signal;

/// A command line as it could be typed into a shell, on one line. Control characters in it are
/// escaped for the eye, so such a line cannot be typed as it stands.
pub fn line<S: AsRef<str>>(argv: &[S]) -> String {
    escape_controls(&shell_words::join(argv))
}

/// `3.2 ms`, `1.50 s`.
pub fn milliseconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1000.0),
        seconds => format!("{seconds:.2} s"),
    }
}

/// How a run ended: `exit 1`, `SIGKILL`, or what was wrong with it.
pub fn ending<E: Display>(exit: &Result<ExitStatus, E>) -> String {
    match exit {
        Ok(ExitStatus::Code(code)) => format!("exit {code}"),
        Ok(ExitStatus::Signal(number)) => signal(*number),
        Err(problem) => escape_controls(&problem.to_string()),
    }
}

/// How a session ended, in a word: its code, or the signal's name.
pub fn exit(exit: ExitStatus) -> String {
    match exit {
        ExitStatus::Code(code) => code.to_string(),
        ExitStatus::Signal(number) => signal(number),
    }
}

/// How a session ended, in words.
pub fn exit_in_words(exit: ExitStatus) -> String {
    match exit {
        ExitStatus::Code(code) => format!("code {code}"),
        ExitStatus::Signal(number) => format!("signal {number} ({})", signal(number)),
    }
}

/// How a session ended, in words, with what else is known of that: `signal 9 (SIGKILL): out of
/// memory`; `unknown` where it ran and nobody knows. `None` where there was no end.
pub fn ending_of(session: &SessionStatus) -> Option<String> {
    let oom = session.out_of_memory == Some(true);
    match session.exit {
        Some(exit) if oom => Some(format!("{}: out of memory", exit_in_words(exit))),
        Some(exit) => Some(exit_in_words(exit)),
        None => has_ended_somehow(session).then(|| "unknown".to_owned()),
    }
}

/// That a session's program is about to be started again, and when: `restarting in 4s`. `None` where it
/// is not.
pub fn restarting(session: &SessionStatus, now: Timestamp) -> Option<String> {
    session.restarting.then(|| {
        let left = session.restarting_at.map(|at| at.duration_since(now).as_secs());
        match left.filter(|left| *left > 0) {
            Some(seconds) => format!("restarting in {seconds} s"),
            None => "restarting".to_owned(),
        }
    })
}

/// The same in a word or two: `3`, `SIGKILL`, `OOM`, `unknown`.
pub fn short_ending_of(session: &SessionStatus) -> Option<String> {
    let oom = session.out_of_memory == Some(true);
    match session.exit {
        Some(ExitStatus::Signal(KILL)) if oom => Some("OOM".to_owned()),
        Some(how) if oom => Some(format!("{} OOM", exit(how))),
        Some(how) => Some(exit(how)),
        None => has_ended_somehow(session).then(|| "unknown".to_owned()),
    }
}

/// What the kernel sends for want of memory.
const KILL: i32 = Signal::SIGKILL as i32;

/// Whether it ran and has ended, and nobody can tell how.
fn has_ended_somehow(session: &SessionStatus) -> bool {
    let ended = matches!(session.state, SessionState::Exited | SessionState::Stopped);
    ended && session.exit.is_none() && session.started_at.is_some()
}

/// A signal's name.
fn signal(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_quoted_and_harmless() {
        assert_eq!(line(&["tmux", "-F", "#{a} b", ""]), "tmux -F '#{a} b' ''");
        assert_eq!(line(&["a", "\u{1b}[2J\n"]), "a '\\x1b[2J\\n'");
    }

    #[test]
    fn endings_are_named() {
        assert_eq!(exit(ExitStatus::Code(3)), "3");
        assert_eq!(exit(ExitStatus::Signal(9)), "SIGKILL");
        assert_eq!(exit(ExitStatus::Signal(35)), "signal 35");
        assert_eq!(exit_in_words(ExitStatus::Signal(15)), "signal 15 (SIGTERM)");
        assert_eq!(ending::<&str>(&Ok(ExitStatus::Code(0))), "exit 0");
        assert_eq!(ending(&Err("timed out")), "timed out");
    }

    #[test]
    fn a_start_to_come_is_told_by_its_time() {
        use crate::cli::render::sample;
        let mut session = sample::running();
        assert_eq!(restarting(&session, sample::now()), None);
        session.restarting = true;
        assert_eq!(restarting(&session, sample::now()).as_deref(), Some("restarting"));
        let in_ms = |ms| sample::now() + jiff::SignedDuration::from_millis(ms);
        for (ms, words) in
            [(4_200, "restarting in 4 s"), (900, "restarting"), (-9_000, "restarting")]
        {
            session.restarting_at = Some(in_ms(ms));
            assert_eq!(restarting(&session, sample::now()).as_deref(), Some(words), "{ms}");
        }
    }

    #[test]
    fn durations_have_few_digits() {
        assert_eq!(milliseconds(Duration::from_micros(3_150)), "3.1 ms");
        assert_eq!(milliseconds(Duration::from_millis(1_500)), "1.50 s");
    }
}
