//! `kst logs --since --until --timestamps`: when what a session printed was printed. (Containers: see
//! `container`.)

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use crate::support::in_tmux::{start, world};
use crate::support::{Engine, Outcome, World, screen_plugin, until};

/// Starts a session that prints `first` and, when it is told to, `second`; returns a time between.
#[track_caller]
fn twice(world: &World, name: &str, first: &str, second: &str) -> Timestamp {
    let wait = format!("until [ -e go-{name} ]; do sleep 0.01; done");
    start(world, name, &format!("{first}; {wait}; {second}; exec sleep 1000"));
    until("it prints", || !world.kst(["logs", name]).ok().out().is_empty());
    let between = apart();
    world.write(format!("work/go-{name}"), "");
    until("it prints again", || {
        !world.kst(["logs", name, "--since", &between.to_string()]).ok().out().is_empty()
    });
    between
}

/// A time that is later than all before, by more than times are exact, and earlier than all after.
fn apart() -> Timestamp {
    let begin = Timestamp::now();
    let later = |time: Timestamp| begin.duration_since(time).as_millis() < -60;
    until("it is later", || later(Timestamp::now()));
    begin + SignedDuration::from_millis(40)
}

/// The lines of an outcome, each with its time.
#[track_caller]
fn timed(outcome: &Outcome) -> Vec<(Timestamp, String)> {
    let line = |line: &str| {
        let (time, rest) = line.split_once(' ').expect("a time and a line");
        assert_eq!(time.len(), "2026-11-23T10:00:00.000Z".len(), "{line}");
        (time.parse().expect("a time"), rest.to_owned())
    };
    outcome.out().lines().map(line).collect()
}

fn times(world: &World) -> Vec<PathBuf> {
    let folder = fs::read_dir(world.home().join(".local/state/kst/times"));
    folder.into_iter().flatten().flatten().map(|file| file.path()).collect()
}

#[test]
fn lines_have_their_times_and_are_chosen_by_them() {
    let Some(world) = world() else { return };
    let begin = Timestamp::now() - SignedDuration::from_millis(50);
    let between = twice(&world, "dev", "seq 1 300", "printf 'a\\nb\\n\\033[31mc\\n'");
    let logs = |args: &[&str]| world.kst([&["logs", "dev"], args].concat());
    let at = between.to_string();
    // All of it, whatever the number of lines is otherwise.
    assert_eq!(logs(&["--since", &at]).ok().out(), "a\nb\nc\n");
    let early: String = (1..=300).map(|number| format!("{number}\n")).collect();
    assert_eq!(logs(&["--until", &at]).ok().out(), early);
    assert_eq!(logs(&["--until", &at, "-n", "2"]).ok().out(), "299\n300\n");
    assert_eq!(logs(&["--since", "1h", "-n", "4"]).ok().out(), "300\na\nb\nc\n");
    assert_eq!(logs(&["--since", "2d", "--until", &at]).ok().out(), early);
    assert_eq!(logs(&["--until", "1h"]).ok().out(), "");
    assert_eq!(logs(&["--since", &at, "--raw"]).ok().out(), "a\nb\n\u{1b}[31mc\n");
    let shown = timed(logs(&["-t", "-n", "5"]).ok());
    let lines: Vec<&str> = shown.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, ["299", "300", "a", "b", "c"]);
    let early = |time: Timestamp| time >= begin && time < between;
    assert!(early(shown[0].0) && early(shown[1].0), "{shown:?}");
    assert!(shown[2..].iter().all(|(time, _)| *time >= between && *time <= Timestamp::now()));
    let raw = logs(&["-t", "--raw", "-n", "1"]).ok().out();
    assert!(raw.ends_with(" \u{1b}[31mc\n"), "{raw:?}");
    let json = logs(&["-t", "-n", "1", "--json"]).ok().json();
    assert_eq!(json["lines"][0], "c");
    assert!(json["times"][0].as_str().is_some_and(|time| time.ends_with('Z')), "{json}");
    assert!(logs(&["--json"]).ok().json().get("times").is_none());
    // On a terminal a line's colours do not reach the next one's time.
    let mut terminal = world.terminal(["logs", "dev", "-t", "-n", "1"]);
    assert_eq!(terminal.exits(), Some(0));
    terminal.shows("Z c");
}

#[test]
fn a_log_holds_what_was_printed_and_nothing_else() {
    let Some(world) = world() else { return };
    world.config("ops: {history: 64 KiB}\n");
    let script = "i=0; while [ $i -lt 30 ]; do seq $((i * 500 + 1)) $((i * 500 + 500)); i=$((i+1)); \
                  sleep 0.02; done";
    start(&world, "loud", script);
    until("it has ended", || world.status("loud")["state"] == "exited");
    let plain = world.kst(["logs", "loud", "-n", "1000000"]).ok().out();
    assert!(plain.ends_with("\n15000\n") && !plain.starts_with("1\n"), "{}", plain.len());
    // Over the exchange of the files, too.
    let shown = timed(world.kst(["logs", "loud", "-n", "1000000", "-t"]).ok());
    let lines: String = shown.iter().map(|(_, line)| format!("{line}\n")).collect();
    assert_eq!(lines, plain);
    assert!(shown.windows(2).all(|two| two[0].0 <= two[1].0));
    let middle = shown[shown.len() / 2].0.to_string();
    let (before, after) = (["--until", &middle], ["--since", &middle]);
    let part = |args: [&str; 2]| world.kst([["logs", "loud"], args].concat()).ok().out();
    let (before, after) = (part(before), part(after));
    assert!(!before.is_empty() && !after.is_empty());
    assert_eq!(before + &after, plain);
    // Bounded, for nobody else, and gone with the log.
    assert_eq!(times(&world).len(), 2);
    for file in times(&world) {
        use std::os::unix::fs::MetadataExt;
        let meta = file.metadata().expect("it is there");
        assert!(meta.mode() & 0o777 == 0o600 && meta.len() < 16 << 10, "{meta:?}");
    }
    world.kst(["remove", "loud"]).ok();
    assert_eq!(times(&world), Vec::<PathBuf>::new());
}

#[test]
fn several_and_the_run_before_have_times_too() {
    let Some(world) = world() else { return };
    let between = twice(&world, "api", "echo one", "echo two");
    twice(&world, "worker", "echo three", "echo four");
    let since = ["--since", &between.to_string()];
    let both = world.kst([&["logs", "api", "worker"][..], &since].concat()).ok().out();
    assert_eq!(both, "api    | two\nworker | three\nworker | four\n");
    let all = world.kst(["logs", "--all", "-t", "-n", "1"]).ok().out();
    let line = |line: &str| {
        let (label, rest) = line.split_once(" | ").expect("a name");
        let (time, rest) = rest.split_once(' ').expect("a time");
        time.parse::<Timestamp>().expect("a time");
        format!("{label} {rest}")
    };
    let all: Vec<String> = all.lines().map(line).collect();
    assert_eq!(all, ["api    two", "worker four"]);
    world.kst(["stop", "api"]).ok();
    start(&world, "api", "echo again");
    let previous = world.kst([&["logs", "-p", "api"][..], &since].concat()).ok().out();
    assert_eq!(previous, "two\n");
    world.kst(["logs", "-p", "api", "-t", "-n", "1"]).ok().prints("Z two");
}

#[test]
fn following_begins_at_a_time_and_ends_at_one() {
    let Some(world) = world() else { return };
    let between = twice(&world, "dev", "echo one", "echo two");
    twice(&world, "other", "echo three", "echo four");
    let since = between.to_string();
    let ends = (Timestamp::now() + SignedDuration::from_secs(1)).to_string();
    let dev = world.kst(["logs", "-f", "dev", "--since", &since, "--until", &ends]).ok().out();
    assert_eq!(dev, "two\n");
    let follow = ["logs", "-f", "dev", "other", "-t", "--since", &since, "--until", "0s"];
    let both = world.kst(follow).ok().out();
    let mut lines: Vec<&str> =
        both.lines().filter_map(|line| line.split_once("Z ")).map(|it| it.1).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["four", "three", "two"]);
    let json =
        world.kst(["logs", "-f", "dev", "-t", "-n", "1", "--until", "0s", "--json"]).ok().out();
    let json: serde_json::Value = serde_json::from_str(json.trim()).expect("a line");
    assert_eq!(json["line"], "two");
    assert!(json["time"].as_str().is_some_and(|time| time >= since.as_str()), "{json}");
    // What comes has its time, a line that has not ended as well.
    start(
        &world,
        "asks",
        "until [ -e ask ]; do sleep 0.01; done; printf 'name? '; sleep 0.3; echo yes",
    );
    let mut terminal = world.terminal(["logs", "-f", "-t", "asks"]);
    world.write("work/ask", "");
    terminal.shows("Z name? ");
    assert_eq!(terminal.exits(), Some(0));
    terminal.shows("Z name? yes\nsession 'asks' has ended");
}

#[test]
fn where_nobody_noted_the_times_that_is_said() {
    let Some(world) = world() else { return };
    world.tmux(["new-session", "-d", "-s", "theirs", "echo theirs; sleep 1000"]).ok();
    start(&world, "ours", "echo mine");
    until("it has ended", || world.status("ours")["state"] == "exited");
    for args in [["-t", "-n5"], ["--since", "1h"], ["--until", "1h"]] {
        let outcome = world.kst([["logs", "theirs"], args].concat());
        outcome.exits(1).says("nobody noted when 'theirs'");
        assert_eq!(outcome.out(), "");
    }
    let all = world.kst(["logs", "--all", "-t"]);
    all.ok().says("nobody noted when 'theirs'").prints("Z mine");
    world.kst(["logs", "-f", "--all", "-t"]).ok().says("'theirs'").prints("Z mine");
    let one = world.kst(["logs", "nothing", "ours"]);
    one.exits(3).says("no session is called 'nothing'").prints("mine");
    let named = world.kst(["logs", "ours", "theirs", "-t"]);
    named.exits(1).says("'theirs'").prints("Z mine");
    // A log of which nothing is noted, and one whose notes are not what was written.
    for broken in [&b""[..], b"ksttime1", &[0xff; 4096]] {
        for file in times(&world) {
            fs::write(file, broken).expect("it can be written");
        }
        world.kst(["logs", "ours", "-t"]).exits(1).says("nobody noted when 'ours'");
        world.kst(["logs", "ours"]).ok().prints("mine");
    }
    for file in times(&world) {
        fs::remove_file(file).expect("it can be removed");
    }
    world.kst(["logs", "ours", "--since", "1h"]).exits(1).says("nobody noted when 'ours'");
    world.kst(["logs", "ours", "-f"]).ok().prints("mine");
}

#[test]
fn what_came_before_times_were_noted_has_none() {
    let Some(world) = world() else { return };
    start(
        &world,
        "dev",
        "echo one; until [ -e go ]; do sleep 0.01; done; echo two; exec sleep 1000",
    );
    until("it prints", || world.kst(["logs", "dev"]).ok().out() == "one\n");
    // The writer finds its log anew, and no notes of what is in it.
    let logs = world.home().join(".local/state/kst/logs");
    let log = fs::read_dir(&logs).expect("there are logs").flatten().next().expect("one").path();
    let copy = log.with_extension("copy");
    fs::copy(&log, &copy).expect("it can be copied");
    fs::rename(&copy, &log).expect("it can be replaced");
    world.write("work/go", "");
    until("it prints again", || world.kst(["logs", "dev"]).ok().out() == "one\ntwo\n");
    let shown = world.kst(["logs", "dev", "-t"]).ok().out();
    let (first, second) = shown.split_once('\n').expect("two lines");
    assert_eq!(first, "- one");
    assert!(second.ends_with("Z two\n"), "{shown}");
    let since = world.kst(["logs", "dev", "--since", "1h"]);
    since.ok().says("not known when");
    assert_eq!(since.out(), "two\n");
    let json = world.kst(["logs", "dev", "-t", "--json"]).ok().json();
    assert!(json["times"][0].is_null() && json["times"][1].is_string(), "{json}");
}

#[test]
fn nonsense_is_refused_with_advice() {
    let Some(mut world) = world() else { return };
    start(&world, "dev", "echo one; exec sleep 1000");
    let since = |time: &str| world.kst(["logs", "dev", "--since", time]);
    for time in
        ["yesterdayish", "", "-1h", "2026-02-30", "1h30", "12:00", "\u{1b}[2J", "9999999999d"]
    {
        since(time).exits(2).says("--since");
    }
    since("10").exits(2).says("10m");
    since("tomorrow").exits(2).says("1h30m");
    let turned = world.kst(["logs", "dev", "--since", "1h", "--until", "2h"]);
    turned.exits(2).says("nothing is between them");
    world.kst(["audit", "--since", "1h", "--until", "2h"]).exits(2).says("--until");
    world.kst(["audit", "--since", "1h30m"]).ok();
    // A time without a zone is local.
    until("it prints", || world.kst(["logs", "dev"]).ok().out() == "one\n");
    let now = Timestamp::now();
    for (zone, hours) in [("UTC", 0), ("XXX-5", 5), ("YYY5", -5)] {
        world.set("TZ", zone);
        let since = |minutes: i64| {
            let offset = SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes);
            let text = format!("{:.0}", now + offset);
            world.kst(["logs", "dev", "--since", text.trim_end_matches('Z')]).ok().out()
        };
        assert_eq!((since(-10), since(10)), ("one\n".to_owned(), String::new()), "{zone}");
    }
}

#[test]
fn the_log_that_screen_writes_has_no_times() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let content = fs::read(&plugin).expect("it was built");
    world.write("home/.local/share/kst/plugins/screen.wasm", content);
    world.kst(["start", "dev", "-b", "screen", "--", "sh", "-c", "echo one"]).ok();
    until("it prints", || world.kst(["logs", "dev"]).ok().out() == "one\n");
    world.kst(["logs", "dev", "-t"]).exits(1).says("nobody noted when 'dev'");
}
