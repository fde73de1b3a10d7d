//! When what a session printed was printed.

use std::fs;

use jiff::{SignedDuration, Timestamp};

use super::{each_client, each_engine, run_foreign, start, until_ended};
use crate::support::{World, until};

/// The lines that kst prints with these words, each with its time.
#[track_caller]
fn timed(world: &World, args: &[&str]) -> Vec<(Timestamp, String)> {
    let out = world.kst(args).ok().out();
    let line = |line: &str| {
        let (time, rest) = line.split_once(' ').expect("a time and a line");
        assert_eq!(time.len(), "2026-11-23T10:00:00.000Z".len(), "{out}");
        (time.parse().expect("a time"), rest.to_owned())
    };
    let long = "0123456789".repeat(2000);
    out.lines().map(|it| line(&it.replace(&long, "LONG"))).collect()
}

fn texts(lines: &[(Timestamp, String)]) -> Vec<&str> {
    lines.iter().map(|(_, line)| line.as_str()).collect()
}

/// A program that prints lines, one of them bit by bit and one of 20,000 characters, and then waits.
const SCRIPT: &str = "echo one; printf 'name? '; sleep 0.3; printf 'b'; sleep 0.3; echo ob; \
    i=0; x=; while [ $i -lt 2000 ]; do x=\"${x}0123456789\"; i=$((i+1)); done; echo \"$x\"; \
    printf 'at 2026-11-23T10:00:00.123456789Z x\\n'; sleep 1; echo two; exec sleep 1000";

#[test]
fn lines_have_their_times_and_are_chosen_by_them() {
    each_client(|world, engine| {
        let name = world.name("times");
        let begin = Timestamp::now() - SignedDuration::from_millis(1);
        start(world, &name, SCRIPT);
        until("it has printed all", || world.kst(["logs", &name]).ok().out().ends_with("\ntwo\n"));
        let long = "0123456789".repeat(2000);
        let own = "at 2026-11-23T10:00:00.123456789Z x";
        let all = timed(world, &["logs", &name, "-t"]);
        assert_eq!(texts(&all), ["one", "name? bob", "LONG", own, "two"], "{engine}");
        assert!(all.windows(2).all(|two| two[0].0 <= two[1].0), "{engine}: {all:?}");
        assert!(all[0].0 >= begin && all[4].0 <= Timestamp::now(), "{engine}: {all:?}");
        // A line is there when its end is.
        assert!(all[1].0.duration_since(all[0].0).as_millis() >= 500, "{engine}: {all:?}");
        let between = (all[4].0 - SignedDuration::from_millis(500)).to_string();
        let logs = |args: &[&str]| world.kst([&["logs", &name], args].concat()).ok().out();
        assert_eq!(logs(&["--since", &between]), "two\n", "{engine}");
        assert_eq!(logs(&["--since", "1h", "-n", "2"]), format!("{own}\ntwo\n"), "{engine}");
        assert_eq!(logs(&["--until", &between, "-n", "1"]), format!("{own}\n"), "{engine}");
        let before = logs(&["--until", &between]).replace(&long, "LONG");
        assert_eq!(before, format!("one\nname? bob\nLONG\n{own}\n"), "{engine}");
        assert_eq!(logs(&["--since", "1h", "--until", "30m"]), "", "{engine}");
        // The bounds themselves: from the one on, up to the other.
        let two = all[4].0.to_string();
        assert!(logs(&["--since", &two]).starts_with("two\n"), "{engine}");
        assert!(logs(&["--until", &two]).ends_with(&format!("{own}\n")), "{engine}");
        let json = world.kst(["logs", &name, "-t", "--json", "-n", "1"]).ok().json();
        assert!(json["times"][0].is_string(), "{engine}: {json}");
        // Followed, from before and from then on.
        let until = (Timestamp::now() + SignedDuration::from_secs(1)).to_string();
        let follow = ["logs", "-f", &name, "-t", "--until", &until];
        let followed = timed(world, &follow);
        assert_eq!(texts(&followed), texts(&all), "{engine}");
        let since = [&follow[..], &["--since", &between]].concat();
        assert_eq!(texts(&timed(world, &since)), ["two"], "{engine}");
        let last = [&follow[..], &["-n", "1"]].concat();
        assert_eq!(texts(&timed(world, &last)), ["two"], "{engine}");
        let untimed = ["logs", "-f", &name, "--since", &between, "--until", &until];
        assert_eq!(world.kst(untimed).ok().out(), "two\n", "{engine}");
    });
}

#[test]
fn what_is_followed_has_its_time_as_it_comes() {
    each_engine(|world, engine| {
        let name = world.name("asks");
        let script = "echo ready; sleep 2; printf 'name? '; sleep 1; echo bob; exit 3";
        start(world, &name, script);
        let file = world.work().join("out");
        let kst = crate::support::program();
        let script = format!("exec '{}' logs -f -t {name} > '{}'", kst.display(), file.display());
        let following = world.program("sh").args(["-c", &script]).spawn();
        following.wait().ok();
        let out = fs::read_to_string(&file).expect("it was made");
        let lines: Vec<&str> =
            out.lines().filter_map(|line| line.split_once("Z ")).map(|it| it.1).collect();
        assert_eq!(lines, ["ready", "name? bob"], "{engine}: {out}");
        // After its end, too.
        assert_eq!(world.kst(["logs", "-f", "-t", &name]).ok().out(), out, "{engine}");
    });
}

#[test]
fn the_streams_of_a_foreign_container_have_times() {
    each_client(|world, engine| {
        let name = world.name("streams");
        let script = "for i in 1 2 3; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done";
        run_foreign(world, engine, &name, script);
        until_ended(world, &name);
        let all = timed(world, &["logs", &name, "-t"]);
        assert_eq!(texts(&all), ["out 1", "err 1", "out 2", "err 2", "out 3", "err 3"], "{engine}");
        let since = all[4].0.to_string();
        let logs = world.kst(["logs", &name, "--since", &since]).ok().out();
        assert_eq!(logs, "out 3\nerr 3\n", "{engine}");
    });
}
