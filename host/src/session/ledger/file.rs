//! The ledger's file: appended to by many processes at once, read without waiting for any.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{Event, FILE};
use crate::private;

/// The largest line, its end included. A ledger of short lines loads fast.
const MAX_LINE: usize = 4096;

/// The largest file that is read. Compaction keeps it far below.
const MAX_FILE: u64 = 64 << 20;

/// From so many bytes on it is long.
const LONG: i64 = 32 << 10;

/// All of the file; empty if it cannot be read.
pub(super) fn read(folder: &Dir) -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(file) = private::open_file(folder, FILE) {
        text.reserve(file.metadata().map_or(0, |file| file.len().min(MAX_FILE) as usize + 1));
        let _ = file.take(MAX_FILE).read_to_end(&mut text);
    }
    text
}

/// A file that was read, held open: while it is, no other file can have its number.
pub(super) struct AsRead {
    _file: File,
    meta: Metadata,
}

/// Whether reading and understanding it takes a while.
pub(super) fn is_long(folder: &Dir) -> bool {
    rustix::fs::statat(folder, FILE, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|now| now.st_size >= LONG)
}

/// All of the file, and which state of it that was.
pub(super) fn read_ahead(folder: &Dir) -> Option<(AsRead, Vec<u8>)> {
    let mut file = private::open_file(folder, FILE).ok()?;
    let meta = file.metadata().ok()?;
    if meta.len() > MAX_FILE {
        return None;
    }
    let mut text = Vec::with_capacity(meta.len() as usize);
    (&mut file).take(meta.len()).read_to_end(&mut text).ok()?;
    Some((AsRead { _file: file, meta }, text))
}

/// Whether the file is what was read: it is only ever appended to, or another put in its place.
pub(super) fn is_unchanged(folder: &Dir, read: &AsRead) -> bool {
    rustix::fs::statat(folder, FILE, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|now| {
        is_file(&now, &read.meta) && u64::try_from(now.st_size) == Ok(read.meta.len())
    })
}

/// Which file it is, and how long.
pub(super) fn stamp(folder: &Dir) -> Option<(u64, i64)> {
    let now = rustix::fs::statat(folder, FILE, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some((now.st_ino, now.st_size))
}

/// Append an event, after waiting at most `patience` for others.
pub(super) fn append(folder: &Dir, event: &Event, patience: Duration) -> io::Result<()> {
    let mut line = Vec::with_capacity(256);
    // A line of its own even where the last writer was cut short: nothing but a finished
    // line may be lost to that.
    line.push(b'\n');
    serde_json::to_writer(&mut line, &event.line())?;
    line.push(b'\n');
    if line.len() > MAX_LINE + 1 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the event would be {} bytes; a line has at most {MAX_LINE}", line.len() - 1),
        ));
    }
    let (mut file, len) = lock(folder, patience)?;
    let clean = len == 0 || {
        let mut last = [0];
        file.read_exact_at(&mut last, len - 1)?;
        last == *b"\n"
    };
    file.write_all(line.get(usize::from(clean)..).unwrap_or_default())
}

/// Append an event to the ledger's file `path`, for the shim, which has no [`super::Ledger`].
pub(crate) fn append_to(path: &Path, event: &Event, patience: Duration) -> io::Result<()> {
    append(&folder_of(path)?, event, patience)
}

/// The folder of the ledger's file `path`, for the shim.
pub(super) fn folder_of(path: &Path) -> io::Result<Dir> {
    let state = path.parent().ok_or(io::ErrorKind::NotFound)?;
    private::open_existing(state).map_err(|error| io::Error::other(error.to_string()))
}

/// The file, open for appending and locked for this process alone, and its length.
pub(super) fn lock(folder: &Dir, patience: Duration) -> io::Result<(File, u64)> {
    let deadline = Instant::now() + patience;
    loop {
        let flags =
            OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(folder, FILE, flags, Mode::from_raw_mode(0o600))?);
        if !lock_until(&file, FlockOperation::NonBlockingLockExclusive, deadline)? {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another process has it locked"));
        }
        // Compaction may have put a new file in its place while this one was waited for.
        let meta = file.metadata()?;
        if same_file(folder, FILE, &meta) {
            return Ok((file, meta.len()));
        }
    }
}

/// Whether `name` in `folder` is still the file that `meta` tells of.
pub(super) fn same_file(folder: &Dir, name: &str, meta: &Metadata) -> bool {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|now| is_file(&now, meta))
}

fn is_file(now: &Stat, meta: &Metadata) -> bool {
    now.st_ino == meta.ino() && now.st_dev == meta.dev()
}

/// Lock a file; `false` if others kept it until `deadline`. `operation` must be a non-blocking one.
pub(crate) fn lock_until(
    file: &File,
    operation: FlockOperation,
    deadline: Instant,
) -> io::Result<bool> {
    let mut pause = Duration::from_micros(100);
    loop {
        match rustix::fs::flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => continue,
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
