//! `ops.limits`: what the user raises, held against the table of limits.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::check::{mapping, text, unknown};
use super::problem::Problem;
use super::read::Document;
use super::show::{Leaf, Shown, node};
use super::tree::{Entry, Map, Value};
use crate::guard::Guard;
use crate::limits::{Limit, Limits, Unit};
use crate::session::validate::quoted;

/// The key in `ops`.
pub(super) const KEY: &str = "limits";

/// The limits in force, and what is wrong with the section.
pub(super) fn check(section: &Entry, problems: &mut Vec<Problem>) -> Limits {
    let mut limits = Limits::default();
    let Some(map) = mapping(section, "ops.limits", problems) else { return limits };
    for entry in map.iter() {
        let key = format!("ops.limits.{}", entry.key);
        let Some(limit) = Limit::of_key(&entry.key) else {
            let known = Limit::ALL.iter().map(|limit| limit.key());
            problems.push(unknown(entry, &key, known, "ops.limits"));
            continue;
        };
        match amount(limit, entry, &key) {
            Ok(Some(amount)) => limits.raise(limit, amount),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    limits
}

fn amount(limit: Limit, entry: &Entry, key: &str) -> Result<Option<u64>, Problem> {
    let wanted = match limit.unit() {
        Unit::Count => "a number",
        Unit::Bytes => "a size",
        Unit::Time => "a time",
    };
    let Some(text) = text(&entry.node, key, wanted)? else { return Ok(None) };
    let problem = |what: String| Problem::at(&entry.node.at, key, what);
    let amount = limit
        .unit()
        .read(text)
        .map_err(|wanted| problem(format!("{} is not {wanted}", quoted(text))))?;
    let (default, ceiling) = (limit.default(), limit.ceiling());
    if amount < default {
        let default = limit.shown(default);
        let what = format!("{} is less than the default, {default}", quoted(text));
        let advice = format!("a limit can only be raised: leave it out for {default}");
        return Err(problem(what).advise(advice));
    }
    if amount > ceiling {
        let ceiling = limit.shown(ceiling);
        let what =
            format!("{} is more than {ceiling}, beyond which it bounds nothing", quoted(text));
        return Err(problem(what).advise(format!("write {ceiling} at most")));
    }
    Ok(Some(amount))
}

/// A directory that was merely entered raises no limits: take out what its file says of them.
pub(super) fn leave_out(document: &mut Document, problems: &mut Vec<Problem>) {
    if !Guard::DirectoryConfig.holds() {
        return;
    }
    let Some(ops) = &mut document.ops else { return };
    let Value::Map(map) = &mut ops.node.value else { return };
    let Some(section) = map.remove(KEY) else { return };
    if matches!(section.node.value, Value::Null) {
        return;
    }
    let what = "the config of a directory cannot raise limits, so this is left out";
    let problem = Problem::at(&section.key_at, "ops.limits", what).warning().advise(
        "if you mean it, put the setting into your own config (~/.config/kstlib.conf.yml), or name \
         this file with --config",
    );
    problems.push(problem);
}

/// Every limit with what it is: as some file has it, or built in.
pub(super) fn show(ops: &Map) -> Shown {
    let section = ops.get(KEY).map(|entry| &entry.node.value);
    let none = Map::default();
    let set = match section {
        Some(Value::Map(map)) => map,
        _ => &none,
    };
    let mut entries = Vec::new();
    for limit in Limit::ALL {
        let shown = set.get(limit.key()).and_then(|entry| node(&entry.node));
        let built_in =
            || Shown::Leaf(Leaf { value: json(*limit, limit.default()), file: None, line: None });
        entries.push((limit.key().to_owned(), shown.unwrap_or_else(built_in)));
    }
    for entry in set.iter().filter(|entry| Limit::of_key(&entry.key).is_none()) {
        entries.extend(node(&entry.node).map(|shown| (entry.key.clone(), shown)));
    }
    Shown::Map(entries)
}

/// The section in the schema.
pub(super) fn schema() -> Json {
    let properties: JsonMap<String, Json> = Limit::ALL
        .iter()
        .map(|limit| {
            let (default, ceiling) = (limit.default(), limit.ceiling());
            let description =
                format!("The limit of {}; at most {}.", limit.about(), limit.shown(ceiling));
            let property = json!({
                "description": description,
                "type": ["integer", "string", "null"],
                "minimum": default,
                "maximum": ceiling,
                "pattern": limit.unit().pattern(),
                "default": json(*limit, default),
            });
            (limit.key().to_owned(), property)
        })
        .collect();
    json!({
        "description": "What backends may use up: to be raised, in your own config only (not in a working directory's).",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false
    })
}

/// An amount as the config would have it.
fn json(limit: Limit, amount: u64) -> Json {
    match limit.unit() {
        Unit::Count => Json::from(amount),
        Unit::Bytes | Unit::Time => Json::from(limit.shown(amount)),
    }
}
