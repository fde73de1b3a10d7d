//! The one door: how a backend gets a program run, and everything that it cannot get.
//!
//! A backend declares command forms in its manifest ([`Manifest`]). To act, it names a form; the
//! host writes the argv from the request being served ([`Request`]), checks that the form may be
//! used now and carries all of the request, resolves the program ([`Programs`]) and runs it within
//! limits ([`Call`]). Ids and pids come from what the program printed, by the form's `gives` line,
//! never from the backend. The grammar of forms is specified in `wit/manifest.wit`.
//!
//! | file | its job |
//! | --- | --- |
//! | `manifest`, `check` | what a backend declares; whether it may |
//! | `form`, `gives` | usage lines and output lines, parsed |
//! | `request` | the values that placeholders stand for |
//! | `fill`, `carry`, `escape` | a form and a request make an argv; is it the whole request? |
//! | `bind` | which id and pids belong to the request's name |
//! | `program`, `run` | which file runs, and running it |
//! | `stream` | running a plan whose output is read as it comes |
//! | `interrupt` | ending what runs when kst itself is to end |
//! | `call` | one operation at one location: all of the above, in order |
//! | `audit` | what was run and refused, written down |
//! | `show` | the manifest as the person who approves it reads it |
//! | `amounts`, `changes` | what it amounts to in plain words; what differs from one approved before |

mod amounts;
mod apart;
mod audit;
mod bind;
mod call;
mod carry;
mod changes;
mod check;
mod error;
mod escape;
mod fill;
mod form;
mod gives;
mod interrupt;
mod manifest;
mod program;
mod request;
mod run;
mod show;
mod stream;
#[cfg(any(test, fuzzing))]
pub mod targets;

#[cfg(any(test, fuzzing))]
mod fixture;
#[cfg(test)]
mod properties;

pub use amounts::{Amounts, amounts};
pub(crate) use apart::Apart;
pub(crate) use audit::{About, Audited};
pub use audit::{Audit, Record, What};
pub use bind::Row;
pub use call::{
    Call, CallLimits, CallSettings, Ending, NoProcesses, Observer, PlannedCommand, Processes,
    Refusal, RunInfo, RunOutcome, Silent,
};
pub use changes::Changes;
pub use check::{CheckedManifest, ManifestError};
pub use error::DoorError;
pub use fill::{ConstFiles, NoFiles};
pub use form::{Encoding, Form, Placeholder};
pub use interrupt::{end_programs, listen as end_programs_on_signals};
pub use manifest::{
    ConstFile, Effect, FormDecl, Locations, Manifest, Operation, OptionKind, OptionSchema,
    Placement, Program, SocketFolder,
};
pub use program::{ProgramError, Programs};
pub use request::{Location, Request};
pub use run::Output;
pub use show::render;
pub(crate) use stream::{Came, Stream};
