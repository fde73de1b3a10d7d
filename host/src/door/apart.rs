//! Running a plan apart from the user's terminal, for as long as it takes or until nobody wants it any
//! more: it ends with kst, whatever ends that.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, set_parent_process_death_signal};

use super::call::PlannedCommand;
use super::interrupt;

/// How much is kept of what it prints, in bytes.
const KEPT: usize = 4096;

/// What became of a plan that ran apart.
#[derive(Debug)]
pub(crate) enum Apart {
    /// It ended, having printed this (the beginning of it).
    Ended(ExitStatus, Vec<u8>),
    /// Its time was up.
    TimedOut,
    /// It is not wanted any more.
    Unwanted,
}

impl PlannedCommand {
    /// Run it without input until it ends, at most until `deadline`, and no longer than until
    /// `unwanted` can be read. Nothing of it is left when this returns, and nothing when kst dies.
    pub(crate) fn run_apart(
        &self,
        deadline: Option<Instant>,
        unwanted: BorrowedFd<'_>,
    ) -> io::Result<Apart> {
        let mut command = self.command().map_err(|error| io::Error::other(error.to_string()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        // SAFETY: between fork and exec one system call is made, and nothing allocated.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
        let _here = interrupt::Running::begin()?;
        let mut running = Running(command.spawn()?);
        running.watch(deadline, unwanted)
    }
}

/// A child that does not outlive this.
struct Running(Child);

impl Running {
    fn pid(&self) -> io::Result<Pid> {
        Pid::from_raw(self.0.id().cast_signed()).ok_or_else(|| io::Error::other("no process id"))
    }

    fn watch(&mut self, deadline: Option<Instant>, unwanted: BorrowedFd<'_>) -> io::Result<Apart> {
        let handle = pidfd_open(self.pid()?, PidfdFlags::empty())?;
        let mut stdout = self.0.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        if let Some(pipe) = &stdout {
            rustix::fs::fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        let mut printed = Vec::new();
        loop {
            let left = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return Ok(Apart::TimedOut),
                left => left.and_then(|left| Timespec::try_from(left).ok()),
            };
            let woken = interrupt::woken();
            let mut fds = vec![
                PollFd::new(&handle, PollFlags::IN),
                PollFd::from_borrowed_fd(unwanted, PollFlags::IN),
            ];
            fds.extend(woken.map(|event| PollFd::from_borrowed_fd(event, PollFlags::IN)));
            fds.extend(
                stdout.as_ref().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)),
            );
            match poll(&mut fds, left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
            let (ended, done_with) = (is_ready(0), is_ready(1));
            if interrupt::caught().is_some() {
                return Err(interrupt::interrupted());
            }
            let open = stdout.as_mut().is_some_and(|pipe| read_some(pipe, &mut printed));
            if ended {
                return Ok(Apart::Ended(self.0.wait()?, printed));
            }
            if done_with {
                return Ok(Apart::Unwanted);
            }
            stdout = stdout.filter(|_| open);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Ok(None), Ok(pid)) = (self.0.try_wait(), self.pid()) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Take what is in a pipe. Returns whether more may come.
fn read_some(pipe: &mut File, printed: &mut Vec<u8>) -> bool {
    let mut buffer = [0; KEPT];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) => {
                let room = KEPT.saturating_sub(printed.len()).min(length);
                printed.extend_from_slice(buffer.get(..room).unwrap_or_default());
            }
            Err(error) => {
                return matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                );
            }
        }
    }
}
