//! INI: `[section]`, then `key = value`.
//!
//! It has two levels only, so a session cannot be defined in it. Keys are in small letters, as
//! kstlib has them; a line that begins with a blank goes on with the value above.

use std::sync::Arc;

use super::problem::Problem;
use super::read::Document;
use super::tree::{Kind, Map, Node, Place, Scalar, Source, Value};

/// Read an INI file's own keys.
pub(super) fn parse(source: &Arc<Source>) -> Result<Document, Problem> {
    let mut document = Document::default();
    let mut section: Option<(String, Place, Map)> = None;
    let mut open: Option<(String, Place, String)> = None;
    for (index, line) in source.text.lines().enumerate() {
        let at = Place { source: source.clone(), line: u64::try_from(index + 1).unwrap_or(1) };
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let Some((_, _, value)) = &mut open
        {
            value.push('\n');
            value.push_str(text);
            continue;
        }
        close(&mut open, &mut section);
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            finish(section.take(), &mut document);
            section = Some((name.to_owned(), at, Map::default()));
        } else if let Some(border) = text.find(['=', ':']) {
            if section.is_none() {
                return Err(Problem::at(
                    &at,
                    "",
                    "this is not INI: a key stands before any [section]",
                ));
            }
            let (key, value) = text.split_at(border);
            let value = value.get(1..).unwrap_or_default().trim();
            open = Some((key.trim().to_lowercase(), at, value.replace("%%", "%")));
        } else {
            return Err(Problem::at(
                &at,
                "",
                "this is not INI: a line is neither [section] nor key = value",
            ));
        }
    }
    close(&mut open, &mut section);
    finish(section, &mut document);
    Ok(document)
}

/// Put the key that was being read into its section.
fn close(open: &mut Option<(String, Place, String)>, section: &mut Option<(String, Place, Map)>) {
    if let (Some((key, at, text)), Some((_, _, map))) = (open.take(), section) {
        let value = Value::Scalar(Scalar { text, kind: Kind::Text });
        map.insert(key, at.clone(), Node { value, at });
    }
}

fn finish(section: Option<(String, Place, Map)>, document: &mut Document) {
    if let Some((name, at, map)) = section
        && name == "ops"
    {
        document.add("ops", at.clone(), Node { value: Value::Map(map), at });
    }
}
