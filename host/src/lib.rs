//! kst starts, stops, watches and reaches long-running programs wherever they run: in tmux on a
//! laptop, in podman or docker on a server, or in a backend that somebody else wrote. Every backend
//! is a sandboxed WebAssembly component which can do nothing but ask for the commands that it
//! declared, and its host, this crate, writes those commands itself.
//!
//! ```no_run
//! use std::time::Duration;
//! use kst::session::SessionManager;
//!
//! # fn main() -> kst::Result<()> {
//! let api = SessionManager::new("api", "tmux")?
//!     .args(["python", "-m", "http.server"])
//!     .working_dir("/srv/api")
//!     .env("PYTHONUNBUFFERED", "1");
//! api.start()?;
//! println!("{} since {:?}", api.status()?.state, api.status()?.created_at);
//! print!("{}", api.logs(20)?);
//! api.stop(true, Duration::from_secs(10))?;
//! println!("it ended with {:?}", api.status()?.exit);
//! # Ok(())
//! # }
//! ```
//!
//! The sessions are those of the program `kst`: what the one starts, the other lists, stops and
//! attaches to. That program has to be installed beside yours, for it stands beside each session on
//! this machine and sees its command through, and compiles components within bounds; see
//! [`SessionManager::with_program`].
//!
//! # Where to begin
//!
//! - [`session::SessionManager`] is one session: [`new`](session::SessionManager::new) with a name
//!   and a backend, or [`from_config`](session::SessionManager::from_config) as `kstlib.conf.yml`
//!   defines it. [`session::auto_detect_backend`] tells in which backend a name is.
//! - [`session::Host`] is all of them: list, find, start and stop by name, with third parties'
//!   components, a dry run, and somebody who hears of each command.
//! - [`Error`] is every failure as one type. A caller branches on its cases; for the person,
//!   [`Error::advice`] says what to do.
//!
//! ```no_run
//! # fn main() -> kst::Result<()> {
//! let worker = kst::session::SessionManager::from_config("worker")?;
//! match worker.start() {
//!     Ok(status) => println!("it runs as process {:?}", status.pid),
//!     Err(kst::Error::Exists { place, .. }) => println!("it is there already, in {place}"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The modules
//!
//! | module | its job |
//! | --- | --- |
//! | [`session`] | sessions: defined, found, started, stopped, remembered |
//! | [`config`] | `kstlib.conf.yml`: found, merged, checked |
//! | [`plugin`] | components: where they come from, whether they may run, running them |
//! | [`door`] | the one door: command forms, and the programs that they run |
//! | [`shim`] | what stands beside a session's command on this machine |
//! | [`folders`] | where kst keeps things |
//! | [`limits`] | what components and their programs may use up, in one table |
//! | [`guard`] | the list of all guards, each of them under attack in the tests |
//! | [`text`] | text from strangers, made safe to show |
//!
//! A request goes `session` → `plugin` → component → `door` → operating system, and the answer comes
//! back the same way.
//!
//! [`SessionManager::with_program`]: session::SessionManager::with_program
#![deny(missing_docs)]

pub mod config;
pub mod door;
mod error;
pub mod folders;
pub mod guard;
pub mod limits;
mod ownership;
pub mod plugin;
mod private;
pub mod session;
pub mod shim;
pub mod text;

pub use error::{Error, Result};

#[cfg(test)]
#[path = "../../tests/fuzz/steady.rs"]
mod steady;

/// Whether a guard holds: each does. (The tests build another root for this crate, where single ones
/// can be taken away: `tests/hostile/unguarded.rs`.)
const fn holds(_: guard::Guard) -> bool {
    true
}

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
