//! What kst tells a person: of slips, of what runs, of what is out of reach.

use serde_json::Value;

use crate::support::{Engine, Outcome, World, screen_plugin, until};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

#[test]
fn a_name_that_is_nearly_one_of_the_config() {
    let Some(world) = world() else { return };
    world.config("ops: {sessions: {api: {command: sleep 1000}, plain: {}}}");
    let started = world.kst(["start", "apii"]);
    started.ok().prints("runs your shell");
    started.says("no session 'apii' is in the config, so it runs your shell");
    started.says("did you mean 'api'?");
    assert_eq!(world.status("apii")["state"], "running");

    // Nothing to be said where the name was meant, or what is to run.
    for args in [
        &["start", "api"][..],
        &["start", "plain"],
        &["start", "other"],
        &["start", "apia", "--", "sleep", "1000"],
        &["start", "apib", "-c", "sleep 1000"],
    ] {
        let started = world.kst(args);
        assert_eq!(started.ok().err(), "", "{started}");
        let shell = args == ["start", "plain"] || args == ["start", "other"];
        assert_eq!(started.out().contains("your shell"), shell, "{started}");
    }
    // The same again is no slip either, and it is said what that is.
    world.kst(["stop", "apia", "-t", "0"]).ok();
    let again = world.kst(["start", "apia"]);
    again.ok().prints("runs 'sleep 1000' as before");
    assert_eq!(again.err(), "", "{again}");
}

#[test]
fn a_command_without_its_dashes() {
    let world = World::bare();
    let refused = world.kst(["start", "x", "sleep", "5"]);
    refused.exits(2).says("kst start x -- sleep 5");
}

#[test]
fn status_tells_what_a_session_runs_and_who_says_so() {
    let Some(world) = world() else { return };
    let config = world.config(
        "ops: {sessions: {api: {command: sleep 1000, env: {TOKEN: s3cret}}, idle: {command: top}}}",
    );
    world.kst(["start", "api", "-e", "MORE=s3cret"]).ok();
    let defined_in = format!("defined in:  {}\n", config.display());
    let status = world.kst(["status", "api"]);
    status.ok().prints("command:     sleep 1000\n").prints(&defined_in).hides("s3cret");
    world.kst(["status", "idle"]).ok().prints("command:     top\n").prints(&defined_in);
    let json = world.kst(["status", "api", "--json"]);
    json.ok().hides("s3cret");
    assert_eq!(json.json()["command"], "sleep 1000");
    assert_eq!(json.json()["defined_in"], config.display().to_string());

    // What was given goes before the config, also here; and it stays known.
    world.kst(["stop", "api", "-t", "0"]).ok();
    world.kst(["start", "api", "--", "sleep", "2000"]).ok();
    world.kst(["stop", "api", "-t", "0"]).ok();
    world.kst(["status", "api"]).ok().prints("command:     sleep 2000\n");

    // Of others' sessions nothing of the kind is known.
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep 1000"]).ok();
    world.kst(["status", "theirs"]).ok().hides("command:").hides("defined in");
    assert!(world.status("theirs")["command"].is_null());
}

#[test]
fn sessions_of_a_plugin_that_is_not_given() {
    let Some(world) = World::with([Engine::Tmux, Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = plugin.to_str().expect("UTF-8");
    let with = |args: &[&str]| world.kst([&["--plugin", plugin][..], args].concat());
    with(&["start", "dev", "--", "sleep", "1000"]).ok();
    with(&["start", "over", "--", "true"]).ok();
    until("it has ended", || with(&["status", "over", "--json"]).ok().json()["state"] == "exited");
    let pid = with(&["status", "dev", "--json"]).ok().json()["pid"].clone();

    let list = world.kst(["list", "--json"]);
    let sessions = list.ok().json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(
        (&sessions[0]["name"], &sessions[0]["state"], &sessions[0]["backend"]),
        (&"dev".into(), &"unknown".into(), &"screen".into())
    );
    list.says("session 'dev' was started by the backend screen").says("kst --plugin FILE.wasm");
    assert_eq!(list.err().lines().count(), 1, "{list}");
    world.kst(["list", "-b", "tmux", "--json"]).ok().hides("dev");
    for command in ["status", "stop", "logs", "remove", "attach"] {
        world.kst([command, "dev"]).exits(3).says("kst --plugin FILE.wasm");
    }
    let started = world.kst(["start", "dev", "-b", "tmux", "--dry-run", "--", "sleep", "1"]);
    started.ok().hides("plugin");
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok().says("started by the backend screen");

    // Nothing was done to it.
    let status = with(&["status", "dev", "-b", "screen", "--json"]).ok().json();
    assert_eq!((&status["state"], &status["pid"]), (&"running".into(), &pid));
    let list = with(&["list", "--json"]);
    assert_eq!(list.ok().err(), "", "{list}");

    // One of an earlier boot has ended; nobody knows how, and nobody needs the plugin for that.
    with(&["stop", "dev", "-b", "tmux", "-t", "0"]).ok();
    let ledger = world.path("home/.local/state/kst/ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).expect("the ledger");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    std::fs::write(&ledger, text.replace(boot.trim(), "an-earlier-one")).expect("the ledger");
    let list = world.kst(["list", "--json", "-L", "default"]);
    list.ok().hides("screen");
}

/// The lines of a dry run: what it would do.
fn lines(outcome: &Outcome) -> Vec<String> {
    outcome.ok().out().lines().map(str::to_owned).collect()
}

#[test]
fn signals_are_told_as_commands_are() {
    let Some(world) = world() else { return };
    // A child beside it, and neither hears of a hang-up.
    let script = "trap '' HUP; sleep 1000 & echo $!; trap 'exit 4' TERM; wait";
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", script]).ok();
    let pid = world.status("dev")["pid"].as_i64().expect("a pid");
    let mut child = String::new();
    until("it has a child", || {
        child = world.kst(["logs", "dev"]).ok().out().trim().to_owned();
        !child.is_empty()
    });

    let dry = world.kst(["stop", "dev", "-t", "7", "--dry-run"]);
    let lines_of_it = lines(&dry);
    assert_eq!(lines_of_it.len(), 4, "{dry}");
    assert_eq!(lines_of_it[0], format!("TERM to process {pid} (sh), passed on by kst beside it"));
    for process in [format!("{pid} (sh)"), format!("{child} (sleep)")] {
        dry.prints(&format!("KILL to process {process}, if it is still there after 7 s\n"));
    }
    assert!(lines_of_it[3].contains(" kill-session -t "), "{dry}");
    let json = world.kst(["stop", "dev", "--dry-run", "--json", "--force"]).ok().json();
    let signals = json["would_signal"].as_array().expect("signals");
    assert_eq!(signals.len(), 2, "{json}");
    assert_eq!(
        (&signals[0]["signal"], &signals[0]["after_seconds"]),
        (&"KILL".into(), &Value::Null)
    );
    assert_eq!(json["would_run"].as_array().map(Vec::len), Some(1), "{json}");
    assert_eq!(world.status("dev")["state"], "running");

    // Where its engine has lost it, there are signals alone.
    world.tmux(["kill-server"]).ok();
    let dry = world.kst(["stop", "dev", "--dry-run"]);
    assert_eq!(lines(&dry).len(), 3, "{dry}");
    dry.says("nothing was changed");
    assert_eq!(world.status("dev")["pid"], pid);

    let stopped = world.kst(["stop", "dev", "--verbose"]);
    stopped.ok().says(&format!("TERM to process {pid} (sh), passed on by kst beside it"));
    assert_eq!(stopped.err().matches(" to process ").count(), 1, "{stopped}");

    // A session of somebody else's is hung up.
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    let pid = world.status("theirs")["pid"].clone();
    let dry = || world.kst(["stop", "theirs", "-t", "1", "--dry-run"]);
    until("it has been executed", || dry().ok().out().contains("(sleep)"));
    let dry = dry();
    assert_eq!(
        lines(&dry)[..3],
        [
            format!("HUP to process {pid} (sleep)"),
            format!("TERM to process {pid} (sleep), if it is still there after 0.5 s"),
            format!("KILL to process {pid} (sleep), if it is still there after 1 s"),
        ]
    );
    world
        .kst(["stop", "theirs", "--verbose", "--force"])
        .ok()
        .says(&format!("KILL to process {pid}"));
}

#[test]
fn advice_fits_what_was_wrong() {
    let Some(world) = world() else { return };
    world.kst(["start", "x", "-i", "busybox"]).exits(2).says("add --backend container");
    world.kst(["start", "x", "-o", "colour=red"]).exits(2).says("tmux has: socket_name");
    // A session's own command is no program of kst's.
    world.kst(["start", "x", "--", "no-such-program"]).exits(1).says("no-such-program");

    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    let refused = world.kst(["remove", "theirs"]);
    refused.exits(1).says("was not made by kst").says("'kst stop theirs' ends it").hides("first");

    // An ended one without a command is the same again; with one, that.
    world.kst(["start", "again", "-e", "A=1", "--", "sh", "-c", "echo A is $A"]).ok();
    let printed = |what: &str| {
        until("it printed", || {
            world.kst(["logs", "again"]).ok().out().trim() == what
                && world.status("again")["state"] == "exited"
        })
    };
    printed("A is 1");
    world.kst(["start", "again"]).ok().prints("runs 'sh -c");
    printed("A is 1");
    world.kst(["start", "again", "--", "echo", "other"]).ok();
    printed("other");
    let help = world.kst(["start", "--help"]);
    help.ok().prints("again as").prints("outside quotes").prints("$HOME");
}
