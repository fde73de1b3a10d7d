//! `kst signal`.

use crate::support::in_tmux::world;
use crate::support::{Engine, World, screen_plugin, until};

/// Tells of each signal, and so does a child that it has.
const TELLS: &str = "for s in HUP USR1 USR2 INT; do trap \"echo got $s\" $s; done; \
    sh -c 'trap \"echo child got it\" HUP USR1 USR2 INT; while :; do sleep 0.02; done' & \
    echo up; while :; do sleep 0.02; done";

#[test]
fn the_program_gets_it_and_nobody_else() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", TELLS]).ok();
    let log = || world.kst(["logs", "dev"]).ok().out();
    until("it listens", || log().contains("up"));
    for (given, name) in [("USR1", "USR1"), ("sigusr2", "USR2"), ("1", "HUP"), ("INT", "INT")] {
        let signal = world.kst(["signal", "dev", given]);
        assert_eq!(signal.ok().out(), format!("Sent {name} to session 'dev'.\n"));
        until("it has heard it", || log().contains(&format!("got {name}")));
    }
    assert!(!log().contains("child"), "{}", log());
    let audit = world.kst(["audit"]).ok().out();
    assert!(audit.contains("USR1 to process"), "{audit}");
    let json = world.kst(["--json", "signal", "dev", "KILL"]).ok().json();
    assert_eq!(json["name"], "dev");
    until("it has ended", || world.status("dev")["state"] == "exited");
    assert_eq!(world.status("dev")["signal"], 9);
    world.kst(["signal", "dev", "TERM"]).exits(1).says("is not running (exited)");
}

#[test]
fn what_is_no_signal_gets_a_suggestion() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok();
    world.kst(["signal", "dev", "TREM"]).exits(2).says("did you mean 'TERM'?");
    world.kst(["signal", "dev", "0"]).exits(2);
    world.kst(["signal", "dev", "99"]).exits(2);
    world.kst(["signal", "dev", "-9"]).exits(2);
    world.kst(["signal", "dev"]).exits(2);
    world.kst(["signal", "nosuch", "TERM"]).exits(3);
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn whose_process_is_not_known_gets_none() {
    let Some(world) = world() else { return };
    world.tmux(["new-session", "-d", "-s", "mine", "sleep", "1000"]).ok();
    world.kst(["signal", "mine", "KILL"]).exits(1).says("was not started by kst");
    world.tmux(["has-session", "-t", "=mine"]).ok();
}

#[test]
fn a_dry_run_sends_nothing() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok();
    let pid = world.status("dev")["pid"].to_string();
    let dry = world.kst(["--dry-run", "signal", "dev", "KILL"]);
    dry.ok().prints(&format!("KILL to process {pid} (sleep)"));
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn any_backend_on_this_machine_has_it() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = ["--plugin", plugin.to_str().expect("a path of this project")];
    let kst = |args: &[&str]| world.kst(plugin.iter().chain(args));
    kst(&["start", "dev", "--", "sleep", "1000"]).ok();
    kst(&["restart", "dev"]).ok();
    kst(&["signal", "dev", "USR2"]).ok();
    kst(&["wait", "dev"]).returns(128 + 12);
}
