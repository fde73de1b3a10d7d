//! How a session is asked to end, and for how long: `stop_signal` and `stop_timeout`.

use std::time::Duration;

use crate::support::{Engine, World, until};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

/// Says which signal it heard, and ends of INT alone; so does a child of its.
const SCRIPT: &str = "trap 'echo heard TERM' TERM; trap 'echo heard INT; exit 5' INT; \
    setsid sh -c \"trap 'touch child-asked; exit' TERM; touch child-up; \
    while :; do sleep 0.02; done\" & echo up; while :; do sleep 0.02; done";

fn config(world: &World, keys: &str) {
    let script = SCRIPT.replace('\\', "\\\\").replace('"', "\\\"");
    world.config(&format!(
        "ops: {{sessions: {{dev: {{command: [sh, -c, \"{script}\"], {keys}}}}}}}"
    ));
}

#[track_caller]
fn start(world: &World, options: &[&str]) {
    world.kst(["start", "dev"].iter().chain(options)).ok();
    until("it listens", || {
        world.kst(["logs", "dev"]).out().contains("up") && world.work().join("child-up").exists()
    });
}

#[test]
fn the_signal_of_the_definition_asks_for_the_end() {
    let Some(world) = world() else { return };
    config(&world, "stop_signal: sigint");
    start(&world, &[]);
    let pid = world.status("dev")["pid"].to_string();
    let dry = world.kst(["--dry-run", "stop", "dev"]);
    dry.ok().prints(&format!("INT to process {pid} (sh), passed on"));
    // It holds for the session that was started with it.
    config(&world, "stop_signal: TERM");
    world.kst(["stop", "dev", "-t", "30"]).ok();
    assert_eq!(world.status("dev")["exit_code"], 5);
    world.kst(["logs", "dev"]).ok().prints("heard INT").hides("heard TERM");
    // What the program left behind is asked as ever.
    assert!(world.work().join("child-asked").exists());
    let audit = world.kst(["audit"]).ok().out();
    assert!(audit.contains("INT to process"), "{audit}");
}

#[test]
fn a_restart_asks_the_same_way_and_the_new_run_too() {
    let Some(world) = world() else { return };
    config(&world, "");
    start(&world, &["--stop-signal", "2", "--stop-timeout", "30s"]);
    world.kst(["restart", "dev"]).ok();
    until("it listens", || world.kst(["logs", "dev"]).ok().out().contains("up"));
    world.kst(["stop", "dev"]).ok();
    assert_eq!(world.status("dev")["exit_code"], 5);
}

#[test]
fn the_time_is_the_sessions_and_the_command_line_goes_first() {
    let Some(world) = world() else { return };
    config(&world, "stop_timeout: 1s");
    start(&world, &[]);
    let stop = world.kst(["stop", "dev"]);
    assert!(stop.ok().duration < Duration::from_secs(8), "{stop}");
    assert_eq!(world.status("dev")["signal"], 9);
    config(&world, "stop_timeout: 1h");
    start(&world, &[]);
    let stop = world.kst(["stop", "dev", "--timeout", "0"]);
    assert!(stop.ok().duration < Duration::from_secs(30), "{stop}");
}

#[test]
fn what_is_no_signal_or_time_is_told_with_its_line() {
    let Some(world) = world() else { return };
    for (keys, says) in [
        ("stop_signal: TREM", "did you mean 'TERM'?"),
        ("stop_timeout: soon", "is not a time of at most a day"),
        ("stop_timeout: 2d", "is not a time of at most a day"),
        ("stop_timeout: -1", "is not a time of at most a day"),
        ("stop_signal: [INT]", "ops.sessions.dev.stop_signal"),
        ("stop_grace_period: 5", "did you mean 'stop_timeout'?"),
    ] {
        config(&world, keys);
        let check = world.kst(["config", "check"]);
        assert!((check.out() + &check.err()).contains(says), "{keys}: {check}");
    }
    config(&world, "stop_signal: 2, stop_timeout: 5min");
    world.kst(["config", "check"]).ok();
    world.kst(["config", "show"]).ok().prints("stop_timeout: ");
    world.kst(["start", "dev", "--stop-signal", "TREM"]).exits(2).says("did you mean 'TERM'?");
    for time in ["x", "0.5", "-1", "25h", ""] {
        world.kst(["start", "dev", "--stop-timeout", time]).exits(2).says("--stop-timeout");
        world.kst(["stop", "dev", "-t", time]).exits(2).says("--timeout");
    }
}
