//! Write a backend for kst.
//!
//! A backend tells kst how some engine (a terminal multiplexer, a container runtime, a scheduler)
//! keeps programs running. It is a WebAssembly component with no files, no network, no environment
//! and no clock. All it can do is ask kst to run one of the commands that it declared, and read what
//! that command printed. This crate turns the interface, which is described in the `wit` folder, into
//! a trait, and does the repetitive parts.
//!
//! # The idea in three sentences
//!
//! A backend **declares command forms** once, written like usage lines: `dtach -n {name} -- {launch}`.
//! To act, it **names a form**, and kst writes the argv from what the user asked for: the backend never
//! builds a command line. Then it **reads what the program printed** and says what that means.
//!
//! # A complete backend
//!
//! `boxes` is an imaginary engine. `boxes ls` prints a line for each box: its number, `up` or `down`,
//! and its name.
//!
//! ```
//! use kst_plugin::prelude::*;
//!
//! pub struct Boxes;
//!
//! impl Backend for Boxes {
//!     fn describe() -> Description {
//!         Description::new("boxes", env!("CARGO_PKG_VERSION"), "runs sessions in boxes")
//!             .program("boxes", "keeps your sessions in boxes")
//!             .form(Form::reads("version", &[Operation::Probe], "boxes --version"))
//!             .form(
//!                 Form::reads(
//!                     "boxes",
//!                     &[Operation::List, Operation::Status, Operation::Stop, Operation::Remove],
//!                     "boxes ls",
//!                 )
//!                 // From such a line kst takes the id that `{id}` in another form stands for: from
//!                 // the line whose name is the request's. The backend cannot choose one.
//!                 .gives("{id} {*} {name}"),
//!             )
//!             // `[ ]` stands when the user gave a value, so that nothing the user asked for is lost.
//!             .form(Form::changes(
//!                 "create",
//!                 &[Operation::Start],
//!                 "boxes new --name {name} [--size {option-size}] -- {launch}",
//!             ))
//!             .form(Form::changes("empty", &[Operation::Stop], "boxes empty {id}"))
//!             .form(Form::changes("discard", &[Operation::Remove], "boxes rm {id}"))
//!             .form(Form::plan("open", &[Operation::Attach], "boxes open {name}"))
//!             .option(Choice::text("size", "How big the box is").of(&["small", "large"]))
//!             .detach("Ctrl-x")
//!     }
//!
//!     fn probe(_at: &Location) -> Result<Health, Error> {
//!         let output = run("version", &[])?.success()?;
//!         Ok(Health::version(output.first_line()))
//!     }
//!
//!     fn list(_at: &Location) -> Result<Vec<Session>, Error> {
//!         let output = run("boxes", &[])?.success()?;
//!         Ok(output.lines().filter_map(parse).collect())
//!     }
//!
//!     fn start(at: &Location, request: &StartRequest) -> Result<Session, Error> {
//!         let output = run("create", &[])?;
//!         if output.stderr_has("is taken") {
//!             return Err(Error::AlreadyExists);
//!         }
//!         output.success()?;
//!         Self::status(at, &request.name)
//!     }
//!
//!     fn stop(at: &Location, request: &StopRequest) -> Result<(), Error> {
//!         // Runs `boxes`, and with that binds the id that `empty` needs.
//!         if Self::status(at, &request.name)?.state != State::Running {
//!             return Err(Error::NotRunning);
//!         }
//!         // The polite signal, the waiting and the force are kst's part, and so are the survivors.
//!         end_session();
//!         run("empty", &[])?.success()?;
//!         Ok(())
//!     }
//!
//!     fn remove(at: &Location, name: &str) -> Result<(), Error> {
//!         if Self::status(at, name)?.state == State::Running {
//!             return Err(Error::failed("the box is still in use"));
//!         }
//!         run("discard", &[])?.success()?;
//!         Ok(())
//!     }
//!
//!     fn attach(_at: &Location, _name: &str) -> Result<Plan, Error> {
//!         Ok(Plan::of("open"))
//!     }
//! }
//!
//! fn parse(line: &str) -> Option<Session> {
//!     let [_id, word, name] = fields(line, " ")?;
//!     let state = if word == "up" { State::Running } else { State::Ended };
//!     Some(Session::new(name, state))
//! }
//!
//! kst_plugin::export!(Boxes);
//! # fn main() {
//! #     assert_eq!(parse("3 up a b").unwrap().name, "a b");
//! # }
//! ```
//!
//! # Building it
//!
//! In `Cargo.toml`: `crate-type = ["cdylib"]` under `[lib]`, this crate under `[dependencies]`. Then
//!
//! ```sh
//! cargo build --release --target wasm32-unknown-unknown
//! kst-pack target/wasm32-unknown-unknown/release/boxes.wasm -o boxes.wasm
//! kst plugin inspect boxes.wasm
//! kst --plugin ./boxes.wasm start dev -- python -m app
//! ```
//!
//! # What to know
//!
//! - **Every call starts from nothing.** Each operation gets a fresh instance; statics do not last.
//! - **Ids and pids come from the engine's output**, by a form's [`gives`](Form::gives). An operation
//!   that needs `{id}` first runs a form that prints it, in the same operation.
//! - **Names match exactly.** The default [`Backend::status`] picks from [`Backend::list`]; a backend
//!   that asks its engine for one session compares the name that it gets back.
//! - **Put what a stranger may choose last in a line**, behind everything that you parse: a name or a
//!   title that holds your separator can then not forge a field.
//! - **Say what is, not what should be.** A state that the engine does not tell is
//!   [`State::Unknown`]. An engine that is down is [`Error::Unavailable`], not an empty list.
//! - **Errors are sentences** for the person who gave the command: [`Output::success`] makes one of
//!   the engine's own words.
//! - Sessions whose processes run on this machine use `{launch}`; kst then knows exit code, output and
//!   every child by itself. Those that run elsewhere say [`Description::elsewhere`] and use
//!   `{command}`.
//!
//! Parsing is plain Rust, so test it natively with `cargo test`. [`run`] and its siblings work
//! only inside kst.
#![deny(missing_docs)]

mod backend;
#[doc(hidden)]
pub mod bindings;
mod description;
mod door;
mod error;
mod output;
mod session;

pub use backend::Backend;
pub use description::{Choice, Form};
pub use door::{end_session, note, pause, run, run_all, wait_session};
pub use output::{Output, fields};

pub use bindings::exports::kst::runner::backend::{
    Health, LogSource, Plan, SendRequest, StartRequest, StopRequest, StreamSource,
};
pub use bindings::kst::runner::manifest::{Description, Locations, OptionKind, SocketFolder};
pub use bindings::kst::runner::process::{Ending, SpawnError};
pub use bindings::kst::runner::types::{
    Error, ExitStatus, Location, Operation, OptionData, OptionValue, Session, State,
};

#[doc(hidden)]
pub use backend::Adapter;

/// Everything that a backend usually needs.
pub mod prelude {
    pub use crate::{
        Backend, Choice, Description, Ending, Error, ExitStatus, Form, Health, Location, Locations,
        LogSource, Operation, OptionData, OptionKind, OptionValue, Output, Plan, SendRequest,
        Session, SocketFolder, SpawnError, StartRequest, State, StopRequest, StreamSource,
        end_session, fields, note, pause, run, run_all, wait_session,
    };
}

/// Make a type that implements [`Backend`] the backend of this component. Once in a crate.
///
/// It does nothing where the target is not WebAssembly, so that the crate's tests run natively; make
/// the type `pub`, or the compiler calls the whole backend unused there.
#[macro_export]
macro_rules! export {
    ($backend:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::Adapter<$backend>;
    $crate::bindings::export_runner!(Exported with_types_in $crate::bindings);
        };
    };
}
