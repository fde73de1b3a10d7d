//! The audit log: every program that backends had run, and what they asked for in vain.
//!
//! It lies in the state folder, JSON lines of [`Record`] in two series, so that a machine that lists
//! its sessions every second keeps what changed them:
//!
//! | file | holds | largest |
//! | --- | --- | --- |
//! | `audit/changes.jsonl` | changes, plans and refusals | 8 MiB, and as much in `changes.1.jsonl` |
//! | `audit/reads.jsonl` | what only read | 4 MiB, and as much in `reads.1.jsonl` |
//!
//! A change is written down before it is made, and again with how it ended; what only read, while the
//! next program runs, or when the operation is over. Values of environment
//! variables are never part of a command, and so never in here. Where nothing can be written (a full
//! disk, a folder that is read-only), nothing is, and the work goes on.

mod file;
mod observer;
mod record;

pub(crate) use observer::{About, Audited};
pub use record::{Record, What};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use cap_std::fs::Dir;

use crate::private;

/// The audit log of a user.
#[derive(Debug, Default)]
pub struct Audit {
    state: Option<PathBuf>,
    folder: OnceLock<Option<Dir>>,
    /// Files that are kept open, each for the end of one run, with their series.
    ready: Mutex<Vec<(&'static str, File)>>,
}

impl Audit {
    /// The log in this state folder, which need not exist. With `None` nothing is kept.
    pub fn new(state: Option<&Path>) -> Self {
        Audit { state: state.map(Path::to_owned), ..Audit::default() }
    }

    /// Open the folder, which the first record needs: it may as well be done while a program runs.
    fn prepare(&self) {
        self.folder();
    }

    /// Write a record down and keep its file open for one that follows soon.
    fn add_and_keep(&self, record: &Record) {
        if let Some(file) = self.write(record) {
            self.ready().push((record.series(), file));
        }
    }

    /// Write a record down, if that is possible.
    pub(crate) fn add(&self, record: &Record) {
        self.write(record);
    }

    fn write(&self, record: &Record) -> Option<File> {
        let series = record.series();
        let ready = {
            let mut ready = self.ready();
            ready.iter().position(|(of, _)| *of == series).map(|at| ready.swap_remove(at).1)
        };
        let file = match ready {
            Some(file) => file,
            None => file::open_to_append(self.folder()?, series).ok()?,
        };
        file::append(&file, &record.line()).ok()?;
        Some(file)
    }

    fn folder(&self) -> Option<&Dir> {
        let open = || {
            let state = private::open_or_create(self.state.as_deref()?).ok()?;
            private::sub(&state, "audit").ok()
        };
        self.folder.get_or_init(open).as_ref()
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, Vec<(&'static str, File)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is kept, the oldest first. A change that has ended is there once. Lines that are
    /// damaged, or from another version, are left out.
    pub fn read(&self) -> Vec<Record> {
        let folder = self.state.as_deref().and_then(|state| private::open_existing(state).ok());
        let Some(folder) = folder else { return Vec::new() };
        let mut text = Vec::new();
        for series in record::SERIES {
            text.extend(file::read(&folder, series));
        }
        record::in_order(&text)
    }
}

#[cfg(test)]
mod tests;
