//! Hostile components, run by the real program: what they do must come to nothing, and would come to
//! something without the guard that stops it.
//!
//! Each [`Attack`] is a component made of one build (`guest/`) and a script, a command of kst's, and
//! what the attacker hopes for. It is made twice. Against `kst` itself it has to fail, with the exit
//! code and the sentence that it says, and nothing may have been run but what it says: every program
//! of that world writes down its argv. Against `kst-unguarded`, where the guard it names is taken away
//! ([`kst::guard::Guard`]), it has to succeed; otherwise it shows nothing.
//!
//! `cargo build -p kst --example kst-unguarded && cargo test -p kst --test hostile` runs these alone;
//! `cargo test -p kst` builds both by itself.

#[path = "../e2e/support/mod.rs"]
mod support;

mod attack;
mod script;

mod forms;
mod parameters;
mod request;
mod trust;

use attack::{Attack, Seen};
use script::Script;
