//! TOML.

use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::read::Document;
use super::tree::{Kind, Map, Node, Place, Scalar, Source, Value};

/// Read a TOML file's own keys.
pub(super) fn parse(source: &Arc<Source>) -> Result<Document, Problem> {
    let nodes = Nodes { source };
    let table = DeTable::parse(&source.text).map_err(|error| {
        let place = nodes.place(error.span().unwrap_or_default());
        let what = error.message().lines().next().unwrap_or_default();
        Problem::at(&place, "", format!("this is not TOML: {}", crate::text::escape_controls(what)))
    })?;
    let mut document = Document::default();
    for (key, value) in table.get_ref() {
        let name = key.get_ref();
        if matches!(&**name, "ops" | "include") {
            let at = nodes.place(key.span());
            let value = nodes.node(value.get_ref(), value.span());
            document.add(name, at, value);
        }
    }
    Ok(document)
}

/// Makes nodes of the parser's values.
struct Nodes<'a> {
    source: &'a Arc<Source>,
}

impl Nodes<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        Place { source: self.source.clone(), line: self.source.line_of(span.start) }
    }

    fn node(&self, value: &DeValue<'_>, span: Range<usize>) -> Node {
        let written = self.source.text.get(span.clone()).unwrap_or_default();
        let scalar = |text: &str, kind| Value::Scalar(Scalar { text: text.to_owned(), kind });
        let at = self.place(span.clone());
        let value = match value {
            DeValue::String(text) => scalar(text, Kind::Text),
            DeValue::Boolean(value) => scalar(&value.to_string(), Kind::Bool),
            DeValue::Integer(_) | DeValue::Float(_) => scalar(written, Kind::Number),
            DeValue::Datetime(_) => scalar(written, Kind::Text),
            DeValue::Array(items) => Value::List(
                items.iter().map(|item| self.node(item.get_ref(), item.span())).collect(),
            ),
            DeValue::Table(table) => {
                let mut map = Map::default();
                // The parser sorts the keys; the file's order is the better one to show.
                let mut entries: Vec<_> = table.iter().collect();
                entries.sort_by_key(|(key, _)| key.span().start);
                for (key, value) in entries {
                    map.insert(
                        key.get_ref().to_string(),
                        self.place(key.span()),
                        self.node(value.get_ref(), value.span()),
                    );
                }
                Value::Map(map)
            }
        };
        Node { value, at }
    }
}
