//! Names that are being started.

use std::fmt::Write;
use std::fs::File;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::file::{lock_until, same_file};
use crate::{Error, Result};

/// A name of a backend, had by this process alone as long as this lives, also against other
/// threads of it. It ends with the process, however that ends.
#[derive(Debug)]
pub struct NameLock {
    folder: Dir,
    file_name: String,
    _file: File,
}

/// Take the lock of a name in `folder`.
pub(super) fn lock(folder: Dir, backend: &str, name: &str, patience: Duration) -> Result<NameLock> {
    let deadline = Instant::now() + patience;
    let file_name = file_name(backend, name);
    let failed = |error: std::io::Error| {
        Error::failed(format!("the name '{}' cannot be locked: {error}", shown(name)))
    };
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, &*file_name, flags, Mode::from_raw_mode(0o600))
            .map_err(|error| failed(error.into()))?;
        let file = File::from(file);
        if !lock_until(&file, FlockOperation::NonBlockingLockExclusive, deadline).map_err(failed)? {
            return Err(Error::TimedOut {
                what: format!(
                    "another start of '{}' has not finished within {:.1} s",
                    shown(name),
                    patience.as_secs_f64()
                ),
                advice: Some("look with 'kst list' what became of it, then try again".into()),
            });
        }
        // Whoever had it before has removed the file; then this one is nobody's lock any more.
        if same_file(&folder, &file_name, &file.metadata().map_err(failed)?) {
            return Ok(NameLock { folder, file_name, _file: file });
        }
    }
}

/// Whether somebody has the lock of a name in `folder` now.
pub(super) fn is_locked(folder: &std::path::Path, backend: &str, name: &str) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let path = folder.join(file_name(backend, name));
    let Ok(file) = rustix::fs::open(&path, flags, Mode::empty()) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

impl Drop for NameLock {
    /// The file goes before the lock does, so that the folder does not fill up.
    fn drop(&mut self) {
        let _ = self.folder.remove_file(&self.file_name);
    }
}

/// The lock's file: another one for every other pair, and a plain file name whatever the two hold.
fn file_name(backend: &str, name: &str) -> String {
    let mut file_name = String::new();
    for (part, between) in [(backend, "-"), (name, "")] {
        for byte in part.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => file_name.push(byte.into()),
                _ => {
                    let _ = write!(file_name, "%{byte:02x}");
                }
            }
        }
        file_name.push_str(between);
    }
    // Longer ones are no valid names, but two of them must still be two.
    if file_name.len() > 200 {
        let digest = Sha256::digest(&file_name);
        file_name = "%long-".into();
        for byte in digest {
            let _ = write!(file_name, "{byte:02x}");
        }
    }
    file_name
}

fn shown(name: &str) -> String {
    crate::text::escape_controls(name)
}
