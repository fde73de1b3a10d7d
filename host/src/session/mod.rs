//! Sessions: what they are, where they are, and what can be done with them.

pub mod ledger;
mod model;
pub mod processes;

pub use model::{Command, ExitStatus, OptionValue, SessionConfig, SessionState, SessionStatus};
