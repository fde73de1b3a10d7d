//! `kst status` of several sessions, and of all.

use serde_json::{Value, json};

use crate::support::{Engine, World, until};

/// A world where `api` runs, `over` has ended with 3, and the config defines `idle`.
fn world() -> Option<World> {
    let world = World::with([Engine::Tmux])?;
    world.config("ops: {sessions: {api: {command: sleep 1000}, idle: {command: top}}}");
    world.kst(["start", "api"]).ok();
    world.kst(["start", "over", "--", "sh", "-c", "exit 3"]).ok();
    until("it has ended", || world.status("over")["state"] == "exited");
    Some(world)
}

#[track_caller]
fn names(documents: &Value) -> Vec<&str> {
    let documents = documents.as_array().expect("an array").iter();
    documents.map(|one| one["name"].as_str().expect("a name")).collect()
}

#[test]
fn several_are_told_in_their_order_and_one_that_is_missing_hides_no_other() {
    let Some(world) = world() else { return };
    let told = world.kst(["status", "over", "nosuch", "api", "over", "also-not"]);
    told.exits(3).says("'nosuch'").says("'also-not'");
    let text = told.out();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{text}"));
    assert!(at("name:        over\n") < at("\n\nname:        api\n"), "{text}");
    assert_eq!(text.matches("name:  ").count(), 2, "{text}");
    assert!(!text.starts_with('\n') && !text.ends_with("\n\n"), "{text:?}");

    world.kst(["status", "api", "over"]).ok();
    let short = world.kst(["status", "-q", "over", "nosuch", "idle"]);
    assert_eq!(short.exits(3).out(), "over: exited\nidle: defined\n");

    let json = world.kst(["status", "--json", "over", "nosuch", "api"]);
    let documents = json.exits(3).json();
    assert_eq!(names(&documents), ["over", "nosuch", "api"]);
    assert_eq!(documents[0], world.status("over"), "{documents}");
    assert_eq!((&documents[1]["error_code"], &documents[1]["state"]), (&json!(3), &Value::Null));
    // The exit code is that of the first that failed.
    for socket in ["one", "two"] {
        world.tmux(["-L", socket, "new-session", "-d", "-s", "twice", "sleep", "1000"]).ok();
    }
    world.kst(["status", "api", "twice", "nosuch"]).exits(5).says("one").says("'nosuch'");
    world.kst(["status", "nosuch", "twice"]).exits(3);
    // One alone is the object that it always was.
    assert_eq!(world.status("api")["name"], "api");
}

#[test]
fn no_name_means_what_runs_and_what_is_defined() {
    let Some(world) = world() else { return };
    world.tmux(["-L", "other", "new-session", "-d", "-s", "not ours", "sleep", "1000"]).ok();
    let short = world.kst(["status", "-q"]);
    assert_eq!(short.ok().out(), "api: running\nidle: defined\nnot ours: running\n");
    let all = world.kst(["status", "--json"]).ok().json();
    assert_eq!(names(&all), ["api", "idle", "not ours"]);
    assert_eq!(all[0], world.status("api"), "{all}");
    world.kst(["status"]).ok().prints("\n\nname:        idle\n").hides("over");
    let there = world.kst(["status", "-q", "-L", "other"]);
    there.ok().prints("not ours: running\n").hides("api: running");

    // One of the config that has ended is told too.
    world.kst(["stop", "api", "-t", "0"]).ok();
    world.kst(["status", "-q"]).ok().prints("api: stopped\n");
    world.kst(["status", "-b", "nosuch"]).exits(6);
}

#[test]
fn nothing_is_no_error() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let told = world.kst(["status"]);
    assert_eq!(told.ok().says("no session runs").out(), "");
    assert_eq!(world.kst(["status", "--json"]).ok().json(), json!([]));
    assert_eq!(world.kst(["status", "-q"]).ok().err(), "");
}

#[test]
fn one_that_was_started_elsewhere_is_listed_there_alone() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.config("ops: {sessions: {one: {command: sleep 1000}, two: {command: sleep 1000}}}");
    world.kst(["start", "one", "-L", "other", "--", "sleep", "1000"]).ok();
    world.config(
        "ops: {sessions: {one: {command: sleep 1000, socket_name: main}, two: {command: sleep 1000}}}",
    );
    let listed = world.kst(["list", "--json"]).ok().json();
    let rows: Vec<_> = listed.as_array().expect("sessions").iter().collect();
    let row = |name: &str| -> Vec<_> {
        let of = rows.iter().filter(|row| row["name"] == name);
        of.map(|row| (row["state"].clone(), row["location"].clone())).collect()
    };
    assert_eq!(row("one"), [("running".into(), "other".into())], "{listed}");
    assert_eq!(row("two").len(), 1, "{listed}");
    assert_eq!(world.status("one")["location"], "other");
}
