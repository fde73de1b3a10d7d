//! `kst events` and `kst list --watch`: what happens, as it happens.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Engine, Key, Started, World, eventually, screen_plugin, until};

/// `kst events --json`, and what it prints.
struct Events {
    kst: Started,
    file: PathBuf,
    read: Cell<usize>,
}

impl Events {
    fn of(world: &World, globals: &[&str]) -> Events {
        static NTH: AtomicUsize = AtomicUsize::new(0);
        let file = world.path(format!("events{}", NTH.fetch_add(1, Ordering::Relaxed)));
        let script = "file=$1; shift; exec \"$0\" \"$@\" events --json >\"$file\"";
        let words = ["-c", script, env!("CARGO_BIN_EXE_kst"), file.to_str().expect("UTF-8")];
        let kst = world.program("sh").args(words.iter().chain(globals)).spawn();
        Events { kst, file, read: Cell::new(0) }
    }

    /// The next event, if there is one.
    fn any(&self) -> Option<Value> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        let (line, _) = text.get(self.read.get()..)?.split_once('\n')?;
        self.read.set(self.read.get() + line.len() + 1);
        Some(serde_json::from_str(line).expect("a JSON document a line"))
    }

    /// The next event of this session.
    #[track_caller]
    fn next(&self, name: &str) -> Value {
        eventually(&format!("an event of {name}"), || {
            self.any().filter(|event| event["name"] == name)
        })
    }

    #[track_caller]
    fn happens(&self, name: &str, what: &str) -> Value {
        let event = self.next(name);
        assert_eq!(event["event"], what, "{event}");
        event["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).expect("a time");
        event
    }
}

impl Drop for Events {
    /// As nobody can hear it coming.
    fn drop(&mut self) {
        self.kst.signal(Signal::KILL);
    }
}

/// Listens, and starts short sessions until one of them is heard of: then it listens for sure.
#[track_caller]
fn listening(world: &World, globals: &[&str]) -> Events {
    let events = Events::of(world, globals);
    let mut nth = 0;
    until("it listens", || {
        nth += 1;
        let name = format!("probe{nth}");
        world.kst(globals.iter().chain(&["start", &name, "--", "true"])).ok();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(700) {
            if events.any().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    });
    events
}

#[test]
fn a_life_is_told_step_by_step() {
    let Some(tmux) = World::with([Engine::Tmux]) else { return };
    let Some(screen) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    screen.trust(&plugin);
    let plugin = plugin.to_str().expect("UTF-8");
    for (world, globals) in [(&tmux, &[][..]), (&screen, &["--plugin", plugin][..])] {
        let kst = |words: &[&str]| world.kst(globals.iter().chain(words));
        let events = listening(world, globals);
        kst(&["start", "dev", "--", "sleep", "1000"]).ok();
        let started = events.happens("dev", "started");
        assert_eq!((&started["run"], &started["ours"]), (&json!(1), &json!(true)), "{started}");
        kst(&["stop", "dev", "-t", "5"]).ok();
        let exited = events.happens("dev", "exited");
        assert_eq!((&exited["state"], &exited["signal"]), (&json!("stopped"), &json!(15)));
        let status = kst(&["status", "dev", "--json"]).ok().json();
        assert_eq!(exited["ended_at"], status["ended_at"], "{exited}");
        // So short that nobody saw it run.
        kst(&["start", "dev", "--", "sh", "-c", "exit 3"]).ok();
        assert_eq!(events.happens("dev", "started")["run"], 2);
        assert_eq!(events.happens("dev", "exited")["exit_code"], 3);
        kst(&["remove", "dev"]).ok();
        events.happens("dev", "removed");
    }
}

#[test]
fn an_end_is_known_though_the_next_run_has_begun() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let events = listening(&world, &[]);
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok();
    events.happens("dev", "started");
    for _ in 0..6 {
        world.kst(["restart", "dev"]).ok();
        let exited = events.happens("dev", "exited");
        assert_eq!(exited["signal"], 15, "{exited}");
        events.happens("dev", "started");
    }
}

#[test]
fn sessions_of_others_are_told_when_they_are_seen() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let events = listening(&world, &[]);
    world.tmux(["-L", "other", "new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    assert_eq!(events.happens("theirs", "started")["ours"], false);
    world.tmux(["-L", "other", "kill-server"]).ok();
    let exited = events.happens("theirs", "exited");
    // Nobody recorded it.
    assert_eq!((&exited["exit_code"], &exited["signal"]), (&Value::Null, &Value::Null), "{exited}");
    events.happens("theirs", "removed");
}

#[test]
fn kst_up_tells_that_a_session_is_ready() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let events = listening(&world, &[]);
    world.config(
        "ops: {sessions: {api: {command: [sh, -c, 'echo is up now; exec sleep 1000'], \
         ready: {log: is up now}}}}",
    );
    world.kst(["up"]).ok().prints("api: ready after");
    events.happens("api", "started");
    let ready = events.happens("api", "ready");
    assert_eq!((&ready["at"], &ready["state"]), (&ready["ready_at"], &json!("running")), "{ready}");
    assert_eq!(world.status("api")["ready_at"], ready["ready_at"]);
    // It is so already.
    world.kst(["up"]).ok();
    assert_eq!(world.status("api")["ready_at"], ready["ready_at"]);
    world.kst(["down"]).ok();
    assert_eq!(events.happens("api", "exited")["ready_at"], ready["ready_at"]);
    // The next run has to become ready anew.
    world.kst(["start", "api"]).ok();
    assert_eq!(events.happens("api", "started")["ready_at"], Value::Null);
    world.kst(["up"]).ok();
    assert_ne!(events.happens("api", "ready")["ready_at"], ready["ready_at"]);
}

/// By a client that is attached to nothing: no session counts it, no list of clients has it, and the
/// server ends with its last session.
#[test]
fn tmux_tells_of_sessions_of_others() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let begin = |name: &str| {
        world.tmux(["new-session", "-d", "-s", name, "sleep", "1000"]).ok();
    };
    begin("first");
    let events = listening(&world, &[]);
    let listeners = || {
        let words = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let listens = |pid: &i32| words(pid).ends_with(b"\0-C\0wait-for\0kst-events\0");
        world.processes().into_iter().filter(listens).count()
    };
    until("kst listens to tmux", || listeners() == 1);
    let attached = world.tmux(["list-sessions", "-F", "#{session_attached}"]).ok().out();
    assert!(attached.lines().all(|line| line == "0"), "{attached}");
    assert_eq!(world.tmux(["list-clients"]).ok().out(), "");
    begin("theirs");
    assert_eq!(events.happens("theirs", "started")["ours"], false);
    world.tmux(["rename-session", "-t", "=theirs", "renamed"]).ok();
    events.happens("renamed", "started");
    events.happens("theirs", "exited");
    events.happens("theirs", "removed");
    for name in ["first", "renamed"] {
        world.tmux(["kill-session", "-t", &format!("={name}")]).ok();
    }
    events.happens("renamed", "exited");
    until("nothing keeps the server", || world.tmux(["list-sessions"]).err().contains("no server"));
    // One that comes anew is heard, too.
    begin("again");
    events.happens("again", "started");
    until("kst listens anew", || listeners() == 1);
    drop(events);
    until("nothing stays behind", || listeners() == 0);
}

#[test]
fn containers_are_told_by_their_engines() {
    for engine in [Engine::Podman, Engine::Docker] {
        let Some(world) = World::with([engine, Engine::Tmux]) else { continue };
        let events = listening(&world, &[]);
        let name = world.name("told");
        let image = world.image();
        let script = "trap 'exit 4' TERM; while :; do sleep 0.05; done";
        let begin = Instant::now();
        world.kst(["start", &name, "-b", "container", "-i", &image, "--", "sh", "-c", script]).ok();
        assert_eq!(events.happens(&name, "started")["ours"], true);
        assert!(begin.elapsed() < Duration::from_secs(20), "{engine}: {:?}", begin.elapsed());
        // Not by kst.
        world.engine(engine, ["stop", "-t", "5", &name]).ok();
        assert_eq!(events.happens(&name, "exited")["exit_code"], 4);
        world.engine(engine, ["start", &name]).ok();
        events.happens(&name, "started");
        let rm =
            if engine == Engine::Podman { &["rm", "-f", "--time", "0"][..] } else { &["rm", "-f"] };
        world.engine(engine, rm.iter().chain(&[name.as_str()])).ok();
        events.happens(&name, "exited");
        events.happens(&name, "removed");
        let client = |line: &str| line.contains("\0events\0");
        assert!(lines_of(&world).iter().any(|line| client(line)), "nobody listens to {engine}");
        drop(events);
        until("nobody listens any more", || !lines_of(&world).iter().any(|line| client(line)));
    }
}

/// The command lines of what runs in the world.
fn lines_of(world: &World) -> Vec<String> {
    let pids = world.processes().into_iter();
    pids.filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()).collect()
}

#[test]
fn it_ends_with_its_reader_and_on_ctrl_c() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    // Its reader goes away without a word.
    let script = "\"$0\" events | head -n 0; echo left";
    let run = world.program("sh").args(["-c", script, env!("CARGO_BIN_EXE_kst")]).run();
    run.ok().prints("left");

    let mut terminal = world.terminal(["events"]);
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok();
    terminal.shows_when("it listens", |screen| {
        world.kst(["start", "probe", "--", "true"]).ok();
        screen.contains("exited   probe")
    });
    terminal.press(Key::Ctrl('c'));
    assert_eq!(terminal.exits(), None, "Ctrl-C ends it as it ends other programs");
    assert!(terminal.is_cooked());
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn a_watched_table_follows_what_happens() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "api", "--", "sleep", "1000"]).ok();
    let mut terminal = world.terminal(["list", "--watch"]);
    terminal.shows("api    running");
    world.kst(["start", "hello", "--", "sh", "-c", "exit 3"]).ok();
    terminal.shows_when("the other one is there", |screen| {
        screen.lines().any(|line| line.starts_with("hello") && line.contains("3 ("))
    });
    world.kst(["remove", "hello"]).ok();
    terminal.shows_when("it is gone", |screen| !screen.contains("hello") && screen.contains("api"));
    assert_eq!(terminal.screen().matches("NAME").count(), 1, "{}", terminal.screen());
    // Fewer lines than sessions.
    for name in ["b1", "b2", "b3", "b4"] {
        world.kst(["start", name, "--", "sleep", "1000"]).ok();
    }
    terminal.resize(4, 80);
    terminal.shows("more");
    terminal.resize(24, 80);
    terminal
        .shows_when("all are there", |screen| screen.contains("b4") && !screen.contains("more"));
    terminal.press(Key::Ctrl('c'));
    assert_eq!(terminal.exits(), None);
    assert!(terminal.is_cooked());

    world.kst(["list", "--watch"]).exits(2).says("kst events --json");
    world.kst(["list", "--watch", "--json"]).exits(2);
    world.kst(["list", "--watch", "-b", "nosuch"]).exits(2);
}
