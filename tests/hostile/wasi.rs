//! Components that call WASI themselves. There is no guard to take away: kst has no WASI with anything in
//! it. The calls are ordinary ones of Rust's standard library (`guest/src/steps.rs`), so that a program
//! which makes them writes the file, lists the folder, sees its environment, listens and ends.

use std::path::Path;

use super::{Attack, Script, Seen};

/// What is tried to be written.
const FILE: &str = "/tmp/kst-hostile-wasi";

/// `evil`, which does this when it is asked for the output of a session.
fn logs(step: &[&str]) -> Attack {
    Attack::by(Script::honest().with_wasi().on("logs", &[step]))
        .engine("ls", "echo '1 up 0 web'")
        .kst(&["logs", "web", "-b", "evil"])
        .running_anything()
}

#[test]
fn files_environment_network_and_input() {
    let empty = "written: false, folder: false, environment: 0, arguments: 0, connected: false, \
                 listening: false, read: 0\n";
    logs(&["outside", FILE]).exits(0).cannot_land("kst has no other WASI", |seen: &Seen| {
        seen.outcome.out() != empty || Path::new(FILE).exists()
    });
}

#[test]
fn the_end_of_its_process() {
    logs(&["exit"])
        .exits(9)
        .says("it wanted to end its process, and it is none")
        .cannot_land("kst has no other WASI", |seen| seen.outcome.code == Some(3));
}
