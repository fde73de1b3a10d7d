//! The files of the audit log: appended to by many processes at once, of a bounded size.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, statat};

use super::record::SERIES;
use crate::private;

/// How large a file of a series may be, in bytes, before it becomes the old one.
pub(super) fn largest(series: &str) -> u64 {
    if series == SERIES[0] { 8 << 20 } else { 4 << 20 }
}

/// The file of a series, to append a line to. It is a new one where the old one is full.
pub(super) fn open_to_append(folder: &Dir, series: &str) -> io::Result<File> {
    let name = format!("{series}.jsonl");
    let (file, length) = open(folder, &name)?;
    if length <= largest(series) {
        return Ok(file);
    }
    rotate(folder, series, &file)?;
    Ok(open(folder, &name)?.0)
}

/// Append a line: in one write, so that those of several processes do not mix.
pub(super) fn append(mut file: &File, line: &[u8]) -> io::Result<()> {
    file.write_all(line)
}

/// A file to append to, and its length.
fn open(folder: &Dir, name: &str) -> io::Result<(File, u64)> {
    // NONBLOCK: opening a pipe that somebody put here must not wait for its reader.
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o600))?);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((file, found.len()))
}

/// Make `file` the old one of its series, unless somebody else has done so or is about to.
fn rotate(folder: &Dir, series: &str, file: &File) -> io::Result<()> {
    let name = format!("{series}.jsonl");
    if flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    let own = file.metadata()?;
    let now = statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
    if (now.st_dev, now.st_ino) == (own.dev(), own.ino()) {
        folder.rename(&name, folder, format!("{series}.1.jsonl"))?;
    }
    Ok(())
}

/// Both files of a series in the state folder, the old one first; empty where there is none.
pub(super) fn read(state: &Dir, series: &str) -> Vec<u8> {
    let mut text = Vec::new();
    for name in [format!("audit/{series}.1.jsonl"), format!("audit/{series}.jsonl")] {
        if let Ok(file) = private::open_file(state, &name) {
            let _ = file.take(2 * largest(series)).read_to_end(&mut text);
            // A writer that was cut short must not spoil the next line.
            text.push(b'\n');
        }
    }
    text
}
