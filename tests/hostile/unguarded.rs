//! kst, with guards that can be taken away: for the tests beside this file, and for nothing else but
//! to measure the door (`door-cost`, see `tests/bench/door.rs`), of which it has the same parts.
//!
//! It is another root for the very same modules. `KST_UNGUARDED` names the guards that do not hold,
//! with commas between. It says so at each start, and it is an example, which cargo never installs.
#![allow(dead_code, unused_imports, missing_docs)]

// The program says `kst::`, the library `crate::`; here they are one.
extern crate self as kst;

#[path = "../../host/src/config/mod.rs"]
pub mod config;
#[path = "../../host/src/door/mod.rs"]
pub mod door;
#[path = "../bench/door.rs"]
mod door_cost;
#[path = "../../host/src/error.rs"]
mod error;
#[path = "../../host/src/folders.rs"]
pub mod folders;
#[path = "../../host/src/guard.rs"]
pub mod guard;
#[path = "../../host/src/limits/mod.rs"]
pub mod limits;
#[path = "../../host/src/ownership.rs"]
mod ownership;
#[path = "../../host/src/plugin/mod.rs"]
pub mod plugin;
#[path = "../../host/src/private.rs"]
mod private;
#[path = "../../host/src/main.rs"]
mod program;
#[path = "../../host/src/session/mod.rs"]
pub mod session;
#[path = "../../host/src/shim/mod.rs"]
pub mod shim;
#[path = "../../host/src/text/mod.rs"]
pub mod text;

use std::process::ExitCode;
use std::sync::OnceLock;

pub use error::{Error, Result};

fn holds(guard: guard::Guard) -> bool {
    !taken_away().contains(&guard)
}

/// The guards that do not hold.
fn taken_away() -> &'static [guard::Guard] {
    static TAKEN: OnceLock<Vec<guard::Guard>> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let names = std::env::var("KST_UNGUARDED").unwrap_or_default();
        let named = names.split(',').filter(|name| !name.is_empty()).map(|name| {
            let known = guard::Guard::ALL.iter().find(|guard| guard.name() == name);
            *known.unwrap_or_else(|| panic!("there is no guard {name}"))
        });
        named.collect()
    })
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "door-cost") {
        return door_cost::main();
    }
    eprintln!("kst-unguarded: for tests only; these guards do not hold: {:?}", taken_away());
    program::main()
}
