//! The config: `kstlib.conf.yml`, found, read with what it includes, merged and checked.
//!
//! # Layers
//!
//! From the lowest to the highest; a higher one overrides a lower one key by key, and lists whole:
//!
//! 1. what is built in,
//! 2. `kstlib/kstlib.conf.yml` in each system config folder (`XDG_CONFIG_DIRS`, else `/etc/xdg`),
//!    the first folder above the others,
//! 3. `kstlib.conf.yml` in the user's config folder (`~/.config`),
//! 4. `~/kstlib.conf.yml`,
//! 5. `./kstlib.conf.yml`.
//!
//! With `--config FILE` or `KST_CONFIG` that file alone is read, and what is built in. A file that
//! is two of them (where the working directory is the home) counts once, as the higher layer, and
//! is the user's own: not one of a directory that was merely entered.
//!
//! # Includes
//!
//! `include: FILE` or a list of them, in YAML, JSON, TOML or INI by the ending of the name, relative
//! to the including file and within its folder. What a file says itself lies above what it
//! includes, and of two includes the later lies above.
//!
//! # Values
//!
//! Values are taken as written: `1.10`, `010`, `yes` and `22:22` stay what they are. Paths of this
//! machine count from the file that holds them, and `~/` from the home. A variable in `env` without
//! a value takes the one that kst's own environment has for it, if any (as docker compose does).
//! Other top-level keys than `ops` and `include` belong to other programs. `${NAME}`, `${NAME:-text}` and
//! their kind in a session's values are filled in from kst's own environment, but for a command that is
//! one text.
//!
//! `ops.limits` raises what backends may use up (see [`crate::limits`]), in the user's own files: in
//! the working directory's, and what that includes, it is left out.
//!
//! # Problems
//!
//! What is wrong is a [`Problem`] with file and line, and costs only what it concerns: a session, a
//! setting, an included file. Nothing but the file named by `--config` makes [`Config::load`] fail.

// A problem is large for an error; there are few, and none on the way of a config that is right.
#![allow(clippy::result_large_err)]

mod check;
pub(crate) mod env_file;
mod ini;
mod interpolate;
mod keys;
mod limits;
mod problem;
mod read;
mod restart;
mod schema;
mod show;
mod startup;
#[cfg(any(test, fuzzing))]
pub mod targets;
mod toml_file;
mod tree;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::folders::Folders;
use crate::limits::Limits;
use crate::plugin::Digest;
use crate::session::{DEFAULT_HISTORY, SessionConfig};
use crate::text::shown_path;
use crate::{Error, Result};

pub use check::{MAX_SESSIONS, MAX_STOP_TIMEOUT};
pub(crate) use keys::{KSTLIB_BACKENDS, OPTIONS as KSTLIB_OPTIONS};
pub use problem::{Problem, Severity};
pub use read::{MAX_FILE, MAX_INCLUDE_DEPTH};
pub use schema::schema;
pub use show::{Leaf, Shown};
pub use startup::{Condition, Dependency, Ready, Sign, Startup};

use read::{Found, Reader};
use tree::{Map, Value};

/// The name of the config file, in each folder that may hold one.
pub const FILE_NAME: &str = "kstlib.conf.yml";

/// Where the config comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The user's folders.
    pub folders: Folders,
    /// The working directory, absolute. Its file is read last; values of it carry
    /// [`Sourced::from_working_dir`].
    pub working_dir: PathBuf,
    /// The file named by `--config` or by `KST_CONFIG` ([`Sources::from_variable`]): then it alone is
    /// read. A relative path counts from `working_dir`.
    pub explicit: Option<PathBuf>,
}

impl Sources {
    /// The file that `KST_CONFIG` names, if it does.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where it is a relative path: it would be another file in each directory, and
    /// whoever fills a directory could choose the programs that are run from there.
    pub fn from_variable() -> Result<Option<PathBuf>> {
        named_by_variable(std::env::var_os("KST_CONFIG"))
    }
}

fn named_by_variable(value: Option<std::ffi::OsString>) -> Result<Option<PathBuf>> {
    let Some(file) = value.filter(|value| !value.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    if file.is_absolute() {
        return Ok(Some(file));
    }
    Err(Error::Invalid {
        what: format!(
            "KST_CONFIG is '{}', a relative path, which is another file in each directory",
            shown_path(&file)
        ),
        advice: Some("set it to an absolute path, or name the file with --config".to_owned()),
    })
}

/// A value and where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The file that sets it.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: Option<u64>,
    /// The file is the working directory's, or one that this includes: a directory that is merely
    /// entered chooses no programs and no plugins without approval.
    pub from_working_dir: bool,
}

/// The merged and checked config.
#[derive(Debug, Default)]
pub struct Config {
    tree: Map,
    checked: check::Checked,
    problems: Vec<Problem>,
    unread: Vec<Problem>,
    files: Vec<PathBuf>,
}

impl Config {
    /// Find, read, merge and check the config.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where [`Sources::explicit`] names a file that cannot be read. Everything
    /// else that is wrong is among [`Config::problems`].
    pub fn load(sources: &Sources) -> Result<Self> {
        let mut reader = Reader::default();
        let tree = match &sources.explicit {
            Some(file) => read_explicit(&mut reader, &sources.working_dir.join(file))?,
            None => read_layers(&mut reader, sources),
        };
        let mut problems = reader.problems;
        let checked = check::check(&tree, sources.folders.home.as_deref(), &mut problems);
        Ok(Config { tree, checked, problems, unread: reader.unread, files: reader.files })
    }

    /// A config of what is built in.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The definition of a session; `None` where the config has none of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], with file and line, where the entry is broken, or where it may be in a
    /// file that could not be read (see [`Config::unread`]).
    pub fn session(&self, name: &str) -> Result<Option<&SessionConfig>> {
        match self.checked.sessions.iter().find(|(key, _)| key == name) {
            None => match self.unread.first() {
                Some(problem) => Err(problem.to_error()),
                None => Ok(None),
            },
            Some((_, Ok(session))) => Ok(Some(session)),
            Some((_, Err(problem))) => Err(problem.to_error()),
        }
    }

    /// The defined sessions in the order of the files, broken ones with their first problem.
    pub fn sessions(&self) -> impl Iterator<Item = (&str, Result<&SessionConfig, &Problem>)> {
        self.checked.sessions.iter().map(|(name, session)| (name.as_str(), session.as_ref()))
    }

    /// How a session comes up with the others; nothing of it where the config says nothing.
    pub fn startup(&self, name: &str) -> Option<&Startup> {
        self.checked.startup.startups.get(name)
    }

    /// `ops.groups`: names for several sessions at once.
    pub fn groups(&self) -> &BTreeMap<String, Vec<String>> {
        &self.checked.startup.groups
    }

    /// `ops.default_backend`, if it is set.
    pub fn default_backend(&self) -> Option<&Sourced<String>> {
        self.checked.default_backend.as_ref()
    }

    /// `ops.history`: how many bytes of the output of a session on this machine are kept.
    pub fn history(&self) -> u64 {
        self.checked.history.unwrap_or(DEFAULT_HISTORY)
    }

    /// Programs to use in place of the ones on the PATH, by the program's name: `tmux_binary` gives
    /// `tmux`. A value with a slash is an absolute path, one without is to be looked up on the PATH.
    pub fn program_overrides(&self) -> &BTreeMap<String, Sourced<String>> {
        &self.checked.programs
    }

    /// The location that a backend is to prefer, by the backend's name: `container_runtime` gives
    /// `container`.
    pub fn preferred_locations(&self) -> &BTreeMap<String, Sourced<String>> {
        &self.checked.locations
    }

    /// The component files of `ops.plugins`, absolute, by the name they have there.
    pub fn plugins(&self) -> &BTreeMap<String, Sourced<PathBuf>> {
        &self.checked.plugins
    }

    /// The digests that the components of `ops.plugins` are to have, by the name they have there.
    /// In a file that is not the working directory's, one approves the component.
    pub fn plugin_digests(&self) -> &BTreeMap<String, Sourced<Digest>> {
        &self.checked.plugin_digests
    }

    /// What backends may use up: the defaults, and what `ops.limits` raises in a file that is not the
    /// working directory's.
    pub fn limits(&self) -> &Limits {
        &self.checked.limits
    }

    /// Everything that is wrong, errors and warnings.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems that kept a file or an included file from being read: where there are any, a
    /// session that the config doesn't define may be defined in what is missing.
    pub fn unread(&self) -> &[Problem] {
        &self.unread
    }

    /// The files that were read, each before what it includes.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Where a key of a session was set (`image`, `volumes`, …): its file and line, for a complaint
    /// about its value, and, in that file's folder, where a relative path in it counts from.
    pub fn session_key(&self, session: &str, key: &str) -> Option<Sourced<()>> {
        let Value::Map(sessions) = &self.tree.get("sessions")?.node.value else { return None };
        let Value::Map(entry) = &sessions.get(session)?.node.value else { return None };
        Some(check::sourced((), &entry.get(key)?.node.at))
    }

    /// What is wrong with a session that is defined here, or with one of its keys, as a problem
    /// that has the place.
    pub(crate) fn session_problem(
        &self,
        session: &str,
        key: Option<&str>,
        error: &Error,
    ) -> Problem {
        let path = format!("ops.sessions.{session}");
        let entry = self.tree.get("sessions").and_then(|sessions| match &sessions.node.value {
            Value::Map(sessions) => sessions.get(session),
            _ => None,
        });
        let below = entry.zip(key).and_then(|(entry, key)| match &entry.node.value {
            Value::Map(keys) => keys.get(key),
            _ => None,
        });
        match (entry, below) {
            (_, Some(key)) => {
                Problem::from_error(&key.key_at, &format!("{path}.{}", key.key), error)
            }
            (Some(entry), None) => Problem::from_error(&entry.key_at, &path, error),
            (None, None) => Problem::of_file(FILE_NAME, error.to_string()),
        }
    }

    /// What is wrong with a setting, as a problem that has the place.
    pub(crate) fn setting_problem(&self, key: &str, error: &Error) -> Problem {
        match self.tree.get(key) {
            Some(entry) => Problem::from_error(&entry.node.at, &format!("ops.{key}"), error),
            None => Problem::of_file(FILE_NAME, error.to_string()),
        }
    }

    /// The merged config of `ops`, with where each value comes from.
    pub fn show(&self) -> Shown {
        show::show(&self.tree)
    }
}

impl<T> Sourced<T> {
    /// The folder of the file, where relative paths in the value count from.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    /// `FILE:LINE`, for messages.
    pub fn place(&self) -> String {
        let file = crate::text::shown_path(&self.file);
        match self.line {
            Some(line) => format!("{file}:{line}"),
            None => file,
        }
    }
}

/// The one file that was named.
fn read_explicit(reader: &mut Reader, path: &Path) -> Result<Map> {
    let found =
        Found::look(path).map_err(|problem| problem.to_error())?.ok_or_else(|| Error::Config {
            file: Some(path.to_owned()),
            line: None,
            what: "there is no such file".to_owned(),
            advice: Some("check --config and KST_CONFIG".to_owned()),
        })?;
    match reader.read(&found, false) {
        Some(tree) => Ok(tree),
        None => Err(match reader.unread.first() {
            Some(problem) => problem.to_error(),
            None => Problem::of_file(path, "the file cannot be read").to_error(),
        }),
    }
}

/// The files of all layers, merged.
fn read_layers(reader: &mut Reader, sources: &Sources) -> Map {
    let folders = &sources.folders;
    let own = folders.system_config.iter().rev().map(|folder| folder.join("kstlib"));
    let own = own.chain(folders.config.clone()).chain(folders.home.clone());
    let layers = own.map(|folder| (folder, false));
    let layers = layers.chain([(sources.working_dir.clone(), true)]);

    let mut found: Vec<(Found, bool)> = Vec::new();
    for (folder, from_working_dir) in layers {
        let path = folder.join(FILE_NAME);
        match Found::look(&path) {
            Ok(Some(file)) => {
                // Here a second time: it moves up, and stays the user's own.
                // By path: a hard link elsewhere has other relative paths.
                let known = found.iter().position(|(other, _)| other.path == file.path);
                let foreign = from_working_dir && known.is_none();
                if let Some(index) = known {
                    found.remove(index);
                }
                found.push((file, foreign));
            }
            Ok(None) => {}
            Err(problem) => {
                reader.unread.push(problem.clone());
                reader.problems.push(problem);
            }
        }
    }
    let mut tree = Map::default();
    for (file, from_working_dir) in &found {
        if let Some(layer) = reader.read(file, *from_working_dir) {
            tree.merge(layer);
        }
    }
    tree
}

#[cfg(test)]
mod tests;
