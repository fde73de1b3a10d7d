//! Plugins: where components come from, whether they may run, and how they are run.
//!
//! A component is found ([`Source`]), checked to be one that this kst can run, compiled or taken from
//! the cache of compiled code, and instantiated anew for each call, under limits ([`GuestLimits`]).
//! The one import that it gets is the door; a WASI that its toolchain wants is an empty one.

mod bindings;
mod cache;
mod code;
mod compiler;
mod digest;
mod engine;
mod guest;
mod instance;
mod limits;
mod loaded;
mod loader;
mod source;
#[cfg(any(test, fuzzing))]
pub mod targets;
mod trust;
mod wasi;

pub use compiler::{compile_child, compile_in_children};
pub use digest::Digest;
pub use guest::{GuestError, GuestSession, GuestState, Health, LogSource};
pub use limits::GuestLimits;
pub use loaded::{Plugin, Warmth, on_compiling};
pub use source::{BUILT_IN_NAMES, Origin, Source, built_in, read_component, vetted};
pub use trust::{Approval, ProgramApproval, TrustFile};

pub(crate) use engine::start_ticking;
pub(crate) use guest::{
    Answer, Fault, Guest, SendRequest, StartRequest, StopRequest, StreamSource,
};
pub(crate) use loader::Loader;
pub(crate) use source::canonical;
pub(crate) use wasi::offers as is_empty_wasi;
