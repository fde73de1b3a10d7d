//! config (stub)
#![allow(missing_docs)]

use std::path::PathBuf;

use crate::Result;
use crate::folders::Folders;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Debug, Clone)]
pub struct Problem {
    pub file: Option<PathBuf>,
    pub line: Option<u64>,
    pub text_line: Option<String>,
    pub key: Option<String>,
    pub what: String,
    pub advice: Option<String>,
    pub severity: Severity,
}

#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub folders: Folders,
    pub working_dir: Option<PathBuf>,
    pub explicit: Option<PathBuf>,
}

#[derive(Debug, Clone, Default)]
pub struct Config {
    problems: Vec<Problem>,
}

impl Config {
    pub fn load(_: &Sources) -> Result<Config> {
        Ok(Config::default())
    }
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
    pub fn show(&self) -> String {
        String::new()
    }
}

pub fn schema() -> serde_json::Value {
    serde_json::json!({})
}
