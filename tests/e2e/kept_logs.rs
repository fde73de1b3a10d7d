//! What is kept of a session's output, and for how long.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::in_tmux::{start, until_ended, world};
use crate::support::{Engine, World, numbers, screen_plugin, until};

/// The files of all logs.
fn logs(world: &World) -> Vec<PathBuf> {
    let folder = fs::read_dir(world.home().join(".local/state/kst/logs"));
    folder.into_iter().flatten().flatten().map(|file| file.path()).collect()
}

fn size(world: &World) -> u64 {
    logs(world).iter().map(|file| file.metadata().map_or(0, |meta| meta.len())).sum()
}

/// Begins to follow a session, with the output in a file.
fn follow(world: &World, name: &str) -> (crate::support::Started, PathBuf) {
    let out = world.path("followed");
    let kst = crate::support::program();
    let script = format!("exec '{}' logs -f -n 0 {name} > '{}'", kst.display(), out.display());
    (world.program("sh").args(["-c", &script]).spawn(), out)
}

#[test]
fn a_log_is_bounded_and_its_readers_cross_from_file_to_file() {
    let Some(world) = world() else { return };
    world.config("ops: {history: 64 KiB}\n");
    let script = "until [ -e go ]; do sleep 0.01; done; i=0; while [ $i -lt 60 ]; do \
                  seq $((i * 500 + 1)) $((i * 500 + 500)); i=$((i+1)); sleep 0.02; done; exit 3";
    start(&world, "loud", script);
    until("there is a log", || !logs(&world).is_empty());
    let (following, out) = follow(&world, "loud");
    until("it is followed", || {
        let folder = format!("/proc/{}/fdinfo", following.pid());
        fs::read_dir(folder).into_iter().flatten().flatten().any(|file| {
            fs::read_to_string(file.path()).is_ok_and(|text| text.matches("inotify wd").count() > 2)
        })
    });
    world.write("work/go", "");
    following.wait().ok();
    assert_eq!(fs::read_to_string(out).expect("it was made"), numbers(1, 30_000));
    assert_eq!(world.status("loud")["exit_code"], 3);
    assert!((20_000..=64 << 10).contains(&size(&world)), "{}", size(&world));
    assert_eq!(logs(&world).len(), 2);
    for file in logs(&world) {
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let last = |lines: &str| world.kst(["logs", "loud", "-n", lines]).ok().out();
    assert_eq!(last("3"), numbers(29_998, 30_000));
    let all = last("1000000");
    let first: u32 = all.lines().next().and_then(|line| line.parse().ok()).expect("a number");
    assert!(first > 1, "nothing was thrown away");
    assert_eq!(all, numbers(first, 30_000));
    // One more and one fewer than are in the newer of the files.
    let newer =
        logs(&world).into_iter().find(|file| file.extension().is_some_and(|end| end == "log"));
    let newer =
        fs::read_to_string(newer.expect("it is there")).expect("text").lines().count() as u32;
    for lines in [newer - 1, newer, newer + 1] {
        assert_eq!(last(&lines.to_string()), numbers(30_001 - lines, 30_000), "{lines} lines");
    }
    world.kst(["remove", "loud"]).ok();
    assert!(logs(&world).is_empty(), "{:?}", logs(&world));
}

#[test]
fn a_session_says_how_much_of_it_is_kept() {
    let Some(world) = world() else { return };
    world.config(
        "ops:\n  history: 64 KiB\n  sessions:\n    more: {command: 'seq 30000', history: 1 MiB}\n    \
         less: {command: 'seq 30000'}\n    wrong: {command: x, history: 1 KiB}\n    \
         box: {backend: container, image: x, history: 1 MiB}\n",
    );
    world.kst(["start", "more"]).ok();
    until_ended(&world, "more");
    assert_eq!(world.kst(["logs", "more", "-n", "100000"]).ok().out(), numbers(1, 30_000));
    world.kst(["start", "less"]).ok();
    until_ended(&world, "less");
    assert!(world.kst(["logs", "less", "-n", "100000"]).ok().out().len() <= 64 << 10);
    world.kst(["start", "wrong"]).exits(2).says("less than 64 KiB");
    let check = world.kst(["config", "check"]);
    assert_eq!(check.code, Some(2), "{check}");
    check.prints("ops.sessions.wrong.history").prints("ops.sessions.box.history");
    world.kst(["config", "show"]).prints("64 KiB");
}

#[test]
fn a_log_that_is_deleted_while_it_is_written_is_begun_anew() {
    let Some(world) = world() else { return };
    start(&world, "dev", "echo one; until [ -e go ]; do sleep 0.01; done; echo two; exit 4");
    until("it prints", || world.kst(["logs", "dev"]).ok().out() == "one\n");
    for log in logs(&world) {
        fs::remove_file(log).expect("it can be deleted");
    }
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "");
    world.write("work/go", "");
    until_ended(&world, "dev");
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "two\n");
    assert_eq!(world.status("dev")["exit_code"], 4);
}

#[test]
fn a_session_goes_on_without_the_folder_of_its_log() {
    let Some(world) = world() else { return };
    start(&world, "dev", "echo one; until [ -e go ]; do sleep 0.01; done; seq 100000; exit 4");
    until("it prints", || world.kst(["logs", "dev"]).ok().out() == "one\n");
    let folder = world.home().join(".local/state/kst/logs");
    fs::rename(&folder, world.path("aside")).expect("it can be moved");
    // A file where the folder was.
    fs::write(&folder, "").expect("it can be written");
    world.write("work/go", "");
    until_ended(&world, "dev");
    assert_eq!(world.status("dev")["exit_code"], 4);
    let logs = world.kst(["logs", "dev"]);
    assert!(logs.code == Some(0) || logs.err().contains("cannot be read"), "{logs}");
    world.kst(["logs", "-f", "dev"]);
    world.kst(["list"]).ok().prints("dev");
}

#[test]
fn what_the_run_before_printed_is_kept_until_the_next_or_until_it_is_removed() {
    let Some(world) = world() else { return };
    start(&world, "dev", "echo first; exit 3");
    until_ended(&world, "dev");
    world.kst(["logs", "--previous", "dev"]).exits(1).says("before this one");
    start(&world, "dev", "echo second");
    until_ended(&world, "dev");
    assert_eq!(world.kst(["logs", "-p", "dev"]).ok().out(), "first\n");
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "second\n");
    start(&world, "dev", "echo third; exec sleep 1000");
    until("it prints", || world.kst(["logs", "dev"]).ok().out() == "third\n");
    assert_eq!(world.kst(["logs", "-p", "dev"]).ok().out(), "second\n");
    assert_eq!(logs(&world).len(), 2);
    let list = world.kst(["list", "--json"]).ok().json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    world.kst(["logs", "-p", "-f", "dev"]).exits(2);
    world.kst(["stop", "dev"]).ok();
    world.kst(["remove", "dev"]).ok();
    world.kst(["logs", "-p", "dev"]).exits(3);
    assert!(logs(&world).is_empty(), "{:?}", logs(&world));
    let specs = fs::read_dir(world.home().join(".local/state/kst/specs"));
    assert_eq!(specs.map_or(0, |files| files.count()), 0);
}

#[test]
fn the_log_that_screen_writes_is_bounded_too() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let content = fs::read(&plugin).expect("it was built");
    world.write("home/.local/share/kst/plugins/screen.wasm", content);
    world.config("ops: {history: 64 KiB}\n");
    let script = "i=0; while [ $i -lt 6 ]; do seq $((i * 6000 + 1)) $((i * 6000 + 6000)); \
                  i=$((i+1)); sleep 1.5; done; echo last; exec sleep 1000";
    world.kst(["start", "dev", "-b", "screen", "--", "sh", "-c", script]).ok();
    until("it has printed all", || world.kst(["logs", "dev", "-n", "1"]).ok().out() == "last\n");
    // What it prints in a second is over and above.
    assert!(size(&world) < 160 << 10, "{}", size(&world));
    let all = world.kst(["logs", "dev", "-n", "1000000"]).ok().out();
    let first: u32 = all.lines().next().and_then(|line| line.parse().ok()).expect("a number");
    assert!(first > 1 && all == numbers(first, 36_000) + "last\n", "{first}");
    world.kst(["stop", "dev"]).ok();
    world.kst(["start", "dev", "-b", "screen", "--", "sh", "-c", "echo again"]).ok();
    until_ended(&world, "dev");
    assert_eq!(world.kst(["logs", "-p", "dev", "-n", "1"]).ok().out(), "last\n");
}
