//! Sessions in GNU screen: a component that doesn't come with kst, used as its user would.

use crate::support::{Engine, Key, World, screen_plugin, until};

/// A world that trusts `screen.wasm`, and the options that name it.
fn world() -> Option<(World, [String; 2])> {
    let world = World::with([Engine::Screen])?;
    let plugin = screen_plugin();
    world.trust(&plugin);
    Some((world, ["--plugin".to_owned(), plugin.to_string_lossy().into_owned()]))
}

#[test]
fn it_is_refused_until_it_is_trusted() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    let plugin = plugin.to_str().expect("UTF-8");
    let start = ["--plugin", plugin, "start", "dev", "--", "sleep", "1000"];
    world.kst(start).exits(7).says("kst plugin trust");
    world.trust(plugin.as_ref());
    world.kst(start).ok();
}

#[test]
fn a_session_lives_and_ends() {
    let Some((world, plugin)) = world() else { return };
    let kst =
        |args: &[&str]| world.kst(plugin.iter().map(String::as_str).chain(args.iter().copied()));
    let script = "echo hello; trap 'echo bye; exit 0' TERM HUP; while :; do sleep 0.05; done";
    kst(&["start", "dev", "--", "sh", "-c", script]).ok();
    let status = kst(&["status", "dev", "--json"]).ok().json();
    assert_eq!((&status["state"], &status["backend"]), (&"running".into(), &"screen".into()));
    let list = kst(&["list", "-b", "screen", "--json"]).ok().json();
    assert_eq!(list[0]["name"], "dev", "{list}");
    until("its output is in the log", || kst(&["logs", "dev"]).ok().out().contains("hello"));
    kst(&["start", "dev", "--", "sleep", "1"]).exits(4);
    kst(&["stop", "dev"]).ok();
    assert_eq!(kst(&["status", "dev", "--json"]).ok().json()["state"], "stopped");
    kst(&["logs", "dev"]).ok().prints("hello");
    kst(&["remove", "dev"]).ok();
    kst(&["status", "dev"]).exits(3);
}

#[test]
fn what_ended_by_itself_tells_how() {
    let Some((world, plugin)) = world() else { return };
    let kst =
        |args: &[&str]| world.kst(plugin.iter().map(String::as_str).chain(args.iter().copied()));
    kst(&["start", "short", "--", "sh", "-c", "echo last words; exit 7"]).ok();
    until("it has ended", || kst(&["status", "short", "--json"]).ok().json()["state"] == "exited");
    assert_eq!(kst(&["status", "short", "--json"]).ok().json()["exit_code"], 7);
    kst(&["logs", "short"]).ok().prints("last words");
}

#[test]
fn the_config_can_name_it() {
    let Some((world, [_, plugin])) = world() else { return };
    world.config(&format!(
        "ops:\n  plugins:\n    screen: {{path: {plugin}}}\n  sessions:\n    dev:\n      \
         backend: screen\n      command: sleep 1000\n"
    ));
    world.kst(["start", "dev"]).ok();
    assert_eq!(world.status("dev")["backend"], "screen");
    world.kst(["stop", "dev"]).ok();
}

#[test]
fn attach_types_and_detaches() {
    let Some((world, plugin)) = world() else { return };
    let script = "stty -echo; echo ready; while read line; do echo \"got $line\"; done";
    let start = ["start", "dev", "--", "sh", "-c", script];
    world.kst(plugin.iter().map(String::as_str).chain(start)).ok();
    let attach = ["attach", "dev"];
    let mut terminal = world.terminal(plugin.iter().map(String::as_str).chain(attach));
    terminal.shows("ready");
    terminal.types("hello");
    terminal.press(Key::Enter);
    terminal.shows("got hello");
    terminal.press(Key::Ctrl('a'));
    terminal.types("d");
    assert_eq!(terminal.exits(), Some(0));
}
