//! The values of config files, each with the place it was written at.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A config file that was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// It is the working directory's file, or one that this includes.
    pub(super) from_working_dir: bool,
    /// Where each line of the text begins, once somebody has asked: a file can have many problems.
    starts: OnceLock<Vec<usize>>,
}

impl Source {
    pub(super) fn new(path: PathBuf, text: String, from_working_dir: bool) -> Self {
        Source { path, text, from_working_dir, starts: OnceLock::new() }
    }

    /// The folder that relative paths in the file count from.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// A line of the file, from 1, shortened.
    pub(super) fn line(&self, line: u64) -> Option<String> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *self.starts().get(index)?;
        self.text.get(start..)?.lines().next().map(shorten)
    }

    /// The line that holds a byte, from 1.
    pub(super) fn line_of(&self, byte: usize) -> u64 {
        let lines = self.starts().partition_point(|start| *start <= byte);
        u64::try_from(lines).unwrap_or(1).max(1)
    }

    fn starts(&self) -> &[usize] {
        self.starts.get_or_init(|| {
            let after = self.text.match_indices('\n').map(|(index, _)| index + 1);
            std::iter::once(0).chain(after).collect()
        })
    }
}

/// A line as it is shown beside a problem.
pub(super) fn shorten(line: &str) -> String {
    const SHOWN: usize = 200;
    let mut text: String = line.trim_end().chars().take(SHOWN).collect();
    if text.len() < line.trim_end().len() {
        text.push('…');
    }
    text
}

/// Where something stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    /// From 1.
    pub(super) line: u64,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Place,
}

/// What a config file can hold.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Map),
}

impl Value {
    /// What it is, for a sentence.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Scalar(Scalar { kind: Kind::Text, .. }) => "a text",
            Value::Scalar(Scalar { kind: Kind::Number, .. }) => "a number",
            Value::Scalar(Scalar { kind: Kind::Bool, .. }) => "a yes or no",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// A single value, as written: `1.10` is not `1.1`, `010` not 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// What the file's format takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Bool,
}

/// A mapping in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
    /// Keys written again in the same mapping: where they were first, and where then.
    pub(super) duplicates: Vec<(String, u64, Place)>,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Place,
    pub(super) node: Node,
}

impl Map {
    /// Add what a file says; said twice, the last counts, as in kstlib, and it is noted.
    pub(super) fn insert(&mut self, key: String, key_at: Place, node: Node) {
        if let Some(entry) = self.position(&key) {
            let first = entry.key_at.line;
            *entry = Entry { key: key.clone(), key_at: key_at.clone(), node };
            self.duplicates.push((key, first, key_at));
        } else {
            self.append(Entry { key, key_at, node });
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.index.get(key).and_then(|index| self.entries.get(*index))
    }

    /// Take a key out.
    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        let place = self.index.remove(key)?;
        for later in self.index.values_mut().filter(|later| **later > place) {
            *later -= 1;
        }
        (place < self.entries.len()).then(|| self.entries.remove(place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Lay `over` upon this: mappings are joined key by key, anything else is replaced. Lists too
    /// are replaced whole. `null` takes a value away, but not a whole mapping: a section left empty
    /// says nothing.
    pub(super) fn merge(&mut self, over: Map) {
        self.duplicates.extend(over.duplicates);
        for entry in over.entries {
            match self.position(&entry.key) {
                None => self.append(entry),
                Some(below) => match (&mut below.node.value, entry.node.value) {
                    (Value::Map(below_map), Value::Map(over_map)) => {
                        below_map.merge(over_map);
                        below.key_at = entry.key_at;
                        below.node.at = entry.node.at;
                    }
                    (Value::Map(_), Value::Null) => {}
                    (value, over) => {
                        *value = over;
                        below.key_at = entry.key_at;
                        below.node.at = entry.node.at;
                    }
                },
            }
        }
    }

    fn position(&mut self, key: &str) -> Option<&mut Entry> {
        let index = *self.index.get(key)?;
        self.entries.get_mut(index)
    }

    fn append(&mut self, entry: Entry) {
        self.index.insert(entry.key.clone(), self.entries.len());
        self.entries.push(entry);
    }
}
