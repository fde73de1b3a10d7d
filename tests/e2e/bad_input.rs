//! Values that nobody should give: each is told in one sentence with the right exit code, at once,
//! and nothing comes of it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use crate::support::{Engine, Outcome, World};

/// A value, and what is bad about it.
const VALUES: [(&str, &[u8]); 8] = [
    ("empty", b""),
    ("not UTF-8", b"a\xffb"),
    ("ends in a newline", b"abc\n"),
    ("holds a newline", b"a\nb"),
    ("begins with a dash", b"-x"),
    ("begins with two dashes", b"--x"),
    ("holds an escape sequence", b"a\x1b[2J\x07b"),
    ("too long", LONG),
];

/// Less than what one word of a command line may have.
const LONG: &[u8] = &[b'x'; 100_000];

/// Stands for the value.
const HERE: &str = "@";

/// The commands with each option that takes a value, and the exit codes that it may have besides 2.
/// `start` goes on with whatever is fine, so its other words are.
const COMMANDS: &[(&[&str], &[i32])] = &[
    (&["start", "@", "-b", "tmux", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "-i", "@", "--", "sleep", "60"], &[]),
    // 1: there is no such directory.
    (&["start", "web", "-b", "tmux", "-w", "@", "--", "sleep", "60"], &[1]),
    (&["start", "web", "-b", "tmux", "-e", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "-v", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "-p", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "-L", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "-o", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "-o", "socket_name=@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "--color", "@", "--", "sleep", "60"], &[]),
    (&["start", "web", "-b", "tmux", "--config", "@", "--", "sleep", "60"], &[]),
    // 6: there is no such plugin.
    (&["start", "web", "-b", "tmux", "--plugin", "@", "--", "sleep", "60"], &[6]),
    // 1: there is no such program.
    (&["start", "web", "-b", "tmux", "--", "@"], &[1]),
    (&["stop", "@"], &[]),
    (&["stop", "web", "-b", "@"], &[]),
    (&["stop", "web", "-L", "@"], &[]),
    (&["stop", "web", "-t", "@"], &[]),
    (&["attach", "@"], &[]),
    (&["attach", "web", "-b", "@"], &[]),
    (&["attach", "web", "-L", "@"], &[]),
    (&["status", "@"], &[]),
    (&["status", "web", "-b", "@"], &[]),
    (&["status", "web", "-L", "@"], &[]),
    (&["logs", "@"], &[]),
    (&["logs", "web", "-n", "@"], &[]),
    (&["logs", "web", "-b", "@"], &[]),
    (&["logs", "web", "-L", "@"], &[]),
    (&["remove", "@"], &[]),
    (&["remove", "web", "-b", "@"], &[]),
    (&["remove", "web", "-L", "@"], &[]),
    (&["list", "-b", "@"], &[]),
    (&["list", "--color", "@"], &[]),
    (&["list", "--config", "@"], &[]),
    (&["list", "--plugin", "@"], &[6]),
    (&["plugin", "inspect", "@"], &[6]),
    (&["plugin", "trust", "@"], &[6]),
    (&["plugin", "@"], &[]),
    (&["config", "check", "--config", "@"], &[]),
    (&["config", "show", "--config", "@"], &[]),
    (&["config", "@"], &[]),
    (&["completions", "@"], &[]),
    (&["@"], &[]),
];

fn with_value(command: &[&str], value: &[u8]) -> Vec<OsString> {
    let fill = |word: &&str| {
        let mut filled = Vec::new();
        for (index, part) in word.split(HERE).enumerate() {
            if index > 0 {
                filled.extend_from_slice(value);
            }
            filled.extend_from_slice(part.as_bytes());
        }
        OsString::from_vec(filled)
    };
    command.iter().map(fill).collect()
}

/// An error as a person should see one: on standard error alone, a sentence and advice, in plain
/// text of a length that can be read.
#[track_caller]
fn well_said(outcome: &Outcome) {
    assert!(outcome.stdout.is_empty(), "it prints something\n{outcome}");
    let text = outcome.err();
    assert!(text.starts_with("error: "), "{outcome}");
    assert_eq!(text.matches("error: ").count(), 1, "{outcome}");
    assert!(text.len() < 8000, "{} bytes", text.len());
    let plain = |c: char| c == '\n' || !c.is_control();
    assert!(text.chars().all(plain), "control characters: {text:?}");
    assert!(!text.contains("panicked"), "{outcome}");
    for line in text.lines().skip(1) {
        // What belongs to the sentence is on its line; the others are advice and help.
        let known = ["  hint: ", "    ", "  tip: ", "  [", "Usage: ", "For more information"];
        assert!(line.is_empty() || known.iter().any(|k| line.starts_with(k)), "{outcome}");
    }
}

/// Everything that kst could have made: sessions, what it knows of them, approvals.
#[track_caller]
fn nothing_was_made(world: &World) {
    let left: Vec<_> = fs::read_dir(world.path("tmux")).unwrap().flatten().collect();
    assert!(left.is_empty(), "a tmux server was started: {left:?}");
    for file in [".local/state/kst/ledger.jsonl", ".local/share/kst/trust.json"] {
        let file = world.home().join(file);
        assert!(!file.exists(), "{} was made", file.display());
    }
    for folder in ["tickets", "specs", "logs"] {
        let folder = world.home().join(".local/state/kst").join(folder);
        let left: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
    let here: Vec<_> = fs::read_dir(world.work()).unwrap().flatten().collect();
    assert!(here.is_empty(), "{here:?}");
}

#[test]
fn bad_values_of_each_option() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let checked = |(command, also): &(&[&str], &[i32])| {
        for (what, value) in VALUES {
            let args = with_value(command, value);
            let outcome = world.command(&args).deadline(Duration::from_secs(20)).run();
            let code = outcome.code.unwrap_or(-1);
            assert!(
                code == 2 || also.contains(&code),
                "{command:?} with a value that {what}: {code}\n{outcome}"
            );
            well_said(&outcome);
        }
    };
    // They share a world, which is what it must be after all of them: untouched.
    std::thread::scope(|scope| {
        for part in COMMANDS.chunks(COMMANDS.len().div_ceil(3)) {
            scope.spawn(move || part.iter().for_each(checked));
        }
    });
    nothing_was_made(&world);
}

/// Each value is told from the others: what is wrong is said, not that something is.
#[test]
fn the_sentence_says_what_is_wrong() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    for (args, says) in [
        (&["start", "9lives", "-b", "tmux", "--", "true"][..], "letter"),
        (&["start", "a b", "-b", "tmux", "--", "true"], "space"),
        (&["start", "a:b", "-b", "tmux", "--", "true"], "':'"),
        (&["start", &"n".repeat(300), "-b", "tmux", "--", "true"], "at most 64"),
        (&["start", "web", "-b", "tumx", "--", "true"], "tmux"),
        (&["start", "web", "-b", "tmux", "-e", "1A=x", "--", "true"], "--env"),
        (&["start", "web", "-b", "tmux", "-o", "nosuch=1", "--", "true"], "nosuch"),
        (&["start", "web", "-b", "tmux", "-o", "novalue", "--", "true"], "novalue"),
        (&["start", "web", "-b", "tmux", "-L", "a/b", "--", "true"], "a/b"),
        (&["start", "web", "-b", "tmux", "-L", "..", "--", "true"], "'..'"),
        (&["start", "web", "-b", "tmux", "-c", "a | b"], "--shell"),
        (&["start", "web", "-b", "tmux", "-c", "a 'b"], "quote"),
        (&["stop", "web", "-t", "99999999999"], "whole number"),
        (&["logs", "web", "-n", "1e3"], "whole number"),
        (&["lsit"], "list"),
    ] {
        let outcome = world.kst(args);
        well_said(&outcome);
        let code = if args.contains(&"tumx") { 6 } else { 2 };
        outcome.exits(code).says(says);
    }
    nothing_was_made(&world);
}

/// The name of the directory one stands in is a value, too.
#[test]
fn a_directory_with_a_control_character_in_its_name() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let start = ["start", "web", "-b", "tmux", "--", "sleep", "60"];
    for name in ["a\nb", "a\u{1b}[2Jb", "a\tb"] {
        let folder = world.path(name);
        fs::create_dir(&folder).unwrap();
        let outcome = world.command(start).cwd(&folder).run();
        well_said(&outcome);
        outcome.exits(1).says("the working directory").says("control character").says("--workdir");
        outcome.hides("new-session");
    }
    nothing_was_made(&world);
}

/// A secret that was mistyped is not shown.
#[test]
fn a_bad_env_value_is_not_shown() {
    let world = World::bare();
    for bad in ["=hunter2", "1KEY=hunter2", "A B=hunter2", "hunter2\u{7}=x"] {
        world
            .kst(["start", "web", "-b", "tmux", "-e", bad, "--", "true"])
            .exits(2)
            .hides("hunter2");
    }
    let mut latin = OsString::from("KEY=hunter2");
    latin.push(OsStr::from_bytes(b"\xff"));
    let args = ["start", "web", "-b", "tmux", "-e"].map(OsString::from);
    world
        .kst(args.into_iter().chain([latin, "--".into(), "true".into()]))
        .exits(2)
        .hides("hunter2");
}

/// What cannot stand in a config, each with a part of what is said of it.
fn bad_configs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let session = |inside: &str| format!("ops:\n  sessions:\n    web:\n{inside}").into_bytes();
    let aliases = {
        let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let all = vec![format!("*a{}", level - 1); 10].join(", ");
            yaml += &format!("a{level}: &a{level} [{all}]\n");
        }
        yaml + "ops: {sessions: {web: {backend: tmux, command: *a11}}}\n"
    };
    let mut large = b"ops: {sessions: {}}\n".to_vec();
    large.extend(b"# ".iter().copied().chain(std::iter::repeat_n(b'x', 10 << 20)));
    vec![
        ("a list", b"- ops\n- sessions\n".to_vec(), "list"),
        ("a number", b"42\n".to_vec(), "number"),
        ("a text", b"just a text\n".to_vec(), "text"),
        ("truncated", b"ops:\n  sessions:\n    web: {backend: tmux, command: 'sl".to_vec(), ""),
        ("not UTF-8", b"ops: {default_backend: \"a\xff\"}\n".to_vec(), "UTF-8"),
        ("NUL", b"ops: {default_backend: \"a\0\"}\n".to_vec(), ""),
        ("10 MiB", large, "MiB"),
        ("nested flow", [vec![b'['; 100_000], vec![b']'; 100_000]].concat(), ""),
        ("nested maps", "a: {".repeat(50_000).into_bytes(), ""),
        (
            "nested block",
            (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>().into(),
            "",
        ),
        ("alias bomb", aliases.into_bytes(), ""),
        ("tabs", b"ops:\n\tsessions:\n".to_vec(), "tab"),
        ("includes itself", b"include: kstlib.conf.yml\n".to_vec(), "includes itself"),
        ("a missing include", b"include: nowhere.yml\n".to_vec(), "nowhere.yml"),
        ("an include outside", b"include: ../../../etc/passwd\n".to_vec(), "leads out"),
        ("an include that is a folder", b"include: folder.yml\n".to_vec(), "folder.yml"),
        ("an include that is a pipe", b"include: pipe.yml\n".to_vec(), "pipe.yml"),
        ("NUL in a command", session("      backend: tmux\n      command: \"a\\0b\"\n"), "NUL"),
        (
            "NUL in a directory",
            session("      backend: tmux\n      command: x\n      working_dir: \"/a\\0\"\n"),
            "working_dir",
        ),
        (
            "NUL in a value",
            session("      backend: tmux\n      command: x\n      env: {A: \"a\\0\"}\n"),
            "A",
        ),
        (
            "NUL in a key",
            session("      backend: tmux\n      command: x\n      env: {\"A\\0\": a}\n"),
            "env",
        ),
        (
            "a newline in a socket",
            session("      backend: tmux\n      command: x\n      socket_name: \"a\\n\"\n"),
            "socket_name",
        ),
        (
            "an escape in a backend",
            session("      backend: \"a\\e[2J\"\n      command: x\n"),
            "backend",
        ),
        ("an empty command", session("      backend: tmux\n      command: ''\n"), "command"),
        ("a session that is a list", session("      - backend\n"), "web"),
        (
            "an image that begins with a dash",
            session("      backend: container\n      image: --privileged\n"),
            "image",
        ),
        (
            "a volume that begins with a dash",
            session("      backend: container\n      image: x\n      volumes: ['-v']\n"),
            "volumes",
        ),
    ]
}

#[test]
fn bad_configs_are_refused_where_they_matter() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let folder = world.home().join(".config");
    fs::create_dir_all(folder.join("folder.yml")).unwrap();
    world.program("mkfifo").args([folder.join("pipe.yml")]).run().ok();
    let mut wrong = Vec::new();
    for (what, content, says) in bad_configs() {
        world.write("home/.config/kstlib.conf.yml", &content);
        let patience = Duration::from_secs(20);
        for args in [&["config", "check"][..], &["start", "web", "-b", "tmux"], &["start", "web"]] {
            let outcome = world.command(args).deadline(patience).run();
            // What is wrong is what `config check` is asked for, so it prints it.
            let told = outcome.out() + &outcome.err();
            let good = outcome.code == Some(2)
                && told.contains("kstlib.conf.yml")
                && told.contains(says)
                && !told.contains(['\u{1b}', '\0'])
                && !told.contains("panicked")
                && told.len() < 20_000;
            if !good {
                wrong.push(format!("{what}: it should say {says:?}\n{outcome}"));
            }
        }
        // What needs no definition goes on, or says the same.
        let list = world.command(["list", "-b", "tmux"]).deadline(patience).run();
        if !matches!(list.code, Some(0 | 2)) || list.err().contains("panicked") {
            wrong.push(format!("{what}\n{list}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    fs::remove_file(folder.join("kstlib.conf.yml")).unwrap();
    nothing_was_made(&world);
}

/// What is wrong in one place of a file that can be read is told, and takes nothing else down.
#[test]
fn one_broken_entry_is_only_that() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let good = "    good: {backend: tmux, command: sleep 1000}\n";
    for (broken, name, says) in [
        ("    a: {command: x}\n    a: {command: y}\n", "a", "twice"),
        ("    a: {command: \"x\\0\"}\n", "a", "ops.sessions.a.command"),
        ("    a: {env: {\"A\\nB\": x}}\n", "a", "ops.sessions.a.env"),
        ("    a: 7\n", "a", "ops.sessions.a"),
        ("    a: {backend: [tmux], command: x}\n", "a", "ops.sessions.a"),
    ] {
        world.config(&format!("ops:\n  sessions:\n{broken}{good}"));
        let check = world.kst(["config", "check"]);
        assert_eq!(check.code, Some(2), "{check}");
        check.prints(says).prints("kstlib.conf.yml:").prints(" | ");
        world.kst(["start", name]).exits(2).says(says);
        let list = world.kst(["list", "-b", "tmux", "--json"]).ok().says(says).json();
        let good =
            |entry: &serde_json::Value| entry["name"] == "good" && entry["state"] == "defined";
        assert!(list.as_array().is_some_and(|list| list.iter().any(good)), "{list}");
    }
    nothing_was_made(&world);
    world.kst(["start", "good"]).ok();
    assert_eq!(world.status("good")["state"], "running");
}

/// Files that hold nothing are no mistake.
#[test]
fn configs_without_content() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    for content in
        ["", "\n\n", "# nothing\n", "---\n", "ops:\n", "ops: {}\n", "ops: {sessions: }\n", "{}\n"]
    {
        world.config(content);
        world.kst(["config", "check"]).ok();
        assert_eq!(
            world.kst(["list", "-b", "tmux", "--json"]).ok().out().trim(),
            "[]",
            "{content:?}"
        );
    }
    nothing_was_made(&world);
}

/// Includes that go round, at whatever length, and those that are there twice.
#[test]
fn include_cycles() {
    let world = World::bare();
    for (file, next) in
        [("kstlib.conf.yml", "b.yml"), ("b.yml", "c.json"), ("c.json", "kstlib.conf.yml")]
    {
        world.write(format!("home/.config/{file}"), format!("{{\"include\": \"{next}\"}}\n"));
    }
    let told = world.kst(["config", "check"]);
    assert_eq!(told.code, Some(2), "{told}");
    told.prints("includes itself");
    world.kst(["start", "web"]).exits(2).says("includes itself");
    // The same file by two ways is no cycle.
    world.config("include: [b.yml, d.yml]\n");
    world.write("home/.config/b.yml", "include: common.yml\n");
    world.write("home/.config/d.yml", "include: common.yml\n");
    world.write("home/.config/common.yml", "ops: {default_backend: tmux}\n");
    world.kst(["config", "check"]).ok();
}
