//! What kst tells a person: of slips, of what runs, of what is out of reach.

use crate::support::{Engine, World, screen_plugin};

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
    crate::support::until("it has ended", || {
        with(&["status", "over", "--json"]).ok().json()["state"] == "exited"
    });
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
