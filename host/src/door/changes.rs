//! What differs between two manifests, for the person who approved one and is asked about the other.

use super::manifest::{Locations, Manifest, Placement};
use crate::text::escape_controls;

/// The lines that differ: all of a manifest that binds. Its version and its author's words of
/// explanation do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Lines that were not there.
    pub new: Vec<String>,
    /// Lines that were otherwise, and how they are now.
    pub changed: Vec<(String, String)>,
    /// Lines that are there no more.
    pub gone: Vec<String>,
}

impl Changes {
    /// Between what was approved and what is to be.
    pub fn between(before: &Manifest, after: &Manifest) -> Self {
        let (before, after) = (lines(before), lines(after));
        let find = |all: &[(String, String)], key: &str| {
            all.iter().find(|(known, _)| known == key).map(|(_, line)| line.clone())
        };
        let mut changes = Changes::default();
        for (key, line) in &after {
            match find(&before, key) {
                None => changes.new.push(line.clone()),
                Some(old) if old != *line => changes.changed.push((old, line.clone())),
                Some(_) => {}
            }
        }
        let gone = before.iter().filter(|(key, _)| find(&after, key).is_none());
        changes.gone = gone.map(|(_, line)| line.clone()).collect();
        changes
    }

    /// Whether nothing that binds differs.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.gone.is_empty()
    }
}

/// Everything that binds, each thing with a key by which its other version is found. Order and
/// number of blanks count: what looks alike and is not, is told.
fn lines(manifest: &Manifest) -> Vec<(String, String)> {
    let plain = |text: &str| escape_controls(text);
    let mut all = Vec::new();
    let mut add = |kind: &str, name: &str, text: String| {
        all.push((format!("{kind} {name}"), text));
    };
    for program in &manifest.programs {
        add("program", &program.id, format!("program  {}", plain(&program.id)));
    }
    for form in &manifest.forms {
        let operations: Vec<&str> =
            form.operations.iter().map(|operation| operation.as_str()).collect();
        let mut line = format!(
            "{}  {}  {}  {}",
            operations.join(" "),
            form.effect,
            plain(&form.name),
            super::show::blanks_shown(&plain(&form.usage), 1)
        );
        if let Some(gives) = &form.gives {
            let gives = super::show::blanks_shown(&plain(gives), 1);
            line.push_str(&format!("  gives '{gives}'"));
        }
        add("form", &form.name, line);
    }
    let places = match &manifest.locations {
        Locations::One => "one".to_owned(),
        Locations::Sockets(sockets) => format!(
            "sockets in ${{{}:-{}}}/{}{}",
            plain(&sockets.variable),
            plain(&sockets.parent),
            plain(&sockets.folder),
            match &sockets.inside {
                Some(inside) => format!(", the current one in ${}", plain(inside)),
                None => String::new(),
            }
        ),
        Locations::Programs(programs) => {
            let programs: Vec<String> = programs.iter().map(|program| plain(program)).collect();
            format!("one for each program: {}", programs.join(", "))
        }
    };
    add("locations", "", format!("locations  {places}"));
    let place = match manifest.placement {
        Placement::Here => "here, below kst's shim",
        Placement::Elsewhere => "elsewhere",
    };
    add("commands", "", format!("commands  run {place}"));
    let mut words = |kind: &str, words: Vec<String>| {
        if !words.is_empty() {
            add(kind, "", format!("{kind}  {}", words.join(" ")));
        }
    };
    words("keeps", manifest.keeps.iter().map(|key| plain(key)).collect());
    words("also", manifest.operations.iter().map(ToString::to_string).collect());
    words("detach", manifest.detach.iter().map(|keys| plain(keys)).collect());
    for (option, role) in manifest
        .options
        .iter()
        .map(|option| (option, ""))
        .chain(manifest.location_option.iter().map(|option| (option, "  names the location")))
    {
        let kind = super::show::kind(option);
        add(
            &format!("option{role}"),
            &option.name,
            format!("option  {}  {kind}{role}", plain(&option.name)),
        );
    }
    for file in &manifest.files {
        // Numbered, so that each line is found again.
        for (number, text) in file.content.lines().enumerate() {
            let name = plain(&file.name);
            let text = format!("file {name}, line {}  | {}", number + 1, plain(text));
            add("file", &format!("{} {number}", file.name), text);
        }
        add(
            "whole file",
            &file.name,
            format!("file {}: {} bytes", plain(&file.name), file.content.len()),
        );
    }
    all
}

#[cfg(test)]
mod tests;
