//! What a component can be asked, whatever version of the interface it was built for.

use crate::door::{Location, Manifest};
use crate::session::{ExitStatus, OptionValue};

/// A component, instantiated for one call. Each version of the interface implements this once.
pub(crate) trait Guest {
    fn describe(&mut self) -> Result<Manifest, Fault>;
    fn probe(&mut self, at: &Location) -> Answer<Health>;
    fn list(&mut self, at: &Location) -> Answer<Vec<GuestSession>>;
    fn status(&mut self, at: &Location, name: &str) -> Answer<GuestSession>;
    fn start(&mut self, at: &Location, request: &StartRequest) -> Answer<GuestSession>;
    fn stop(&mut self, at: &Location, request: &StopRequest) -> Answer<()>;
    fn remove(&mut self, at: &Location, name: &str) -> Answer<()>;
    fn logs(&mut self, at: &Location, name: &str, lines: u32, times: bool) -> Answer<LogSource>;
    /// The name of a form.
    fn attach(&mut self, at: &Location, name: &str) -> Answer<String>;
    fn send(&mut self, at: &Location, request: &SendRequest) -> Answer<()>;
    fn exec(&mut self, at: &Location, name: &str) -> Answer<String>;
    fn follow(&mut self, at: &Location, name: &str) -> Answer<StreamSource>;
    fn wait(&mut self, at: &Location, name: &str) -> Answer<String>;
    fn signal(&mut self, at: &Location, name: &str) -> Answer<()>;
    fn events(&mut self, at: &Location) -> Answer<String>;
}

/// The component's answer, or that it broke.
pub(crate) type Answer<T> = Result<Result<T, GuestError>, Fault>;

/// How a component broke: a sentence that names the rule or the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) String);

/// Why an operation failed, in the component's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestError {
    /// No session has this name here.
    NotFound,
    /// A session has this name here already.
    AlreadyExists,
    /// The session is there, but not running.
    NotRunning,
    /// The engine is missing, down, or does not answer.
    Unavailable(String),
    /// The engine cannot do this.
    Unsupported(String),
    /// The request makes no sense to this engine.
    Invalid(String),
    /// The engine said no.
    Failed(String),
}

/// Whether an engine can be used at a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether it answered.
    pub available: bool,
    /// Its version, as it prints it.
    pub version: Option<String>,
    /// Why it is not available.
    pub problem: Option<String>,
    /// What this version lacks.
    pub lacks: Vec<String>,
}

/// The state of a session, as its engine tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestState {
    /// Its process is alive.
    Running,
    /// It has ended, or was never started.
    Ended,
    /// The engine does not tell.
    Unknown,
}

/// What a component says of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestSession {
    /// Exactly as the engine has it.
    pub name: String,
    /// Its state.
    pub state: GuestState,
    /// RFC 3339, or whole seconds since 1970.
    pub created: Option<String>,
    /// The same formats.
    pub started: Option<String>,
    /// The same formats.
    pub ended: Option<String>,
    /// How its process ended.
    pub exit: Option<ExitStatus>,
    /// How often its engine has started it again by itself.
    pub restarts: Option<u32>,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: Option<bool>,
    /// The image it runs.
    pub image: Option<String>,
    /// How many windows it has.
    pub windows: Option<u32>,
    /// The engine's own word on whether it is well.
    pub health: Option<String>,
    /// Other facts.
    pub details: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct StartRequest {
    pub name: String,
    pub has_command: bool,
    pub resume: bool,
    pub options: Vec<(String, OptionValue)>,
}

#[derive(Debug, Clone)]
pub(crate) struct StopRequest {
    pub name: String,
    pub graceful: bool,
    /// Milliseconds.
    pub timeout: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct SendRequest {
    pub name: String,
    pub paste: bool,
}

/// Where a session's output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSource {
    /// Here.
    Text(Vec<u8>),
    /// Here, each line after its time and a space.
    Timed(Vec<u8>),
    /// It is what this form prints, too much to be handed over at once.
    Plan(String),
    /// In the file that the host keeps.
    Kept,
}

/// Where new output comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamSource {
    /// From what this form prints.
    Plan(String),
    /// From the file that the host keeps.
    Kept,
}
