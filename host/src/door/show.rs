//! A manifest as the person who approves it reads it: everything that the backend could ever run,
//! aligned, nothing left out.

use std::fmt::Write;

use super::form::{self, Item, Part};
use super::manifest::{Locations, Manifest, OptionSchema, Placement};
use crate::text::escape_controls;

/// The most blanks in a row that a constant file shows as they are: its lines may be indented.
const INDENT: usize = 8;

/// The manifest as text of several lines. It holds printable characters and line ends alone,
/// whatever the manifest holds.
pub fn render(manifest: &Manifest) -> String {
    let mut out = String::new();
    let plain = |text: &str| escape_controls(text);
    let mut line = |text: String| {
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(format!(
        "{} {}: {}",
        plain(&manifest.name),
        plain(&manifest.version),
        plain(&manifest.summary)
    ));
    line(String::new());
    let names: Vec<Vec<String>> = manifest
        .programs
        .iter()
        .map(|program| {
            vec![
                "program".to_owned(),
                plain(&program.id),
                format!("\"{}\"", plain(&program.purpose)),
            ]
        })
        .collect();
    table(&names, 0).into_iter().for_each(&mut line);
    line(String::new());

    let rows: Vec<Vec<String>> = manifest
        .forms
        .iter()
        .map(|form| {
            let operations: Vec<&str> =
                form.operations.iter().map(|operation| operation.as_str()).collect();
            let mut end = blanks_shown(&plain(&form.usage), 1);
            if let Some(gives) = &form.gives {
                let _ = write!(end, "  gives '{}'", blanks_shown(&plain(gives), 1));
            }
            end.push_str(&warnings(&form.usage));
            vec![operations.join(" "), form.effect.to_string(), plain(&form.name), end]
        })
        .collect();
    table(&rows, 2).into_iter().for_each(&mut line);
    line(String::new());

    let places = match &manifest.locations {
        Locations::One => "one".to_owned(),
        Locations::Sockets(sockets) => {
            format!(
                "sockets in ${{{}:-{}}}/{}",
                plain(&sockets.variable),
                plain(&sockets.parent),
                plain(&sockets.folder)
            ) + &sockets
                .inside
                .as_ref()
                .map(|name| format!(", the current one in ${}", plain(name)))
                .unwrap_or_default()
        }
        Locations::Programs(programs) => {
            let programs: Vec<String> = programs.iter().map(|program| plain(program)).collect();
            format!("one for each program: {}", programs.join(", "))
        }
    };
    line(format!("locations  {places}"));
    line(match manifest.placement {
        Placement::Here => "commands   run on this machine, below kst's shim".to_owned(),
        Placement::Elsewhere => "commands   run elsewhere".to_owned(),
    });
    if !manifest.keeps.is_empty() {
        let keeps: Vec<String> = manifest.keeps.iter().map(|key| plain(key)).collect();
        line(format!("keeps      {}", keeps.join(" ")));
    }
    if !manifest.operations.is_empty() {
        let names: Vec<&str> =
            manifest.operations.iter().map(|operation| operation.as_str()).collect();
        line(format!("also       {}", names.join(" ")));
    }
    if let Some(detach) = &manifest.detach {
        line(format!("detach     {}", plain(detach)));
    }
    let options: Vec<Vec<String>> = manifest
        .options
        .iter()
        .map(|option| (option, ""))
        .chain(manifest.location_option.iter().map(|option| (option, "names the location; ")))
        .map(|(option, role)| {
            vec![
                "option".to_owned(),
                plain(&option.name),
                kind(option),
                format!("{role}{}", plain(&option.help)),
            ]
        })
        .collect();
    if !options.is_empty() {
        line(String::new());
        table(&options, 0).into_iter().for_each(&mut line);
    }
    for file in &manifest.files {
        line(String::new());
        line(format!("file {}", plain(&file.name)));
        for text in file.content.lines() {
            line(format!("  | {}", blanks_shown(&plain(text), INDENT)));
        }
    }
    out
}

/// What a form leaves to the backend.
fn warnings(usage: &str) -> String {
    let Ok((_, items)) = form::parse(usage) else { return String::new() };
    let takes = |wanted: &Part| form::words(&items).any(|word| word.parts.contains(wanted));
    let mut out = String::new();
    if takes(&Part::Int) {
        out.push_str("  (!) <int>: a number of the backend's own choice");
    }
    if takes(&Part::Text) || items.contains(&Item::Rest) {
        out.push_str("  (!) <word>: words of the backend's own choice");
    }
    if items.contains(&Item::Anything) {
        out.push_str("  (!) can run anything, as you");
    }
    out
}

/// `text` with each blank visible where more than `most` of them follow each other: they could push
/// what comes after them out of sight.
pub(super) fn blanks_shown(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(' ') {
        let (before, from) = rest.split_at(at);
        let after = from.trim_start_matches(' ');
        let count = from.len() - after.len();
        out.push_str(before);
        let blank = if count > most { '␣' } else { ' ' };
        out.extend(std::iter::repeat_n(blank, count));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// An option's kind, as far as it says what may be given.
pub(super) fn kind(option: &OptionSchema) -> String {
    let mut kind = option.kind.as_str().to_owned();
    if option.repeatable {
        kind.push_str("...");
    }
    if option.required {
        kind.push_str(", required");
    }
    if !option.choices.is_empty() {
        let choices: Vec<String> =
            option.choices.iter().map(|choice| escape_controls(choice)).collect();
        let _ = write!(kind, " ({})", choices.join(" | "));
    }
    kind
}

/// Rows as lines with aligned columns, two spaces apart.
///
/// The blanks are put there by hand: a width of more than 65,535 is too much for `{:width$}`.
fn table(rows: &[Vec<String>], indent: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let mut line = " ".repeat(indent);
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if index > 0 {
                    line.push_str("  ");
                }
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests;
