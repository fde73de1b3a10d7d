//! The ledger, read: what is known of each run.

use std::collections::hash_map::Entry::Vacant;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use memchr::{memchr, memmem, memrchr};

use super::event::{Line, Text};
use super::{log_of, usable_run};
use crate::session::{ExitStatus, RestartPolicy};

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
    /// When it is started again by itself; its waits are not kept here.
    pub restart: Option<RestartPolicy>,
    /// The engine's id of it, once made.
    pub id: Option<String>,
    /// Which instance of the engine that id belongs to.
    pub instance: Option<String>,
    /// The shim: process id and start time.
    pub shim: Option<(u32, u64)>,
    /// The main process: process id and start time. `None` while it is about to be started again.
    pub pid: Option<(u32, u64)>,
    /// When it was last seen to become ready.
    pub ready: Option<Timestamp>,
    /// How often the main process was started again, and when it was for the last time.
    pub again: Option<(u32, Timestamp)>,
    /// How the main process before this one ended, and when.
    pub last_end: Option<(ExitStatus, Timestamp)>,
    /// When the main process is started again, which has ended.
    pub restarting: Option<Timestamp>,
    /// Whether kst was asked to stop it.
    pub stopping: bool,
    /// How its main process ended, and when.
    pub end: Option<(ExitStatus, Timestamp)>,
    /// Whether its program could not be started.
    pub failed: bool,
    /// Where its output is.
    pub log: PathBuf,
}

/// For so many runs of one name the ledger is searched.
const FEW_RUNS: usize = 16;

impl Entry {
    /// Whether the ledger knows that it came to something. A start that was cut off says nothing.
    pub fn is_made(&self) -> bool {
        self.id.is_some() || self.shim.is_some() || self.end.is_some()
    }

    /// When its main process began, of which there may have been several.
    pub fn began(&self) -> Timestamp {
        self.again.map_or(self.started_at, |(_, at)| at)
    }
}

/// The number of the next run of a name: one more than the largest that is still known.
pub fn next_number(entries: &[Arc<Entry>], backend: &str, name: &str) -> u32 {
    let same = entries.iter().filter(|entry| entry.backend == backend && entry.name == name);
    same.map(|entry| entry.number).max().unwrap_or(0).saturating_add(1)
}

/// The runs in the ledger's `text`. Lines that cannot be understood, and lines about a run whose
/// start is not there, are passed over. `state` is the state folder.
pub(super) fn load(text: &[u8], state: &Path) -> Vec<Arc<Entry>> {
    let mut entries: Vec<Option<Entry>> = Vec::new();
    let mut places: HashMap<Text<'_>, usize> = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else { continue };
        if &*line.event == "start" {
            let Some(entry) = start(&line, state) else { continue };
            // Twice the same id cannot be; the first is the one that the other lines are about.
            if let Vacant(place) = places.entry(line.run) {
                place.insert(entries.len());
                entries.push(Some(entry));
            }
        } else if let Some(place) = places.get(&line.run).and_then(|&place| entries.get_mut(place))
        {
            if &*line.event == "removed" {
                *place = None;
            } else if let Some(entry) = place {
                apply(entry, line);
            }
        }
    }
    entries.into_iter().flatten().map(Arc::new).collect()
}

/// The runs of one name. Of a long ledger only the lines that can be about them are looked at.
pub(super) fn load_named(text: &[u8], state: &Path, name: &str) -> Vec<Arc<Entry>> {
    let lines = lines_about(text, name);
    let mut entries = load(lines.as_deref().unwrap_or(text), state);
    entries.retain(|entry| entry.name == name);
    entries
}

/// The lines that name a session, and those that tell of its runs, in their order. `None` where the
/// runs are so many that reading everything once is less work.
fn lines_about(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let line_at = |at: usize| {
        let (before, after) = text.split_at_checked(at)?;
        let begin = memrchr(b'\n', before).map_or(0, |end| end + 1);
        let end = memchr(b'\n', after).map_or(text.len(), |end| at + end);
        Some((begin, end))
    };
    let quoted = serde_json::to_string(name).ok()?;
    let mut lines = BTreeSet::new();
    let mut runs = BTreeSet::new();
    for (begin, end) in memmem::find_iter(text, &quoted).filter_map(line_at) {
        lines.insert((begin, end));
        if let Ok(line) = serde_json::from_slice::<Line<'_>>(text.get(begin..end)?)
            && line.name.as_deref() == Some(name)
        {
            runs.insert(line.run.into_owned());
        }
    }
    if runs.len() > FEW_RUNS {
        return None;
    }
    for run in &runs {
        lines.extend(memmem::find_iter(text, run).filter_map(line_at));
    }
    let mut about = Vec::new();
    for (begin, end) in lines {
        about.extend_from_slice(text.get(begin..end)?);
        about.push(b'\n');
    }
    Some(about)
}

/// Whether a line says that kst was asked to stop this run, or to forget it.
pub(super) fn is_stopping(text: &[u8], run: &str) -> bool {
    memmem::find_iter(text, run).any(|at| {
        let begin = text.get(..at).and_then(|text| memrchr(b'\n', text)).map_or(0, |end| end + 1);
        let line = text.get(begin..).unwrap_or_default();
        let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
        serde_json::from_slice::<Line<'_>>(line)
            .is_ok_and(|line| &*line.run == run && matches!(&*line.event, "stopping" | "removed"))
    })
}

/// A new entry.
fn start(line: &Line<'_>, state: &Path) -> Option<Entry> {
    if !usable_run(&line.run) {
        return None;
    }
    let run = line.run.to_string();
    let log = match &line.log {
        Some(log) => PathBuf::from(&**log),
        None => log_of(state, &run),
    };
    Some(Entry {
        run,
        name: line.name.as_deref()?.to_owned(),
        backend: line.backend.as_deref()?.to_owned(),
        location: line.location.as_deref()?.to_owned(),
        number: line.number.unwrap_or(1),
        started_at: line.at.as_deref()?.parse().ok()?,
        boot: line.boot.as_deref()?.to_owned(),
        here: line.here.unwrap_or(false),
        restart: line.restart.as_deref().and_then(|policy| policy.parse().ok()),
        id: None,
        instance: None,
        shim: None,
        pid: None,
        ready: None,
        again: None,
        last_end: None,
        restarting: None,
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
            let at = line.at.as_deref().and_then(|at| at.parse().ok());
            entry.again = line.restarts.zip(at).or(entry.again);
            entry.restarting = None;
        }
        "restarting" => {
            entry.pid = None;
            entry.last_end = line.end();
            entry.restarting = line.again_at.as_deref().and_then(|at| at.parse().ok());
        }
        "failed" => entry.failed = true,
        "ready" => entry.ready = line.at.and_then(|at| at.parse().ok()).or(entry.ready),
        "stopping" => entry.stopping = true,
        "end" => {
            // It ends once; what says otherwise later is not believed.
            entry.end = entry.end.or(line.end());
            entry.restarting = None;
        }
        _ => {}
    }
}
