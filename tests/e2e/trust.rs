//! Components that did not come with kst: nothing of them runs before their user approved it, with
//! their forms on the screen.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Engine, Key, Terminal, World, edited, screen_plugin};

/// A world with a copy of `screen.wasm` in its working directory.
fn world() -> Option<World> {
    let world = World::with([Engine::Screen])?;
    let content = fs::read(screen_plugin()).expect("it was built");
    world.write("work/screen.wasm", content);
    Some(world)
}

const START: [&str; 6] = ["--plugin", "./screen.wasm", "start", "dev", "--", "true"];

fn asked(world: &World, file: &str) -> Terminal {
    let terminal = world.terminal(["plugin", "trust", file]);
    terminal.shows("[y/N]");
    terminal
}

#[test]
fn what_is_not_trusted_does_not_run() {
    let Some(world) = world() else { return };
    world.kst(START).exits(7).says("not trusted").says("kst plugin trust ./screen.wasm");
    world.kst(["--plugin", "./screen.wasm", "list"]).exits(7);

    // In the config and in the plugins folder it takes nobody else down.
    let content = fs::read(world.path("work/screen.wasm")).expect("it was written");
    world.write("home/.local/share/kst/plugins/screen.wasm", &content);
    let file = world.path("home/.local/share/kst/plugins/screen.wasm");
    world.kst(["list"]).ok();
    let approve = format!("kst plugin trust {}", file.display());
    world.kst(["start", "dev", "-b", "screen", "--", "true"]).exits(7).says(&approve);
    fs::remove_file(file).expect("it can be removed");
    let path = world.path("work/screen.wasm");
    world.config(&format!("ops: {{plugins: {{screen: {{path: {}}}}}}}\n", path.display()));
    world.kst(["list"]).ok();
    let approve = format!("kst plugin trust {}", path.display());
    world.kst(["start", "dev", "-b", "screen", "--", "true"]).exits(7).says(&approve);

    // A path that a shell would take apart can be pasted all the same.
    world.write("work/my plugin.wasm", &content);
    let odd = ["--plugin", "./my plugin.wasm", "list"];
    world.kst(odd).exits(7).says("kst plugin trust './my plugin.wasm'");
}

#[test]
fn the_user_is_shown_what_it_could_run_and_decides() {
    let Some(world) = world() else { return };
    world.kst(["plugin", "trust", "./screen.wasm"]).exits(7).says("no terminal").says("--yes");
    world.kst(START).exits(7);
    for no in ["", "n", "no", "nay", "maybe"] {
        let mut terminal = asked(&world, "./screen.wasm");
        terminal.types(no);
        terminal.press(Key::Enter);
        assert_eq!(terminal.exits(), Some(7), "{no:?}");
        terminal.shows("was not approved");
    }
    world.kst(START).exits(7);

    let mut terminal = world.terminal(["plugin", "trust", "./screen.wasm"]);
    terminal.resize(60, 200);
    terminal.shows("[y/N]");
    for form in ["-dmS {name} -- {launch}", "screen -ls", "-S {id}.{name} -X quit", "sha256:"] {
        terminal.shows(form);
    }
    // What screen is given to read is part of what is approved.
    terminal.shows("defscrollback 10000");
    terminal.types("y");
    terminal.press(Key::Enter);
    assert_eq!(terminal.exits(), Some(0));
    terminal.shows("is trusted");
    world.kst(START).ok();
    // There is nothing left to ask.
    world.kst(["plugin", "trust", "./screen.wasm"]).ok();
}

#[test]
fn another_content_asks_again() {
    let Some(world) = world() else { return };
    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    world.kst(START).ok();
    let file = world.path("work/screen.wasm");
    let content = fs::read(&file).expect("it was written");
    fs::write(&file, edited(&content)).expect("it can be written");
    world.kst(START).exits(7).says("kst plugin trust ./screen.wasm");
    // It is about the content, not about the place.
    world.write("work/elsewhere.wasm", &content);
    world.kst(["--plugin", "./elsewhere.wasm", "list"]).ok();
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let Some(world) = world() else { return };
    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    let file = world.path("work/screen.wasm");
    for mode in [0o666, 0o664, 0o602] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("permissions");
        world.kst(START).exits(7).says("others can write to it").says("chmod go-w");
        world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).exits(7);
    }
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("permissions");
    world.kst(START).ok();
}

#[test]
fn a_stranger_cannot_call_itself_tmux() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let tmux = kst::plugin::built_in("tmux").expect("it comes with kst");
    let same = world.write("work/same.wasm", tmux.bytes());
    world.write("work/stranger.wasm", edited(tmux.bytes()));
    for name in ["./stranger.wasm", "./same.wasm"] {
        let inspected = world.kst(["plugin", "inspect", name, "--json"]).ok().json();
        assert_eq!(inspected["name"], "tmux");
    }
    world.kst(["--plugin", "./stranger.wasm", "list"]).exits(7);
    world.kst(["plugin", "trust", "./stranger.wasm", "--yes"]);
    let start = |file| ["--plugin", file, "start", "dev", "--", "sleep", "1000"];
    world.kst(start("./stranger.wasm")).exits(6).says("built-in");
    // The very one that comes with kst is nobody's stranger.
    world.kst(start(same.to_str().expect("UTF-8"))).ok();
    assert_eq!(world.status("dev")["backend"], "tmux");
}

#[test]
fn what_is_no_component_is_told() {
    let world = World::bare();
    world.write("work/text.wasm", "#!/bin/sh\n");
    world.write("work/module.wasm", b"\0asm\x01\0\0\0");
    world.write("work/broken.wasm", b"\0asm\x0d\0\x01\0\xff\xff\xff");
    for (file, says) in [
        ("./text.wasm", "not WebAssembly"),
        ("./module.wasm", "not a component"),
        ("./broken.wasm", "not a sound component"),
        ("./missing.wasm", "no such file"),
        (".", "not a regular file"),
    ] {
        world.kst(["plugin", "inspect", file]).exits(6).says(says);
        world.kst(["plugin", "trust", file, "--yes"]).exits(6).says(says);
    }
    world.kst(["--plugin", "./text.wasm", "list"]).exits(6).says("not WebAssembly");
}

#[test]
fn plugins_are_listed_and_inspected() {
    let Some(world) = world() else { return };
    let list = |world: &World| world.kst(["--plugin", "./screen.wasm", "plugin", "list", "--json"]);
    // Looking at the list is how one finds out: it shows what is not trusted, too.
    let content = fs::read(world.path("work/screen.wasm")).expect("it was written");
    world.write("home/.local/share/kst/plugins/screen.wasm", &content);
    let plugins = world.kst(["plugin", "list", "--json"]).ok().json();
    let by_trust = |plugins: &Value, trust: &str| -> usize {
        plugins.as_array().expect("an array").iter().filter(|one| one["trust"] == trust).count()
    };
    assert_eq!((by_trust(&plugins, "vetted"), by_trust(&plugins, "not trusted")), (2, 1));
    let text = world.kst(["plugin", "list"]);
    text.ok().prints("NAME").prints("tmux").prints("container").prints("screen.wasm");
    text.says("kst plugin trust");

    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    let plugins = list(&world).ok().json();
    assert_eq!((by_trust(&plugins, "vetted"), by_trust(&plugins, "approved")), (2, 1));
    let quiet = world.kst(["plugin", "list", "-q"]).ok().out();
    assert_eq!(quiet, "tmux\ncontainer\nscreen\n");

    let json = world.kst(["plugin", "inspect", "./screen.wasm", "--json"]).ok().json();
    assert_eq!((&json["name"], &json["trust"]), (&"screen".into(), &"approved".into()));
    assert_eq!(json["manifest"]["name"], "screen");
    let imports: Vec<&str> =
        json["imports"].as_array().expect("an array").iter().filter_map(Value::as_str).collect();
    assert!(!imports.is_empty() && imports.iter().all(|one| one.starts_with("kst:runner/")));
    let text = world.kst(["plugin", "inspect", "./screen.wasm"]);
    text.ok();
    for part in
        ["screen 0.1.0", "program  screen", "start", "changes", "create", "{launch}", "file "]
    {
        text.prints(part);
    }
    // By name as well.
    world.kst(["plugin", "inspect", "screen"]).ok().prints("-dmS {name} -- {launch}");
    world.kst(["plugin", "inspect", "tmux"]).ok().prints("new-session");
    world.kst(["plugin", "inspect", "tmax"]).exits(6);
    assert!(Path::new(&world.path("home/.local/share/kst/trust.json")).exists());
}
