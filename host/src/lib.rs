//! kst runs long-lived sessions in tmux, podman, docker or any backend written as a sandboxed
//! WebAssembly component.
#![deny(missing_docs)]

pub mod config;
pub mod door;
mod error;
pub mod folders;
pub mod plugin;
pub mod session;
pub mod shim;
pub mod text;

pub use error::{Error, Result};
