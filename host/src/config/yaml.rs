//! YAML, and JSON, which is YAML once it is known to be good JSON.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, Spanned};

use super::problem::Problem;
use super::read::Document;
use super::tree::{Kind, Map, Node, Place, Scalar, Source, Value};
use crate::text::escape_controls;

/// How often aliases may be unfolded in one file: each makes values that take memory.
const MAX_UNFOLDED: usize = 100_000;
/// How deep mappings and lists may lie in each other, as kstlib has it. Each level takes some 40 KiB
/// of stack, and a thread may have no more than 2 MiB. What aliases unfold to counts.
const MAX_DEPTH: usize = 32;

/// Read a YAML file's own keys.
pub(super) fn parse(source: &Arc<Source>) -> Result<Document, Problem> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! { max_depth: MAX_DEPTH },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MAX_UNFOLDED },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
        emit_comments: false,
    };
    // The parser takes what is not there for an empty mapping or for nothing, depending.
    let root: Root = serde_yaml::from_str_with_options(&source.text, options)
        .map_err(|error| syntax(source, &error))?;
    let pairs = match root {
        Root::Map(pairs) => pairs,
        Root::Empty => Vec::new(),
        Root::Other(kind) => {
            let line = first_line(&source.text);
            return Err(Problem::at(
                &Place { source: source.clone(), line },
                "",
                format!("the file holds {kind} and not a mapping of keys to values"),
            )
            .advise("begin it with `ops:`, and put the sessions below `sessions:` in that"));
        }
    };
    let mut document = Document::default();
    for (name, key, value) in pairs {
        let at = Place { source: source.clone(), line: line(key) };
        let node = convert(value, source);
        document.add(&name, at, node);
    }
    Ok(document)
}

/// Read a JSON file's own keys.
pub(super) fn parse_json(source: &Arc<Source>) -> Result<Document, Problem> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(&source.text) {
        if source.text.trim().is_empty() {
            return Ok(Document::default());
        }
        let line = u64::try_from(error.line()).unwrap_or(1).max(1);
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what);
        return Err(Problem::at(
            &Place { source: source.clone(), line },
            "",
            format!("this is not JSON: {what}"),
        ));
    }
    parse(source)
}

/// The parser's complaint, in one sentence.
fn syntax(source: &Arc<Source>, error: &serde_yaml::Error) -> Problem {
    let error = error.without_snippet();
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    let what = match error {
        serde_yaml::Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            format!("values lie in each other more than {MAX_DEPTH} deep")
        }
        serde_yaml::Error::AliasReplayLimitExceeded { .. } => {
            format!("its aliases unfold to more than {MAX_UNFOLDED} values")
        }
        serde_yaml::Error::Budget { .. } => "the file holds too much for a config".to_owned(),
        serde_yaml::Error::MultipleDocuments { .. } => {
            "the file holds several YAML documents, and a config is one: `---` begins another"
                .to_owned()
        }
        other => {
            let message = other.to_string();
            // The place is told apart from the sentence.
            let what = message.lines().next().unwrap_or_default();
            let what = what.split(" at line ").next().unwrap_or(what);
            let what = escape_controls(what.trim_end_matches([':', ' ', '.']));
            format!("this is not YAML that can be read: {what}")
        }
    };
    let text_line = line.and_then(|line| source.line(line));
    Problem { line, text_line, ..Problem::of_file(&source.path, what) }
}

/// The line of the first thing in a text.
fn first_line(text: &str) -> u64 {
    let index = text.lines().position(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    index.and_then(|index| u64::try_from(index + 1).ok()).unwrap_or(1)
}

fn line(location: Location) -> u64 {
    location.line().max(1)
}

/// A raw value with its text and place.
fn convert(raw: Spanned<Raw>, source: &Arc<Source>) -> Node {
    let at = Place { source: source.clone(), line: line(raw.referenced) };
    let written = written(raw.defined, source);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar(Scalar { text, kind: Kind::Text }),
        Raw::Bool(value) => Value::Scalar(Scalar {
            text: written.map_or_else(|| value.to_string(), str::to_owned),
            kind: Kind::Bool,
        }),
        Raw::Number(value) => {
            Value::Scalar(Scalar { text: written.map_or(value, str::to_owned), kind: Kind::Number })
        }
        Raw::List(items) => {
            Value::List(items.into_iter().map(|item| convert(item, source)).collect())
        }
        Raw::Map(pairs) => {
            let mut map = Map::default();
            for (key, value) in pairs {
                let key_at = Place { source: source.clone(), line: line(key.referenced) };
                let key = key_text(key, source);
                map.insert(key, key_at, convert(value, source));
            }
            Value::Map(map)
        }
    };
    Node { value, at }
}

/// A key as written; what cannot be one gets a name that no key has.
fn key_text(key: Spanned<Raw>, source: &Arc<Source>) -> String {
    match convert(key, source).value {
        Value::Scalar(scalar) => scalar.text,
        Value::Null => "null".to_owned(),
        other => format!("({})", other.kind()),
    }
}

/// The text of a plain scalar in the file. Where the span is not just that (a tag, quotes), none.
fn written(location: Location, source: &Source) -> Option<&str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    let text = source.text.get(start..end)?.trim();
    let plain = text
        .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !text.contains(char::is_whitespace);
    plain.then_some(text)
}

/// The file's root: only kst's keys are kept.
enum Root {
    Empty,
    Map(Vec<(String, Location, Spanned<Raw>)>),
    Other(&'static str),
}

/// A value before it has a place.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RootVisitor;
        impl<'de> Visitor<'de> for RootVisitor {
            type Value = Root;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of keys to values")
            }

            fn visit_unit<E>(self) -> Result<Root, E> {
                Ok(Root::Empty)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Root, E> {
                Ok(Root::Other("a single value"))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Root, E> {
                Ok(Root::Other("a number"))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Root, E> {
                Ok(Root::Other("a number"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Root, E> {
                Ok(Root::Other("a number"))
            }

            fn visit_str<E>(self, _: &str) -> Result<Root, E> {
                Ok(Root::Other("a text"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Root, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Root::Other("a list"))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Root, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<Spanned<Raw>>()? {
                    match key.value {
                        Raw::Text(name) if matches!(&*name, "ops" | "include") => {
                            pairs.push((name, key.referenced, map.next_value()?));
                        }
                        // Other parts of kstlib have their settings in the same file.
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Root::Map(pairs))
            }
        }
        deserializer.deserialize_any(RootVisitor)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Number(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Number(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Number(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Raw::Map(pairs))
            }
        }
        deserializer.deserialize_any(RawVisitor)
    }
}
