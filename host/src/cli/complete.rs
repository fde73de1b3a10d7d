//! `kst complete CURRENT WORD…`: what a shell may put in the place of a word. It is for the scripts of
//! `kst completions`, and not in the help.
//!
//! It prints a line for each candidate: the word and, after a tab, what it is. A line that begins with a
//! tab says what the shell itself is to offer: `files`, `folders`, `components` (files that end in
//! `.wasm`), or `command N`: another program's words, of which word N (the program kst being word 0) is
//! the first.
//!
//! Whoever presses Tab has not given a command: nobody is asked anything, nothing is changed, nothing
//! runs that was not approved, and whatever goes wrong is silent.

mod line;
mod sessions;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Arg, ValueHint};

use kst::text::escape_controls;

use super::app::App;
use super::globals::Globals;
use super::output::Output;
use line::{Line, Place};
use sessions::Known;

/// A word that may stand there, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    word: String,
    what: String,
}

/// What may stand in a place.
#[derive(Debug, PartialEq, Eq)]
enum Offer {
    Words(Vec<Candidate>),
    /// For the shell to fill in.
    Shells(String),
}

/// Answer a shell; `args` is what stands after `complete`.
pub fn run(args: &[OsString]) -> u8 {
    let words: Vec<String> = args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let Some((current, before)) = words.split_first() else { return 0 };
    let mut definition = super::definition();
    definition.build();
    let line = Line::read(&definition, before, current);
    let mut text = String::new();
    match offer(&line) {
        Offer::Words(words) => {
            for candidate in words {
                let what = escape_controls(&candidate.what);
                let tab = if what.is_empty() { "" } else { "\t" };
                text.push_str(&format!("{}{tab}{what}\n", candidate.word));
            }
        }
        Offer::Shells(what) => text = format!("\t{what}\n"),
    }
    // Nobody there to read it is nothing to fail for.
    let _ = io::stdout().write_all(text.as_bytes());
    // An engine that nobody waited for.
    kst::door::end_programs();
    0
}

fn offer(line: &Line<'_>) -> Offer {
    match &line.place {
        Place::Command { first } => Offer::Shells(format!("command {first}")),
        Place::Option { typed } => Offer::Words(options(line, typed)),
        Place::Value { arg, prefix, typed } => with_prefix(values(line, arg, typed), prefix),
        Place::Word { positional, typed } => {
            let mut words = subcommands(line, typed);
            match positional.map(|arg| values(line, arg, typed)) {
                Some(Offer::Words(more)) => words.extend(more),
                Some(shells) if words.is_empty() => return shells,
                _ => {}
            }
            Offer::Words(words)
        }
    }
}

fn with_prefix(offer: Offer, prefix: &str) -> Offer {
    match offer {
        Offer::Words(words) => Offer::Words(
            words
                .into_iter()
                .map(|one| Candidate { word: format!("{prefix}{}", one.word), ..one })
                .collect(),
        ),
        shells => shells,
    }
}

fn subcommands(line: &Line<'_>, typed: &str) -> Vec<Candidate> {
    line.command
        .get_subcommands()
        .filter(|one| !one.is_hide_set() && one.get_name().starts_with(typed))
        .map(|one| Candidate {
            word: one.get_name().to_owned(),
            what: one.get_about().map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

/// The options that may still be given. Their short names are for who knows them.
fn options(line: &Line<'_>, typed: &str) -> Vec<Candidate> {
    line.command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !line.is_used_up(arg))
        .filter_map(|arg| {
            let word = format!("--{}", arg.get_long()?);
            let what = arg.get_help().map(ToString::to_string).unwrap_or_default();
            word.starts_with(typed).then_some(Candidate { word, what })
        })
        .collect()
}

/// What may be the value of an option or a positional argument.
fn values(line: &Line<'_>, arg: &Arg, typed: &str) -> Offer {
    let fits = |word: &str| word.starts_with(typed) && is_plain(word);
    let plain = |words: Vec<String>| {
        let words = words.into_iter().filter(|word| fits(word));
        Offer::Words(words.map(|word| Candidate { word, what: String::new() }).collect())
    };
    let path: Vec<&str> = line.path.iter().map(String::as_str).collect();
    match (path.as_slice(), arg.get_id().as_str()) {
        (_, "global-plugin") | (["plugin", "inspect" | "trust" | "install"], "file") => {
            Offer::Shells("components".to_owned())
        }
        (_, "workdir") => Offer::Shells("folders".to_owned()),
        (_, "backend") => plain(host(line).map(|host| host.backends()).unwrap_or_default()),
        (["plugin", "remove"], "name") | (["plugin", "untrust"], _) => {
            plain(host(line).map(|host| installed(&host)).unwrap_or_default())
        }
        (_, "socket") => {
            let known = host(line).map(|host| Known::gather(host, line, fits));
            plain(known.map(|known| known.locations()).unwrap_or_default())
        }
        ([command, ..], "name" | "names") => {
            let known = host(line).map(|host| Known::gather(host, line, fits));
            let words = known.map(|known| known.names(command)).unwrap_or_default();
            let given = line.values_of(arg.get_id().as_str());
            Offer::Words(
                words
                    .into_iter()
                    .filter(|one| fits(&one.word) && !given.contains(&one.word))
                    .collect(),
            )
        }
        _ => match (arg.get_possible_values(), arg.get_value_hint()) {
            (possible, _) if !possible.is_empty() => {
                let shown =
                    possible.iter().filter(|value| !value.is_hide_set() && fits(value.get_name()));
                Offer::Words(
                    shown
                        .map(|value| Candidate {
                            word: value.get_name().to_owned(),
                            what: value.get_help().map(ToString::to_string).unwrap_or_default(),
                        })
                        .collect(),
                )
            }
            (_, ValueHint::DirPath) => Offer::Shells("folders".to_owned()),
            (_, ValueHint::AnyPath | ValueHint::FilePath | ValueHint::ExecutablePath) => {
                Offer::Shells("files".to_owned())
            }
            _ => Offer::Words(Vec::new()),
        },
    }
}

/// Whether a word means itself in every shell. Other sessions' names hold anything: such a one has to be
/// typed by who knows how to quote it.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '%' | ','))
}

/// The host, on the config and with the plugins of the line. It asks nobody and says nothing.
fn host(line: &Line<'_>) -> Option<kst::session::Host> {
    let globals = Globals {
        config: line.values_of("global-config").last().map(Into::into),
        plugins: line.values_of("global-plugin").iter().map(Into::into).collect(),
        ..Globals::default()
    };
    let app = |globals| App::new(globals, Output::new());
    let silent = app(globals.clone()).host_to_complete();
    // A file that is no component, or no config, is no reason to know nothing.
    silent.or_else(|_| app(Globals { plugins: Vec::new(), ..globals }).host_to_complete()).ok()
}

/// The names of the backends that somebody installed.
fn installed(host: &kst::session::Host) -> Vec<String> {
    let built_in = |name: &String| kst::plugin::BUILT_IN_NAMES.iter().any(|one| one == name);
    host.backends().into_iter().filter(|name| !built_in(name)).collect()
}
