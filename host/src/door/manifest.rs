//! manifest (stub)
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Probe,
    List,
    Status,
    Start,
    Stop,
    Remove,
    Logs,
    Attach,
    Send,
    Exec,
    Follow,
    Wait,
    Signal,
    Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Reads,
    Changes,
    Plan,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub id: String,
    pub purpose: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormDecl {
    pub name: String,
    pub operations: Vec<Operation>,
    pub effect: Effect,
    pub usage: String,
    pub gives: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketFolder {
    pub variable: String,
    pub parent: String,
    pub folder: String,
    pub inside: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Locations {
    One,
    Sockets(SocketFolder),
    Programs(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionKind {
    Text,
    Number,
    Flag,
    Path,
    Image,
    Volume,
    Port,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionSchema {
    pub name: String,
    pub kind: OptionKind,
    pub help: String,
    pub required: bool,
    pub repeatable: bool,
    pub choices: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    Here,
    Elsewhere,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConstFile {
    pub name: String,
    pub content: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub programs: Vec<Program>,
    pub forms: Vec<FormDecl>,
    pub locations: Locations,
    pub location_option: Option<OptionSchema>,
    pub options: Vec<OptionSchema>,
    pub placement: Placement,
    pub keeps: Vec<String>,
    pub files: Vec<ConstFile>,
    pub operations: Vec<Operation>,
    pub detach: Option<String>,
}

#[derive(Debug, Clone)]
pub struct CheckedManifest(Manifest);

impl Manifest {
    pub fn check(self) -> Result<CheckedManifest, String> {
        Ok(CheckedManifest(self))
    }
}

impl CheckedManifest {
    pub fn manifest(&self) -> &Manifest {
        &self.0
    }
}
