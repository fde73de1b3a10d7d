//! What a backend declares, as `wit/manifest.wit` describes it. Nothing here is checked yet:
//! [`Manifest::check`] does that.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Everything that a backend says of itself. It is fixed for a component; the approved copy binds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The backend's name, as in `--backend NAME`: like a session's name.
    pub name: String,
    /// The component's own version.
    pub version: String,
    /// One line: what it runs sessions in.
    pub summary: String,
    /// The programs that forms begin with.
    pub programs: Vec<Program>,
    /// Every command that the backend can have run.
    pub forms: Vec<FormDecl>,
    /// Where the engine's places are to be found.
    pub locations: Locations,
    /// The option that names the location to use; it is not among `options`.
    pub location_option: Option<OptionSchema>,
    /// What a session of this backend can have.
    pub options: Vec<OptionSchema>,
    /// Where the processes of a session run.
    pub placement: Placement,
    /// Variables that a session keeps as its engine set them.
    pub keeps: Vec<String>,
    /// Constant files that a program needs.
    pub files: Vec<ConstFile>,
    /// The optional operations that it supports.
    pub operations: Vec<Operation>,
    /// How a person detaches.
    pub detach: Option<String>,
}

/// A program that forms begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Program {
    /// Its id, and the name looked up on the user's PATH.
    pub id: String,
    /// What it does for the session, for the person who approves it.
    pub purpose: String,
}

/// A command form, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FormDecl {
    /// Letters, digits and `-`.
    pub name: String,
    /// The operations that it may be used in.
    pub operations: Vec<Operation>,
    /// What it may do.
    pub effect: Effect,
    /// The usage line.
    pub usage: String,
    /// The shape of an output line, where ids, pids or names are to be had from it.
    pub gives: Option<String>,
}

/// What a form may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It changes something: once in an operation that it names.
    Changes,
    /// The backend answers with it; it is never run for the backend.
    Plan,
}

impl Effect {
    /// The word used in manifests and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Reads => "reads",
            Effect::Changes => "changes",
            Effect::Plan => "plan",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An operation of kst's on a session or a backend. Forms are tied to these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it; wit/backend.wit specifies each")]
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

impl Operation {
    /// The word used in manifests and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Probe => "probe",
            Operation::List => "list",
            Operation::Status => "status",
            Operation::Start => "start",
            Operation::Stop => "stop",
            Operation::Remove => "remove",
            Operation::Logs => "logs",
            Operation::Attach => "attach",
            Operation::Send => "send",
            Operation::Exec => "exec",
            Operation::Follow => "follow",
            Operation::Wait => "wait",
            Operation::Signal => "signal",
            Operation::Events => "events",
        }
    }

    /// Whether every backend has it; the others are declared in the manifest.
    pub fn is_required(self) -> bool {
        matches!(
            self,
            Operation::Probe
                | Operation::List
                | Operation::Status
                | Operation::Start
                | Operation::Stop
                | Operation::Remove
                | Operation::Logs
                | Operation::Attach
        )
    }

    /// Whether only reading forms may be used in it: asking must never change anything.
    pub fn only_reads(self) -> bool {
        matches!(
            self,
            Operation::Probe
                | Operation::List
                | Operation::Status
                | Operation::Logs
                | Operation::Follow
                | Operation::Events
        )
    }

    /// Whether the backend may answer it with a plan.
    pub fn has_plan(self) -> bool {
        matches!(
            self,
            Operation::Attach
                | Operation::Exec
                | Operation::Logs
                | Operation::Follow
                | Operation::Wait
                | Operation::Events
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where the engine's places are to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Locations {
    /// There is one, called `default`.
    One,
    /// Each socket in a folder is one; `default` always is.
    Sockets(SocketFolder),
    /// Each of these programs that is installed is one, in this order of preference.
    Programs(Vec<String>),
}

/// A folder of sockets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SocketFolder {
    /// The environment variable that names the parent folder, where the user has it set.
    pub variable: String,
    /// The parent folder otherwise: an absolute path.
    pub parent: String,
    /// The folder's name in it; `{uid}` is the user's number.
    pub folder: String,
    /// The environment variable that says, up to its first comma, which socket the current process
    /// runs inside. Programs for another socket run without it.
    pub inside: Option<String>,
}

/// Where the processes of a session run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// On this machine, below kst's shim: forms use `{launch}`.
    Here,
    /// Elsewhere (in a container, on another machine): forms use `{command}`.
    Elsewhere,
}

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptionKind {
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// Present or not.
    Flag,
    /// A path of this machine, made absolute by the host.
    Path,
    /// A reference to an OCI image.
    Image,
    /// `SOURCE:TARGET[:MODE]`.
    Volume,
    /// `[[ADDRESS:]PORT:]PORT[/PROTOCOL]`.
    Port,
}

impl OptionKind {
    /// The word used in manifests and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            OptionKind::Text => "text",
            OptionKind::Number => "number",
            OptionKind::Flag => "flag",
            OptionKind::Path => "path",
            OptionKind::Image => "image",
            OptionKind::Volume => "volume",
            OptionKind::Port => "port",
        }
    }
}

/// An option that a session of this backend can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OptionSchema {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// What values it takes.
    pub kind: OptionKind,
    /// One line for help.
    pub help: String,
    /// Whether a new session cannot do without.
    pub required: bool,
    /// Whether it takes several values.
    pub repeatable: bool,
    /// The only values it takes, if they are few.
    pub choices: Vec<String>,
}

/// A constant file that a program needs: written by the host, read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConstFile {
    /// Letters, digits and `-`; `{file-NAME}` in forms.
    pub name: String,
    /// All of its text.
    pub content: String,
}
