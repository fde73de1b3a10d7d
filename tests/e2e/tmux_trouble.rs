//! Bad days: what a session goes through when something around it is taken away.

use std::path::PathBuf;

use crate::support::{Engine, Outcome, World, program, until};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

/// A script that says hello, and bye when it is asked to end.
const POLITE: &str = "echo hello; trap 'echo bye; exit 5' TERM; sleep 1000 & wait";

/// A `kst` of the world's own, that can be taken away.
fn own_kst(world: &World) -> PathBuf {
    let own = world.path("bin/kst");
    std::fs::hard_link(program(), &own)
        .or_else(|_| std::fs::copy(program(), &own).map(drop))
        .expect("kst can be copied");
    own
}

/// How many processes of this world have `mark` on their command line.
fn left(world: &World, mark: &str) -> usize {
    let pids = world.processes().into_iter();
    let lines = pids.filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok());
    lines.filter(|line| line.contains(mark)).count()
}

#[track_caller]
fn prints_hello(world: &World, name: &str) {
    until("it has printed", || world.kst(["logs", name]).ok().out() == "hello\n");
}

#[test]
fn a_kst_that_was_removed_or_replaced_leaves_its_sessions_in_reach() {
    let Some(world) = world() else { return };
    let own = own_kst(&world);
    for name in ["one", "two"] {
        let start = ["start", name, "-b", "tmux", "--", "sh", "-c", POLITE];
        world.program(&own).args(start).run().ok();
        prints_hello(&world, name);
    }
    std::fs::remove_file(&own).expect("it can be removed");
    assert_eq!(world.status("one")["state"], "running");
    world.kst(["stop", "one"]).ok();
    assert_eq!(world.status("one")["exit_code"], 5);
    assert_eq!(world.kst(["logs", "one"]).ok().out(), "hello\nbye\n");

    // Another program in its place.
    world.fake("kst", "exit 1");
    assert_eq!(world.status("two")["state"], "running");
    world.kst(["stop", "two"]).ok();
    assert_eq!(world.status("two")["exit_code"], 5);
    assert_eq!(world.kst(["logs", "two"]).ok().out(), "hello\nbye\n");
}

/// Kills the tmux server of the default socket, as a crash would.
fn kill_server(world: &World) {
    let pid = world.tmux(["display-message", "-p", "#{pid}"]).ok().out();
    world.program("kill").args(["-9", pid.trim()]).run().ok();
    until("the server is gone", || {
        !std::path::Path::new(&format!("/proc/{}/exe", pid.trim())).exists()
    });
}

#[test]
fn what_a_killed_server_took_along_is_told() {
    let Some(world) = world() else { return };
    let deaf = "trap '' HUP; trap 'exit 6' TERM; echo hello; while :; do sleep 0.05; done";
    world.kst(["start", "soft", "-b", "tmux", "--", "sh", "-c", "echo hello; sleep 1000"]).ok();
    world.kst(["start", "hard", "-b", "tmux", "--", "sh", "-c", deaf]).ok();
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    prints_hello(&world, "soft");
    prints_hello(&world, "hard");
    kill_server(&world);

    // The hang-up ended the one.
    until("it has ended", || world.status("soft")["state"] == "exited");
    let status = world.status("soft");
    assert_eq!(status["signal"], 1, "{status}");
    assert_eq!(world.kst(["logs", "soft"]).ok().out(), "hello\n");
    // tmux kept no record of what was not ours.
    world.kst(["status", "theirs"]).exits(3);

    // The other lives on, is not forgotten, and its name is not given away.
    assert_eq!(world.status("hard")["state"], "running");
    world.kst(["attach", "hard"]).exits(1);
    world.kst(["start", "hard", "-b", "tmux", "--", "sleep", "1000"]).exits(4);
    assert_eq!(world.status("hard")["state"], "running");
    assert_eq!(world.kst(["logs", "hard"]).ok().out(), "hello\n");
    world.kst(["stop", "hard"]).ok();
    let status = world.status("hard");
    assert_eq!((status["state"].as_str(), &status["exit_code"]), (Some("stopped"), &6.into()));
    world.kst(["start", "hard", "-b", "tmux", "--", "sleep", "1000"]).ok();
    assert_eq!(world.status("hard")["state"], "running");
}

#[test]
fn a_shim_that_was_killed_is_not_taken_for_its_program() {
    let Some(world) = world() else { return };
    let deaf = "trap '' HUP; trap 'exit 6' TERM; echo hello; while :; do sleep 0.05; done";
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", deaf]).ok();
    prints_hello(&world, "dev");
    let shim = world.tmux(["list-panes", "-t", "=dev:", "-F", "#{pane_pid}"]).ok().out();
    world.program("kill").args(["-9", shim.trim()]).run().ok();
    until("tmux has noticed", || world.tmux(["has-session", "-t", "=dev"]).code != Some(0));
    let status = world.status("dev");
    assert_eq!(status["state"], "running", "{status}");
    world.kst(["stop", "dev"]).ok();
    assert_eq!(left(&world, "trap"), 0);
    let status = world.status("dev");
    assert_eq!(status["state"], "stopped", "{status}");
    // Nobody recorded it.
    assert!(status["exit_code"].is_null() && status["signal"].is_null(), "{status}");
}

#[test]
fn children_that_left_the_terminal_end_with_the_session() {
    let Some(world) = world() else { return };
    let script = "setsid sh -c 'sleep 54321 & sleep 54321' & \
                  (setsid nohup sleep 54321 >/dev/null 2>&1 &); \
                  echo hello; sleep 54321";
    for stop in [&["stop", "dev"][..], &["stop", "dev", "--force"]] {
        world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", script]).ok();
        until("all of it runs", || left(&world, "54321") >= 5);
        world.kst(stop).ok();
        assert_eq!(left(&world, "54321"), 0, "{stop:?} left something");
        assert_eq!(world.status("dev")["state"], "stopped");
    }
}

#[test]
fn output_is_whole_from_the_first_byte_to_the_last() {
    let Some(world) = world() else { return };
    let script = "printf 'first\\n'; seq 1 20000; printf 'last'";
    world.kst(["start", "flood", "-b", "tmux", "--", "sh", "-c", script]).ok();
    until("it has ended", || world.status("flood")["state"] == "exited");
    let log = world.kst(["logs", "flood", "-n", "100000"]).ok().out();
    let numbers: String = (1..=20_000).map(|number| format!("{number}\n")).collect();
    // Not assert_eq: it would print both.
    assert!(log == format!("first\n{numbers}last"), "{} lines", log.lines().count());
}

#[test]
fn without_tmux_everything_says_so() {
    let world = World::bare();
    for command in [
        &["start", "dev", "-b", "tmux", "--", "sleep", "9"][..],
        &["start", "dev", "-c", "sleep 9"],
        &["list", "-b", "tmux"],
        &["status", "dev", "-b", "tmux"],
    ] {
        world.kst(command).exits(6).says("tmux").says("install");
    }
    // What needs no tmux works.
    assert_eq!(world.kst(["list", "--json"]).ok().json(), serde_json::json!([]));
    world.kst(["status", "dev"]).exits(3);
}

#[test]
fn sessions_outlive_a_tmux_that_was_uninstalled() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", POLITE]).ok();
    prints_hello(&world, "dev");
    std::fs::remove_file(world.path("engines/tmux")).expect("a link");
    let status = world.status("dev");
    assert_eq!(status["state"], "running", "{status}");
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "hello\n");
    world.kst(["stop", "dev"]).ok();
    let status = world.status("dev");
    assert_eq!((status["state"].as_str(), &status["exit_code"]), (Some("stopped"), &5.into()));
}

#[test]
fn sockets_are_looked_for_where_tmux_tmpdir_says() {
    let Some(mut world) = world() else { return };
    world.kst(["start", "here", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let before = world.path("tmux");
    world.set("TMUX_TMPDIR", world.path("run"));
    world.kst(["start", "there", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.tmux(["has-session", "-t", "=there"]).ok();
    assert_ne!(world.tmux(["has-session", "-t", "=here"]).code, Some(0));
    // kst remembers what it started, wherever that is.
    assert_eq!(world.status("here")["state"], "running");
    world.kst(["start", "here", "-b", "tmux", "--", "sleep", "1000"]).exits(4);
    world.set("TMUX_TMPDIR", &before);
    world.tmux(["has-session", "-t", "=here"]).ok();
    world.kst(["stop", "here"]).ok();
    assert_eq!(world.status("here")["state"], "stopped");
}

#[test]
fn it_can_be_used_inside_a_pane() {
    let Some(world) = world() else { return };
    let kst = program();
    let kst = kst.display();
    let inside = |socket: &str, name: &str| -> Outcome {
        let shell = format!(
            "{kst} start {name} -b tmux -- sh -c 'echo \"pane $TMUX_PANE\"; sleep 1000' \
             > started.{name} 2>&1; echo $? > code.{name}; sleep 1000"
        );
        // The inner $TMUX_PANE is the inner shell's business.
        let shell = shell.replace("$TMUX_PANE", "'\"\\$TMUX_PANE\"'");
        let outcome =
            world.tmux(["-L", socket, "new-session", "-d", "-s", &format!("outer-{name}"), &shell]);
        let code = world.work().join(format!("code.{name}"));
        until("kst has ended", || {
            std::fs::read_to_string(&code).is_ok_and(|code| code.ends_with('\n'))
        });
        let said = std::fs::read_to_string(world.work().join(format!("started.{name}")));
        assert_eq!(std::fs::read_to_string(&code).expect("a code"), "0\n", "{said:?}");
        outcome
    };
    // In the server that has the default socket, and in another one: what is not said is default.
    inside("default", "same").ok();
    inside("side", "other").ok();
    for name in ["same", "other"] {
        let status = world.status(name);
        assert_eq!(status["state"], "running");
        assert!(status["socket_name"].is_null(), "{status}");
        let pane =
            world.tmux(["list-panes", "-t", &format!("={name}:"), "-F", "#{pane_id}"]).ok().out();
        until("it knows its own pane", || {
            world.kst(["logs", name]).ok().out() == format!("pane {pane}")
        });
        world.kst(["stop", name]).ok();
    }
    world.tmux(["has-session", "-t", "=outer-same"]).ok();
}

#[test]
fn a_socket_that_nobody_answers_is_no_session_and_no_obstacle() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    kill_server(&world);
    // The socket's file is still there.
    let list = world.kst(["list", "--json"]).ok().json();
    assert_eq!(list[0]["name"], "dev", "{list}");
    world.kst(["start", "new", "-b", "tmux", "--", "sleep", "1000"]).ok();
    assert_eq!(world.status("new")["state"], "running");
}

#[test]
fn what_cannot_be_run_is_told_and_leaves_nothing() {
    let Some(world) = world() else { return };
    let no_mode = world.write("work/no-mode", "#!/bin/sh\n");
    let bad = world.write("work/bad-interpreter", "#!/no/such/interpreter\n");
    let mode = |bits| std::os::unix::fs::PermissionsExt::from_mode(bits);
    std::fs::set_permissions(&bad, mode(0o755)).expect("permissions");
    for program in [
        "no-such-program-here".as_ref(),
        "/no/such/program".as_ref(),
        "./nothing".as_ref(),
        "/etc".as_ref(),
        no_mode.as_os_str(),
        bad.as_os_str(),
    ] {
        let start = ["start", "dev", "-b", "tmux", "--"].map(std::ffi::OsStr::new);
        let start = world.kst(start.into_iter().chain([program]));
        start.exits(1).says("dev");
        world.kst(["status", "dev"]).exits(3);
        world.kst(["logs", "dev"]).exits(3);
        assert_ne!(world.tmux(["has-session", "-t", "=dev"]).code, Some(0), "{start}");
    }
    world.kst(["start", "dev", "-b", "tmux", "--", "true"]).ok();
}
