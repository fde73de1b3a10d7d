//! Sessions: what they are, where they are, and what can be done with them.
//!
//! [`SessionManager`] is one session; [`Host`] is all of them. A request goes from here to a
//! component, from there through the door to the engine, and the answer comes back the same way.

mod approvals;
mod attach;
mod backends;
mod checkup;
mod chosen;
pub mod command;
mod definition;
mod environment;
mod exec;
mod executable;
mod files;
mod find;
mod follow;
mod gathered;
mod host;
mod install;
mod kept;
pub mod ledger;
mod locations;
mod logs;
mod manager;
mod model;
mod options;
mod out_of_reach;
mod policy;
mod probe;
pub mod processes;
mod remembered;
mod remove;
mod restart;
mod send;
mod serve;
mod several;
mod shared;
mod sighting;
mod signal;
mod signal_name;
mod stamped;
mod start;
mod stop;
mod streamed;
mod survey;
mod terminal;
mod together;
pub mod validate;
mod wait;
mod watch;

pub use crate::plugin::Origin;
pub use approvals::{Answer, Ask, Before, ProgramReview, Question, Review};
pub use backends::{PluginInfo, Trust};
pub use checkup::{Finding, Verdict};
pub use exec::ExecRequest;
pub use find::Listing;
pub use follow::{Follow, FollowOptions, Followed, Heard, LineHeard, Listener};
pub use gathered::{LogOptions, Logs};
pub use host::{Host, HostSettings, Withdrawn};
pub use install::{Installed, Removed};
pub use manager::{SessionManager, auto_detect_backend};
pub use model::{
    Command, DEFAULT_HISTORY, ExitStatus, LEAST_HISTORY, OptionValue, SessionConfig, SessionState,
    SessionStatus,
};
pub use policy::{BACKOFF, BACKOFF_BOUNDS, MAX_BACKOFF, Restart, RestartPolicy};
pub use send::{Input, Key};
pub use several::{Each, Told};
pub use signal_name::SignalName;
pub use stop::{StopOptions, StopOutcome};
pub use survey::{BackendHealth, Filter, HealthState};
pub use together::{DownOptions, OnStage, Plan, Stage, Step, UpOptions};
pub use watch::{Change, Happening, Seen};
