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
//! A change is written down before it is made. How a run ended is written down while the next program
//! runs, while the operation waits for something, or when it is over. Values of environment variables
//! are never part of a command, and so never in here. Where nothing can be written (a full
//! disk, a folder that is read-only), nothing is, and the work goes on.

mod file;
mod observer;
mod record;

pub(crate) use observer::{About, Audited};
pub use record::{Record, What};

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cap_std::fs::Dir;

use crate::private;

/// The audit log of a user.
#[derive(Debug, Default)]
pub struct Audit {
    state: Option<PathBuf>,
    folder: OnceLock<Option<Dir>>,
}

impl Audit {
    /// The log in this state folder, which need not exist. With `None` nothing is kept.
    pub fn new(state: Option<&Path>) -> Self {
        Audit { state: state.map(Path::to_owned), ..Audit::default() }
    }

    /// Write a record down, if that is possible.
    pub(crate) fn add(&self, record: &Record) {
        if let Some(file) = self.open(record.series()) {
            append(&file, record);
        }
    }

    /// The file of a series, to append to, if that is possible.
    fn open(&self, series: &str) -> Option<File> {
        file::open_to_append(self.folder()?, series).ok()
    }

    fn folder(&self) -> Option<&Dir> {
        let open = || {
            let state = private::open_or_create(self.state.as_deref()?).ok()?;
            private::sub(&state, "audit").ok()
        };
        self.folder.get_or_init(open).as_ref()
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

fn append(file: &File, record: &Record) {
    let _ = file::append(file, &record.line());
}

#[cfg(test)]
mod tests;
