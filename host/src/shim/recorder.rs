//! The writer of a session's log: from the engine's pipe into a file, to the last byte.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, fallocate,
};

use super::gap::Gap;
use super::reserve::{Reserve, is_full};
use super::times::Times;
use crate::session::ledger::lock_until;

/// How much is copied at once: a pipe's size.
const CHUNK: usize = 64 << 10;

/// How long a log without a byte and without a writer is given to get the one or the other.
const OPENING: Duration = Duration::from_millis(20);

/// `kst record FILE BYTES`: append standard input to a log until it ends. Returns the exit code: 0, or
/// 1 if the log cannot be written.
///
/// The log is kept within so many bytes, in two files: once the first holds half of them, it takes
/// the place of `FILE.1`, and a new one is begun.
///
/// Signals that end other programs do not end it, for the engine sends some while the last output is
/// still on its way. A full disk does not hold the session up: what cannot be written is lost, the log
/// says so at that place, and what comes later is written when there is room again. A log that somebody
/// deletes is begun anew. While it writes it holds a lock, see [`wait_for_writer`].
pub fn record(file: &Path, most: u64) -> i32 {
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
    let mut recorder = Recorder::begin(file, most);
    i32::from(!copy(&mut io::stdin().lock(), &mut recorder))
}

/// The writer of a log, whether or not it can be written at this moment.
struct Recorder {
    path: PathBuf,
    most: u64,
    log: Option<Log>,
    /// What could not be written since it last could.
    gap: Gap,
    /// Room for saying so.
    reserve: Reserve,
}

impl Recorder {
    fn begin(path: &Path, most: u64) -> Self {
        let log = Log::begin(path, most).unwrap_or_else(|error| {
            let _ = writeln!(io::stderr(), "kst: cannot write {}: {error}", path.display());
            None
        });
        let reserve = Reserve::hold(path);
        let path = path.to_owned();
        Recorder { path, most, log, gap: Gap::default(), reserve }
    }

    /// Append some output; returns whether all of it was written.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let log = match find_again(&mut self.log, &self.path, self.most) {
            Ok(log) => log,
            Err(error) => {
                self.gap.add(bytes.len(), &error);
                return false;
            }
        };
        if self.gap.is_open() {
            // With some more besides, or the next words would be missing again.
            let note = self.gap.end();
            if let Err(error) = log.note(&note, bytes.len() + CHUNK) {
                self.gap.add(bytes.len(), &error);
                return false;
            }
            self.gap = Gap::default();
            self.reserve = Reserve::hold(&self.path);
        }
        match log.take(bytes) {
            Ok(()) => true,
            Err(Unwritten { bytes, why }) => {
                self.gap.add(bytes, &why);
                self.reserve.release();
                if log.note(&self.gap.beginning(), 0).is_ok() {
                    self.gap.is_told();
                }
                false
            }
        }
    }
}

/// The log that is written: begun anew where somebody has deleted it, and not the whole run.
fn find_again<'l>(log: &'l mut Option<Log>, path: &Path, most: u64) -> io::Result<&'l mut Log> {
    let there = log.as_mut().and_then(|log| {
        let now = log.file.metadata().ok()?;
        // Another writer may have added to it.
        log.length = now.len();
        Some(now.nlink() > 0)
    });
    if there != Some(true) && definition(path).is_some_and(|file| file.exists()) {
        if let Some(folder) = path.parent() {
            // It may have gone too.
            let _ = DirBuilder::new().mode(0o700).create(folder);
        }
        *log = Log::begin(path, most)?;
    }
    log.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// How much could not be written, and why.
struct Unwritten {
    bytes: usize,
    why: io::Error,
}

/// A log that is being written.
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// How much both its files may hold.
    most: u64,
    /// When what came.
    times: Times,
    /// Whether the last byte ends a line.
    line_ended: bool,
}

impl Log {
    /// Open the log of a run. `None` where the run was removed before this writer came so far: whoever
    /// removes one takes its definition first and its log then, so that one of the two sees the other.
    fn begin(path: &Path, most: u64) -> io::Result<Option<Self>> {
        let was_there = path.exists();
        let log = Log::open(path, most)?;
        if was_there || !is_removed(path) {
            return Ok(Some(log));
        }
        log.times.remove();
        std::fs::remove_file(path)?;
        Ok(None)
    }

    fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = open(path)?;
        let length = file.metadata()?.len();
        let times = Times::begin(path, &file, length);
        Ok(Log { path: path.to_owned(), file, length, most, times, line_ended: true })
    }

    /// Append some output, up to what cannot be written.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Unwritten> {
        while !bytes.is_empty() {
            let room = (self.most / 2).saturating_sub(self.length);
            let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let (now, later) = match bytes.split_at_checked(fits) {
                Some((now, later)) if later.is_empty() => (now, later),
                // Lines stay whole, unless one is longer than that.
                Some((now, _)) => {
                    let end = memchr::memrchr(b'\n', now).map_or(0, |end| end + 1);
                    let end = if end == 0 && self.length == 0 { fits } else { end };
                    bytes.split_at(end)
                }
                None => (bytes, &[][..]),
            };
            self.write(now, later.len())?;
            bytes = later;
            if !bytes.is_empty() && !self.exchange() {
                // As it cannot be put aside, it is begun anew, when it is full.
                let all = self.length.saturating_add(bytes.len() as u64);
                if all > self.most && self.file.set_len(0).is_ok() {
                    self.length = 0;
                    self.times = Times::begin(&self.path, &self.file, 0);
                }
                let room = self.most.saturating_sub(self.length).max(1);
                let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                let (now, later) = bytes.split_at(fits);
                self.write(now, later.len())?;
                bytes = later;
            }
        }
        Ok(())
    }

    /// Write a line of kst's own, whole or not at all as far as the file system tells whether there
    /// is room for it, and for so many bytes more.
    fn note(&mut self, line: &str, more: usize) -> io::Result<()> {
        let line = if self.line_ended { line.to_owned() } else { format!("\n{line}") };
        let room = (line.len() + more) as u64;
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.length, room) {
            Err(error) if is_full(&error.into()) => return Err(error.into()),
            _ => {}
        }
        self.write(line.as_bytes(), 0).map_err(|unwritten| unwritten.why)
    }

    /// Write, as much as there is room for; `later` is what would come then.
    fn write(&mut self, mut bytes: &[u8], later: usize) -> Result<(), Unwritten> {
        let unwritten = |bytes: &[u8], why| Err(Unwritten { bytes: bytes.len() + later, why });
        if !bytes.is_empty() {
            self.times.mark(self.length);
        }
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return unwritten(bytes, io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.length += length as u64;
                    let (written, left) = bytes.split_at(length.min(bytes.len()));
                    self.line_ended = written.ends_with(b"\n");
                    bytes = left;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return unwritten(bytes, error),
            }
        }
        Ok(())
    }

    /// Put the file aside and begin another; returns whether that was done.
    fn exchange(&mut self) -> bool {
        let (older, new) = (beside(&self.path, ".1"), beside(&self.path, ".new"));
        let _ = std::fs::remove_file(&new);
        // Only what is there already takes another's place: its readers always find the one or the other.
        let Ok(file) = open(&new) else { return false };
        let exchanged =
            std::fs::rename(&self.path, &older).and_then(|()| std::fs::rename(&new, &self.path));
        if exchanged.is_err() {
            let _ = std::fs::remove_file(&new);
            return false;
        }
        self.times.put_aside();
        self.file = file;
        self.length = 0;
        self.times = Times::begin(&self.path, &self.file, 0);
        true
    }
}

/// The file beside a log whose name has this at its end.
fn beside(log: &Path, end: &str) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Where the ledger keeps the definition of the run that a log is of.
fn definition(log: &Path) -> Option<PathBuf> {
    let state = log.parent()?.parent()?;
    Some(state.join("specs").join(log.file_stem()?).with_extension("json"))
}

/// Whether the ledger no longer has the definition of the run that a log is of.
fn is_removed(log: &Path) -> bool {
    definition(log).is_some_and(|file| file.parent().is_some_and(Path::is_dir) && !file.exists())
}

/// A log, locked as one that is being written. Several may write, say after a quick restart.
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

/// Put the log of a run aside that its engine writes itself, once it holds half of what it may.
///
/// GNU screen opens its log anew when somebody else has touched the file: it looks at the time of the
/// last change and not at the name, before each write. In the moment between its look and its write
/// that can be missed, so as long as there is no new file the old one is touched again.
pub(super) fn keep_within(log: &Path, most: u64) {
    let older = beside(log, ".1");
    match std::fs::symlink_metadata(log) {
        Ok(meta) if meta.is_file() && meta.len() >= most / 2 => {
            if std::fs::rename(log, &older).is_err() {
                return;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        _ => return,
    }
    let long_ago = Timespec { tv_sec: 1, tv_nsec: 0 };
    let times = Timestamps { last_access: long_ago, last_modification: long_ago };
    let _ = rustix::fs::utimensat(CWD, &older, &times, AtFlags::SYMLINK_NOFOLLOW);
}

/// Copy all; returns whether all of it was written.
fn copy(from: &mut impl Read, recorder: &mut Recorder) -> bool {
    let mut buffer = vec![0; CHUNK];
    let mut complete = true;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return complete,
            Ok(len) => complete &= recorder.take(buffer.get(..len).unwrap_or(&[])),
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn log(most: u64) -> (tempfile::TempDir, Recorder) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let log = Recorder::begin(&folder.path().join("logs/r1.log"), most);
        (folder, log)
    }

    fn read(log: &Recorder, end: &str) -> String {
        fs::read_to_string(beside(&log.path, end)).unwrap_or_default()
    }

    #[test]
    fn a_log_is_kept_within_its_bounds_by_whole_lines() {
        let (_folder, mut log) = log(100);
        for number in 0..1000 {
            assert!(log.take(format!("line {number}\n").as_bytes()));
            let both = read(&log, ".1") + &read(&log, "");
            assert!(both.len() <= 100, "{}", both.len());
            assert!(both.ends_with(&format!("line {number}\n")), "{both}");
            assert!(both.starts_with("line "), "{both}");
            let all: Vec<usize> = both.lines().map(|line| line[5..].parse().unwrap()).collect();
            assert!(all.windows(2).all(|two| two[0] + 1 == two[1]), "{both}");
        }
        // Much at once, and a line without an end.
        assert!(log.take("x".repeat(1234).as_bytes()));
        assert_eq!(read(&log, ".1") + &read(&log, ""), "x".repeat(84));
        let mode = fs::metadata(&log.path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_log_that_cannot_be_put_aside_is_begun_anew() {
        let (_folder, mut log) = log(100);
        // A folder in the way.
        fs::create_dir_all(beside(&log.path, ".1").join("x")).unwrap();
        for number in 0..100 {
            assert!(log.take(format!("line {number}\n").as_bytes()));
            let text = read(&log, "");
            assert!(text.len() <= 100 && text.ends_with(&format!("line {number}\n")), "{text}");
        }
    }

    #[test]
    fn a_deleted_log_is_begun_anew_and_a_removed_run_is_not() {
        let (folder, mut log) = log(100);
        fs::create_dir(folder.path().join("specs")).unwrap();
        fs::write(folder.path().join("specs/r1.json"), "{}").unwrap();
        fs::create_dir(folder.path().join("times")).unwrap();
        assert!(log.take(b"one\n"));
        fs::remove_file(&log.path).unwrap();
        assert!(log.take(b"two\n"));
        assert_eq!(read(&log, ""), "two\n");
        fs::remove_file(folder.path().join("specs/r1.json")).unwrap();
        fs::remove_file(&log.path).unwrap();
        assert!(log.take(b"three\n"));
        assert!(!log.path.exists());
        // Nor by a writer that comes late.
        let mut late = Recorder::begin(&log.path, 100);
        assert!(
            !log.path.exists() && fs::read_dir(folder.path().join("logs")).unwrap().count() == 0
        );
        late.take(b"four\n");
        assert!(!log.path.exists());
        assert!(!folder.path().join("times/r1").exists());
        // One whose definition has given way to the next run's goes on with the log that is there.
        fs::write(&log.path, "one\n").unwrap();
        Recorder::begin(&log.path, 100).take(b"two\n");
        assert_eq!(read(&log, ""), "one\ntwo\n");
        // Nor where the whole folder is gone.
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(log.take("four\n".repeat(100).as_bytes()));
    }

    #[test]
    fn the_log_of_an_engine_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("r1.log");
        keep_within(&log, 10);
        fs::write(&log, "1234").unwrap();
        keep_within(&log, 10);
        assert!(log.exists());
        fs::write(&log, "12345").unwrap();
        keep_within(&log, 10);
        assert!(!log.exists() && beside(&log, ".1").exists());
    }
}
