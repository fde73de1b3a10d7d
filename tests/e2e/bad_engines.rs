//! Engines that print garbage, never end, or never answer: told within their deadline, and the other
//! backends go on.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::support::{Engine, World};

/// Longer than any deadline of a read, and shorter than a person would wait.
const PATIENCE: Duration = Duration::from_secs(40);

/// Output that is no list of sessions.
const GARBAGE: [&str; 8] = [
    "printf 'what is this\\n'",
    "head -c 100000 /dev/urandom",
    "printf '\\033[2J\\033]0;owned\\007\\n'",
    "printf '$1 1.2 3 4 5 99,web\\n$2 1.2 3 4 5 98,web\\n'",
    "printf '$1 1.2 99999999999999999999 -4 x 1,\\033[31mweb\\n'",
    "printf -- '--help 1.2 3 4 5 1,web\\n'",
    "printf '\\n\\n\\n'; exit 3",
    "echo 'error: no' >&2; exit 1",
];

/// A world where tmux is this script, and seems to have a server: there is a socket.
fn with_tmux(script: &str) -> World {
    let world = World::bare();
    let folder = world.path("tmux").join(format!("tmux-{}", rustix::process::getuid().as_raw()));
    fs::create_dir(&folder).unwrap();
    UnixListener::bind(folder.join("default")).unwrap();
    world.fake("tmux", script);
    world
}

/// On the real parsers. What each kind of garbage would do without kst's guards is seen in tests/hostile,
/// where the guard is taken away: names with escape sequences
/// (`answers::an_engines_names_that_act_on_a_terminal`), a name in two lines (`binding::two_of_one_name`),
/// an id that is an option (`binding::an_id_that_is_an_option`), a program that was killed
/// (`binding::a_line_of_a_program_that_was_killed`), a flood (those of `limits`). Bytes without any sense
/// have no guard of their own: what is no line of a form's `gives` binds nothing, and is no session.
#[test]
fn garbage() {
    let world = with_tmux("");
    for script in GARBAGE {
        world.fake("tmux", &format!("case $1 in -V) echo 'tmux 3.3a'; exit;; esac\n{script}"));
        for args in [
            &["list"][..],
            &["list", "--json"],
            &["list", "-b", "tmux"],
            &["status", "web", "-b", "tmux"],
            &["logs", "web", "-b", "tmux"],
            &["stop", "web", "-b", "tmux", "-t", "1"],
            &["attach", "web", "-b", "tmux"],
            &["remove", "web", "-b", "tmux"],
        ] {
            let outcome = world.command(args).deadline(PATIENCE).run();
            let code = outcome.code.unwrap_or(-1);
            assert!((0..10).contains(&code), "{script}\n{outcome}");
            let looks = matches!(args[0], "list" | "status");
            assert!(looks || code != 0, "{script}: a success?\n{outcome}");
            outcome.exits(code).hides("\u{1b}").hides("\u{7}");
            assert!(outcome.stderr.len() < 10_000, "{script}: a flood of {}", outcome.stderr.len());
            if args.contains(&"--json") && code == 0 {
                assert!(outcome.json().is_array(), "{script}\n{outcome}");
            }
        }
    }
    // None of it has made kst believe in a session of its own.
    assert!(!world.home().join(".local/state/kst/ledger.jsonl").exists());
}

#[test]
fn endless_output() {
    let world =
        with_tmux("case $1 in -V) echo 'tmux 3.3a'; exit;; esac\nexec yes '$1 1.2 3 4 5 6,x'");
    let began = Instant::now();
    let outcome = world.command(["list", "-b", "tmux"]).deadline(PATIENCE).run();
    assert!(outcome.code.is_some_and(|code| code != 0), "{outcome}");
    outcome.says("tmux");
    world.command(["status", "x", "-b", "tmux"]).deadline(PATIENCE).run().exits(1).says("tmux");
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(world.processes(), [0; 0], "the program was left running");
}

#[test]
fn an_engine_that_hangs_ends_at_its_deadline() {
    // It has a child, too, and no polite signal ends it.
    let world = with_tmux("trap '' TERM HUP INT\nsleep 1000 & sleep 1000\nsleep 1000");
    let (list, status) = std::thread::scope(|scope| {
        let list = scope.spawn(|| world.command(["list", "-b", "tmux"]).deadline(PATIENCE).run());
        let status =
            scope.spawn(|| world.command(["status", "x", "-b", "tmux"]).deadline(PATIENCE).run());
        (list.join().expect("no panic"), status.join().expect("no panic"))
    });
    // 6: the engine does not answer. 8: what was asked for took too long.
    list.exits(8).says("10 s");
    assert_eq!(list.err().matches("10 s").count(), 1, "said twice\n{list}");
    status.exits(8).says("tmux");
    for outcome in [list, status] {
        assert!(outcome.duration > Duration::from_secs(2), "it was not given time\n{outcome}");
    }
    assert_eq!(world.processes(), [0; 0], "the program was left running");
}

/// Of several engines, each stands for itself.
#[test]
fn the_other_backends_go_on() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    for fault in ["sleep 1000", "exec yes", "head -c 10000 /dev/urandom", "kill -9 $$", "exit 1"] {
        for engine in ["podman", "docker"] {
            world.fake(engine, fault);
        }
        let list = world.command(["list", "--json"]).deadline(PATIENCE).run();
        let names = list.ok().json();
        assert!(names.as_array().is_some_and(|l| l.len() == 1 && l[0]["name"] == "web"), "{list}");
        list.says("warning").hides("\u{1b}");
        let status = world.command(["status", "web", "--json"]).deadline(PATIENCE).run();
        assert_eq!(status.ok().json()["state"], "running", "{fault}");
    }
    world.command(["stop", "web", "-t", "1"]).deadline(PATIENCE).run().ok();
}

/// A start that the engine never answers: the deadline is the start's own, so what is tested is that
/// an interrupted one leaves nothing.
#[test]
fn an_engine_that_breaks_during_start() {
    let world = with_tmux("");
    for script in ["exit 1", "kill -9 $$", "echo garbage", "head -c 5000000 /dev/zero"] {
        world.fake("tmux", &format!("case $1 in -V) echo 'tmux 3.3a'; exit;; esac\n{script}"));
        let outcome = world
            .command(["start", "web", "-b", "tmux", "--", "sleep", "1000"])
            .deadline(PATIENCE)
            .run();
        let code = outcome.code.unwrap_or(-1);
        assert!((1..10).contains(&code), "{script}\n{outcome}");
        outcome.exits(code).hides("\u{1b}").hides("\0");
        let state = world.home().join(".local/state/kst");
        for folder in ["tickets", "specs", "logs"] {
            let left: Vec<_> =
                fs::read_dir(state.join(folder)).into_iter().flatten().flatten().collect();
            assert!(left.is_empty(), "{script}: {left:?}");
        }
    }
    assert_eq!(world.processes(), [0; 0]);
}
