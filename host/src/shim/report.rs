//! What a shim tells, through a named pipe, to the kst that is starting its session.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags};

/// The largest report. It fits into a pipe at once, so that it never arrives in parts.
const MAX: usize = 4000;

/// How a start went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The program runs; the ledger knows it, too.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// It could not be started.
    Failed {
        /// A sentence: why.
        what: String,
        /// 127 where there is no such program, 126 where it cannot be run.
        code: i32,
    },
}

impl Report {
    fn to_line(&self) -> String {
        match self {
            Report::Started { pid } => format!("started {pid}\n"),
            Report::Failed { what, code } => {
                let mut what = what.replace('\n', " ");
                while what.len() > MAX - 32 {
                    what.pop();
                }
                format!("failed {code} {what}\n")
            }
        }
    }

    fn from_line(line: &str) -> Option<Self> {
        let line = line.strip_suffix('\n')?;
        if let Some(pid) = line.strip_prefix("started ") {
            return Some(Report::Started { pid: pid.parse().ok()? });
        }
        let (code, what) = line.strip_prefix("failed ")?.split_once(' ')?;
        Some(Report::Failed { what: what.to_owned(), code: code.parse().ok()? })
    }
}

/// Where a report arrives. The pipe is made and open before the shim starts, so none is missed; it is
/// removed with this.
#[derive(Debug)]
pub struct Inbox {
    path: PathBuf,
    pipe: File,
}

impl Inbox {
    /// Make the pipe in `folder` under a name of its own.
    ///
    /// # Errors
    /// It cannot be made there.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("report-{}", crate::private::random_name()?));
        rustix::fs::mkfifoat(CWD, &path, Mode::from_raw_mode(0o600))?;
        match open(&path, OFlags::RDONLY) {
            Ok(pipe) => Ok(Inbox { path, pipe }),
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// The pipe's path, for the ticket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Wait for the report until `deadline`. It may be called again after a time-out.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`]: none came. [`io::ErrorKind::UnexpectedEof`]: the shim died before
    /// it reported. [`io::ErrorKind::InvalidData`]: it is not a report.
    pub fn wait(&mut self, deadline: Instant) -> io::Result<Report> {
        receive(&mut self.pipe, deadline)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Wait for the report in a pipe that somebody else made; [`Inbox`] misses none, this one those
/// that were sent before it was called.
///
/// # Errors
/// As [`Inbox::wait`], or the pipe cannot be opened.
pub fn wait(fifo: &Path, deadline: Instant) -> io::Result<Report> {
    receive(&mut open(fifo, OFlags::RDONLY)?, deadline)
}

/// Send a report, if anybody is listening.
pub(super) fn send(fifo: &Path, report: &Report) {
    if let Ok(mut pipe) = open(fifo, OFlags::WRONLY) {
        let _ = pipe.write_all(report.to_line().as_bytes());
    }
}

/// Open a pipe without waiting for its other end.
fn open(path: &Path, how: OFlags) -> io::Result<File> {
    use std::os::unix::fs::FileTypeExt;
    let flags = how | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let pipe = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
    if !pipe.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a pipe"));
    }
    Ok(pipe)
}

fn receive(pipe: &mut File, deadline: Instant) -> io::Result<Report> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&*pipe, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut text = [0; MAX + 96];
        match pipe.read(&mut text) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => {
                let line = text.get(..len).and_then(|line| std::str::from_utf8(line).ok());
                return line
                    .and_then(Report::from_line)
                    .ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
