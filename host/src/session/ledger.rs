//! The ledger: what kst started on this account, where, and how it ended.
//!
//! It lives in the state folder, which only its owner can enter:
//!
//! | path | holds |
//! | --- | --- |
//! | `ledger.jsonl` | what happened, one [`Event`] a line, appended |
//! | `specs/RUN.json` | the definition that a run was started with, its environment included |
//! | `logs/RUN.log`, `logs/RUN.log.1` | the output of a run, the older part in the second |
//! | `times/RUN`, `times/RUN.1` | when that came |
//! | `locks/` | one file for each name that is being started at this moment |
//! | `told/` | an empty file for each thing that the user need not be told again |
//! | `tickets/` | what a session's shim is to start, gone once the shim has read it |
//!
//! A run is one start of one session; its random id is its name in all of these. Whatever in these
//! files cannot be read or understood counts as not there: then a session is merely not ours.

mod compact;
mod entry;
mod event;
mod file;
mod names;

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::fs::{Access, AtFlags};

use super::SessionConfig;
use crate::private::{self, random_name};
use crate::shim::marks;
use crate::{Error, Result};

pub use entry::{Entry, next_number};
pub use event::Event;
pub use names::NameLock;

pub(crate) use file::{append_to, lock_until};

/// What the ledger said when it was read, and the file as it was then.
pub(crate) struct Ahead {
    file: file::AsRead,
    entries: Vec<Arc<Entry>>,
}

/// The name of the ledger's file in its folder.
const FILE: &str = "ledger.jsonl";

/// How long to wait for others who are writing. They need microseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest definition that is read back, in bytes.
const MAX_SPEC: u64 = 16 << 20;

/// The state folder, open.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    folder: Dir,
    writable: bool,
}

impl Ledger {
    /// Open the state folder for reading and writing, and make what is missing of it.
    ///
    /// # Errors
    /// It cannot be made or written to, or it belongs to somebody else or is open to others.
    pub fn open(state: &Path) -> Result<Self> {
        let folder = private::open_or_create(state)?;
        Ok(Ledger { path: state.to_owned(), folder, writable: true })
    }

    /// Open the state folder for reading alone. `None` where there is none that is ours alone:
    /// then nothing on this machine is known to be ours.
    pub fn open_read(state: &Path) -> Option<Self> {
        let folder = private::open_existing(state).ok()?;
        Some(Ledger { path: state.to_owned(), folder, writable: false })
    }

    /// The ledger's file: what a shim's ticket names.
    pub fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// The folder for tickets and for the pipes that shims report through. It is made if missing.
    ///
    /// # Errors
    /// It cannot be made, or is open to others.
    pub fn tickets(&self) -> Result<PathBuf> {
        self.sub("tickets")?;
        Ok(self.path.join("tickets"))
    }

    /// Every run that the ledger knows, in the order they were started. Costs one read of one file;
    /// an unreadable file is an empty one.
    pub fn load(&self) -> Vec<Arc<Entry>> {
        entry::load(&file::read(&self.folder), &self.path)
    }

    /// Whether it is so long, some hundred runs, that it takes milliseconds to load.
    pub(crate) fn is_long(&self) -> bool {
        file::is_long(&self.folder)
    }

    /// [`Ledger::load`], before it is wanted. `None` where the file cannot be read.
    pub(crate) fn load_ahead(&self) -> Option<Ahead> {
        let (file, text) = file::read_ahead(&self.folder)?;
        Some(Ahead { file, entries: entry::load(&text, &self.path) })
    }

    /// What was loaded ahead, if nothing was written since; `None` otherwise.
    pub(crate) fn unchanged(&self, ahead: Ahead) -> Option<Vec<Arc<Entry>>> {
        file::is_unchanged(&self.folder, &ahead.file).then_some(ahead.entries)
    }

    /// Another one whenever something was written. `None` where nothing ever was.
    pub(crate) fn stamp(&self) -> Option<(u64, i64)> {
        file::stamp(&self.folder)
    }

    /// The runs of one name, in the order they were started: the same as those of [`Ledger::load`],
    /// for less where the ledger is long.
    pub fn load_named(&self, name: &str) -> Vec<Arc<Entry>> {
        entry::load_named(&file::read(&self.folder), &self.path, name)
    }

    /// Write down what happened.
    ///
    /// # Errors
    /// The file cannot be written, somebody else blocks it, or the event is larger than 4 KiB.
    pub fn append(&self, event: &Event) -> Result<()> {
        file::append(&self.folder, event, PATIENCE)
            .map_err(|error| self.failed(&format!("write {FILE} in"), error))
    }

    /// Keep the definition that a run is started with.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save_spec(&self, run: &str, spec: &SessionConfig) -> Result<()> {
        check_run(run)?;
        let text = serde_json::to_vec(spec).map_err(|error| {
            Error::failed(format!("the definition of the session cannot be kept: {error}"))
        })?;
        let specs = self.sub("specs")?;
        private::write_whole(&specs, &format!("{run}.json"), &text, false)
            .map_err(|error| self.failed("write specs in", error))
    }

    /// The definition that a run was started with; `None` if it is lost.
    pub fn spec(&self, run: &str) -> Option<SessionConfig> {
        check_run(run).ok()?;
        let mut text = Vec::new();
        let file = private::open_file(&self.folder, &format!("specs/{run}.json")).ok()?;
        file.take(MAX_SPEC).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Where the output of a run goes. [`Ledger::logs`] makes the folder; the log itself
    /// must be left to its writer to make (see [`crate::shim::wait_for_writer`]).
    pub fn log(&self, run: &str) -> PathBuf {
        log_of(&self.path, run)
    }

    /// The folder of the logs. It is made if missing.
    ///
    /// # Errors
    /// It cannot be made or written to, or is open to others.
    pub fn logs(&self) -> Result<PathBuf> {
        let logs = self.sub("logs")?;
        can_write(&logs).map_err(|error| self.failed("write logs in", error))?;
        // Without it the times are not known, and that is all.
        let _ = self.sub("times");
        Ok(self.path.join("logs"))
    }

    /// Why no output can be kept at this moment, if so.
    pub(crate) fn why_no_logs(&self) -> Option<io::Error> {
        let logs = self.folder.open_dir("logs").ok()?;
        can_write(&logs).and_then(|()| has_room(&logs)).err()
    }

    /// Open the log of a run for reading; or `older`, what was kept of it before that was begun.
    ///
    /// # Errors
    /// There is none, or it is not a regular file.
    pub fn open_log(&self, run: &str, older: bool) -> io::Result<std::fs::File> {
        check_run(run)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let older = if older { ".1" } else { "" };
        private::open_file(&self.folder, &format!("logs/{run}.log{older}"))
    }

    /// Open what was noted of the times of a run's output; or `older`, as [`Ledger::open_log`].
    pub(crate) fn open_times(&self, run: &str, older: bool) -> io::Result<std::fs::File> {
        let older = if older { ".1" } else { "" };
        private::open_file(&self.folder, &format!("times/{run}{older}"))
    }

    /// Whether there is a log of a run that was made.
    pub(crate) fn has_log(&self, run: &str) -> bool {
        self.open_log(run, false).is_ok() || self.open_log(run, true).is_ok()
    }

    /// Keep the output of a run that its engine is about to forget.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn save_log(&self, run: &str, text: &[u8]) -> Result<()> {
        check_run(run)?;
        let logs = self.sub("logs")?;
        private::write_whole(&logs, &format!("{run}.log"), text, false)
            .map_err(|error| self.failed("write logs in", error))
    }

    /// Note when that output came. Without it the times are not known, and that is all.
    pub(crate) fn save_times(&self, run: &str, places: &[(u64, i64)]) {
        let Ok(log) = self.open_log(run, false).and_then(|log| log.metadata()) else { return };
        if !places.is_empty()
            && let Ok(times) = self.sub("times")
        {
            let _ = private::write_whole(&times, run, &marks(log.ino(), places), false);
        }
    }

    /// The state folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Have a name of a backend to oneself, as long as the returned lock lives: of many starts of one
    /// name, one goes first.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if another start of that name takes longer than `patience`; or the lock cannot be made.
    pub fn lock_name(&self, backend: &str, name: &str, patience: Duration) -> Result<NameLock> {
        names::lock(self.sub("locks")?, backend, name, patience)
    }

    /// Whether a name of a backend is being started now, by whatever process: what runs under it may
    /// be that start's, which has not yet been written down.
    pub(crate) fn is_being_started(&self, backend: &str, name: &str) -> bool {
        names::is_locked(&self.path.join("locks"), backend, name)
    }

    /// Forget a run: its definition, its log, and what the ledger says of it.
    ///
    /// # Errors
    /// The ledger cannot be written. A file of the run that is gone already is none.
    pub fn remove_run(&self, run: &str) -> Result<()> {
        check_run(run)?;
        self.append(&Event::Removed { run: run.to_owned() })?;
        // Without it the writer of a log begins no new one.
        self.remove_spec(run)?;
        for end in ["", ".1", ".new"] {
            self.remove(&format!("logs/{run}.log{end}"))?;
        }
        for end in ["", ".1"] {
            self.remove(&format!("times/{run}{end}"))?;
        }
        // It only saves time and space; the next removal tries again.
        let _ = compact::compact_if_worthwhile(&self.folder);
        Ok(())
    }

    /// Whether this topic was never brought up before; from now on it was. A topic is short plain text.
    pub(crate) fn first_time(&self, topic: &str) -> bool {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = topic.chars().map(plain).take(100).collect();
        // What cannot be kept is said again.
        self.sub("told").map_or(true, |told| {
            let mut new = cap_std::fs::OpenOptions::new();
            new.write(true).create_new(true);
            match told.open_with(&name, &new) {
                Err(error) => error.kind() != io::ErrorKind::AlreadyExists,
                Ok(_) => true,
            }
        })
    }

    /// Forget the definition of a run alone: another took its place, and its log is kept.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_spec(&self, run: &str) -> Result<()> {
        check_run(run)?;
        self.remove(&format!("specs/{run}.json"))
    }

    fn remove(&self, file: &str) -> Result<()> {
        match self.folder.remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed(&format!("remove {file} from"), error))
            }
            _ => Ok(()),
        }
    }

    /// A folder in the state folder, made if missing.
    fn sub(&self, name: &str) -> Result<Dir> {
        if !self.writable {
            return Err(Error::failed(format!(
                "{} was opened for reading alone",
                self.path.display()
            )));
        }
        private::sub(&self.folder, name)
            .map_err(|error| self.failed(&format!("use {name} in"), error))
    }

    fn failed(&self, doing: &str, error: io::Error) -> Error {
        let what = format!("cannot {doing} the state folder {}", self.path.display());
        cannot_keep(&what, &error)
    }
}

/// Whether kst was asked to stop a run, by the ledger's file `path`: for the shim.
pub(crate) fn is_stopping(path: &Path, run: &str) -> bool {
    file::folder_of(path).is_ok_and(|folder| entry::is_stopping(&file::read(&folder), run))
}

/// Take dead lines out of the ledger's file `path`, if there are many: for the shim, whose program may
/// be started again without end.
pub(crate) fn compact_at(path: &Path) {
    if let Ok(folder) = file::folder_of(path) {
        let _ = compact::compact_if_worthwhile(&folder);
    }
}

/// Why nothing can be kept, and what to do about that. `what` is the beginning of the sentence.
pub(crate) fn cannot_keep(what: &str, error: &io::Error) -> Error {
    use io::ErrorKind;
    let (why, advice) = match error.kind() {
        ErrorKind::IsADirectory => {
            ("it is a folder, where a file belongs".to_owned(), "move the folder away")
        }
        ErrorKind::NotADirectory => {
            ("it is a file, where a folder belongs".to_owned(), "move the file away")
        }
        ErrorKind::InvalidData => (error.to_string(), "move it away"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (error.to_string(), "free some space, or choose another folder with XDG_STATE_HOME")
        }
        _ => (error.to_string(), "see to it, or choose another folder with XDG_STATE_HOME"),
    };
    Error::Failed { what: format!("{what}: {why}"), advice: Some(advice.to_owned()) }
}

/// A new random id of a run: 32 hexadecimal digits.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_run() -> Result<String> {
    random_name().map_err(|error| Error::failed(format!("no random numbers: {error}")))
}

/// Whether files can be made in a folder: not on a file system that is read-only.
fn can_write(folder: &Dir) -> io::Result<()> {
    let access = Access::WRITE_OK | Access::EXEC_OK;
    Ok(rustix::fs::accessat(folder, ".", access, AtFlags::EACCESS)?)
}

/// Whether the file system of a folder has room for anything.
fn has_room(folder: &Dir) -> io::Result<()> {
    let system = rustix::fs::fstatvfs(folder)?;
    // What is kept back is root's.
    let free = if rustix::process::geteuid().is_root() { system.f_bfree } else { system.f_bavail };
    match free {
        // A file system that counts no blocks does not tell.
        0 if system.f_blocks > 0 => Err(rustix::io::Errno::NOSPC.into()),
        _ => Ok(()),
    }
}

/// The log of a run in the state folder `state`.
fn log_of(state: &Path, run: &str) -> PathBuf {
    // One for each run of a long ledger: no more copies than need be.
    let mut log = PathBuf::with_capacity(state.as_os_str().len() + run.len() + "/logs/.log".len());
    log.push(state);
    log.push("logs");
    log.push(run);
    log.as_mut_os_string().push(".log");
    log
}

/// Whether `run` may be part of a file's name.
fn usable_run(run: &str) -> bool {
    (1..=64).contains(&run.len())
        && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn check_run(run: &str) -> Result<()> {
    if usable_run(run) {
        return Ok(());
    }
    let shown = crate::text::escape_controls(run);
    Err(Error::invalid(format!(
        "'{shown}' is no id of a run: letters, digits, '_' and '-', at most 64"
    )))
}

#[cfg(test)]
mod tests;
