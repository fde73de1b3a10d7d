//! Whether a command's program can be run at all, before anything is made for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Check that the first of `words` is a program that can be run from `dir`, with this PATH.
///
/// # Errors
///
/// A sentence: there is no such program, or it cannot be run.
pub(crate) fn check(words: &[String], dir: &Path, path: Option<OsString>) -> Result<(), String> {
    let Some(program) = words.first() else { return Err("the command is empty".into()) };
    let shown = crate::text::escape_controls(program);
    if program.contains('/') {
        return usable(&dir.join(program)).map_err(|why| format!("{shown} {why}"));
    }
    let path = path.unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| dir.join(folder).join(program));
    match candidates.find(|candidate: &PathBuf| usable(candidate).is_ok()) {
        Some(_) => Ok(()),
        None => Err(format!("there is no program '{shown}' on the PATH")),
    }
}

fn usable(program: &Path) -> Result<(), &'static str> {
    match program.metadata() {
        Err(_) => Err("does not exist"),
        Ok(meta) if meta.is_dir() => Err("is a directory"),
        Ok(_) if access(program, Access::EXEC_OK).is_err() => {
            Err("is not executable: chmod +x makes it so")
        }
        Ok(_) => Ok(()),
    }
}
