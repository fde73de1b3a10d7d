//! `${VARIABLE}` in the values of a session, as docker compose has it.
//!
//! | text | value |
//! | --- | --- |
//! | `${NAME}` | that of the variable, which must be set |
//! | `${NAME:-text}`, `${NAME-text}` | `text` where it is unset or empty; where it is unset |
//! | `${NAME:?text}`, `${NAME?text}` | the same two, where `text` says what is wrong |
//! | `${NAME:+text}`, `${NAME+text}` | `text` where it is set and not empty; where it is set |
//! | `$${` | `${` as it stands |
//!
//! The texts may hold such values themselves. `$NAME` without braces is left as it is. So is a command
//! that is one text: where it runs on this machine `sh` fills it in, with the session's own variables.

use super::problem::Problem;
use super::tree::{Entry, Map, Node, Scalar, Value};

/// How deep values may lie in each other's texts.
const DEEPEST: usize = 8;

/// The largest value that comes of it, in bytes: texts that double each other end here.
const LARGEST: usize = 1 << 20;

/// Looks a variable of kst's own environment up; the error is for one that is not UTF-8.
pub(super) type Variables<'v> = &'v dyn Fn(&str) -> Result<Option<String>, String>;

/// The variables of this process.
pub(super) fn own(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("the variable {name} is not UTF-8")),
    }
}

/// A session's entry with its values filled in, or `None` where there is nothing to fill in.
pub(super) fn session(
    entry: &Entry,
    path: &str,
    variables: Variables<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let Value::Map(map) = &entry.node.value else { return None };
    if !map.iter().any(|below| holds(&below.node)) {
        return None;
    }
    let mut filled = Map::default();
    for below in map.iter() {
        let mut node = below.node.clone();
        // A command of one text is left to sh.
        if !(below.key == "command" && matches!(node.value, Value::Scalar(_))) {
            fill(&mut node, &format!("{path}.{}", below.key), variables, problems);
        }
        filled.insert(below.key.clone(), below.key_at.clone(), node);
    }
    filled.duplicates.clone_from(&map.duplicates);
    let node = Node { value: Value::Map(filled), at: entry.node.at.clone() };
    Some(Entry { key: entry.key.clone(), key_at: entry.key_at.clone(), node })
}

fn holds(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Scalar(scalar) => scalar.text.contains("${"),
        Value::List(items) => items.iter().any(holds),
        Value::Map(map) => map.iter().any(|entry| holds(&entry.node)),
    }
}

fn fill(node: &mut Node, key: &str, variables: Variables<'_>, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar(Scalar { text, .. }) => match value(text, variables) {
            Ok(Some(filled)) => *text = filled,
            Ok(None) => {}
            Err(Wrong { what, advice }) => {
                let problem = Problem::at(&node.at, key, what);
                problems.push(problem.advise(advice));
                // One complaint is enough.
                node.value = Value::Null;
            }
        },
        Value::List(items) => {
            items.iter_mut().for_each(|item| fill(item, key, variables, problems));
        }
        Value::Map(map) => {
            let mut filled = Map::default();
            for entry in map.iter() {
                let mut node = entry.node.clone();
                fill(&mut node, &format!("{key}.{}", entry.key), variables, problems);
                filled.insert(entry.key.clone(), entry.key_at.clone(), node);
            }
            filled.duplicates.clone_from(&map.duplicates);
            *map = filled;
        }
    }
}

/// Why a value cannot be filled in.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    what: String,
    advice: String,
}

fn wrong<T>(what: impl Into<String>, advice: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { what: what.into(), advice: advice.into() })
}

/// A text with its values filled in; the error is one sentence.
pub(super) fn text(text: &str, variables: Variables<'_>) -> Result<String, String> {
    match value(text, variables) {
        Ok(filled) => Ok(filled.unwrap_or_else(|| text.to_owned())),
        Err(Wrong { what, .. }) => Err(what),
    }
}

/// A text with its values filled in; `None` where it holds none.
fn value(text: &str, variables: Variables<'_>) -> Result<Option<String>, Wrong> {
    if !text.contains("${") {
        return Ok(None);
    }
    let (filled, _) = filled(text, variables, 0)?;
    Ok(Some(filled))
}

/// A text filled in: the whole, or, below the top, up to the brace that ends it. With it comes what
/// follows that brace.
fn filled<'t>(
    mut text: &'t str,
    variables: Variables<'_>,
    depth: usize,
) -> Result<(String, &'t str), Wrong> {
    let mut out = String::new();
    let add = |out: &mut String, part: &str| {
        if out.len() + part.len() > LARGEST {
            return wrong("the value grows past 1 MiB", "make it shorter");
        }
        out.push_str(part);
        Ok(())
    };
    loop {
        let next = text.find(|c| c == '$' || (depth > 0 && c == '}'));
        let Some(at) = next else {
            if depth > 0 {
                return wrong("a '${' has no '}'", "write '$${' where '${' is meant as text");
            }
            add(&mut out, text)?;
            return Ok((out, ""));
        };
        let (before, rest) = text.split_at(at);
        add(&mut out, before)?;
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((out, after));
        }
        if let Some(after) = rest.strip_prefix("$${") {
            add(&mut out, "${")?;
            text = after;
        } else if let Some(inside) = rest.strip_prefix("${") {
            if depth == DEEPEST {
                let what = format!("values lie more than {DEEPEST} deep in each other");
                return wrong(what, "write it with fewer");
            }
            let (value, after) = one(inside, variables, depth + 1)?;
            add(&mut out, &value)?;
            text = after;
        } else {
            add(&mut out, "$")?;
            text = rest.strip_prefix('$').unwrap_or_default();
        }
    }
}

/// The value of one `${…}`, of which `text` begins behind the `${`; and what follows it.
fn one<'t>(
    text: &'t str,
    variables: Variables<'_>,
    depth: usize,
) -> Result<(String, &'t str), Wrong> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let whole = || "write ${NAME}, ${NAME:-default}, or '$${' where '${' is meant as text";
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return wrong("a '${' is not followed by the name of a variable", whole());
    }
    let found = match variables(name) {
        Ok(found) => found,
        Err(what) => return wrong(what, "give it another value"),
    };
    if let Some(after) = rest.strip_prefix('}') {
        return match found {
            Some(value) => Ok((value, after)),
            None => wrong(
                format!("the variable {name} is not set"),
                format!("set it, or give it a default: ${{{name}:-…}}"),
            ),
        };
    }
    let (empty_counts, rest) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let mut behind = rest.chars();
    let kind = behind.next();
    if !matches!(kind, Some('-' | '?' | '+')) {
        return match rest.is_empty() {
            true => wrong("a '${' has no '}'", whole()),
            false => {
                wrong(format!("behind ${{{name} stands none of '}}', ':-', ':?', ':+'"), whole())
            }
        };
    }
    let there = found.filter(|value| !(empty_counts && value.is_empty()));
    // Of a text that does not count, variables need not be set.
    let counts = matches!(kind, Some('+')) == there.is_some();
    let nothing = |_: &str| Ok(Some(String::new()));
    let lookup: Variables<'_> = if counts { variables } else { &nothing };
    let (text, after) = filled(behind.as_str(), lookup, depth)?;
    let value = match (kind, there) {
        (Some('?'), None) => {
            let why = match text.is_empty() {
                true => String::new(),
                false => format!(": {text}"),
            };
            let state = if empty_counts { "not set, or empty" } else { "not set" };
            return wrong(
                format!("the variable {name} is {state}{why}"),
                format!("set it: export {name}=…"),
            );
        }
        (Some('+'), Some(_)) | (Some('-'), None) => text,
        (Some('+'), None) => String::new(),
        (_, Some(value)) => value,
        (_, None) => text,
    };
    Ok((value, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Result<Option<String>, String> {
        match name {
            "SET" => Ok(Some("yes".into())),
            "EMPTY" => Ok(Some(String::new())),
            "BYTES" => Err("the variable BYTES is not UTF-8".into()),
            "BIG" => Ok(Some("x".repeat(300_000))),
            _ => Ok(None),
        }
    }

    fn filled(text: &str) -> Result<Option<String>, Wrong> {
        value(text, &lookup)
    }

    #[test]
    fn values_are_filled_in() {
        for (text, value) in [
            ("${SET}", "yes"),
            ("a${SET}b${SET}", "ayesbyes"),
            ("${SET:-no}", "yes"),
            ("${EMPTY:-no}", "no"),
            ("${EMPTY-no}", ""),
            ("${NONE:-no}", "no"),
            ("${NONE-no}", "no"),
            ("${NONE:-}", ""),
            ("${SET:+more}", "more"),
            ("${EMPTY:+more}", ""),
            ("${EMPTY+more}", "more"),
            ("${NONE+more}", ""),
            ("${SET:?must be}", "yes"),
            ("${NONE:-${SET}}", "yes"),
            ("${NONE:-${OTHER:-a}b}c", "abc"),
            ("${SET:-${NONE}}", "yes"),
            ("$${SET}", "${SET}"),
            ("$$$${SET}", "$$${SET}"),
            ("$SET ${SET} $", "$SET yes $"),
            ("${NONE:-a$b}", "a$b"),
            ("${NONE:-ü}}", "ü}"),
            ("{}${SET}", "{}yes"),
        ] {
            assert_eq!(filled(text), Ok(Some(value.to_owned())), "{text}");
        }
        for text in ["", "plain", "$HOME", "$$", "{}"] {
            assert_eq!(filled(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_says_why() {
        for (text, what) in [
            ("${NONE}", "the variable NONE is not set"),
            ("${NONE:?a database}", "the variable NONE is not set, or empty: a database"),
            ("${EMPTY:?}", "the variable EMPTY is not set, or empty"),
            ("${NONE?}", "the variable NONE is not set"),
            ("${SET", "a '${' has no '}'"),
            ("${SET:", "a '${' has no '}'"),
            ("${SET:-a", "a '${' has no '}'"),
            ("${}", "a '${' is not followed by the name of a variable"),
            ("${1}", "a '${' is not followed by the name of a variable"),
            ("${ü}", "a '${' is not followed by the name of a variable"),
            ("${SET:=a}", "behind ${SET stands none of '}', ':-', ':?', ':+'"),
            ("${SET/a/b}", "behind ${SET stands none of '}', ':-', ':?', ':+'"),
            ("${BYTES}", "the variable BYTES is not UTF-8"),
            ("${BIG}${BIG}${BIG}${BIG}", "the value grows past 1 MiB"),
        ] {
            assert_eq!(filled(text).unwrap_err().what, what, "{text}");
        }
        let deep = format!("{}x{}", "${NONE:-".repeat(9), "}".repeat(9));
        assert!(filled(&deep).unwrap_err().what.contains("deep"));
        assert!(filled(&"${NONE:-".repeat(100_000)).is_err());
    }
}
