//! Room that is held back for when the disk is full: for the end of a session, and for saying that
//! output is missing.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FallocateFlags, Mode, OFlags, fallocate};
use rustix::io::Errno;

use super::PATIENCE;
use crate::session::ledger::{Event, append_to};

/// What is held back: a block for the line, and one more for what the file system needs besides.
const SIZE: u64 = 8192;

/// How long a full disk is given to have room again.
const FULL: Duration = Duration::from_secs(20);
/// The pause between two attempts.
const STEP: Duration = Duration::from_millis(100);

/// Some room on a file system: a file without a name, which goes with this process. Where none is to
/// be had, what it is for is written without.
#[derive(Debug)]
pub(super) struct Reserve(Option<File>);

impl Reserve {
    /// Hold some room back where this file is.
    pub(super) fn hold(beside: &Path) -> Self {
        let file = beside.parent().and_then(|folder| {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            let file = rustix::fs::openat(CWD, folder, flags, Mode::RUSR | Mode::WUSR).ok()?;
            fallocate(&file, FallocateFlags::empty(), 0, SIZE).ok()?;
            Some(File::from(file))
        });
        Reserve(file)
    }

    /// Give the room to whoever is first. Returns whether there was any.
    pub(super) fn release(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Write an event into the ledger. Where the disk is full, the reserve makes room for it, and
    /// where others take that, it is tried again for a while. An end that is not written counts as
    /// unknown.
    pub(super) fn write(mut self, ledger: &Path, event: &Event) {
        let deadline = Instant::now() + FULL;
        while append_to(ledger, event, PATIENCE).is_err_and(|error| is_full(&error))
            && Instant::now() < deadline
        {
            // The first time there is room right after.
            if !self.release() {
                thread::sleep(STEP);
            }
        }
    }
}

/// Whether an error tells that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}
