//! Sessions: what they are, where they are, and what can be done with them.

pub mod command;
mod model;
pub mod validate;

pub use model::{Command, ExitStatus, OptionValue, SessionConfig, SessionState, SessionStatus};
