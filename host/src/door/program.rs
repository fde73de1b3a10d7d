//! Which file a program id is: found once through the user's own PATH, and the same file when run.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::guard::Guard;
use crate::text::escape_controls;

/// Where programs are looked for when the user has no PATH.
const NO_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It is in no folder of PATH.
    #[error("the program {program} is not on PATH")]
    NotFound {
        /// The name looked for.
        program: String,
    },
    /// What the user or the config names instead of it cannot be run.
    #[error("{}, which is to stand for {program}, {why}", escape_controls(&.path.to_string_lossy()))]
    BadOverride {
        /// The program's id.
        program: String,
        /// What was named.
        path: PathBuf,
        /// The rest of the sentence.
        why: String,
    },
    /// Another file has taken its place since it was looked up.
    #[error("{} was replaced while kst was at work; try again", .path.display())]
    Replaced {
        /// Where it was.
        path: PathBuf,
    },
}

impl ProgramError {
    /// What to do about it.
    pub fn advice(&self) -> Option<String> {
        match self {
            ProgramError::NotFound { program } => {
                Some(format!("install {program}, or put its folder on PATH"))
            }
            ProgramError::BadOverride { program, .. } => Some(format!(
                "mend {program}_binary in the config: 'kst config show' tells where it is set"
            )),
            ProgramError::Replaced { .. } => None,
        }
    }
}

/// Resolves program ids to absolute paths, each once.
///
/// Only absolute entries of PATH count: a relative or empty one would let the directory that one
/// happens to be in choose the program.
#[derive(Debug)]
pub struct Programs {
    folders: Vec<PathBuf>,
    overrides: BTreeMap<String, OsString>,
    found: Mutex<HashMap<String, Result<Resolved, ProgramError>>>,
}

/// A program's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// As PATH gives it, links not followed: programs of many names go by it.
    pub path: PathBuf,
    /// The file that it leads to.
    file: (u64, u64),
}

impl Programs {
    /// Look in the absolute entries of `path` (the value of PATH). `overrides` names, for a program's
    /// id, an absolute path or another name to look up.
    pub fn new(path: Option<OsString>, overrides: BTreeMap<String, OsString>) -> Self {
        let path = path.unwrap_or_else(|| NO_PATH.into());
        let folders = std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute() || !Guard::AbsolutePath.holds())
            .collect();
        Programs { folders, overrides, found: Mutex::default() }
    }

    /// The absolute path of the program with this id: a regular file that may be executed.
    pub fn resolve(&self, id: &str) -> Result<PathBuf, ProgramError> {
        self.find(id).map(|resolved| resolved.path)
    }

    /// The same, to be verified before it is run.
    pub(super) fn find(&self, id: &str) -> Result<Resolved, ProgramError> {
        self.found(id).0
    }

    /// The same, to be run at once: what was looked up before is verified.
    pub(super) fn find_to_run(&self, id: &str) -> Result<Resolved, ProgramError> {
        let (resolved, before) = self.found(id);
        let resolved = resolved?;
        if before {
            resolved.verify()?;
        }
        Ok(resolved)
    }

    /// A program, and whether it was looked up before.
    fn found(&self, id: &str) -> (Result<Resolved, ProgramError>, bool) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.get(id) {
            return (known.clone(), true);
        }
        let resolved = self.look_up(id);
        found.insert(id.to_owned(), resolved.clone());
        (resolved, false)
    }

    fn look_up(&self, id: &str) -> Result<Resolved, ProgramError> {
        let Some(other) = self.overrides.get(id) else {
            return self
                .on_path(OsStr::new(id))
                .ok_or_else(|| ProgramError::NotFound { program: id.to_owned() });
        };
        let bad = |why: &str| ProgramError::BadOverride {
            program: id.to_owned(),
            path: PathBuf::from(other),
            why: why.to_owned(),
        };
        let path = Path::new(other);
        if path.is_absolute() {
            Resolved::at(path).ok_or_else(|| bad("is not a file that can be executed"))
        } else if path.components().count() == 1 && path.file_name() == Some(other) {
            self.on_path(other).ok_or_else(|| bad("is not on PATH"))
        } else {
            Err(bad("is neither an absolute path nor a plain name"))
        }
    }

    fn on_path(&self, name: &OsStr) -> Option<Resolved> {
        self.folders.iter().find_map(|folder| Resolved::at(&folder.join(name)))
    }
}

impl Resolved {
    fn at(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        let runs = file.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        runs.then(|| Resolved { path: path.to_owned(), file: (file.dev(), file.ino()) })
    }

    /// Make sure that the path still leads to the file that was found.
    pub(super) fn verify(&self) -> Result<(), ProgramError> {
        match Resolved::at(&self.path) {
            Some(now) if now.file == self.file || !Guard::SameFile.holds() => Ok(()),
            _ => Err(ProgramError::Replaced { path: self.path.clone() }),
        }
    }
}

#[cfg(test)]
mod tests;
