//! The merged config, to be shown.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::keys::{DEFAULT_BACKEND, OPS};
use super::limits;
use super::tree::{Kind, Map, Node, Scalar, Value};
use crate::limits::Unit;
use crate::session::DEFAULT_HISTORY;

/// The merged config: a mapping, or a value with its origin. Unset keys are not in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Keys and what is below them, in the order of the files.
    Map(Vec<(String, Shown)>),
    /// A value.
    Leaf(Leaf),
}

/// A value of the merged config and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The value as written: a number only where its digits are the whole text. Lists come from one
    /// place as a whole.
    pub value: Json,
    /// The file that sets it; `None` for what is built in.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<u64>,
}

impl Shown {
    /// Every value with its dotted key, in order.
    ///
    /// ```
    /// let config = kst::config::Config::empty();
    /// let keys: Vec<String> = config.show().leaves().into_iter().map(|(key, _)| key).collect();
    /// assert_eq!(keys[..2], ["ops.default_backend", "ops.tmux_binary"]);
    /// assert!(keys.contains(&"ops.limits.runs".to_owned()));
    /// ```
    pub fn leaves(&self) -> Vec<(String, &Leaf)> {
        let mut leaves = Vec::new();
        self.collect(String::new(), &mut leaves);
        leaves
    }

    /// The values alone, as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Shown::Map(entries) => Json::Object(
                entries.iter().map(|(key, below)| (key.clone(), below.to_json())).collect(),
            ),
            Shown::Leaf(leaf) => leaf.value.clone(),
        }
    }

    fn collect<'s>(&'s self, path: String, leaves: &mut Vec<(String, &'s Leaf)>) {
        match self {
            Shown::Map(entries) => {
                for (key, below) in entries {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    below.collect(path, leaves);
                }
            }
            Shown::Leaf(leaf) => leaves.push((path, leaf)),
        }
    }
}

/// The merged `ops` with the built-in settings below it, the settings first.
pub(super) fn show(ops: &Map) -> Shown {
    let history = Unit::Bytes.shown(DEFAULT_HISTORY);
    let built_in =
        [("default_backend", DEFAULT_BACKEND), ("tmux_binary", "tmux"), ("history", &*history)];
    let mut entries = Vec::new();
    for key in OPS {
        if key == limits::KEY {
            entries.push((key.to_owned(), limits::show(ops)));
            continue;
        }
        let set = ops.get(key).and_then(|entry| node(&entry.node));
        let set = set.or_else(|| {
            let (_, value) = built_in.iter().find(|(name, _)| *name == key)?;
            Some(Shown::Leaf(Leaf { value: Json::from(*value), file: None, line: None }))
        });
        entries.extend(set.map(|set| (key.to_owned(), set)));
    }
    for entry in ops.iter().filter(|entry| !OPS.contains(&&*entry.key)) {
        entries.extend(node(&entry.node).map(|shown| (entry.key.clone(), shown)));
    }
    Shown::Map(vec![("ops".to_owned(), Shown::Map(entries))])
}

/// A node; nothing where it is unset.
pub(super) fn node(node: &Node) -> Option<Shown> {
    match &node.value {
        Value::Null => None,
        Value::Map(map) => Some(Shown::Map(
            map.iter()
                .filter_map(|entry| Some((entry.key.clone(), self::node(&entry.node)?)))
                .collect(),
        )),
        other => Some(Shown::Leaf(Leaf {
            value: json(other),
            file: Some(node.at.source.path.clone()),
            line: Some(node.at.line),
        })),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Scalar(Scalar { text, kind: Kind::Bool }) if text == "true" => Json::Bool(true),
        Value::Scalar(Scalar { text, kind: Kind::Bool }) if text == "false" => Json::Bool(false),
        Value::Scalar(Scalar { text, kind: Kind::Number }) => match text.parse::<i64>() {
            Ok(number) if number.to_string() == *text => Json::from(number),
            _ => Json::from(text.as_str()),
        },
        Value::Scalar(scalar) => Json::from(scalar.text.as_str()),
        Value::List(items) => Json::Array(items.iter().map(|item| json(&item.value)).collect()),
        Value::Map(map) => Json::Object(
            map.iter().map(|entry| (entry.key.clone(), json(&entry.node.value))).collect(),
        ),
    }
}
