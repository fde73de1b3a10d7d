//! The machine's clock is set back, or far ahead, while sessions run: what is told stays in order, and
//! nothing that kst decides hangs on it.
//!
//! The clock is that of `libfaketime`, loaded into `kst`, its shim and the writer of the log, and read
//! anew from a file each time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Engine, Outcome, World, program, until};

/// Where the library is, if it is here and the program can be given another one's functions.
fn library() -> Result<PathBuf, String> {
    let found = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = found
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.exists())
        .ok_or("libfaketime is not installed")?;
    let shown = std::process::Command::new(program())
        .arg("--version")
        .env("LD_PRELOAD", &found)
        .env("LD_DEBUG", "files")
        .output()
        .map_err(|error| error.to_string())?;
    match String::from_utf8_lossy(&shown.stderr).contains("libfaketime") {
        true => Ok(found),
        false => Err("the program that is tested is linked statically".to_owned()),
    }
}

/// A world with a clock of its own.
struct Clock {
    world: World,
}

impl Clock {
    #[track_caller]
    fn new() -> Option<Clock> {
        let mut world = World::with([Engine::Tmux])?;
        let library = match library() {
            Ok(library) => library,
            Err(why) => {
                let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
                assert!(!ci || !why.contains("not installed"), "{why}");
                eprintln!("NOT RUN: {why}");
                return None;
            }
        };
        let clock = Clock::file(&world);
        std::fs::write(&clock, "+0").expect("it can be written");
        world.set("LD_PRELOAD", library);
        world.set("FAKETIME_TIMESTAMP_FILE", &clock);
        world.set("FAKETIME_NO_CACHE", "1");
        // Waiting is by another clock, which nobody sets.
        world.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        world.set("DONT_FAKE_MONOTONIC", "1");
        Some(Clock { world })
    }

    fn file(world: &World) -> PathBuf {
        world.path("clock")
    }

    /// So much from the true time: `-2d`, `+400d`.
    fn set(&self, offset: &str) {
        let (new, clock): (PathBuf, &Path) =
            (self.world.path("clock.new"), &Clock::file(&self.world));
        std::fs::write(&new, offset).expect("it can be written");
        std::fs::rename(new, clock).expect("it can be put there");
    }

    fn start(&self, script: &str) -> Outcome {
        self.world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", script])
    }

    fn status(&self) -> Value {
        self.world.status("dev")
    }

    fn ended(&self) -> Value {
        until("it has ended", || self.status()["state"] != "running");
        self.status()
    }

    /// What is shown to people holds nothing absurd.
    #[track_caller]
    fn shows_sense(&self) {
        for args in [&["list"][..], &["status"], &["status", "dev"], &["logs", "dev"]] {
            let shown = self.world.kst(args);
            shown.ok();
            for absurd in [" -1", "(-", "-0", "in the future", "584942417"] {
                let out = shown.out();
                // Of times and dates the `-` stands between figures.
                assert!(!out.contains(absurd), "{absurd:?} in {shown}");
            }
        }
    }
}

/// Waits for a file of the working directory.
fn waits(file: &str) -> String {
    format!("until [ -e {file} ]; do sleep 0.01; done; ")
}

#[test]
fn a_session_that_ends_before_it_began() {
    let Some(clock) = Clock::new() else { return };
    clock.start(&("echo one; ".to_owned() + &waits("go") + "echo two; exit 3")).ok();
    until("it prints", || clock.world.kst(["logs", "dev"]).ok().out() == "one\n");
    let began = clock.status()["started_at"].as_str().expect("a time").to_owned();
    let follow =
        clock.world.command(["logs", "-f", "dev"]).deadline(Duration::from_secs(60)).spawn();
    let wait = clock.world.command(["wait", "dev"]).spawn();
    let events = clock.world.command(["events", "--json"]).spawn();
    clock.set("-2d");
    clock.shows_sense();
    clock.world.write("work/go", "");
    let status = clock.ended();
    assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &3.into()));
    let ended = status["ended_at"].as_str().expect("a time");
    assert!(ended < began.as_str(), "the clock was not set back: {status}");
    follow.wait().ok().prints("one\ntwo\n");
    wait.wait().returns(3);
    clock.shows_sense();
    // The next run is the newest, though it began before the first.
    clock.start("echo three; exit 4").ok();
    let status = clock.ended();
    assert_eq!((&status["run"], &status["exit_code"]), (&2.into(), &4.into()), "{status}");
    assert_eq!(clock.world.kst(["logs", "dev"]).ok().out(), "three\n");
    assert_eq!(clock.world.kst(["logs", "-p", "dev"]).ok().out(), "one\ntwo\n");
    clock.world.kst(["wait", "dev"]).returns(4);
    clock.shows_sense();
    events.signal(rustix::process::Signal::INT);
    let events = events.wait();
    let told: Vec<Value> =
        events.out().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let ends: Vec<&Value> = told.iter().filter(|one| one["event"] == "exited").collect();
    assert_eq!(ends.len(), 2, "{events}");
}

#[test]
fn stop_restart_and_remove_with_a_clock_that_went_back() {
    let Some(clock) = Clock::new() else { return };
    let script =
        "exec 2>/dev/null; trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done";
    clock.start(script).ok();
    until("it is up", || clock.world.kst(["logs", "dev"]).ok().out() == "up\n");
    for (run, offset) in [(2, "-10d"), (3, "-400d"), (4, "+400d"), (5, "-1d")] {
        clock.set(offset);
        let restart = clock.world.kst(["restart", "dev", "-t", "20"]);
        restart.ok();
        assert!(restart.duration < Duration::from_secs(15), "{restart}");
        let status = clock.status();
        assert_eq!(
            (&status["state"], &status["run"]),
            (&"running".into(), &run.into()),
            "{status}"
        );
        until("it is up", || clock.world.kst(["logs", "dev"]).ok().out() == "up\n");
        assert_eq!(clock.world.kst(["logs", "-p", "dev"]).ok().out(), "up\nbye\n", "{offset}");
        clock.shows_sense();
    }
    clock.start(script).exits(4);
    clock.set("-5d");
    let stop = clock.world.kst(["stop", "dev", "-t", "20"]);
    assert!(stop.ok().duration < Duration::from_secs(15), "{stop}");
    assert_eq!(clock.status()["exit_code"], 5);
    clock.world.kst(["remove", "--exited"]).ok();
    clock.world.kst(["status", "dev"]).exits(3);
    assert_eq!(clock.world.kst(["list", "--json"]).ok().json(), serde_json::json!([]));
}

#[test]
fn what_waits_for_a_time_waits_as_long_as_it_says() {
    let Some(clock) = Clock::new() else { return };
    clock.world.config(
        "ops:\n  sessions:\n    db:\n      command: sh -c 'until [ -e go ]; do sleep 0.02; done; echo ready; exec sleep 1000'\n      \
         ready: {log: ready, timeout: 30}\n    api: {command: sleep 1000, depends_on: {db: ready}}\n",
    );
    let up = clock.world.command(["up"]).spawn();
    until("it waits", || clock.world.status("db")["state"] == "running");
    clock.set("-3d");
    let wait = clock.world.kst(["wait", "db", "--timeout", "1"]);
    wait.exits(124);
    assert!(wait.duration < Duration::from_secs(10), "{wait}");
    clock.set("+3d");
    let wait = clock.world.kst(["wait", "db", "--timeout", "1"]);
    wait.exits(124);
    assert!(wait.duration >= Duration::from_secs(1), "{wait}");
    clock.world.write("work/go", "");
    up.wait().ok();
    assert_eq!(clock.world.status("api")["state"], "running");
    clock.set("-30d");
    clock.world.kst(["down", "-t", "5"]).ok();
    assert_eq!(clock.world.status("db")["state"], "stopped");
}

#[test]
fn lines_of_a_log_with_times_that_go_back() {
    let Some(clock) = Clock::new() else { return };
    clock.start(&("echo one; ".to_owned() + &waits("two") + "echo two; " + &waits("go"))).ok();
    until("it prints", || clock.world.kst(["logs", "dev"]).ok().out() == "one\n");
    clock.set("-2h");
    clock.world.write("work/two", "");
    until("it prints", || clock.world.kst(["logs", "dev"]).ok().out() == "one\ntwo\n");
    let log = clock.world.kst(["logs", "dev", "--timestamps"]).ok().out();
    let lines: Vec<(&str, &str)> = log.lines().filter_map(|line| line.split_once(' ')).collect();
    let [(first, "one"), (second, "two")] = lines.as_slice() else { panic!("{log}") };
    assert!(second < first, "{log}");
    // Nothing is lost whichever time is asked for.
    clock.world.kst(["logs", "dev", "--since", "1d"]).ok().prints("one\ntwo\n");
    clock.world.write("work/go", "");
    clock.ended();
}
