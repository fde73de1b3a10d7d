//! The ledger, read: what is known of each run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::{Line, Text};
use super::{log_of, usable_run};
use crate::session::ExitStatus;

/// What the ledger knows of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The run's id.
    pub run: String,
    /// The session's name.
    pub name: String,
    /// The backend's name.
    pub backend: String,
    /// The location in the backend.
    pub location: String,
    /// How many-th run of its name it is, from 1.
    pub number: u32,
    /// When kst started it.
    pub started_at: Timestamp,
    /// The machine's boot at that time.
    pub boot: String,
    /// Whether its processes run on this machine, under a shim.
    pub here: bool,
    /// The engine's id of it, once made.
    pub id: Option<String>,
    /// Which instance of the engine that id belongs to.
    pub instance: Option<String>,
    /// The shim: process id and start time.
    pub shim: Option<(u32, u64)>,
    /// The main process: process id and start time.
    pub pid: Option<(u32, u64)>,
    /// Whether kst was asked to stop it.
    pub stopping: bool,
    /// How its main process ended, and when.
    pub end: Option<(ExitStatus, Timestamp)>,
    /// Whether its program could not be started.
    pub failed: bool,
    /// Where its output is.
    pub log: PathBuf,
}

/// The number of the next run of a name: one more than the largest that is still known.
pub fn next_number(entries: &[Entry], backend: &str, name: &str) -> u32 {
    let same = entries.iter().filter(|entry| entry.backend == backend && entry.name == name);
    same.map(|entry| entry.number).max().unwrap_or(0).saturating_add(1)
}

/// The runs in the ledger's `text`. Lines that cannot be understood, and lines about a run whose
/// start is not there, are passed over. `state` is the state folder.
pub(super) fn load(text: &[u8], state: &Path) -> Vec<Entry> {
    let mut entries: Vec<Option<Entry>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else { continue };
        if &*line.event == "start" {
            let Some(entry) = start(line, state) else { continue };
            // Twice the same id cannot be; the first is the one that the other lines are about.
            if !places.contains_key(&entry.run) {
                places.insert(entry.run.clone(), entries.len());
                entries.push(Some(entry));
            }
        } else if let Some(place) = places.get(&*line.run).and_then(|&place| entries.get_mut(place))
        {
            if &*line.event == "removed" {
                *place = None;
            } else if let Some(entry) = place {
                apply(entry, line);
            }
        }
    }
    entries.into_iter().flatten().collect()
}

/// A new entry.
fn start(line: Line<'_>, state: &Path) -> Option<Entry> {
    if !usable_run(&line.run) {
        return None;
    }
    let run = line.run.into_owned();
    let log = match line.log {
        Some(log) => PathBuf::from(&*log),
        None => log_of(state, &run),
    };
    Some(Entry {
        run,
        name: line.name?.into_owned(),
        backend: line.backend?.into_owned(),
        location: line.location?.into_owned(),
        number: line.number.unwrap_or(1),
        started_at: line.at?.parse().ok()?,
        boot: line.boot?.into_owned(),
        here: line.here.unwrap_or(false),
        id: None,
        instance: None,
        shim: None,
        pid: None,
        stopping: false,
        end: None,
        failed: false,
        log,
    })
}

/// What a later line adds to an entry. Events of a later version add nothing.
fn apply(entry: &mut Entry, line: Line<'_>) {
    match &*line.event {
        "made" => {
            entry.id = line.id.map(Text::into_owned);
            entry.instance = line.instance.map(Text::into_owned);
        }
        "running" => {
            entry.shim = line.shim;
            entry.pid = line.pid;
        }
        "failed" => entry.failed = true,
        "stopping" => entry.stopping = true,
        "end" => {
            let code = line.code.map(ExitStatus::Code);
            let exit = code.or(line.signal.map(ExitStatus::Signal));
            let at = line.at.and_then(|at| at.parse().ok());
            // It ends once; what says otherwise later is not believed.
            entry.end = entry.end.or(exit.zip(at));
        }
        _ => {}
    }
}
