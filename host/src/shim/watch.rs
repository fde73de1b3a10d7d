//! Seeing the program through: passing signals on, noticing ends, taking over orphans.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal as Caught};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, wait,
};
use rustix::termios::tcsetpgrp;

use super::child::Child;
use super::life::Life;
use super::parting::part;
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

/// How often the log that an engine writes is looked at.
const LOOKING: Duration = Duration::from_secs(1);
/// How long what a program left behind has to end, once asked, before the program is started again.
const LEFT: Duration = Duration::from_secs(10);
/// How long it may take to go once it was killed.
const KILLED: Duration = Duration::from_secs(1);

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

/// Stay with the child, and with those that follow it, until nothing is left to do; returns the exit code
/// to end with. `life` is asked what comes after each end.
/// `stop_signal` is what the program is sent where the session is to end, if not TERM; a `log` that the
/// engine writes is kept within so many bytes.
pub(super) fn watch(
    signals: &SigSet,
    child: Child,
    stop_signal: Option<i32>,
    log: Option<&(PathBuf, u64)>,
    life: Life,
) -> i32 {
    let stop_signal = stop_signal.and_then(Signal::from_named_raw).unwrap_or(Signal::TERM);
    let mut watch = Watch {
        child,
        life,
        stop_signal,
        end: None,
        again: None,
        stopping: false,
        hung_up: false,
        told: Vec::new(),
    };
    loop {
        let heard = match watch.patience(log.is_some()) {
            None => signals.wait(),
            Some(patience) => wait_a_while(signals, patience),
        };
        let done = match heard {
            Err(nix::errno::Errno::EAGAIN) => {
                if let Some((log, most)) = log {
                    keep_within(log, *most);
                }
                watch.go_on()
            }
            Ok(Caught::SIGCHLD) => watch.children_changed(),
            Ok(Caught::SIGHUP) => watch.hang_up(),
            Ok(Caught::SIGTERM) => watch.stop(),
            Ok(Caught::SIGINT) => watch.pass_or_stop(Signal::INT),
            Ok(Caught::SIGQUIT) => watch.pass_or_stop(Signal::QUIT),
            Ok(Caught::SIGUSR1) => watch.pass_to_program(Signal::USR1),
            Ok(Caught::SIGUSR2) => watch.pass_to_program(Signal::USR2),
            // It cannot be; but if it is, not at full speed.
            Ok(_) | Err(_) => {
                thread::sleep(Duration::from_millis(10));
                None
            }
        };
        if let Some(end) = done {
            let alone = watch.reap();
            part(watch.child.terminal.take(), alone);
            return code(end);
        }
    }
}

/// Wait for a signal for so long at most: then there is none.
fn wait_a_while(signals: &SigSet, patience: Duration) -> nix::Result<Caught> {
    let time = nix::libc::timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
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

struct Watch {
    child: Child,
    life: Life,
    /// What asks the program to end.
    stop_signal: Signal,
    /// How the program ended, once it has.
    end: Option<ExitStatus>,
    /// That it is started again.
    again: Option<Wait>,
    /// Whether somebody asked for the end of the whole session.
    stopping: bool,
    /// Whether the terminal is gone.
    hung_up: bool,
    /// Those of the rest that were asked to end.
    told: Vec<Identity>,
}

/// The time between a program's end and its next start.
struct Wait {
    /// When it is over.
    until: Instant,
    /// When what the program left behind is killed, and when it is waited for no more.
    left: [Instant; 2],
}

impl Watch {
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
    fn pass_to_program(&self, signal: Signal) -> Option<ExitStatus> {
        if let Some(program) = self.program() {
            let _ = kill_process(program, signal);
        }
        None
    }

    /// Pass on what was typed. Between two programs it can only mean the session.
    fn pass_or_stop(&mut self, signal: Signal) -> Option<ExitStatus> {
        if self.again.is_some() {
            return self.stop();
        }
        self.pass(signal);
        None
    }

    /// How long to wait for a signal; `None`: as long as it takes.
    fn patience(&self, has_log: bool) -> Option<Duration> {
        let next = self.again.as_ref().map(|again| {
            let now = Instant::now();
            let times = std::iter::once(again.until).chain(again.left);
            let next = times.filter(|time| *time > now).min();
            next.map_or(Duration::ZERO, |next| next - now)
        });
        let looking = has_log.then_some(LOOKING);
        match (next, looking) {
            (Some(next), Some(looking)) => Some(next.min(looking)),
            (next, looking) => next.or(looking),
        }
    }

    /// Some child has ended or stopped. Returns how the session ended, if it has.
    fn children_changed(&mut self) -> Option<ExitStatus> {
        let before = self.end;
        let childless = self.reap();
        if let (None, Some(end)) = (before, self.end) {
            self.program_ended(end);
        }
        let end = self.end?;
        if self.again.is_some() {
            return if childless { self.go_on() } else { None };
        }
        if !self.stopping || childless {
            return Some(end);
        }
        self.ask_the_rest();
        None
    }

    /// The program has ended: it is over, or to be started again.
    fn program_ended(&mut self, end: ExitStatus) {
        let Some(wait) = self.life.ended(end, !self.stopping && !self.hung_up) else { return };
        let until = Instant::now() + wait;
        let kill = until.max(Instant::now() + LEFT);
        self.again = Some(Wait { until, left: [kill, kill + KILLED] });
        self.child.give_terminal_back();
        // It would keep a port, a lock, the terminal from its successor.
        self.told.clear();
        self.ask_the_rest();
    }

    /// Start the program again, if it is time and what it left behind is gone.
    fn go_on(&mut self) -> Option<ExitStatus> {
        let now = Instant::now();
        let again = self.again.as_ref().filter(|again| again.until <= now)?;
        let [kill, give_up] = again.left;
        if !self.reap() && now < give_up {
            match now < kill {
                true => self.ask_the_rest(),
                false => self.pass_to_the_rest(Signal::KILL),
            }
            return None;
        }
        self.again = None;
        match self.life.start() {
            Ok(Some(child)) => {
                self.child = child;
                self.end = None;
                None
            }
            Ok(None) => {
                self.stopping = true;
                self.over()
            }
            Err(end) => {
                self.end = Some(end);
                self.program_ended(end);
                if self.again.is_some() { None } else { self.end }
            }
        }
    }

    /// It is not started again. Returns how the session ended, once nothing is left of it.
    fn over(&mut self) -> Option<ExitStatus> {
        self.again = None;
        if let Some(end) = self.end {
            self.life.over(end);
        }
        self.told.clear();
        self.ask_the_rest();
        if self.reap() { self.end } else { None }
    }

    /// The terminal is gone: there is none to start anything in.
    fn hang_up(&mut self) -> Option<ExitStatus> {
        self.hung_up = true;
        if let Some(end) = self.end {
            if self.again.take().is_some() {
                self.life.over(end);
            }
            self.pass_to_the_rest(Signal::HUP);
            return Some(end);
        }
        self.pass(Signal::HUP);
        self.pass(Signal::CONT);
        None
    }

    /// The session shall end. Returns how it has, if nothing is left of it.
    fn stop(&mut self) -> Option<ExitStatus> {
        self.stopping = true;
        if self.again.is_some() {
            return self.over();
        }
        let Some(program) = self.program() else {
            self.told.clear();
            self.ask_the_rest();
            return None;
        };
        let _ = kill_process_group(program, self.stop_signal);
        let pid = self.child.pid;
        let ignores = self.stop_signal == Signal::TERM && processes::ignores(pid, Signal::TERM);
        if ignores && !processes::ignores(pid, Signal::HUP) {
            let _ = kill_process_group(program, Signal::HUP);
        }
        let _ = kill_process_group(program, Signal::CONT);
        None
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
