//! What a plan prints, read as it comes: for as long as its program runs.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, set_parent_process_death_signal};

use super::interrupt;

/// How much is read at once: a pipe's size.
const CHUNK: usize = 64 << 10;

/// A program whose outputs, as one in the order it writes them, are read while it runs. It ends, with its process group, when this is
/// dropped or this process is asked to end.
pub(crate) struct Stream {
    /// `None` once it is at its end.
    pipe: Option<File>,
    /// Its input, to which nothing is written.
    _input: Option<OwnedFd>,
    /// Readable once the program has ended.
    ended: OwnedFd,
    stop: Arc<OwnedFd>,
    keeper: Option<JoinHandle<io::Result<ExitStatus>>>,
    buffer: Vec<u8>,
}

/// What came of waiting for a program.
pub(crate) enum Came<'a> {
    /// It printed this.
    Output(&'a [u8]),
    /// What was waited for besides has something.
    Woken,
    /// The time was up.
    Nothing,
    /// It ended, and this is all that it printed.
    End(ExitStatus),
}

impl Stream {
    /// Start a program: no input, a process group of its own.
    pub(crate) fn start(command: Command) -> io::Result<Self> {
        Self::start_with(command, Stdio::null(), None)
    }

    /// The same of one that would take the end of its input for its own: nothing comes, and no end.
    pub(crate) fn start_listening(command: Command) -> io::Result<Self> {
        let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
        Self::start_with(command, theirs.into(), Some(ours))
    }

    fn start_with(mut command: Command, stdin: Stdio, input: Option<OwnedFd>) -> io::Result<Self> {
        let (pipe, end) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        command.stdin(stdin).stdout(end.try_clone()?).stderr(end);
        command.process_group(0);
        // SAFETY: between fork and exec only a system call is made, which is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)
            });
        }
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (sender, started) = channel();
        let stopped = Arc::clone(&stop);
        // The kernel ends the program with the thread that started it, so that one stays.
        let keeper = thread::spawn(move || keep(command, &stopped, &sender));
        let Ok(ended) = started.recv() else {
            return match keeper.join() {
                Ok(Err(error)) => Err(error),
                _ => Err(io::Error::other("it could not be started")),
            };
        };
        Ok(Stream {
            pipe: Some(File::from(pipe)),
            _input: input,
            ended,
            stop,
            keeper: Some(keeper),
            buffer: vec![0; CHUNK],
        })
    }

    /// Wait until it prints something or ends, or `besides` can be read, or for so long.
    pub(crate) fn next(
        &mut self,
        besides: impl AsFd,
        at_most: Option<Duration>,
    ) -> io::Result<Came<'_>> {
        loop {
            let timeout = at_most.and_then(|time| Timespec::try_from(time).ok());
            let mut fds = vec![
                PollFd::new(&self.ended, PollFlags::IN),
                PollFd::from_borrowed_fd(besides.as_fd(), PollFlags::IN),
            ];
            if let Some(pipe) = &self.pipe {
                fds.push(PollFd::new(pipe, PollFlags::IN));
            }
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Ok(Came::Nothing),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut has = fds.iter().map(|fd| !fd.revents().is_empty());
            let (over, woken) = (has.next() == Some(true), has.next() == Some(true));
            if woken {
                return Ok(Came::Woken);
            }
            if let Some(pipe) = &mut self.pipe {
                match pipe.read(&mut self.buffer) {
                    Ok(0) => self.pipe = None,
                    Ok(len) => {
                        return Ok(Came::Output(self.buffer.get(..len).unwrap_or_default()));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
            }
            // What it printed itself has been read by now; whoever else holds its pipe does not count.
            if over && let Some(keeper) = self.keeper.take() {
                let status =
                    keeper.join().map_err(|_| io::Error::other("its end was not seen"))??;
                return Ok(Came::End(status));
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

/// Start a program, and stay until it has ended. It is killed, with its group, once `stop` can be read
/// or a signal asks this process to end.
fn keep(mut command: Command, stop: &OwnedFd, started: &Sender<OwnedFd>) -> io::Result<ExitStatus> {
    let _here = interrupt::Running::begin()?;
    let mut child = command.spawn()?;
    // With it goes this side's hold on the end that is written to.
    drop(command);
    let pid = Pid::from_child(&child);
    let opened = rustix::process::pidfd_open(pid, PidfdFlags::empty());
    let copied = opened.map_err(io::Error::from).and_then(|one| Ok((one.try_clone()?, one)));
    let (copy, handle) = match copied {
        Ok(both) => both,
        Err(error) => {
            kill(pid);
            child.wait()?;
            return Err(error);
        }
    };
    let _ = started.send(copy);
    let woken = interrupt::woken();
    loop {
        let mut fds = vec![PollFd::new(&handle, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        if let Some(event) = &woken {
            fds.push(PollFd::new(event, PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break kill(pid),
        }
        match fds.as_slice() {
            [ended, rest @ ..] if ended.revents().is_empty() => {
                if rest.iter().any(|fd| !fd.revents().is_empty()) {
                    break kill(pid);
                }
            }
            _ => break,
        }
    }
    child.wait()
}

/// End a process that is not reaped yet, and its group.
fn kill(pid: Pid) {
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}
