//! The writer of a session's log: from the engine's pipe into a file, to the last byte.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};

use crate::session::ledger::lock_until;

/// How much is copied at once: a pipe's size.
const CHUNK: usize = 64 << 10;

/// How long a log without a byte and without a writer is given to get the one or the other.
const OPENING: Duration = Duration::from_millis(20);

/// `kst record FILE`: append standard input to a log until it ends. Returns the exit code: 0, or 1
/// if the log cannot be written.
///
/// Signals that end other programs do not end it, for the engine sends some while the last output is
/// still on its way. A full disk does not hold the session up: what cannot be written is lost, and
/// what comes later is tried again. While it writes it holds a lock, see [`wait_for_writer`].
pub fn record(file: &Path) -> i32 {
    let mut blocked = SigSet::empty();
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGTSTP,
        Signal::SIGTTIN,
        Signal::SIGTTOU,
    ] {
        blocked.add(signal);
    }
    let _ = blocked.thread_block();
    let log = open(file).map_err(|error| {
        let _ = writeln!(io::stderr(), "kst: cannot write {}: {error}", file.display());
    });
    i32::from(!copy(&mut io::stdin().lock(), log.ok().as_mut()))
}

/// The log, locked as one that is being written. Several may write, say after a quick restart.
fn open(file: &Path) -> io::Result<File> {
    let flags =
        OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let log = File::from(rustix::fs::openat(CWD, file, flags, Mode::from_raw_mode(0o600))?);
    // A reader who is looking whether there is a writer has it for a moment.
    lock_until(
        &log,
        FlockOperation::NonBlockingLockShared,
        Instant::now() + Duration::from_secs(1),
    )?;
    Ok(log)
}

/// Copy all; returns whether all of it was written. Without a log it only empties the pipe.
fn copy(from: &mut impl Read, mut log: Option<&mut File>) -> bool {
    let mut buffer = vec![0; CHUNK];
    let mut complete = log.is_some();
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return complete,
            Ok(len) => {
                let written =
                    log.as_mut().map(|log| log.write_all(buffer.get(..len).unwrap_or(&[])));
                complete &= matches!(written, Some(Ok(())));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Wait until nobody writes `log` any more, at most `patience`; returns whether that came to be.
///
/// After the end of a session its log may lack the last output for some tenths of a second. A log
/// that is not there is one whose writer has yet to open it, so nobody but the writer should make it.
pub fn wait_for_writer(log: &Path, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut first = true;
    loop {
        if let Ok(file) = rustix::fs::openat(CWD, log, flags, Mode::empty()) {
            let file = File::from(file);
            let free = lock_until(&file, FlockOperation::NonBlockingLockExclusive, deadline);
            if !matches!(free, Ok(true)) {
                return false;
            }
            // Between making it and locking it the writer has written nothing.
            if !first || file.metadata().is_ok_and(|log| log.len() > 0) {
                return true;
            }
            first = false;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(OPENING.min(left));
    }
}
