//! Several sessions in one command: `kst stop` and `kst remove` with several names, and with none.

use crate::support::in_tmux::{start, world};
use crate::support::{Engine, World, screen_plugin, until};

#[track_caller]
fn start_ended(world: &World, name: &str) {
    start(world, name, "exit 7");
    until("it has ended", || world.status(name)["state"] == "exited");
}

/// Runs until it is asked to end, and then says that it was, and ends when all three have been.
const ENDS_WITH_OTHERS: &str = "trap 'touch asked-$0; \
    while ! test -e asked-a || ! test -e asked-b || ! test -e asked-c; do sleep 0.02; done; \
    exit 0' TERM; touch up-$0; while :; do sleep 0.05; done";

#[test]
fn several_are_stopped_at_the_same_time() {
    let Some(world) = world() else { return };
    for name in ["a", "b", "c"] {
        world.kst(["start", name, "--", "sh", "-c", ENDS_WITH_OTHERS, name]).ok();
    }
    until("they listen", || {
        ["up-a", "up-b", "up-c"].iter().all(|up| world.work().join(up).exists())
    });
    // One after the other, the first would be killed after its timeout.
    let stop = world.kst(["stop", "a", "b", "c", "a", "-t", "20"]);
    stop.ok();
    let mut lines: Vec<String> = stop.out().lines().map(str::to_owned).collect();
    lines.sort();
    let expected = ["a", "b", "c"].map(|name| format!("Session '{name}' stopped (tmux, code 0)."));
    assert_eq!(lines, expected);
}

#[test]
fn one_that_fails_does_not_keep_the_others_from_it() {
    let Some(world) = world() else { return };
    for name in ["one", "two"] {
        start(&world, name, "exec sleep 1000");
    }
    start_ended(&world, "done");
    let stop = world.kst(["stop", "one", "nosuch", "done", "two"]);
    stop.exits(3).says("no session is called 'nosuch'").prints("Session 'one' stopped");
    stop.prints("Session 'two' stopped").prints("Session 'done' was not running");
    assert_eq!(stop.err().matches("error:").count(), 1, "{stop}");

    world.tmux(["new-session", "-d", "-s", "mine", "sleep", "1000"]).ok();
    // The first failure in the order given decides.
    world.kst(["remove", "mine", "nosuch", "one"]).exits(1).prints("Session 'one' removed.");
    world.kst(["remove", "nosuch", "mine", "two"]).exits(3).prints("Session 'two' removed.");
    world.tmux(["has-session", "-t", "=mine"]).ok();
    let quiet = world.kst(["stop", "-q", "done", "mine", "nosuch"]);
    quiet.exits(3).says("nosuch");
    assert_eq!(quiet.out(), "");
}

#[test]
fn json_is_an_array_for_several_and_a_document_for_one() {
    let Some(world) = world() else { return };
    for name in ["one", "two", "three"] {
        start(&world, name, "exec sleep 1000");
    }
    let one = world.kst(["--json", "stop", "one"]).ok().json();
    assert_eq!((&one["name"], &one["state"]), (&"one".into(), &"stopped".into()));
    let several = world.kst(["--json", "stop", "two", "nosuch", "three"]);
    let several = several.exits(3).json();
    let [two, nosuch, three] = several.as_array().expect("an array").as_slice() else {
        panic!("{several}")
    };
    assert_eq!((&two["name"], &two["state"]), (&"two".into(), &"stopped".into()));
    assert_eq!((&three["name"], &three["signal"]), (&"three".into(), &15.into()));
    assert_eq!((&nosuch["name"], &nosuch["error_code"]), (&"nosuch".into(), &3.into()));
    assert_eq!(nosuch["error"], "no session is called 'nosuch'");
    let all = world.kst(["--json", "stop", "--all"]).ok().json();
    assert_eq!(all, serde_json::json!([]));
    let removed = world.kst(["--json", "remove", "--exited"]).ok().json();
    let gone = |name: &str| serde_json::json!({ "name": name, "removed": true });
    assert_eq!(removed, serde_json::json!([gone("one"), gone("three"), gone("two")]));
    world.kst(["--json", "remove", "nosuch", "again"]).exits(3).json();
}

#[test]
fn all_means_what_kst_started() {
    let Some(world) = world() else { return };
    for (name, socket) in [("one", "default"), ("two", "default"), ("three", "work")] {
        world.kst(["start", name, "-b", "tmux", "-L", socket, "--", "sleep", "1000"]).ok();
    }
    for socket in ["default", "work"] {
        let foreign = ["-L", socket, "new-session", "-d", "-s", "mine", "sleep", "1000"];
        world.tmux(foreign).ok();
    }
    let stop = world.kst(["stop", "--all", "-L", "work"]);
    assert_eq!(stop.ok().out(), "Session 'three' stopped (tmux work, signal 15 (SIGTERM)).\n");
    world.kst(["stop", "--all", "-b", "container"]);
    assert_eq!(world.status("one")["state"], "running");
    world.kst(["stop", "--all", "-b", "nosuch"]).exits(6);
    let stop = world.kst(["stop", "--all", "-b", "tmux", "--force"]);
    assert_eq!(stop.ok().out().lines().count(), 2, "{stop}");
    for name in ["one", "two"] {
        assert_eq!(world.status(name)["signal"], 9, "{name}");
    }
    let none = world.kst(["stop", "--all"]);
    none.ok().says("nothing that kst started is running");
    assert_eq!(none.out(), "");
    for socket in ["default", "work"] {
        world.tmux(["-L", socket, "has-session", "-t", "=mine"]).ok();
    }
}

#[test]
fn a_name_that_somebody_else_took_is_not_stopped() {
    let Some(world) = world() else { return };
    start_ended(&world, "dev");
    world.tmux(["new-session", "-d", "-s", "dev", "sleep", "1000"]).ok();
    world.kst(["stop", "--all"]).ok();
    world.kst(["remove", "--exited"]).ok();
    world.tmux(["has-session", "-t", "=dev"]).ok();
}

#[test]
fn what_has_ended_is_removed_and_nothing_else() {
    let Some(world) = world() else { return };
    for name in ["one", "two", "web"] {
        start_ended(&world, name);
    }
    for name in ["runs", "halted"] {
        start(&world, name, "exec sleep 1000");
    }
    world.kst(["stop", "halted"]).ok();
    world.tmux(["new-session", "-d", "-s", "mine", "sleep", "1000"]).ok();
    let several = world.kst(["remove", "one", "two"]);
    assert_eq!(several.ok().out().lines().count(), 2, "{several}");
    let exited = world.kst(["remove", "--exited", "-b", "tmux"]);
    exited.ok().prints("Session 'web' removed.").prints("Session 'halted' removed.");
    assert_eq!(exited.out().lines().count(), 2, "{exited}");
    let left = world.kst(["list", "-q"]).ok().out();
    assert_eq!(left, "mine\nruns\n");
    world.kst(["remove", "--exited"]).ok().says("nothing that kst started has ended");
}

#[test]
fn a_session_whose_shim_was_killed_is_one_that_has_ended() {
    let Some(world) = world() else { return };
    start(&world, "shot", "echo up; exec sleep 1000");
    until("it runs", || world.kst(["logs", "shot"]).out().contains("up"));
    let shims = world.shims();
    assert_eq!(shims.len(), 1, "{shims:?}");
    // The shim first: one that sees its terminal go before itself writes down an end.
    for pid in shims.into_iter().chain(world.processes()) {
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid is not 0");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    until("nobody knows how it ended", || world.status("shot")["state"] == "unknown");
    world.kst(["remove", "--exited"]).ok().prints("Session 'shot' removed.");
}

#[test]
fn a_dry_run_tells_of_each_and_does_nothing() {
    let Some(world) = world() else { return };
    for name in ["one", "two"] {
        start(&world, name, "exec sleep 1000");
    }
    start_ended(&world, "done");
    let pids = ["one", "two"].map(|name| world.status(name)["pid"].to_string());
    let dry = world.kst(["--dry-run", "stop", "one", "nosuch", "two", "-f"]);
    dry.exits(3).says("nosuch").says("nothing was changed");
    for pid in &pids {
        dry.prints(&format!("KILL to process {pid} (sleep)"));
    }
    let all = world.kst(["--dry-run", "stop", "--all"]);
    for pid in &pids {
        all.ok().prints(&format!("TERM to process {pid} (sleep)"));
    }
    let remove = world.kst(["--dry-run", "remove", "--exited"]);
    remove.ok().prints("Session 'done' would be forgotten").says("nothing was changed");
    for name in ["one", "two"] {
        assert_eq!(world.status(name)["state"], "running");
    }
    assert_eq!(world.status("done")["state"], "exited");
}

#[test]
fn what_runs_by_a_backend_that_is_not_given_is_a_failure() {
    let Some(world) = World::with([Engine::Tmux, Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = plugin.to_str().expect("a path of this project");
    world.kst(["--plugin", plugin, "start", "dev", "--", "sleep", "1000"]).ok();
    start(&world, "web", "exec sleep 1000");
    let stop = world.kst(["stop", "--all"]);
    stop.exits(6).says("--plugin FILE.wasm").prints("Session 'web' stopped");
    let status = world.kst(["--plugin", plugin, "--json", "status", "dev"]).ok().json();
    assert_eq!(status["state"], "running");
    world.kst(["--plugin", plugin, "stop", "--all"]).ok().prints("Session 'dev' stopped");
}

/// On a server with a thousand sessions each look at all of them takes its time.
#[test]
fn of_many_not_each_looks_at_all_others() {
    let Some(world) = world() else { return };
    let names: Vec<String> = (0..12).map(|number| format!("s{number}")).collect();
    let sessions = names.iter().map(|name| format!("    {name}: {{command: sleep 1000}}\n"));
    world.config(&format!("ops:\n  sessions:\n{}", sessions.collect::<String>()));
    let asked = world.path("asked");
    let real = world.path("engines/tmux");
    let (log, tmux) = (asked.display(), real.display());
    world.fake("tmux", &format!("echo \"$*\" >> '{log}'; exec '{tmux}' \"$@\""));
    let named: Vec<&str> = names.iter().map(String::as_str).collect();
    let ways: [&[&str]; 3] =
        [&["down"], &["stop", "--all", "--force"], &[&["stop", "nosuch"][..], &named].concat()];
    for way in ways {
        world.kst(["up"]).ok();
        // One that kst did not start, and one that ends before it is reached.
        world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]);
        world.kst(["stop", "s7"]).ok();
        std::fs::write(&asked, "").expect("it can be written");
        let outcome = world.kst(way);
        // One that the config does not define is looked for everywhere.
        let (code, places) = if way.contains(&"nosuch") { (3, 2) } else { (0, 1) };
        outcome.exits(code);
        let looks = std::fs::read_to_string(&asked).expect("it is there");
        let looks = looks.matches("list-sessions").count() as u64;
        // What was seen is believed for two seconds.
        assert!(
            (1..=places + outcome.duration.as_secs() / 2).contains(&looks),
            "{looks}: {outcome}"
        );
        for name in &names {
            assert_eq!(world.status(name)["state"], "stopped", "{way:?}");
        }
        assert_eq!(world.status("theirs")["state"], "running");
    }
}
