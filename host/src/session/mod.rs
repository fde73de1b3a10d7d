//! Sessions: what they are, where they are, and what can be done with them.

mod model;

pub use model::{Command, ExitStatus, OptionValue, SessionConfig, SessionState, SessionStatus};
