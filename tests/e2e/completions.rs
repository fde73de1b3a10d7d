//! What a shell offers when Tab is pressed: by the real shells, and by what kst tells them.

use std::time::Duration;

use crate::support::{Engine, Key, Outcome, Terminal, World, screen_plugin, until};

/// A world where `api` and `worker` run, `over` has ended, `idle` is defined and `theirs` is not kst's.
fn world() -> Option<World> {
    let world = World::with([Engine::Tmux])?;
    world.config("ops: {sessions: {api: {command: sleep 1000}, idle: {command: top}}}");
    world.kst(["start", "api"]).ok();
    world.kst(["start", "worker", "--", "sleep", "1000"]).ok();
    world.kst(["start", "over", "--", "true"]).ok();
    until("it has ended", || world.status("over")["state"] == "exited");
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    // The name alone, whatever the folder that the tests' kst lies in is called.
    world.fake("kst", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_kst")));
    Some(world)
}

/// What is offered for the last of these words.
#[track_caller]
fn offered(world: &World, words: &[&str]) -> Vec<String> {
    let outcome = complete(world, words);
    outcome.out().lines().map(|line| line.split('\t').next().unwrap_or("").to_owned()).collect()
}

#[track_caller]
fn complete(world: &World, words: &[&str]) -> Outcome {
    let (current, before) = words.split_last().expect("a word");
    let outcome = world.kst(["complete", current].iter().chain(before));
    assert_eq!(outcome.ok().err(), "", "{outcome}");
    outcome
}

#[test]
fn names_are_those_that_the_command_can_be_given() {
    let Some(world) = world() else { return };
    // Only the engine knows of that one, and nothing that kst remembers begins so.
    assert_eq!(offered(&world, &["stop", "th"]), ["theirs"]);
    // It is there or not, as quick as the engine was.
    let offered = |words: &[&str]| {
        let mut all = offered(&world, words);
        all.retain(|name| name != "theirs");
        all
    };
    assert_eq!(offered(&["stop", ""]), ["api", "worker"]);
    assert_eq!(offered(&["attach", "w"]), ["worker"]);
    assert_eq!(offered(&["stop", "api", ""]), ["worker"]);
    assert_eq!(offered(&["remove", ""]), ["over"]);
    assert_eq!(offered(&["start", ""]), ["idle", "over"]);
    assert_eq!(offered(&["status", ""]), ["api", "idle", "over", "worker"]);
    assert_eq!(offered(&["logs", ""]), ["api", "over", "worker"]);
    assert_eq!(offered(&["stop", "-b", "container", ""]), [""; 0]);
    assert_eq!(offered(&["--json", "stop", "-t", "5", "a"]), ["api"]);
    // What is the config's of another folder or file.
    let other = "ops: {sessions: {elsewhere: {command: top}}, groups: {web: [elsewhere]}}";
    let file = world.write("work/other.yml", other);
    let file = file.to_str().expect("UTF-8");
    assert_eq!(offered(&["--config", file, "start", "e"]), ["elsewhere"]);
    assert_eq!(offered(&["--config", file, "up", ""]), ["elsewhere", "web"]);
    assert_eq!(offered(&["--config", file, "down", "w"]), ["web"]);
    world.kst(["stop", "worker", "-t", "0"]).ok();
    assert_eq!(offered(&["stop", ""]), ["api"]);
    assert_eq!(offered(&["remove", ""]), ["over", "worker"]);
}

#[test]
fn options_values_and_other_programs_words() {
    let Some(world) = world() else { return };
    let offered = |words: &[&str]| offered(&world, words);
    assert_eq!(offered(&["sto"]), ["stop"]);
    assert!(offered(&[""]).contains(&"plugin".to_owned()));
    for hidden in ["shim", "record", "compile", "complete"] {
        assert_eq!(offered(&[hidden]), [""; 0], "{hidden} is not for people");
    }
    assert_eq!(offered(&["stop", "--for"]), ["--force"]);
    assert_eq!(offered(&["stop", "--force", "--for"]), [""; 0]);
    assert_eq!(offered(&["stop", "-b", ""]), ["tmux", "container"]);
    assert_eq!(offered(&["stop", "-bt", "--backend=c"]), ["--backend=container"]);
    // As bash takes it apart.
    assert_eq!(offered(&["stop", "--backend", "=", "t"]), ["tmux"]);
    assert_eq!(offered(&["--color", ""]), ["auto", "always", "never"]);
    assert_eq!(offered(&["plugin", "tr"]), ["trust"]);
    for (words, what) in [
        (&["--plugin", "x"][..], "\tcomponents\n"),
        (&["plugin", "inspect", ""], "\tcomponents\n"),
        (&["start", "x", "-w", ""], "\tfolders\n"),
        (&["--config", ""], "\tfiles\n"),
        (&["start", "x", "--", ""], "\tcommand 4\n"),
        (&["start", "x", "--", "stop", ""], "\tcommand 4\n"),
    ] {
        assert_eq!(complete(&world, words).out(), what, "{words:?}");
    }
    for nothing in [
        &["nosuch", "nosuch", ""][..],
        &["stop", "--nosuch=", "--nosuch="],
        &["stop", "-t", ""],
        &["list", "--", "-", "--", ""],
        &["stop", "\u{1b}[2J"],
        &["=", "="],
    ] {
        complete(&world, nothing).hides("\u{1b}");
    }
    world.kst(["complete"]).ok();
}

#[test]
fn names_that_a_shell_would_take_for_more_are_left_out() {
    let Some(world) = world() else { return };
    for name in ["x$(touch pwned)", "x;touch pwned", "x y", "x`id`", "x*", "-x", "~x", "x\u{202e}y"]
    {
        world.tmux(["new-session", "-d", "-s", name, "sleep", "1000"]);
    }
    world.tmux(["new-session", "-d", "-s", "xÄ-1.2_ok", "sleep", "1000"]).ok();
    assert_eq!(offered(&world, &["stop", "x"]), ["xÄ-1_2_ok"]);
    assert_eq!(offered(&world, &["stop", "~"]), [""; 0]);
}

#[test]
fn whatever_is_wrong_is_silent_and_nobody_is_asked() {
    let Some(mut world) = World::with([Engine::Tmux, Engine::Screen]) else { return };
    world.kst(["start", "api", "--", "sleep", "1000"]).ok();
    world.config("ops: {sessions: [");
    assert_eq!(offered(&world, &["stop", "a"]), ["api"]);
    // A stranger's plugin, in the plugins folder, on the line and in the folder's config.
    let plugin = screen_plugin();
    let plugin = plugin.to_str().expect("UTF-8");
    std::fs::create_dir_all(world.path("home/.local/share/kst/plugins")).expect("a folder");
    let installed = world.path("home/.local/share/kst/plugins/screen.wasm");
    std::fs::copy(plugin, installed).expect("a copy");
    let ran = world.path("ran");
    let evil = format!("touch {}; exit 1", ran.display());
    world.fake("screen", &evil);
    world.fake("evil", &evil);
    world.write(
        "work/kstlib.conf.yml",
        format!(
            "ops: {{plugins: {{other: {{path: '{plugin}'}}}}, tmux_binary: '{}'}}}}",
            world.path("bin/evil").display()
        ),
    );
    // On a terminal, where kst asks.
    for words in [
        vec!["complete", "", "stop"],
        vec!["complete", "z", "--plugin", plugin, "status"],
        vec!["complete", "z", "stop", "-b", "screen"],
    ] {
        let mut terminal = world.terminal(&words);
        assert_eq!(terminal.exits(), Some(0), "{words:?}: {}", terminal.screen());
        for trouble in ["warning", "error", "?", "screen"] {
            let screen = terminal.screen();
            assert!(!screen.contains(trouble), "{words:?}: {screen}");
        }
    }
    assert!(!ran.exists());
    // No such file, no folders at all.
    assert_eq!(offered(&world, &["--plugin", "/no/such", "stop", "a"]), ["api"]);
    world.unset("HOME");
    complete(&world, &["stop", ""]);
    world.program(env!("CARGO_BIN_EXE_kst")).args(["complete", "", "stop"]).cwd("/").run().ok();
}

#[test]
fn an_engine_that_hangs_is_not_waited_for_and_left_behind() {
    let Some(world) = world() else { return };
    let asked_for = world.path("asked");
    world.fake("podman", &format!("echo $$ >>{}; exec sleep 1000", asked_for.display()));
    let asked = complete(&world, &["stop", "a"]);
    assert_eq!(asked.out(), "api\trunning, tmux\n");
    // Nothing else fits: then engines have a little longer.
    let waited = complete(&world, &["stop", "zzz"]);
    assert!(asked.duration < waited.duration, "{asked} {waited}");
    assert!(waited.duration < Duration::from_secs(5), "{waited}");
    let pids = std::fs::read_to_string(asked_for).expect("it was asked");
    for pid in pids.lines() {
        let there = std::path::PathBuf::from(format!("/proc/{pid}/exe"));
        until("it is gone", || !there.exists());
    }
}

/// A shell on a terminal where kst's completion was set up by these lines.
fn shell(world: &World, shell: &str, args: &[&str], set_up: &[&str]) -> Option<Terminal> {
    let found = world.program("sh").args(["-c", &format!("command -v {shell}")]).run();
    if found.code != Some(0) {
        let text = format!("NOT RUN: {shell} is not here; run tests/engines.sh up");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
        // Not eprintln: the test runner would keep that to itself.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
        return None;
    }
    let mut terminal = world.terminal_of(shell, args);
    for line in set_up {
        terminal.types(line);
        terminal.press(Key::Enter);
    }
    terminal.types_until("echo re''ady\r", "\nready");
    terminal.types("clear\r");
    terminal.shows_when("it is cleared", |screen| !screen.contains("ready"));
    Some(terminal)
}

/// Types a line up to a Tab, and waits until it has become this.
#[track_caller]
fn becomes(terminal: &mut Terminal, typed: &str, line: &str) {
    terminal.types(typed);
    terminal.types("\t");
    terminal.shows(line);
    terminal.press(Key::Ctrl('u'));
    terminal.types("clear\r");
    terminal.shows_when("it is cleared", |screen| !screen.contains(line));
}

#[track_caller]
fn completes(world: &World, mut terminal: Terminal) {
    world.write("work/good-one.wasm", "");
    world.write("work/good-one.txt", "");
    std::fs::create_dir(world.work().join("deep-folder")).expect("a folder");
    becomes(&mut terminal, "kst sto", "kst stop");
    becomes(&mut terminal, "kst stop wo", "kst stop worker");
    becomes(&mut terminal, "kst stop api wo", "kst stop api worker");
    becomes(&mut terminal, "kst stop th", "kst stop theirs");
    becomes(&mut terminal, "kst remove o", "kst remove over");
    becomes(&mut terminal, "kst start id", "kst start idle");
    becomes(&mut terminal, "kst list --backend tm", "kst list --backend tmux");
    becomes(&mut terminal, "kst list --backend=tm", "kst list --backend=tmux");
    becomes(&mut terminal, "kst list --heal", "kst list --health");
    becomes(&mut terminal, "kst plugin trust go", "kst plugin trust good-one.wasm");
    becomes(&mut terminal, "kst start x -w deep", "kst start x -w deep-folder/");
    becomes(&mut terminal, "kst start x -- cat good-one.t", "cat good-one.txt");
    // Nothing to offer: the line stays, and nothing is said.
    terminal.types("kst stop nosuch\t");
    terminal.types("-one");
    terminal.shows("kst stop nosuch-one");
    assert!(!terminal.screen().contains("rror"), "{}", terminal.screen());
}

#[test]
fn in_bash() {
    let Some(world) = world() else { return };
    let args = ["--norc", "--noprofile", "-i"];
    let set_up = ["PS1='$ '", "bind 'set bell-style none'", "source <(kst completions bash)"];
    if let Some(terminal) = shell(&world, "bash", &args, &set_up) {
        completes(&world, terminal);
    }
}

#[test]
fn in_zsh() {
    let Some(world) = world() else { return };
    // As it is installed, in a folder of fpath.
    let script = world.kst(["completions", "zsh"]).ok().out();
    world.write("home/.zfunc/_kst", script);
    let set_up = ["PS1='$ '", "fpath+=~/.zfunc; autoload -U compinit; compinit -u -D"];
    if let Some(terminal) = shell(&world, "zsh", &["-f", "-i"], &set_up) {
        completes(&world, terminal);
    }
}

#[test]
fn in_fish() {
    let Some(world) = world() else { return };
    let set_up = ["function fish_prompt; echo '$ '; end", "kst completions fish | source"];
    if let Some(terminal) = shell(&world, "fish", &["--no-config", "-i"], &set_up) {
        completes(&world, terminal);
    }
}
