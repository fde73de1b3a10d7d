//! Components that did not come with kst: nothing of them runs before their user approved it, with
//! their forms on the screen.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Engine, Key, Terminal, World, edited, padded, screen_plugin};

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
    world.kst(["plugin", "trust", "./stranger.wasm", "--yes"]).exits(6).says("built-in");
    world.kst(["plugin", "install", "./stranger.wasm", "--yes"]).exits(6).says("built-in");
    let start = |file| ["--plugin", file, "start", "dev", "--", "sleep", "1000"];
    world.kst(start("./stranger.wasm")).exits(7);
    let mut terminal = world.terminal(start("./stranger.wasm"));
    assert_eq!(terminal.exits(), Some(6), "nobody is asked: {}", terminal.screen());
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

/// What the person at a terminal answers, and how kst ends then.
fn answered(mut terminal: Terminal, answer: &str) -> (Option<i32>, Terminal) {
    terminal.shows("[N]o");
    terminal.types(answer);
    terminal.press(Key::Enter);
    let code = terminal.exits();
    (code, terminal)
}

fn approvals(world: &World) -> usize {
    let file = world.path("home/.local/share/kst/trust.json");
    let Ok(text) = fs::read_to_string(file) else { return 0 };
    let content: Value = serde_json::from_str(&text).expect("JSON");
    content["plugins"].as_object().expect("an object").len()
}

/// On a terminal, whatever needs it asks: once is once, always is for good, all else is no.
#[test]
fn a_terminal_is_asked_where_it_is_needed() {
    let Some(world) = world() else { return };
    for no in ["", "n", "no", "y", "yes", "onc", "always!", "a lways", "\u{4}"] {
        let (code, terminal) = answered(world.terminal(START), no);
        assert_eq!(code, Some(7), "{no:?}");
        terminal.shows("was not approved");
    }
    // The end of input is no, too.
    let mut terminal = world.terminal(START);
    terminal.shows("[N]o");
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.exits(), Some(7));
    assert!(world.kst(["list", "-q"]).ok().out().is_empty(), "it was started");

    let (code, terminal) = answered(world.terminal(START), "once");
    assert_eq!(code, Some(0), "{}", terminal.screen());
    assert_eq!(approvals(&world), 0);
    world.kst(START).exits(7);
    let (code, _) = answered(world.terminal(["--plugin", "./screen.wasm", "status", "dev"]), "o");
    assert_eq!(code, Some(0));

    let list = ["--plugin", "./screen.wasm", "list"];
    let (code, _) = answered(world.terminal(list), "Always");
    assert_eq!(code, Some(0));
    assert_eq!(approvals(&world), 1);
    world.kst(list).ok();
}

/// A plugin of the config, or of the plugins folder, is asked about when it is named, and only then.
#[test]
fn a_plugin_is_asked_about_when_it_is_named() {
    let Some(world) = world() else { return };
    let path = world.path("work/screen.wasm");
    world.config(&format!(
        "ops: {{plugins: {{screen: {{path: {}}}}}, sessions: {{web: {{backend: screen, command: sleep 1000}}}}}}\n",
        path.display()
    ));
    let mut terminal = world.terminal(["list"]);
    assert_eq!(terminal.exits(), Some(0), "{}", terminal.screen());
    for naming in [&["start", "web"][..], &["status", "web"], &["list", "-b", "screen"]] {
        let (code, _) = answered(world.terminal(naming), "no");
        assert_eq!(code, Some(7), "{naming:?}");
        world.kst(naming).exits(7).says("kst plugin trust");
    }
    let (code, terminal) = answered(world.terminal(["start", "web"]), "once");
    assert_eq!(code, Some(0), "{}", terminal.screen());
    assert_eq!(approvals(&world), 0);
    let (code, _) = answered(world.terminal(["status", "web"]), "a");
    assert_eq!(code, Some(0));
    assert_eq!(world.status("web")["state"], "running");
    world.kst(["stop", "web", "-t", "0"]).ok();
}

/// What was typed before the question stood there is no answer to it.
#[test]
fn what_is_typed_ahead_is_no_answer() {
    let Some(world) = world() else { return };
    // It lies in the terminal before kst is run: the shell reads no further than its own line.
    let kst = format!("read -r go; exec {} {}", env!("CARGO_BIN_EXE_kst"), START.join(" "));
    let mut terminal = world.terminal_of("/bin/sh", ["-c", &kst]);
    terminal.types("go\nalways\nalways\n");
    terminal.shows("[N]o");
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.exits(), Some(7));
    assert_eq!(approvals(&world), 0);
}

#[test]
fn the_question_says_what_it_amounts_to_and_where_its_programs_are() {
    let Some(world) = world() else { return };
    let mut terminal = world.terminal(START);
    terminal.resize(120, 200);
    terminal.shows("[N]o");
    let screen = terminal.screen();
    let places = [
        "Nobody approved this backend",
        "can start your command in 'screen'",
        "can end the session you name, with 'screen'",
        "reads with 'screen':",
        "name:     screen",
        "digest:   sha256:",
        "/screen\n",
        "-dmS {name} -- {launch}",
        "defscrollback 10000",
        "[o]nce, [a]lways",
    ];
    let mut from = 0;
    for place in places {
        let at = screen[from..].find(place);
        let at = at.unwrap_or_else(|| panic!("{place:?} is not below the others:\n{screen}"));
        from += at;
    }
}

/// An author's loop of building and trying is one question that says what it is about.
#[test]
fn a_rebuilt_plugin_says_that_its_commands_are_the_same() {
    let Some(world) = world() else { return };
    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    let file = world.path("work/screen.wasm");
    let content = fs::read(&file).expect("it was written");
    fs::write(&file, edited(&content)).expect("it can be written");
    let refused = world.kst(START);
    refused.exits(7).says("it changed since you approved it on ").says("kst plugin trust");
    let listed = world.kst(["--plugin", "./screen.wasm", "plugin", "list"]);
    listed.exits(7);
    let (code, terminal) = answered(world.terminal(START), "a");
    assert_eq!(code, Some(0), "{}", terminal.screen());
    let said = String::from_utf8_lossy(&terminal.bytes()).replace("\r\n    > ", "");
    assert!(said.contains("only its code changed since you approved it on "), "{said}");
    assert!(said.contains("; its commands are the same"), "{said}");
    world.kst(["stop", "dev", "-t", "0", "--plugin", "./screen.wasm"]);
}

/// The same component with another constant file.
fn with_another_file(component: &[u8]) -> Vec<u8> {
    let (is, other) = (b"defscrollback 10000", b"defscrollback 20000");
    let at = component.windows(is.len()).position(|part| part == is).expect("its screenrc");
    [&component[..at], other, &component[at + is.len()..]].concat()
}

/// What was built over is not approved for ever; what another file still holds is.
#[test]
fn a_rebuilt_plugin_leaves_one_approval() {
    let Some(world) = world() else { return };
    let file = world.path("work/screen.wasm");
    let first = fs::read(&file).expect("it was written");
    let trust = || world.kst(["plugin", "trust", "./screen.wasm", "--yes", "-q"]).ok().out();
    trust();
    let mut content = first.clone();
    for _ in 0..3 {
        content = edited(&content);
        fs::write(&file, &content).expect("it can be written");
        trust();
        assert_eq!(approvals(&world), 1);
    }
    // The same by the answer to a question.
    content = edited(&content);
    fs::write(&file, &content).expect("it can be written");
    assert_eq!(answered(world.terminal(START), "a").0, Some(0));
    assert_eq!(approvals(&world), 1);
    world.kst(["--plugin", "./screen.wasm", "stop", "dev", "-t", "0"]).ok();
    fs::write(&file, &first).expect("it can be written");
    world.kst(["--plugin", "./screen.wasm", "list"]).exits(7).says("it changed since");

    // Where what it declares differs, both stay.
    fs::write(&file, with_another_file(&first)).expect("it can be written");
    trust();
    assert_eq!(approvals(&world), 2);
    let listed = world.kst(["--plugin", "./screen.wasm", "plugin", "list"]);
    listed.ok().says("there is 1 approved component named screen besides these");
    listed.says("'kst plugin untrust screen' withdraws every approval of that name");
    world.kst(["plugin", "untrust", "screen"]).ok();
    assert_eq!(approvals(&world), 0);

    // A copy that the config names is in use, whatever becomes of the file that it was made of.
    fs::write(&file, &first).expect("it can be written");
    let copy = world.write("work/copy.wasm", &first);
    world.config(&format!("ops: {{plugins: {{screen: {{path: {}}}}}}}\n", copy.display()));
    trust();
    fs::write(&file, edited(&first)).expect("it can be written");
    trust();
    assert_eq!(approvals(&world), 2);
    world.kst(["list", "-b", "screen"]).ok();
}

#[test]
fn an_approval_can_be_withdrawn() {
    let Some(world) = world() else { return };
    let list = ["--plugin", "./screen.wasm", "list"];
    let digest = world.kst(["plugin", "inspect", "./screen.wasm", "--json"]).ok().json();
    let digest = digest["digest"].as_str().expect("a digest").to_owned();
    for what in ["screen", &digest, &digest[..19], "./screen.wasm"] {
        world.kst(["plugin", "trust", "./screen.wasm", "--yes", "-q"]).ok();
        world.kst(list).ok();
        world.kst(["plugin", "untrust", what, "--dry-run"]).ok();
        world.kst(list).ok();
        let gone = world.kst(["plugin", "untrust", what, "--json"]).ok().json();
        assert_eq!((&gone[0]["name"], &gone[0]["digest"]), (&"screen".into(), &digest[..].into()));
        world.kst(list).exits(7);
        world.kst(["plugin", "untrust", what]).exits(6).says("nothing is approved");
    }
    world.kst(["plugin", "untrust", "tmux"]).exits(6).says("a part of kst");
    world.kst(["plugin", "untrust", "sha256:1"]).exits(6);
    // Of a file that has changed, what was approved there.
    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    let file = world.path("work/screen.wasm");
    let content = fs::read(&file).expect("it was written");
    fs::write(&file, edited(&content)).expect("it can be written");
    world.kst(["plugin", "untrust", "./screen.wasm"]).ok().prints(&digest);
    assert_eq!(approvals(&world), 0);
}

/// A component of other toolchains has an interpreter in it.
#[test]
fn a_large_component_is_compiled_once_and_says_so() {
    let Some(mut world) = world() else { return };
    let cache = world.with_own_cache();
    let content = fs::read(world.path("work/screen.wasm")).expect("it was written");
    world.write("work/large.wasm", padded(&content, 3 << 20));
    let inspect = |world: &World| {
        let mut terminal = world.terminal(["plugin", "inspect", "./large.wasm"]);
        terminal.resize(100, 200);
        terminal.shows("defscrollback");
        terminal.exits();
        terminal.screen().contains("large.wasm (3 MiB), this once")
    };
    assert!(inspect(&world));
    assert!(!inspect(&world));
    // Where nobody watches there is nothing to say.
    fs::remove_dir_all(cache).expect("it can be removed");
    world.kst(["plugin", "inspect", "./large.wasm"]).ok().hides("compiling");
}
