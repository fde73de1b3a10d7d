//! Running a program in the foreground of the user's terminal.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};

use nix::sys::signal::{SigHandler, Signal, signal};
use rustix::process::set_parent_process_death_signal;
use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// The signals that the terminal's keys send. They are meant for the program in the foreground.
const KEYS: [Signal; 3] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP];

/// Run `command` and wait for it. What the terminal's keys send reaches it and not this process,
/// which would otherwise die before it and leave the terminal as it is. If this process dies all the
/// same, the program hears a hang-up; if the program dies, the terminal gets its modes back.
pub(crate) fn run(mut command: Command) -> std::io::Result<ExitStatus> {
    // SAFETY: between fork and exec only system calls are made, which are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            for key in KEYS {
                signal(key, SigHandler::SigDfl)?;
            }
            set_parent_process_death_signal(Some(rustix::process::Signal::HUP))?;
            Ok(())
        });
    }
    let modes = tcgetattr(stdin()).ok();
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
    if let (Some(modes), Ok(ended)) = (modes, &status)
        && !ended.success()
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
    }
    status
}
