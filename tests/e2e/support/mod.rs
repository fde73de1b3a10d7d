//! What the tests stand on. Start reading at [`World`].

// Modules of tests come and go; what they have in common may for a while be used by none.
#![allow(dead_code, unused_imports)]

pub mod dockerd;
mod engine;
pub mod in_tmux;
mod outcome;
mod plugins;
mod run;
mod terminal;
mod wait;
pub mod wasm;
mod world;

pub use engine::Engine;
pub use outcome::Outcome;
pub use plugins::{edited, padded, screen_plugin};
pub use run::{Run, Started};
pub use terminal::{Key, Terminal};
pub use wait::{eventually, until};
pub use world::World;

use std::path::{Path, PathBuf};

/// The folder that holds the whole project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host crate lies in the project")
}

/// The program that is tested: the one that cargo built beside the tests, or the one that
/// KST_TEST_PROGRAM names, such as that of `make release`.
pub fn program() -> PathBuf {
    std::env::var_os("KST_TEST_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_kst").into(), PathBuf::from)
}

/// A folder in target/ that all tests of all runs share: for what is slow to make and never changes.
pub fn shared() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The lines `from` to `to`, as `seq` prints them.
pub fn numbers(from: u32, to: u32) -> String {
    (from..=to).map(|number| format!("{number}\n")).collect()
}
