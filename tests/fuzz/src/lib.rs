//! The modules of kst that the fuzzers need, without the rest: another root for the very same files.
#![allow(dead_code, unused_imports, missing_docs)]

pub mod backends;
#[path = "../../../host/src/config/mod.rs"]
pub mod config;
#[path = "../../../host/src/door/mod.rs"]
pub mod door;
#[path = "../../../host/src/error.rs"]
mod error;
#[path = "../../../host/src/folders.rs"]
pub mod folders;
#[path = "../../../host/src/guard.rs"]
pub mod guard;
#[path = "../../../host/src/limits/mod.rs"]
pub mod limits;
#[path = "../../../host/src/ownership.rs"]
mod ownership;
#[path = "../../../host/src/private.rs"]
mod private;
#[path = "../../../host/src/text/mod.rs"]
pub mod text;

/// What of sessions the others name.
#[path = "../../../host/src/session"]
pub mod session {
    pub mod command;
    mod model;
    mod policy;
    pub mod processes;
    mod signal_name;
    mod stamped;
    pub mod validate;

    pub use model::*;
    pub use policy::*;
    pub use signal_name::SignalName;

    pub mod follow {
        pub mod targets;
    }
}

/// What of components the others name.
#[path = "../../../host/src/plugin"]
pub mod plugin {
    mod digest;

    pub use digest::Digest;

    /// As in kst, for these backends.
    pub(crate) fn canonical(name: &str) -> &str {
        let known = ["tmux", "container"].into_iter().find(|one| one.eq_ignore_ascii_case(name));
        known.unwrap_or(name)
    }
}

pub use error::{Error, Result};

const fn holds(_: guard::Guard) -> bool {
    true
}
