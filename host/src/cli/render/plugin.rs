//! Backends: what they are, and what they could do.

use kst::door::{self, CheckedManifest};
use kst::session::{Origin, PluginInfo, Trust};
use kst::text::escape_controls;
use serde_json::{Value, json};

use super::style;
use super::table::{self, Cell, Column, Page, cut, whole};

const COLUMNS: [Column; 6] =
    [whole("NAME"), whole("VERSION"), whole("TRUST"), whole("DIGEST"), cut("FROM"), cut("SUMMARY")];

/// How much of a digest tells components apart in a table: `sha256:` and 12 digits.
const SHORT_DIGEST: usize = 19;

/// The backend's name, as `--backend` takes it.
pub fn name(plugin: &PluginInfo) -> String {
    escape_controls(&plugin.name)
}

/// The table of `kst plugin list`.
pub fn table(plugins: &[PluginInfo], page: Page) -> String {
    let rows: Vec<_> = plugins
        .iter()
        .map(|plugin| {
            let manifest = plugin.manifest.as_deref().map(CheckedManifest::manifest);
            let style = match plugin.trusted {
                Trust::No | Trust::Changed => style::BAD,
                Trust::Vetted | Trust::Approved | Trust::Config | Trust::Once => style::GOOD,
            };
            vec![
                Cell::new(name(plugin), style::BOLD),
                Cell::or_dash(manifest.map(|manifest| &manifest.version)),
                Cell::new(trust(plugin.trusted), style),
                Cell::plain(plugin.digest.chars().take(SHORT_DIGEST).collect::<String>()),
                Cell::plain(origin(&plugin.origin)),
                Cell::or_dash(manifest.map(|manifest| &manifest.summary)),
            ]
        })
        .collect();
    table::render(&COLUMNS, &rows, page)
}

/// All that is known of a component: what it is, what it amounts to, then what it could run. With
/// `all_imports`, those of an empty WASI are listed, too.
pub fn full(plugin: &PluginInfo, all_imports: bool) -> String {
    let mut out = facts(plugin, all_imports);
    if let Some(checked) = &plugin.manifest {
        let amounts = door::amounts(checked.manifest(), &[]);
        out.push('\n');
        for line in &amounts.beware {
            out.push_str(&format!("(!) {line}\n"));
        }
        for line in &amounts.can {
            out.push_str(&format!("{line}\n"));
        }
        out.push('\n');
        out.push_str(&door::render(checked.manifest()));
    }
    out
}

/// What a component is.
pub fn facts(plugin: &PluginInfo, all_imports: bool) -> String {
    let mut out = String::new();
    let mut add = |key: &str, value: &str| {
        let bold = style::BOLD;
        out.push_str(&format!("{bold}{key:9}{bold:#} {}\n", escape_controls(value)));
    };
    add("name:", &name(plugin));
    if let Some(checked) = &plugin.manifest {
        add("version:", &checked.manifest().version);
    }
    add("from:", &origin(&plugin.origin));
    add("digest:", &plugin.digest);
    add("size:", &size(plugin.size));
    add("trust:", trust(plugin.trusted));
    let mut lines = imports(plugin, all_imports).into_iter();
    add("imports:", &lines.next().unwrap_or_else(|| "nothing".to_owned()));
    lines.for_each(|line| add("", &line));
    if let Some(problem) = &plugin.problem {
        add("problem:", problem);
    }
    if let Some(advice) = &plugin.advice {
        add("advice:", advice);
    }
    out
}

/// What a component imports, a line each. A WASI that it could do nothing with is one line, for
/// toolchains import all of it.
fn imports(plugin: &PluginInfo, all: bool) -> Vec<String> {
    let (own, empty) = plugin.imports_apart();
    let mut lines: Vec<String> = own.into_iter().map(str::to_owned).collect();
    if !empty.is_empty() {
        let count = match empty.len() {
            1 => "1 interface".to_owned(),
            count => format!("{count} interfaces"),
        };
        let listed = if all { "):" } else { "; --verbose lists them)" };
        lines.push(format!("an empty WASI 0.2 ({count}{listed}"));
        lines.extend(empty.into_iter().filter(|_| all).map(|one| format!("  {one}")));
    }
    lines
}

/// The same for programs, the manifest as it was declared.
pub fn json(plugin: &PluginInfo) -> Value {
    let manifest = plugin.manifest.as_deref().map(CheckedManifest::manifest);
    json!({
        "name": manifest.map(|manifest| &manifest.name),
        "version": manifest.map(|manifest| &manifest.version),
        "digest": plugin.digest,
        "trust": trust(plugin.trusted),
        "built_in": matches!(plugin.origin, Origin::BuiltIn(_)),
        "file": match &plugin.origin {
            Origin::File(file) => Some(file.display().to_string()),
            Origin::BuiltIn(_) => None,
        },
        "size": plugin.size,
        "imports": plugin.imports,
        "problem": plugin.problem,
        "advice": plugin.advice,
        "amounts": plugin.manifest.as_deref().map(|checked| {
            let amounts = door::amounts(checked.manifest(), &[]);
            json!({ "beware": amounts.beware, "can": amounts.can })
        }),
        "manifest": manifest.and_then(|manifest| serde_json::to_value(manifest).ok()),
    })
}

/// The word for how far it is trusted.
fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Vetted => "vetted",
        Trust::Approved => "approved",
        Trust::Config => "approved by config",
        Trust::Once => "approved once",
        Trust::Changed => "changed",
        Trust::No => "not trusted",
    }
}

pub fn origin(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn(_) => "built in".to_owned(),
        Origin::File(file) => kst::text::shown_path(file),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> PluginInfo {
        PluginInfo {
            name: "a".into(),
            manifest: None,
            digest: "sha256:0123456789abcdef0123".into(),
            origin: Origin::File("/x/a\u{1b}.wasm".into()),
            trusted: Trust::No,
            size: 20_480,
            imports: vec!["kst:runner/process@0.1.0".into()],
            problem: Some("it is not a component".into()),
            advice: Some("ask its author".into()),
        }
    }

    #[test]
    fn a_component_that_is_none_is_shown_with_its_problem() {
        let text = String::from_utf8(kst::text::plain(full(&unknown(), false).as_bytes())).unwrap();
        assert_eq!(
            text,
            "name:     a\nfrom:     /x/a\\x1b.wasm\ndigest:   sha256:0123456789abcdef0123\n\
             size:     20 KiB\ntrust:    not trusted\nimports:  kst:runner/process@0.1.0\n\
             problem:  it is not a component\nadvice:   ask its author\n"
        );
        assert!(table(&[unknown()], Page::COLOURED).contains("sha256:0123456789ab"));
        assert_eq!(json(&unknown())["name"], Value::Null);
    }

    #[test]
    fn an_empty_wasi_is_one_line_unless_all_is_asked_for() {
        let wasi = ["wasi:cli/environment@0.2.3", "wasi:io/streams@0.2.3"];
        let mut plugin = unknown();
        plugin.imports.splice(0..0, wasi.map(str::to_owned));
        plugin.imports.push("wasi:http/types@0.2.3".to_owned());
        let shown = |all: bool| {
            let text = String::from_utf8(kst::text::plain(facts(&plugin, all).as_bytes())).unwrap();
            let (_, rest) = text.split_once("imports:").unwrap();
            rest.split_once("problem:").unwrap().0.to_owned()
        };
        assert_eq!(
            shown(false),
            "  kst:runner/process@0.1.0\n          wasi:http/types@0.2.3\n          \
             an empty WASI 0.2 (2 interfaces; --verbose lists them)\n"
        );
        assert_eq!(
            shown(true),
            "  kst:runner/process@0.1.0\n          wasi:http/types@0.2.3\n          \
             an empty WASI 0.2 (2 interfaces):\n            wasi:cli/environment@0.2.3\n            \
             wasi:io/streams@0.2.3\n"
        );
        assert_eq!(json(&plugin)["imports"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size(9_999), "9999 bytes");
        assert_eq!(size(20_480), "20 KiB");
        assert_eq!(size(18 << 20), "18 MiB");
    }
}
