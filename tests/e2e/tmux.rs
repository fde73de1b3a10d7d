//! Sessions in tmux: their life from start to remove.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Engine, Key, Terminal, World, until};

/// The keys that programs written for kstlib read.
const STATUS_KEYS: [&str; 9] = [
    "name",
    "state",
    "backend",
    "pid",
    "created_at",
    "window_count",
    "socket_name",
    "image",
    "exit_code",
];
const LIST_KEYS: [&str; 6] = ["name", "state", "backend", "pid", "image", "socket_name"];

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

#[test]
fn a_session_lives_and_ends() {
    let Some(world) = world() else { return };
    let script = "echo hello; trap 'echo bye; exit 0' TERM HUP; while :; do sleep 0.05; done";
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", script]).ok();
    world.tmux(["has-session", "-t", "=dev"]).ok();

    let status = world.status("dev");
    for key in STATUS_KEYS {
        assert!(status.get(key).is_some(), "status lacks {key}: {status}");
    }
    assert_eq!(status["name"], "dev");
    assert_eq!(status["state"], "running");
    assert_eq!(status["backend"], "tmux");
    assert_eq!(status["exit_code"], Value::Null);
    let pid = status["pid"].as_i64().expect("a running session has a pid");

    let list = world.kst(["list", "-b", "tmux", "--json"]).ok().json();
    let [session] = list.as_array().expect("an array").as_slice() else { panic!("{list}") };
    for key in LIST_KEYS {
        assert!(session.get(key).is_some(), "list lacks {key}: {session}");
    }
    assert_eq!(session["name"], "dev");

    until("its output is in the log", || world.kst(["logs", "dev"]).ok().out().contains("hello"));

    world.kst(["stop", "dev"]).ok();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "stop returned too early");
    let status = world.status("dev");
    assert_eq!(status["state"], "stopped");
    world.kst(["logs", "dev"]).ok().prints("hello").prints("bye");

    world.kst(["remove", "dev"]).ok();
    world.kst(["status", "dev"]).exits(3);
    world.kst(["logs", "dev"]).exits(3);
}

#[test]
fn what_ended_by_itself_tells_how() {
    let Some(world) = world() else { return };
    world.kst(["start", "short", "-b", "tmux", "--", "sh", "-c", "echo last words; exit 7"]).ok();
    until("it has ended", || world.status("short")["state"] == "exited");
    assert_eq!(world.status("short")["exit_code"], 7);
    world.kst(["logs", "short"]).ok().prints("last words");

    world.kst(["start", "shot", "-b", "tmux", "--", "sh", "-c", "kill -9 $$"]).ok();
    until("it has ended", || world.status("shot")["state"] == "exited");
    let status = world.status("shot");
    assert_eq!(status["signal"], 9, "{status}");
}

#[test]
fn names_match_exactly() {
    let Some(world) = world() else { return };
    world.kst(["start", "develop", "-b", "tmux", "--", "sleep", "1000"]).ok();
    for command in ["stop", "status", "logs", "remove", "attach"] {
        for near in ["dev", "develo", "d"] {
            world.kst([command, near]).exits(3);
        }
    }
    assert_eq!(world.status("develop")["state"], "running");
}

#[test]
fn a_name_in_use_is_refused_and_left_alone() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let pid = world.status("dev")["pid"].clone();
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).exits(4).says("dev");
    assert_eq!(world.status("dev")["pid"], pid);
}

#[test]
fn what_cannot_run_makes_nothing() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "no-such-program-here"]).exits(1);
    world.kst(["start", "dev", "-b", "tmux", "-w", "/no/such/folder", "--", "sleep", "9"]).exits(1);
    world.kst(["status", "dev"]).exits(3);
    assert_eq!(world.kst(["list", "-b", "tmux", "--json"]).ok().json(), serde_json::json!([]));
}

#[test]
fn the_command_gets_exactly_its_words_and_the_callers_environment() {
    let Some(mut world) = world() else { return };
    world.set("KST_TEST_VALUE", "from the caller; $(not run)");
    let words = ["a b", "", "#{pane_id}", "#(id)", "$HOME", "*", "end;", ";", "-x", "Grüße"];
    let script = "printf '<%s>\\n' \"$@\"; printf '{%s}\\n' \"$KST_TEST_VALUE\" \"$GIVEN\"; pwd";
    let start = ["start", "exact", "-b", "tmux", "-e", "GIVEN=two\nlines", "--"];
    let args = start.into_iter().chain(["sh", "-c", script, "sh"]).chain(words);
    world.kst(args).ok();
    until("it has ended", || world.status("exact")["state"] == "exited");
    let log = world.kst(["logs", "exact", "--raw"]).ok().out().replace('\r', "");
    for word in words {
        assert!(log.contains(&format!("<{word}>\n")), "{word:?} is not in\n{log}");
    }
    assert!(log.contains("{from the caller; $(not run)}\n{two\nlines}\n"), "{log}");
    assert!(log.contains(&format!("{}\n", world.work().display())), "{log}");
}

#[test]
fn logs_give_the_last_lines_and_no_padding() {
    let Some(world) = world() else { return };
    world.kst(["start", "count", "-b", "tmux", "--", "seq", "1", "200"]).ok();
    until("it has ended", || world.status("count")["state"] == "exited");
    let last = world.kst(["logs", "count", "-n", "3"]).ok().out();
    assert_eq!(last, "198\n199\n200\n");
    let all = world.kst(["logs", "count", "-n", "1000"]).ok().out();
    assert_eq!(all.lines().count(), 200);
}

#[test]
fn stop_waits_for_a_clean_up_and_force_leaves_nothing() {
    let Some(world) = world() else { return };
    let tidy =
        "trap 'sleep 1; touch cleaned; exit 0' TERM HUP; echo up; while :; do sleep 0.05; done";
    world.kst(["start", "tidy", "-b", "tmux", "--", "sh", "-c", tidy]).ok();
    until("it runs", || world.kst(["logs", "tidy"]).ok().out().contains("up"));
    world.kst(["stop", "tidy", "-t", "10"]).ok();
    assert!(world.work().join("cleaned").exists());

    let stubborn =
        "trap '' TERM HUP INT; setsid sleep 1000 & echo up; while :; do sleep 0.05; done";
    world.kst(["start", "stubborn", "-b", "tmux", "--", "sh", "-c", stubborn]).ok();
    until("it runs", || world.kst(["logs", "stubborn"]).ok().out().contains("up"));
    let begin = Instant::now();
    world.kst(["stop", "stubborn", "--force"]).ok();
    assert!(begin.elapsed() < Duration::from_secs(5), "force waited {:?}", begin.elapsed());
    let left: Vec<_> = world
        .processes()
        .into_iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok())
        .filter(|line| line.starts_with("sleep\x001000") || line.contains("trap"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn foreign_sessions_are_seen_and_can_be_stopped() {
    let Some(world) = world() else { return };
    world.tmux(["-L", "other", "new-session", "-d", "-s", "not ours", "sleep", "1000"]).ok();
    let list = world.kst(["list", "-b", "tmux", "--json"]).ok().json();
    assert_eq!(list[0]["name"], "not ours");
    assert_eq!(list[0]["socket_name"], "other");
    world.kst(["stop", "not ours"]).ok();
    world.kst(["status", "not ours"]).exits(3);
}

#[test]
fn one_name_on_two_sockets_is_ambiguous() {
    let Some(world) = world() else { return };
    for socket in ["one", "two"] {
        world.tmux(["-L", socket, "new-session", "-d", "-s", "dev", "sleep", "1000"]).ok();
    }
    for command in ["status", "stop", "logs"] {
        world.kst([command, "dev"]).exits(5).says("one").says("two");
    }
    world.kst(["stop", "dev", "-L", "one"]).ok();
    world.tmux(["-L", "two", "has-session", "-t", "=dev"]).ok();
    world.kst(["status", "dev"]).ok();
}

#[test]
fn sessions_of_the_config_show_before_they_are_started() {
    let Some(world) = world() else { return };
    world.config(
        "ops:\n  sessions:\n    api:\n      command: sleep 1000\n      env: {DEBUG: 1}\n    \
         worker:\n      backend: tmux\n      command: sleep 1000\n      socket_name: jobs\n",
    );
    let list = world.kst(["list", "--json"]).ok().json();
    let states: Vec<_> = list.as_array().expect("an array").iter().map(|s| &s["state"]).collect();
    assert_eq!(states, ["defined", "defined"], "{list}");
    world.kst(["start", "api"]).ok();
    world.kst(["start", "worker"]).ok();
    world.tmux(["-L", "jobs", "has-session", "-t", "=worker"]).ok();
    assert_eq!(world.status("worker")["socket_name"], "jobs");
    world.kst(["stop", "worker"]).ok();
}

#[test]
fn attach_types_interrupts_resizes_and_detaches() {
    let Some(world) = world() else { return };
    let script = "trap 'echo interrupted' INT; trap 'stty size' WINCH; stty -echo; echo ready; \
                  while :; do read line && echo \"got $line\"; done";
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", script]).ok();
    let mut terminal = world.terminal(["attach", "dev"]);
    terminal.shows("ready");
    terminal.types("hello");
    terminal.press(Key::Enter);
    terminal.shows("got hello");
    terminal.press(Key::Ctrl('c'));
    terminal.shows("interrupted");
    terminal.resize(40, 120);
    // tmux keeps a line for its status.
    terminal.shows("39 120");
    let leaves = |terminal: &mut Terminal| {
        terminal.press_apart(&[Key::Ctrl('b')]);
        terminal.types("d");
    };
    assert_eq!(terminal.exits_by(leaves), Some(0));
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn attach_without_a_terminal_says_so() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.kst(["attach", "dev"]).exits(1).says("terminal");
}

#[test]
fn without_tmux_it_says_what_is_missing() {
    let world = World::bare();
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "9"]).exits(6).says("tmux");
}

#[test]
fn usage_and_names_are_checked() {
    let Some(world) = world() else { return };
    let long = "a".repeat(65);
    for name in ["", "1st", "a b", "a\n", "-x", "a.b", "é", long.as_str()] {
        world.kst(["start", "-b", "tmux", "--", name]).exits(2);
        world.kst(["start", name, "-b", "tmux", "-c", "sleep 9"]).exits(2);
    }
    world.kst(["start"]).exits(2);
    world.kst(["no-such-command"]).exits(2);
    world.kst(["list", "-b", "no-such-backend"]).exits(6);
}
