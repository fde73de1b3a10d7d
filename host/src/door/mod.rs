//! door (stub)
#![allow(missing_docs)]

use std::ffi::OsString;
use std::time::Duration;

use crate::session::ExitStatus;

pub mod manifest;

#[derive(Debug, Clone)]
pub struct RunInfo {
    pub backend: String,
    pub operation: manifest::Operation,
    pub form: String,
    pub effect: manifest::Effect,
    pub argv: Vec<OsString>,
}

#[derive(Debug, Clone)]
pub struct RunOutcome {
    pub duration: Duration,
    pub exit: std::result::Result<ExitStatus, String>,
}

pub trait Observer: Sync {
    fn planned(&self, run: &RunInfo);
    fn ran(&self, run: &RunInfo, outcome: &RunOutcome);
}

pub fn show(manifest: &manifest::CheckedManifest) -> String {
    format!("{} {}\n", manifest.manifest().name, manifest.manifest().version)
}
