//! Sessions: what they are, where they are, and what can be done with them.

mod host;
mod model;

pub use host::{
    BackendHealth, Define, Filter, HealthState, Host, HostSettings, Listing, Origin, PluginInfo,
    StartRequest, StopOptions, StopOutcome, Trust,
};
pub use model::{Command, ExitStatus, OptionValue, SessionConfig, SessionState, SessionStatus};
