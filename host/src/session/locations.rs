//! The places of an engine, found from what its backend's manifest says.

use std::env;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use crate::door::{Location, Locations, Manifest, Programs, SocketFolder};
use crate::{Error, Result};

/// The name of the place that an engine uses when none is named.
pub(crate) const DEFAULT: &str = "default";

/// More places than this are not looked at.
const MOST: usize = 256;

/// Which places of a backend to look at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// This one alone.
    pub named: Option<&'a str>,
    /// These alone, if any (the config's `container_runtime` and the places that its sessions name).
    pub among: &'a [String],
}

/// The places where sessions can be now. Empty where the engine is not installed.
///
/// # Errors
///
/// [`Error::Invalid`] for a name that no place of this engine can have.
pub(crate) fn existing(
    manifest: &Manifest,
    programs: &Programs,
    wanted: Wanted<'_>,
) -> Result<Vec<Location>> {
    if let Some(name) = wanted.named {
        return Ok(vec![named(manifest, name)?]);
    }
    match &manifest.locations {
        Locations::One => Ok(vec![location(DEFAULT)]),
        Locations::Sockets(sockets) => Ok(in_folder(sockets)),
        Locations::Programs(ids) => Ok(ids
            .iter()
            .filter(|id| wanted.among.is_empty() || wanted.among.contains(id))
            .filter(|id| programs.resolve(id).is_ok())
            .map(|id| location(id))
            .collect()),
    }
}

/// The place where a new session goes.
///
/// # Errors
///
/// [`Error::Unavailable`] where none of the engine's programs is installed, [`Error::Invalid`] for
/// a name that no place of this engine can have.
pub(crate) fn for_start(
    manifest: &Manifest,
    programs: &Programs,
    named_one: Option<&str>,
) -> Result<Location> {
    if let Some(name) = named_one {
        return named(manifest, name);
    }
    match &manifest.locations {
        Locations::One => Ok(location(DEFAULT)),
        Locations::Sockets(sockets) => Ok(socket(sockets, DEFAULT)),
        Locations::Programs(ids) => {
            ids.iter().find(|id| programs.resolve(id).is_ok()).map(|id| location(id)).ok_or_else(
                || Error::Unavailable {
                    backend: manifest.name.clone(),
                    what: not_installed(ids),
                    advice: Some(format!("install {}", ids.join(" or "))),
                },
            )
        }
    }
}

/// The place of this name, whether or not anything is there.
///
/// # Errors
///
/// [`Error::Invalid`] for a name that no place of this engine can have.
pub(crate) fn named(manifest: &Manifest, name: &str) -> Result<Location> {
    let option = manifest.location_option.as_ref().map_or("location", |option| &option.name);
    let wrong = |why: String| Error::Invalid {
        what: format!("{option}: '{}' {why}", crate::text::escape_controls(name)),
        advice: None,
    };
    match &manifest.locations {
        Locations::One if name == DEFAULT => Ok(location(DEFAULT)),
        Locations::One => Err(wrong(format!("is no place of {}, which has one", manifest.name))),
        Locations::Sockets(sockets) => {
            if name.is_empty() || name == "." || name == ".." || name.len() > 100 {
                return Err(wrong("is not a socket's name: 1 to 100 bytes are".into()));
            }
            if name.starts_with('-') || name.contains('/') || name.chars().any(char::is_control) {
                return Err(wrong(
                    "is not a socket's name: it cannot hold '/' or control characters, or begin \
                     with '-'"
                        .into(),
                ));
            }
            Ok(socket(sockets, name))
        }
        Locations::Programs(ids) => {
            if ids.iter().any(|id| id == name) {
                Ok(location(name))
            } else {
                Err(wrong(format!("is not one of {}", ids.join(", "))))
            }
        }
    }
}

/// That none of these programs is installed.
pub(crate) fn not_installed<S: AsRef<str>>(programs: &[S]) -> String {
    let names: Vec<&str> = programs.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [one] => format!("{one} is not installed, or not on the PATH"),
        _ => format!("neither {} is installed, or on the PATH", names.join(" nor ")),
    }
}

fn location(name: &str) -> Location {
    Location { name: name.to_owned(), is_default: name == DEFAULT, inside: false }
}

/// The sockets in the folder, `default` first.
fn in_folder(sockets: &SocketFolder) -> Vec<Location> {
    let Ok(entries) = fs::read_dir(folder(sockets)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('-') && !name.chars().any(char::is_control))
        .take(MOST)
        .collect();
    names.sort_by_key(|name| (name != DEFAULT, name.clone()));
    names.iter().map(|name| socket(sockets, name)).collect()
}

fn folder(sockets: &SocketFolder) -> PathBuf {
    let parent = env::var_os(&sockets.variable)
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from(&sockets.parent), PathBuf::from);
    let uid = rustix::process::getuid().as_raw().to_string();
    parent.join(sockets.folder.replace("{uid}", &uid))
}

/// A socket as a place, and whether this process runs inside it.
fn socket(sockets: &SocketFolder, name: &str) -> Location {
    let inside = sockets.inside.as_ref().and_then(env::var_os).is_some_and(|value| {
        let value = value.to_string_lossy();
        let current = PathBuf::from(value.split(',').next().unwrap_or_default());
        let this = folder(sockets).join(name);
        current == this || same_file(&current, &this)
    });
    Location { inside, ..location(name) }
}

fn same_file(one: &std::path::Path, other: &std::path::Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}
