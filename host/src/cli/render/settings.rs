//! The merged config, and where each value comes from.

use std::collections::BTreeMap;

use kst::config::{Leaf, Shown};
use kst::text::escape_controls;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::style;

/// How far to the right origins are aligned. Longer lines have theirs after two blanks.
const WIDEST: usize = 60;

/// The merged config as YAML, with each value's file and line in a comment behind it.
pub fn full(shown: &Shown) -> String {
    let mut lines = Vec::new();
    walk(shown, 0, &mut lines);
    let widths = lines.iter().map(|(line, _)| line.width()).filter(|width| *width <= WIDEST);
    let width = widths.max().unwrap_or(0);
    let dim = style::DIM;
    let mut out = String::new();
    for (line, origin) in lines {
        match origin {
            Some(origin) => {
                let blanks = " ".repeat(width.saturating_sub(line.width()));
                out.push_str(&format!("{line}{blanks}  {dim}# {origin}{dim:#}\n"));
            }
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

/// A line for each key: the line, and where its value comes from.
fn walk(shown: &Shown, depth: usize, lines: &mut Vec<(String, Option<String>)>) {
    let Shown::Map(entries) = shown else { return };
    for (key, below) in entries {
        let indent = "  ".repeat(depth);
        let key = scalar(key);
        match below {
            Shown::Map(entries) if entries.is_empty() => {
                lines.push((format!("{indent}{key}: {{}}"), None));
            }
            Shown::Map(_) => {
                lines.push((format!("{indent}{key}:"), None));
                walk(below, depth + 1, lines);
            }
            Shown::Leaf(leaf) => {
                lines.push((format!("{indent}{key}: {}", flow(&leaf.value)), Some(origin(leaf))));
            }
        }
    }
}

/// `FILE:LINE`, or that it is built in.
fn origin(leaf: &Leaf) -> String {
    let place = match (&leaf.file, leaf.line) {
        (Some(file), Some(line)) => format!("{}:{line}", file.display()),
        (Some(file), None) => file.display().to_string(),
        (None, _) => "built in".to_owned(),
    };
    escape_controls(&place)
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        // JSON is YAML.
        other => escape_controls(&other.to_string()),
    }
}

/// Text as it stands where YAML would read it back as that text, otherwise in quotes.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./@+=".contains(&b));
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if plain && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // JSON escapes C0; what else a terminal would act on is escaped in a way that YAML reads too.
    let mut quoted = String::new();
    for c in Value::from(text).to_string().chars() {
        let mut buffer = [0; 4];
        if escape_controls(c.encode_utf8(&mut buffer)).starts_with('\\') && c != '\\' {
            quoted.push_str(&format!("\\U{:08x}", c as u32));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

/// `{"value": …, "file": …, "line": …}` for each dotted key.
pub fn json(shown: &Shown) -> Value {
    let leaves = shown.leaves().into_iter().map(|(key, leaf)| {
        let file = leaf.file.as_ref().map(|file| file.display().to_string());
        (key, json!({ "value": leaf.value, "file": file, "line": leaf.line }))
    });
    let origins: BTreeMap<String, Value> = leaves.collect();
    json!({ "config": shown.to_json(), "origins": origins })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(value: Value, line: u64) -> Shown {
        Shown::Leaf(Leaf { value, file: Some("/c.yml".into()), line: Some(line) })
    }

    fn sample() -> Shown {
        let api = vec![
            ("command".to_owned(), leaf("a: b".into(), 3)),
            ("ports".to_owned(), leaf(json!(["80:80", "x"]), 4)),
            ("env".to_owned(), Shown::Map(vec![])),
        ];
        let backend = Leaf { value: "tmux".into(), file: None, line: None };
        Shown::Map(vec![(
            "ops".to_owned(),
            Shown::Map(vec![
                ("default_backend".to_owned(), Shown::Leaf(backend)),
                ("sessions".to_owned(), Shown::Map(vec![("api".to_owned(), Shown::Map(api))])),
            ]),
        )])
    }

    #[test]
    fn the_config_is_yaml_with_origins() {
        let text = String::from_utf8(kst::text::plain(full(&sample()).as_bytes())).unwrap();
        assert_eq!(
            text,
            [
                "ops:",
                "  default_backend: tmux    # built in",
                "  sessions:",
                "    api:",
                "      command: \"a: b\"      # /c.yml:3",
                "      ports: [\"80:80\", x]  # /c.yml:4",
                "      env: {}",
                "",
            ]
            .join("\n")
        );
    }

    #[test]
    fn json_has_the_values_and_their_origins() {
        let value = json(&sample());
        assert_eq!(value["config"]["ops"]["default_backend"], "tmux");
        assert_eq!(value["origins"]["ops.sessions.api.ports"]["line"], 4);
        assert_eq!(value["origins"]["ops.default_backend"]["file"], Value::Null);
    }

    #[test]
    fn text_reads_back_as_itself_and_does_nothing_else() {
        assert_eq!(scalar("python/app.py"), "python/app.py");
        assert_eq!(scalar("yes"), "\"yes\"");
        assert_eq!(scalar("1.10"), "\"1.10\"");
        assert_eq!(scalar(""), "\"\"");
        assert_eq!(scalar("a\u{1b}\u{9b}\u{202e}\\"), r#""a\u001b\U0000009b\U0000202e\\""#);
    }
}
