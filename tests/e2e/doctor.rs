//! `kst doctor`: what works, what does not, and what to do.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{Engine, World, screen_plugin};

/// The finding of this area and name.
#[track_caller]
fn finding<'a>(report: &'a Value, area: &str, name: &str) -> &'a Value {
    let all = report["findings"].as_array().expect("findings");
    let found = all.iter().find(|one| one["area"] == area && one["name"] == name);
    found.unwrap_or_else(|| panic!("nothing of {area} {name}: {report:#}"))
}

#[test]
fn where_all_is_well_it_says_what_is_there() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.config("ops: {sessions: {api: {command: sleep 1000}}}");
    let told = world.kst(["doctor"]);
    told.ok().prints("engines\n").prints("engines/tmux\n").prints("podman is not installed");
    told.prints("hint: install podman");
    assert_eq!(told.err(), "", "{told}");
    let report = world.kst(["doctor", "--json"]).ok().json();
    assert_eq!(report["ok"], true, "{report:#}");
    let tmux = finding(&report, "engines", "tmux");
    assert_eq!(tmux["state"], "ok");
    let version = world.tmux(["-V"]).ok().out().trim().replace("tmux ", "");
    assert!(tmux["text"].as_str().is_some_and(|text| text.starts_with(&version)), "{tmux}");
    assert_eq!(finding(&report, "engines", "container docker")["state"], "absent");
    assert_eq!(finding(&report, "plugins", "tmux")["state"], "ok");
    let config = finding(&report, "config", "config");
    assert!(config["text"].as_str().is_some_and(|text| text.contains("1 session")), "{config}");
    assert_eq!(finding(&report, "folders", "state")["state"], "ok");
}

#[test]
fn without_any_engine_it_says_what_to_install() {
    let world = World::bare();
    let told = world.kst(["doctor"]);
    told.exits(1).prints("nothing can be started").prints("hint: install tmux");
    told.says("1 thing does not work");
    let report = world.kst(["doctor", "--json"]).exits(1).json();
    assert_eq!(finding(&report, "engines", "engines")["state"], "problem");
}

#[test]
fn each_thing_that_is_broken_is_told_with_what_to_do() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.fake("podman", "echo nonsense; echo broken >&2; exit 1");
    let home = world.home();
    let state = home.join(".local/state/kst");
    std::fs::create_dir_all(&state).expect("a folder");
    std::fs::set_permissions(&state, PermissionsExt::from_mode(0o777)).expect("modes");
    world.write("home/.local/share/kst/trust.json", "{");
    world.config("ops: {sessions: {api: {comand: x}, bad name: {}}}");
    world.write("work/kstlib.conf.yml", "ops: {tmux_binary: ./mine}");
    world.fake("../work/mine", "exit 1");
    world.write("home/.local/share/kst/plugins/broken.wasm", "no component");

    let report = world.kst(["doctor", "--json"]).exits(1).json();
    assert_eq!(report["ok"], false);
    for (area, name, part) in [
        ("engines", "container podman", "broken"),
        ("folders", "state", "not safe to use"),
        ("folders", "approvals", "trust.json"),
        ("config", "config", "mistake"),
    ] {
        let one = finding(&report, area, name);
        assert_eq!(one["state"], "problem", "{one}");
        assert!(one["text"].as_str().is_some_and(|text| text.contains(part)), "{one}");
        assert!(one["advice"].is_string() || area == "engines", "{one}");
    }
    std::fs::remove_file(home.join(".local/share/kst/trust.json")).expect("it is there");
    let text = world.kst(["doctor"]);
    text.prints("nobody approved: ").prints("hint: kst config trust");
    text.prints("broken.wasm")
        .exits(1)
        .prints("hint: kst config check")
        .prints("chmod 700")
        .says("do not work");
    // What is well is told all the same.
    assert_eq!(finding(&report, "engines", "tmux")["state"], "ok");
}

#[test]
fn nobody_is_asked_nothing_of_strangers_runs_and_nothing_is_made() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let ran = world.path("ran");
    world.fake("screen", &format!("touch {}; exit 1", ran.display()));
    let folder = world.path("home/.local/share/kst/plugins");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(screen_plugin(), folder.join("screen.wasm")).expect("a copy");
    let mut terminal = world.terminal(["doctor"]);
    assert_eq!(terminal.exits(), Some(1), "{}", terminal.screen());
    terminal.shows("nobody approved");
    terminal.shows("kst plugin trust /");
    terminal.shows("TERM");
    assert!(!ran.exists());
    // A component that is none does not hide the rest.
    let told = world.kst(["--plugin", "/etc/passwd", "doctor"]);
    told.exits(1).prints("not WebAssembly").prints("engines/tmux\n");
    // A config that cannot be read at all.
    world.config("ops: [");
    world.kst(["doctor"]).exits(1).prints("kstlib.conf.yml").prints("engines/tmux\n");
}

#[test]
fn without_a_home_it_still_looks() {
    let Some(mut world) = World::with([Engine::Tmux]) else { return };
    for variable in ["HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
        world.unset(variable);
    }
    let told = world.kst(["doctor"]);
    told.exits(1).prints("set HOME").prints("engines/tmux\n");
    world.set("LANG", "C");
    world.kst(["doctor"]).exits(1).prints("  x state").hides("✗");
}
