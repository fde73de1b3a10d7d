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

mod asking;
mod attack;
mod docs;
mod script;

mod answers;
mod binding;
mod cache;
mod forms;
mod ledger;
mod limits;
mod manifest;
mod parameters;
mod programs;
mod request;
mod tickets;
mod trust;
mod wasi;

use attack::{Attack, Seen};
use script::Script;

/// A guard that is not attacked, or not seen to matter, is no guard.
#[test]
fn every_guard_is_attacked() {
    let folder = support::project().join("tests/hostile");
    let files = std::fs::read_dir(folder).expect("the folder of these tests").flatten();
    let sources: String = files
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|file| std::fs::read_to_string(file.path()).expect("a source"))
        .collect();
    for guard in kst::guard::Guard::ALL {
        let named = format!("Guard::{}", guard.name());
        let used = sources.match_indices(&named).any(|(at, _)| {
            sources[at + named.len()..].starts_with(|next: char| !next.is_alphanumeric())
        });
        assert!(used, "nothing attacks {named}");
    }
}
