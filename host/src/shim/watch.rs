//! Seeing the program through: passing signals on, noticing ends, taking over orphans.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal as Caught};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, wait,
};
use rustix::termios::tcsetpgrp;

use super::child::Child;
use super::recorder::keep_within;
use crate::session::ExitStatus;
use crate::session::processes::{self, Held, Identity};

/// What is waited for. The rest of [`block`]'s signals only must do no harm.
const HEARD: [Caught; 7] = [
    Caught::SIGCHLD,
    Caught::SIGHUP,
    Caught::SIGINT,
    Caught::SIGQUIT,
    Caught::SIGTERM,
    Caught::SIGUSR1,
    Caught::SIGUSR2,
];

/// How often the log that an engine writes is looked at, in seconds.
const LOOKING: i32 = 1;

/// Keep signals from this thread until they are waited for; those that would only stop or end the
/// shim by accident, for good.
pub(super) fn block() -> SigSet {
    let mut heard = SigSet::empty();
    HEARD.into_iter().for_each(|signal| heard.add(signal));
    let mut blocked = heard;
    // Outside the foreground the shim may still write to its terminal and take it back.
    for signal in
        [Caught::SIGTSTP, Caught::SIGTTIN, Caught::SIGTTOU, Caught::SIGPIPE, Caught::SIGALRM]
    {
        blocked.add(signal);
    }
    let _ = blocked.thread_block();
    heard
}

/// Stay with the child until nothing is left to do; returns the exit code to end with. `ended` is
/// called once, when the program has.
/// `stop_signal` is what the program is sent where the session is to end, if not TERM; a `log` that the
/// engine writes is kept within so many bytes.
pub(super) fn watch(
    signals: &SigSet,
    child: &Child,
    stop_signal: Option<i32>,
    log: Option<&(PathBuf, u64)>,
    ended: &mut dyn FnMut(ExitStatus),
) -> i32 {
    let stop_signal = stop_signal.and_then(Signal::from_named_raw).unwrap_or(Signal::TERM);
    let mut watch = Watch { child, stop_signal, end: None, stopping: false, told: Vec::new() };
    loop {
        let heard = match log {
            None => signals.wait(),
            Some((log, most)) => match wait_a_while(signals) {
                Err(nix::errno::Errno::EAGAIN) => {
                    keep_within(log, *most);
                    continue;
                }
                heard => heard,
            },
        };
        match heard {
            Ok(Caught::SIGCHLD) => {
                let before = watch.end;
                let childless = watch.reap();
                if let (None, Some(end)) = (before, watch.end) {
                    ended(end);
                }
                match watch.end {
                    Some(end) if !watch.stopping || childless => return code(end),
                    Some(_) => watch.ask_the_rest(),
                    None => {}
                }
            }
            Ok(Caught::SIGHUP) => {
                if let Some(end) = watch.end {
                    watch.pass_to_the_rest(Signal::HUP);
                    return code(end);
                }
                watch.pass(Signal::HUP);
                watch.pass(Signal::CONT);
            }
            Ok(Caught::SIGTERM) => watch.stop(),
            Ok(Caught::SIGINT) => watch.pass(Signal::INT),
            Ok(Caught::SIGQUIT) => watch.pass(Signal::QUIT),
            Ok(Caught::SIGUSR1) => watch.pass_to_program(Signal::USR1),
            Ok(Caught::SIGUSR2) => watch.pass_to_program(Signal::USR2),
            // It cannot be; but if it is, not at full speed.
            Ok(_) | Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Wait for a signal, for [`LOOKING`] at most: then there is none.
fn wait_a_while(signals: &SigSet) -> nix::Result<Caught> {
    let time = nix::libc::timespec { tv_sec: LOOKING.into(), tv_nsec: 0 };
    // SAFETY: both point to what lives until the call is over; what is told of a signal is not wanted.
    let number = unsafe { nix::libc::sigtimedwait(signals.as_ref(), std::ptr::null_mut(), &time) };
    Caught::try_from(nix::errno::Errno::result(number)?)
}

/// The exit code that tells of an end: a shell's way for signals.
fn code(end: ExitStatus) -> i32 {
    match end {
        ExitStatus::Code(code) => code,
        ExitStatus::Signal(signal) => 128 + signal,
    }
}

struct Watch<'a> {
    child: &'a Child,
    /// What asks the program to end.
    stop_signal: Signal,
    /// How the program ended, once it has.
    end: Option<ExitStatus>,
    /// Whether somebody asked for the end of the whole session.
    stopping: bool,
    /// Those of the rest that were asked to end.
    told: Vec<Identity>,
}

impl Watch<'_> {
    fn program(&self) -> Option<Pid> {
        // Once it has ended its number may be somebody else's.
        if self.end.is_some() {
            return None;
        }
        Pid::from_raw(i32::try_from(self.child.pid).ok()?)
    }

    /// Pass a signal to the program's process group.
    fn pass(&self, signal: Signal) {
        if let Some(program) = self.program() {
            let _ = kill_process_group(program, signal);
        }
    }

    /// Pass a signal to the program alone: most die of these who do not wait for them.
    fn pass_to_program(&self, signal: Signal) {
        if let Some(program) = self.program() {
            let _ = kill_process(program, signal);
        }
    }

    /// The session shall end.
    fn stop(&mut self) {
        self.stopping = true;
        let Some(program) = self.program() else {
            self.told.clear();
            return self.ask_the_rest();
        };
        let _ = kill_process_group(program, self.stop_signal);
        let pid = self.child.pid;
        let ignores = self.stop_signal == Signal::TERM && processes::ignores(pid, Signal::TERM);
        if ignores && !processes::ignores(pid, Signal::HUP) {
            let _ = kill_process_group(program, Signal::HUP);
        }
        let _ = kill_process_group(program, Signal::CONT);
    }

    /// Ask those to end whom the program has left behind, each once.
    fn ask_the_rest(&mut self) {
        for process in processes::descendants(std::process::id()) {
            let identity = process.identity();
            if !self.told.contains(&identity)
                && let Some(held) = Held::open(identity)
            {
                held.ask_to_end();
                self.told.push(identity);
            }
        }
    }

    fn pass_to_the_rest(&self, signal: Signal) {
        for process in processes::descendants(std::process::id()) {
            if let Some(held) = Held::open(process.identity()) {
                let _ = held.signal(signal);
            }
        }
    }

    /// Take note of every child that ended or stopped. Returns whether there is none left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((pid, status))) => {
                    if self.program() == Some(pid) {
                        self.program_changed(pid, status);
                    }
                }
                Ok(None) => return false,
                Err(Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }

    fn program_changed(&mut self, program: Pid, status: WaitStatus) {
        if let Some(code) = status.exit_status() {
            self.end = Some(ExitStatus::Code(code));
        } else if let Some(signal) = status.terminating_signal() {
            self.end = Some(ExitStatus::Signal(signal));
        } else if let Some(signal) = status.stopping_signal().and_then(Signal::from_named_raw) {
            // It is the terminal that stopped it. A STOP was meant by whoever sent it.
            match signal {
                Signal::TSTP => {}
                // A child of its that took the terminal and died has not given it back.
                Signal::TTIN | Signal::TTOU => match &self.child.terminal {
                    Some(terminal) if tcsetpgrp(terminal, program).is_ok() => {}
                    _ => return,
                },
                _ => return,
            }
            let _ = kill_process_group(program, Signal::CONT);
        }
    }
}
