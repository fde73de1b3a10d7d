//! Running one argv: within a deadline, with capped output, and ending when the program ends.
//!
//! This is on the way of every command, so it takes few system calls: there is no thread for each
//! pipe. What it starts ends with kst, see `interrupt`; only what changes something may outlive a
//! kill that nothing can catch.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::interrupt;
use crate::guard::Guard;
use crate::session::ExitStatus;

/// How long the kernel gets to end a process that was killed.
const REAP: Duration = Duration::from_secs(2);

/// How long a program that changes something gets to end by itself when kst is interrupted.
const INTERRUPTED: Duration = Duration::from_secs(1);

/// What a program that only reads gets besides the caller's environment, unless the caller has it.
///
/// Engines' clients are Go programs that live for some ten milliseconds. Go collects garbage for the
/// first time at 4 MiB, which most of them reach: a fifth of what `podman ps` computes. With 400 it
/// does so at 16 MiB, and later at five times what is in use instead of two
/// (<https://pkg.go.dev/runtime#hdr-Environment_Variables>). Other programs do not look at it. What
/// changes something does not get it: it may be handed on to what it starts.
const FOR_READS: (&str, &str) = ("GOGC", "400");

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: ExitStatus,
    /// What it printed, at most the limit.
    pub stdout: Vec<u8>,
    /// What it complained, at most the limit.
    pub stderr: Vec<u8>,
}

/// One program to run.
pub(super) struct Run<'a> {
    pub program: &'a Path,
    /// Without the program.
    pub words: &'a [OsString],
    /// Variables that it runs without.
    pub unset: &'a [String],
    /// Variables that it runs with besides the caller's.
    pub env: &'a [(String, String)],
    /// A file that it can open as `/dev/fd/N`.
    pub env_file: Option<&'a EnvFile>,
    /// Whether it changes nothing, so that it can be killed at any moment.
    pub reads: bool,
    pub deadline: Instant,
    /// The most bytes of each of its two outputs.
    pub output_bytes: usize,
    /// What may as well be done while it works.
    pub meanwhile: &'a dyn Fn(),
}

/// Why a run gave no output.
#[derive(Debug)]
pub(super) enum RunError {
    TimedOut,
    TooMuchOutput,
    Failed(io::Error),
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        RunError::Failed(error)
    }
}

impl From<Errno> for RunError {
    fn from(error: Errno) -> Self {
        RunError::Failed(error.into())
    }
}

/// A file without a name that only one program can read.
#[derive(Debug)]
pub(super) struct EnvFile {
    file: File,
    path: String,
}

impl EnvFile {
    /// A file of `KEY=VALUE` lines.
    pub(super) fn new<'e>(entries: impl Iterator<Item = &'e (String, String)>) -> io::Result<Self> {
        let file = rustix::fs::memfd_create("kst-env", rustix::fs::MemfdFlags::CLOEXEC)?;
        let mut file = File::from(file);
        let mut text = String::new();
        for (key, value) in entries {
            text.extend([key, "=", value, "\n"]);
        }
        file.write_all(text.as_bytes())?;
        let path = format!("/dev/fd/{}", file.as_raw_fd());
        Ok(EnvFile { file, path })
    }

    /// The path under which the program finds it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// A program may leave a daemon behind that keeps the descriptor: then nothing is in it any more.
impl Drop for EnvFile {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}

/// Let the program that `command` starts, and no other, inherit `file`.
pub(super) fn hand_over(command: &mut Command, file: &EnvFile) {
    let fd: RawFd = file.file.as_raw_fd();
    // SAFETY: the closure runs in the child between fork and exec, where it makes one system call
    // and allocates nothing. The descriptor is open then: it was when the child was forked, since
    // the caller holds the file until the program has been started.
    unsafe {
        command.pre_exec(move || {
            let fd = BorrowedFd::borrow_raw(fd);
            rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty()).map_err(io::Error::from)
        });
    }
}

/// Run a program to its end.
///
/// It gets `/` for a directory, no input, and a process group of its own. When it has ended, what is
/// in its pipes is read and that is all: a daemon that it left behind may hold them open for days.
pub(super) fn run(run: &Run<'_>) -> Result<Output, RunError> {
    let mut command = Command::new(run.program);
    command
        .args(run.words)
        .current_dir("/")
        .stdin(if Guard::NoInput.holds() { Stdio::null() } else { Stdio::inherit() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if run.reads && std::env::var_os(FOR_READS.0).is_none() {
        command.env(FOR_READS.0, FOR_READS.1);
    }
    for key in run.unset {
        command.env_remove(key);
    }
    for (key, value) in run.env {
        command.env(key, value);
    }
    if let Some(file) = run.env_file {
        hand_over(&mut command, file);
    }
    let _here = interrupt::Running::begin()?;
    let mut running = Running { child: command.spawn()?, over: false };
    (run.meanwhile)();
    let result = running.watch(run);
    if !running.over {
        running.kill();
    }
    result
}

/// A child that is killed, with its group, if anything goes wrong on the way.
struct Running {
    child: Child,
    over: bool,
}

impl Running {
    fn pid(&self) -> io::Result<Pid> {
        Pid::from_raw(self.child.id().cast_signed())
            .ok_or_else(|| io::Error::other("no process id"))
    }

    fn watch(&mut self, run: &Run<'_>) -> Result<Output, RunError> {
        let handle = rustix::process::pidfd_open(self.pid()?, PidfdFlags::empty())?;
        let woken = interrupt::woken();
        let mut stdout = Pipe::new(self.child.stdout.take().map(OwnedFd::from), run)?;
        let mut stderr = Pipe::new(self.child.stderr.take().map(OwnedFd::from), run)?;
        loop {
            let ended = {
                let mut fds = vec![PollFd::new(&handle, PollFlags::IN)];
                for pipe in [&stdout, &stderr] {
                    if let Some(file) = &pipe.file {
                        fds.push(PollFd::new(file, PollFlags::IN));
                    }
                }
                if let Some(event) = &woken {
                    fds.push(PollFd::new(event, PollFlags::IN));
                }
                wait(&mut fds, run.deadline)?;
                fds.first().is_some_and(|fd| !fd.revents().is_empty())
            };
            let quiet = stdout.file.is_none() && stderr.file.is_none();
            if ended && (quiet || Guard::EndsWithItsProgram.holds()) {
                break;
            }
            if let Some(signal) = interrupt::caught() {
                if !run.reads {
                    self.ask(signal, &handle);
                }
                return Err(interrupt::interrupted().into());
            }
            stdout.read_some()?;
            stderr.read_some()?;
        }
        // It is over for the program. What it printed itself is in the pipes by now.
        let status = self.child.wait()?;
        self.over = true;
        stdout.drain(run.deadline)?;
        stderr.drain(run.deadline)?;
        let exit = match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, Some(signal)) => ExitStatus::Signal(signal),
            (None, None) => return Err(io::Error::other("it ended in an unknown way").into()),
        };
        Ok(Output { exit, stdout: stdout.read, stderr: stderr.read })
    }

    /// Pass a signal on and wait for the end, for a while: what changes something may be about to be
    /// done, and half of it is worse.
    fn ask(&self, signal: Signal, handle: &OwnedFd) {
        let Ok(pid) = self.pid() else { return };
        let _ = rustix::process::kill_process_group(pid, signal);
        let _ = wait(&mut [PollFd::new(handle, PollFlags::IN)], Instant::now() + INTERRUPTED);
    }

    /// Kill the process group and reap the child. A process that the kernel cannot end now (in a
    /// dead network mount) is left behind.
    fn kill(&mut self) {
        let Ok(pid) = self.pid() else { return };
        // The child is not reaped yet, so its number is not anybody else's.
        if Guard::WholeGroup.holds() {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        if let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            && wait(&mut [PollFd::new(&handle, PollFlags::IN)], Instant::now() + REAP).is_ok()
        {
            let _ = self.child.wait();
        }
    }
}

/// Wait until one of `fds` has something, or until the deadline.
fn wait(fds: &mut [PollFd<'_>], deadline: Instant) -> Result<(), RunError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(RunError::TimedOut);
        }
        let timeout = Timespec::try_from(left).ok();
        match poll(fds, timeout.as_ref()) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The reading end of one of the program's outputs.
struct Pipe {
    /// `None` once it is at its end.
    file: Option<File>,
    read: Vec<u8>,
    limit: usize,
}

impl Pipe {
    fn new(fd: Option<OwnedFd>, run: &Run<'_>) -> Result<Self, RunError> {
        if let Some(fd) = &fd {
            rustix::fs::fcntl_setfl(fd.as_fd(), OFlags::NONBLOCK)?;
        }
        Ok(Pipe { file: fd.map(File::from), read: Vec::new(), limit: run.output_bytes })
    }

    /// Read once, if there is something. Returns whether there may be more at once.
    fn read_some(&mut self) -> Result<bool, RunError> {
        let Some(file) = &mut self.file else { return Ok(false) };
        let mut buffer = [0; 16 * 1024];
        match file.read(&mut buffer) {
            Ok(0) => {
                self.file = None;
                Ok(false)
            }
            Ok(length) => {
                let new = buffer.get(..length).unwrap_or_default();
                if self.read.len() + new.len() > self.limit {
                    return Err(RunError::TooMuchOutput);
                }
                self.read.extend_from_slice(new);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Read what is there now. Whoever else holds the pipe may go on writing, so there is an end to
    /// it: the deadline and the limit.
    fn drain(&mut self, deadline: Instant) -> Result<(), RunError> {
        while self.read_some()? {
            if Instant::now() >= deadline {
                return Err(RunError::TimedOut);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
