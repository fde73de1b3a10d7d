//! Running a program in the foreground of the user's terminal.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};

use nix::sys::signal::{SigHandler, Signal, signal};

/// The signals that the terminal's keys send. They are meant for the program in the foreground.
const KEYS: [Signal; 3] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP];

/// Run `command` and wait for it. What the terminal's keys send reaches it and not this process,
/// which would otherwise die before it and leave the terminal as it is.
pub(crate) fn run(mut command: Command) -> std::io::Result<ExitStatus> {
    // SAFETY: between fork and exec only `signal` is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            for key in KEYS {
                signal(key, SigHandler::SigDfl)?;
            }
            Ok(())
        });
    }
    let mut before = Vec::new();
    for key in KEYS {
        // SAFETY: ignoring a signal installs no handler.
        before.push((key, unsafe { signal(key, SigHandler::SigIgn) }?));
    }
    let status = command.status();
    for (key, handler) in before {
        // SAFETY: this puts back what was there.
        unsafe { signal(key, handler) }?;
    }
    status
}
