//! One line of the audit log.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::door::{Effect, Operation};

/// The files that records go to.
pub(super) const SERIES: [&str; 2] = ["changes", "reads"];

/// The longest word of a command that is kept whole, in bytes.
const WORD: usize = 4096;
/// The most words of a command that are kept.
pub(super) const WORDS: usize = 512;

/// A program that was run for a backend, or what the backend asked for in vain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it began: RFC 3339 in UTC.
    pub time: Timestamp,
    /// One for each run; a change and its end have the same.
    pub id: String,
    /// What this line tells.
    pub what: What,
    /// The backend's name.
    pub backend: String,
    /// The digest of its component, as `sha256:…`.
    pub digest: String,
    /// The operation that was served.
    pub operation: Operation,
    /// Where.
    pub location: String,
    /// The session, where the operation was about one.
    pub session: Option<String>,
    /// The form's name.
    pub form: Option<String>,
    /// What the form may do.
    pub effect: Option<Effect>,
    /// The command, the program's absolute path first. Words of more than 4 KiB are cut, and so is
    /// what follows the 512th; bytes that are not UTF-8 are replaced.
    pub argv: Vec<String>,
    /// The program's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Why it was refused, killed or could not be run.
    pub error: Option<String>,
}

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A change was about to be made, and nothing was written down since: it runs, or kst was ended
    /// on the way.
    Begun,
    /// A program was run to its end.
    Ran,
    /// A signal was sent to a process of the session; `argv` is one sentence that says which.
    Signalled,
    /// A backend asked for something and did not get it.
    Refused,
}

impl What {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Begun => "begun",
            What::Ran => "ran",
            What::Signalled => "signalled",
            What::Refused => "refused",
        }
    }
}

impl Record {
    /// The file that it goes to.
    pub(super) fn series(&self) -> &'static str {
        match (self.what, self.effect) {
            (What::Ran, Some(Effect::Reads)) => SERIES[1],
            _ => SERIES[0],
        }
    }

    /// The line, with its end.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The words of a command, of a bounded size.
pub(super) fn words(argv: &[std::ffi::OsString]) -> Vec<String> {
    let mut words: Vec<String> =
        argv.iter().take(WORDS).map(|word| text(&word.to_string_lossy())).collect();
    if argv.len() > WORDS {
        words.push("…".to_owned());
    }
    words
}

/// A text of a bounded size.
pub(super) fn text(text: &str) -> String {
    match text.len() > WORD {
        true => format!("{}…", text.get(..text.floor_char_boundary(WORD)).unwrap_or_default()),
        false => text.to_owned(),
    }
}

/// The records in these lines, by time; of a change that has ended, its end alone.
pub(super) fn in_order(text: &[u8]) -> Vec<Record> {
    let lines = text.split(|&byte| byte == b'\n');
    let mut records: Vec<Record> =
        lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let ended: HashSet<String> = records
        .iter()
        .filter(|record| record.what == What::Ran)
        .map(|record| record.id.clone())
        .collect();
    records.retain(|record| record.what != What::Begun || !ended.contains(&record.id));
    records.sort_by_key(|record| record.time);
    records
}
