//! Starting the session's program: as the terminal's foreground, with nothing of the shim's own.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{getpgrp, getpid, setpgid};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::Ticket;

/// The program, running.
pub(super) struct Child {
    /// Its process id, which is its process group's too.
    pub(super) pid: u32,
    /// The terminal, where the shim and so its program have one.
    pub(super) terminal: Option<File>,
    /// How the terminal was set before it began.
    settings: Option<Termios>,
}

impl Child {
    /// After its end: make the terminal the shim's again, as it was before.
    pub(super) fn give_terminal_back(&self) {
        let Some(terminal) = &self.terminal else { return };
        let _ = tcsetpgrp(terminal, getpgrp());
        if let Some(settings) = &self.settings {
            let _ = tcsetattr(terminal, OptionalActions::Now, settings);
        }
    }
}

/// Why it is not.
pub(super) struct Failure {
    /// A sentence.
    pub(super) what: String,
    /// The exit code that a shell would give: 127 for a program that is not there, else 126.
    pub(super) code: i32,
}

/// Start a ticket's program.
pub(super) fn start(ticket: &Ticket) -> Result<Child, Failure> {
    let Some((program, arguments)) = ticket.argv.split_first() else {
        return Err(Failure { what: "the ticket names no program".into(), code: 126 });
    };
    // Here and not in the child, whose error could not be told from one of the program itself.
    if let Err(error) = env::set_current_dir(&ticket.dir) {
        let what = format!("cannot enter the folder {}: {error}", ticket.dir.display());
        return Err(Failure { what, code: 126 });
    }
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment(ticket));
    if let Some(arg0) = &ticket.arg0 {
        command.arg0(arg0);
    }
    let terminal = terminal();
    let settings = terminal.as_ref().and_then(|terminal| tcgetattr(terminal).ok());
    let foreground = terminal.as_ref().and_then(|terminal| terminal.try_clone().ok());
    // SAFETY: between fork and exec the closure only makes system calls: it neither allocates nor
    // locks, and touches no memory but its own file descriptor.
    unsafe {
        command.pre_exec(move || {
            let me = getpid();
            setpgid(None, None)?;
            if let Some(terminal) = &foreground {
                // A group in the background that takes the foreground is stopped for it, unless it
                // ignores that.
                ignore_background_writes()?;
                tcsetpgrp(terminal, me)?;
            }
            reset_signals()
        });
    }
    let started = command.spawn();
    // The shim would keep the folder's file system from being unmounted.
    let _ = env::set_current_dir("/");
    match started {
        Ok(child) => Ok(Child { pid: child.id(), terminal, settings }),
        Err(error) => {
            // The child may have got as far as taking the terminal.
            if let Some(terminal) = &terminal {
                let _ = tcsetpgrp(terminal, getpgrp());
            }
            Err(failure(program, &ticket.dir, &error))
        }
    }
}

/// The ticket's variables, and from the shim's own environment those that the engine knows better.
fn environment(ticket: &Ticket) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<OsString, OsString> = ticket.env.iter().cloned().collect();
    for name in &ticket.keeps {
        let name = OsStr::new(name);
        match env::var_os(name) {
            Some(value) => environment.insert(name.to_owned(), value),
            None => environment.remove(name),
        };
    }
    environment
}

/// The controlling terminal, if this process is in its foreground. What is in the background has
/// no foreground to give away.
fn terminal() -> Option<File> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::openat(CWD, "/dev/tty", flags, Mode::empty()).ok()?;
    (tcgetpgrp(&terminal).ok()? == getpgrp()).then(|| File::from(terminal))
}

fn ignore_background_writes() -> io::Result<()> {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { signal(Signal::SIGTTOU, SigHandler::SigIgn) }?;
    Ok(())
}

/// Every signal as a new program expects it: heard, with its default action.
fn reset_signals() -> io::Result<()> {
    for each in Signal::iterator() {
        // SAFETY: the default action installs no handler. KILL and STOP refuse, which is no matter.
        let _ = unsafe { signal(each, SigHandler::SigDfl) };
    }
    SigSet::empty().thread_set_mask()?;
    Ok(())
}

/// What kept a program from running, as a sentence.
fn failure(program: &OsStr, dir: &Path, error: &io::Error) -> Failure {
    let shown = program.to_string_lossy();
    let named = shown.contains('/');
    match error.kind() {
        io::ErrorKind::NotFound if !named => {
            let what = format!("there is no program '{shown}' on PATH");
            Failure { what, code: 127 }
        }
        io::ErrorKind::NotFound if dir.join(program).exists() => {
            let what =
                format!("'{shown}' needs an interpreter that is not there: see its first line");
            Failure { what, code: 126 }
        }
        io::ErrorKind::NotFound => {
            Failure { what: format!("there is no program '{shown}'"), code: 127 }
        }
        _ => Failure { what: format!("'{shown}' cannot be run: {error}"), code: 126 },
    }
}
