//! `kst send`: typing into sessions in tmux and screen.

use std::path::Path;

use crate::support::in_tmux::world;
use crate::support::{Engine, Key, World, eventually, screen_plugin, until};

/// Writes down each byte that it is sent.
const TAKES: &str = "stty raw -echo; touch up; exec cat > got";

#[track_caller]
fn start(world: &World, name: &str, script: &str) {
    world.kst(["start", name, "-b", "tmux", "--", "sh", "-c", script]).ok();
    until("it listens", || world.work().join("up").exists());
}

/// Waits for what the session was sent to be this.
#[track_caller]
fn got(world: &World, expected: &[u8]) {
    let file = world.work().join("got");
    let read = || std::fs::read(&file).unwrap_or_default();
    eventually(&format!("{:?} has been typed", String::from_utf8_lossy(expected)), || {
        let read = read();
        let enough = read.len() >= expected.len();
        enough.then(|| assert_eq!(read, expected, "{}", String::from_utf8_lossy(&read)))
    });
    std::fs::write(&file, "").expect("it can be emptied");
}

/// Emptied by `got`, so it must be appended to.
fn takes() -> String {
    TAKES.replace("cat >", "cat >>")
}

const TEXTS: [&str; 14] = [
    "hello",
    "two words",
    "-x",
    "--",
    "end;",
    ";",
    "#{pane_id} #(touch hacked)",
    "$HOME `id` \\ ^C \\015 %%",
    "C-c",
    "Enter",
    "'quoted' \"twice\"",
    "Grüße 日本語 🦀",
    " blanks  ",
    "!#~{}[]*?",
];

#[test]
fn a_text_is_typed_as_it_stands() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    for text in TEXTS {
        assert_eq!(
            world.kst(["send", "dev", "--", text]).ok().out(),
            "Typed into session 'dev'.\n"
        );
        got(&world, format!("{text}\r").as_bytes());
        world.kst(["send", "dev", "--no-enter", "-q", "--", text]).ok();
        got(&world, text.as_bytes());
    }
    world.kst(["send", "dev", "three", "words", "here"]).ok();
    got(&world, b"three words here\r");
    world.kst(["send", "dev", ""]).ok();
    got(&world, b"\r");
    world.kst(["send", "dev", "", "--no-enter"]).ok();
    world.command(["send", "dev", "-"]).input("from input\n").run().ok();
    got(&world, b"from input\r");
    assert!(!world.work().join("hacked").exists());
    assert_eq!(world.tmux(["list-buffers"]).ok().out(), "");
    let tickets = world.home().join(".local/state/kst/tickets");
    assert_eq!(std::fs::read_dir(tickets).expect("it is there").count(), 0);
}

#[test]
fn a_hundred_thousand_bytes_arrive_and_stand_nowhere() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    let secret = format!("s3cret {}", "0123456789".repeat(10_000));
    let send = world.kst(["--verbose", "send", "dev", &secret]);
    send.ok().hides("s3cret");
    got(&world, format!("{secret}\r").as_bytes());
    world.kst(["audit"]).ok().hides("s3cret");
    // More than an argument can hold.
    let long = "x".repeat(1 << 20);
    world.command(["send", "dev", "--no-enter", "-"]).input(long.clone()).run().ok();
    got(&world, long.as_bytes());
    let longer = "x".repeat((1 << 20) + 1);
    world.command(["send", "dev", "-"]).input(longer).run().exits(2);
}

#[test]
fn several_lines_are_pasted() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    world.kst(["send", "dev", "one\ntwo\r\n\tthree;"]).ok();
    got(&world, b"one\rtwo\r\tthree;\r");
    world.kst(["stop", "dev"]).ok();
    std::fs::remove_file(world.work().join("up")).expect("it is there");
    // A program that asks for brackets gets them, and Enter behind.
    start(&world, "dev", &format!("printf '\\033[?2004h'; {}", takes()));
    until("tmux has read that", || {
        world.kst(["send", "dev", "--no-enter", "a\nb"]).ok();
        let file = world.work().join("got");
        let read =
            eventually("it has come", || std::fs::read(&file).ok().filter(|read| read.len() >= 3));
        std::fs::write(&file, "").expect("it can be emptied");
        read.starts_with(b"\x1b[200~")
    });
    world.kst(["send", "dev", "one\ntwo"]).ok();
    got(&world, b"\x1b[200~one\rtwo\x1b[201~\r");
    world.kst(["send", "dev", "--no-enter", "one\ttwo"]).ok();
    got(&world, b"\x1b[200~one\ttwo\x1b[201~");
    world.kst(["send", "dev", "one line"]).ok();
    got(&world, b"one line\r");
}

#[test]
fn keys_have_names_and_texts_are_none() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    world.kst(["send", "dev", "--key", "C-c", "--key", "Up", "-k", "enter", "-k", "M-x"]).ok();
    got(&world, b"\x03\x1b[A\r\x1bx");
    world.kst(["send", "dev", "--key", "Entr"]).exits(2).says("did you mean 'Enter'?");
    world.kst(["send", "dev", "a\u{3}b"]).exits(2).says("--key C-c");
    world.kst(["send", "dev", "\u{1b}[201~"]).exits(2);
    world.kst(["send", "dev"]).exits(2);
    world.kst(["send", "dev", "x", "--key", "C-c"]).exits(2);
    world.kst(["send", "nosuch", "x"]).exits(3);
    world.kst(["stop", "dev"]).ok();
    world.kst(["send", "dev", "x"]).exits(1).says("is not running");
}

#[test]
fn somebody_who_reads_back_in_the_pane_is_no_hindrance() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    world.tmux(["copy-mode", "-t", "=dev:"]).ok();
    world.kst(["send", "dev", "q then text"]).ok();
    got(&world, b"q then text\r");
    world.kst(["send", "dev", "--key", "C-c"]).ok();
    got(&world, b"\x03");
}

#[test]
fn the_session_of_that_name_and_no_other() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    world.tmux(["new-session", "-d", "-s", "dev2", "sh", "-c", "stty raw; cat > other"]).ok();
    world.kst(["send", "de", "x"]).exits(3);
    world.kst(["send", "dev", "x"]).ok();
    got(&world, b"x\r");
    // Sessions of others can be attached, so they can be typed into.
    world.kst(["send", "dev2", "y"]).ok();
    until("it has come", || {
        std::fs::read(world.work().join("other")).is_ok_and(|read| read == b"y\r")
    });
}

#[test]
fn a_dry_run_types_nothing() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    world.kst(["--dry-run", "send", "dev", "s3cret"]).ok().prints("paste-buffer").hides("s3cret");
    world.kst(["send", "dev", "after"]).ok();
    got(&world, b"after\r");
}

#[test]
fn many_at_once_arrive_whole() {
    let Some(world) = world() else { return };
    start(&world, "dev", &takes());
    let texts: Vec<String> = (0..12).map(|n| format!("<{}>", n.to_string().repeat(3000))).collect();
    let sends: Vec<_> =
        texts.iter().map(|text| world.command(["send", "dev", text]).spawn()).collect();
    for send in sends {
        send.wait().ok();
    }
    let length: usize = texts.iter().map(|text| text.len() + 1).sum();
    let read = eventually("all have come", || {
        std::fs::read_to_string(world.work().join("got")).ok().filter(|got| got.len() >= length)
    });
    let mut lines: Vec<&str> = read.split_terminator('\r').collect();
    let mut expected: Vec<&str> = texts.iter().map(String::as_str).collect();
    lines.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[test]
fn a_shell_does_what_it_is_told() {
    let Some(world) = world() else { return };
    world.kst(["start", "shell", "-b", "tmux", "--", "sh"]).ok();
    world.kst(["send", "shell", "echo $((6 * 7)) > answer"]).ok();
    until("it was done", || {
        std::fs::read_to_string(world.work().join("answer")).is_ok_and(|text| text == "42\n")
    });
    world.kst(["send", "shell", "sleep 1000"]).ok();
    world.kst(["send", "shell", "--key", "C-c"]).ok();
    world.kst(["send", "shell", "exit 3"]).ok();
    world.kst(["wait", "shell", "-t", "20"]).returns(3);
}

#[test]
fn screen_types_the_same() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = ["--plugin", plugin.to_str().expect("a path of this project")];
    let kst = |args: &[&str]| world.kst(plugin.iter().chain(args));
    kst(&["start", "dev", "--", "sh", "-c", &takes()]).ok();
    until("it listens", || world.work().join("up").exists());
    for text in TEXTS {
        kst(&["send", "dev", "--", text]).ok();
        got(&world, format!("{text}\r").as_bytes());
    }
    kst(&["send", "dev", "one\ntwo"]).ok();
    got(&world, b"one\rtwo\r");
    let long = "0123456789".repeat(10_000);
    kst(&["send", "dev", "--no-enter", &long]).ok();
    got(&world, long.as_bytes());
    kst(&["send", "dev", "--key", "C-c", "--key", "Up"]).ok();
    got(&world, b"\x03\x1b[A");
}

#[test]
fn a_state_folder_that_engines_would_misread_is_refused() {
    let Some(mut world) = world() else { return };
    let state = world.path("it's $HOME");
    world.set("XDG_STATE_HOME", &state);
    start(&world, "dev", &takes());
    world.kst(["send", "dev", "x"]).exits(1).says("XDG_STATE_HOME");
    assert!(Path::new(&state).exists());
    let mut terminal = world.terminal(["attach", "dev"]);
    terminal.types("y");
    got(&world, b"y");
    terminal.press(Key::Ctrl('b'));
    terminal.types("d");
    terminal.exits();
}
