//! What runs on this machine, as far as the system tells: who is alive, who started whom.
//!
//! A process id alone names nobody for long: the number is given out again. A process is therefore
//! always named by its id and its start time, and signals go through a pidfd, never to a number.

mod children;
mod ending;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

pub use ending::{
    Ending, SessionSignal, end_bound, end_session, plan_bound, plan_session, wait_bound,
    wait_session,
};

/// A process: its id, and when it started in clock ticks since the machine did. The two together
/// are one process for as long as the machine is up.
pub type Identity = (u32, u64);

/// What `/proc/PID/stat` tells of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The name of its program, at most 15 bytes, as the kernel keeps it.
    pub comm: String,
    /// Its state's letter: `R`, `S`, `T`, `Z` and so on.
    pub state: char,
    /// Its parent; 0 for the first process and for one whose parent is out of sight.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session, by the id of the session's leader.
    pub session: u32,
    /// When it started, in clock ticks since the machine did.
    pub start: u64,
}

impl Process {
    /// Read it. `None` if there is no such process.
    pub fn read(pid: u32) -> Option<Self> {
        parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Its id and start time.
    pub fn identity(&self) -> Identity {
        (self.pid, self.start)
    }

    /// Whether it has ended. What is left of it (a zombie) only waits for its parent to ask how.
    pub fn ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// The fields of a stat line. The program's name stands in parentheses and may hold anything, a
/// parenthesis as well, so the fields start after the last one.
fn parse_stat(line: &[u8]) -> Option<Process> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().rposition(|&byte| byte == b')')?;
    let pid = std::str::from_utf8(line.get(..open)?).ok()?.trim().parse().ok()?;
    let comm = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
    let mut fields = std::str::from_utf8(line.get(close + 1..)?).ok()?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // The start is field 22 of the line; the session was field 6.
    let start = fields.nth(15)?.parse().ok()?;
    Some(Process { pid, comm, state, parent, group, session, start })
}

/// The random id that the kernel made when this machine started. A session of another boot has ended.
pub fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// When a process started, in clock ticks since the machine did; `None` if there is no such process.
pub fn start_time(pid: u32) -> Option<u64> {
    Process::read(pid).map(|process| process.start)
}

/// Whether this very process is alive. A zombie is not.
pub fn alive(pid: u32, start: u64) -> bool {
    Process::read(pid).is_some_and(|process| process.start == start && !process.ended())
}

/// Every process that can be seen, read once.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect()
}

/// The processes below `pid` that are alive, without itself: its children, theirs, and so on.
pub fn descendants(pid: u32) -> Vec<Process> {
    below(&[pid]).into_iter().filter(|process| !process.ended()).collect()
}

/// The processes that stand below one of `roots`, without these, zombies included.
fn below(roots: &[u32]) -> Vec<Process> {
    children::below(roots).unwrap_or_else(|| those_below(&all(), roots))
}

/// Those of `all` that stand below one of `roots`, zombies included: a thread group whose first
/// thread has ended looks like one and still has children.
fn those_below(all: &[Process], roots: &[u32]) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<&Process>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let mut seen: HashSet<u32> = roots.iter().copied().collect();
    let mut open: Vec<u32> = roots.to_vec();
    let mut found = Vec::new();
    while let Some(pid) = open.pop() {
        for process in children.get(&pid).into_iter().flatten() {
            if seen.insert(process.pid) {
                open.push(process.pid);
                found.push((*process).clone());
            }
        }
    }
    found
}

/// Whether `pid` stands below a process that runs the file `program`. Such a process's children
/// are that program's business; any other process is not. The process itself does not count.
///
/// `false` as well where the system does not say what the ancestors run: other users' processes,
/// and set-id programs.
pub fn runs_below(pid: u32, program: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(program) = fs::canonicalize(program) else { return false };
    let Ok(file) = fs::metadata(&program) else { return false };
    let mut at = pid;
    // A chain of parents is short; the bound only guards against one that changes while it is read.
    for _ in 0..4096 {
        let Some(process) = Process::read(at) else { return false };
        at = process.parent;
        if at == 0 {
            return false;
        }
        let exe = format!("/proc/{at}/exe");
        if fs::metadata(&exe).is_ok_and(|exe| exe.dev() == file.dev() && exe.ino() == file.ino()) {
            return true;
        }
        // An upgrade replaced the file while the engine went on running the old one.
        let mut replaced = program.clone().into_os_string();
        replaced.push(" (deleted)");
        if fs::read_link(&exe).is_ok_and(|exe| exe.as_os_str() == replaced) {
            return true;
        }
    }
    false
}

/// Whether a process ignores a signal (not: handles it). `false` if that cannot be read.
pub(crate) fn ignores(pid: u32, signal: Signal) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1u64 << (signal.as_raw() - 1)) != 0
}

/// One process, held: nothing else can take its place while this exists.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) identity: Identity,
    pub(crate) comm: String,
    fd: OwnedFd,
}

impl Held {
    /// Hold the process of this id and start time. `None` if it has ended.
    pub(crate) fn open((pid, start): Identity) -> Option<Self> {
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let fd = pidfd_open(number, PidfdFlags::empty()).ok()?;
        // Only now that the number cannot change hands is it worth asking whose it is.
        let process = Process::read(pid)?;
        if process.start != start || process.ended() {
            return None;
        }
        Some(Held { identity: (pid, start), comm: process.comm, fd })
    }

    /// What becomes readable when it has ended.
    pub(crate) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Whether it has ended; a zombie has.
    pub(crate) fn ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
    }

    /// Send it a signal. One that has ended cannot get it: no error.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ask it to end: TERM; HUP where TERM is ignored and HUP is not (an interactive shell); and
    /// CONT, for a stopped process hears nothing else.
    pub(crate) fn ask_to_end(&self) {
        let (pid, _) = self.identity;
        let _ = self.signal(Signal::TERM);
        if ignores(pid, Signal::TERM) && !ignores(pid, Signal::HUP) {
            let _ = self.signal(Signal::HUP);
        }
        let _ = self.signal(Signal::CONT);
    }
}

/// Wait until one of `held` has ended, at most `timeout`.
fn wait_any<'a>(held: impl Iterator<Item = &'a Held>, timeout: Duration) {
    let mut fds: Vec<PollFd<'_>> =
        held.map(|held| PollFd::from_borrowed_fd(held.fd.as_fd(), PollFlags::IN)).collect();
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    let _ = poll(&mut fds, Some(&timeout));
}

/// What is left until `deadline`, at most `step`.
fn step(deadline: Instant, step: Duration) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(step)
}

#[cfg(test)]
mod tests;
