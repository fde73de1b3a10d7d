//! More output than a backend hands over at once, which is four megabytes.

use std::time::Duration;

use super::{each_engine, run_foreign, start, until_ended};
use crate::support::World;

/// Eight megabytes in 40,000 lines, each with its number.
const LINES: &str = "seq 40000 | sed \"s/$/ $(printf '%0200d' 0)/\"";

/// The numbers of lines, from one on and none left out.
#[track_caller]
fn numbered(text: &str, from: u32) -> u32 {
    let mut next = from;
    for line in text.lines() {
        let number = line.split(' ').next();
        assert_eq!(number, Some(next.to_string().as_str()), "{line}");
        assert_eq!(line.len(), next.to_string().len() + 201, "{line}");
        next += 1;
    }
    next - 1
}

#[test]
fn all_of_it_is_told_and_kept_when_it_is_started_again() {
    each_engine(|world, engine| {
        let name = world.name("large");
        start(world, &name, LINES);
        until_ended(world, &name);
        let logs = |args: &[&str]| {
            let outcome = world.kst(["logs", &name].iter().chain(args));
            assert_eq!(outcome.ok().err(), "", "{engine}");
            outcome.out()
        };
        assert_eq!(numbered(&logs(&["-n", "100000"]), 1), 40_000, "{engine}");
        assert_eq!(numbered(&logs(&["-n", "30000"]), 10_001), 40_000, "{engine}");
        // podman keeps some lines in pieces, and takes them for the end of the line before.
        for lines in [130, 1000] {
            let last = logs(&["-n", &lines.to_string()]);
            assert_eq!(numbered(&last, 40_001 - lines), 40_000, "{engine}");
        }
        assert_eq!(numbered(&logs(&[]), 39_901), 40_000, "{engine}");
        assert_eq!(numbered(&logs(&["-f", "-n", "100000"]), 1), 40_000, "{engine}");
        assert_eq!(logs(&["--until", "1h"]), "", "{engine}");
        assert_eq!(numbered(&logs(&["--since", "1h"]), 1), 40_000, "{engine}");
        let timed = |text: &str| {
            let rest = |line: &str| {
                let (time, rest) = line.split_once(' ').expect("a time");
                assert!(time.parse::<jiff::Timestamp>().is_ok(), "{engine}: {line}");
                rest.to_owned() + "\n"
            };
            text.lines().map(rest).collect::<String>()
        };
        assert_eq!(numbered(&timed(&logs(&["-t", "-n", "100000"])), 1), 40_000, "{engine}");

        start(world, &name, "echo second; exec sleep 1000");
        assert_eq!(numbered(&logs(&["-p", "-n", "100000"]), 1), 40_000, "{engine}");
        assert_eq!(numbered(&timed(&logs(&["-p", "-t", "-n", "100000"])), 1), 40_000, "{engine}");
        world.kst(["stop", "--force", &name]).ok();
    });
}

#[test]
fn so_is_what_a_foreign_container_printed_on_both_outputs() {
    each_engine(|world, engine| {
        let name = world.name("streams");
        run_foreign(world, engine, &name, &format!("{LINES} >&2; sleep 1; echo out"));
        until_ended(world, &name);
        let logs = world.kst(["logs", &name, "-n", "100000"]).ok().out();
        let (err, out) = logs.trim_end().rsplit_once('\n').expect("lines");
        assert_eq!((numbered(err, 1), out), (40_000, "out"), "{engine}");
    });
}

/// A client of the engine that goes on as `then` says after it has printed five megabytes of a log.
fn printing(world: &World, engine: crate::support::Engine, then: &str) {
    let real = engine.find().expect("it is here");
    let script = format!(
        "test \"$1\" = logs || exec '{}' \"$@\"\nyes 'a line' | head -c 5000000; {then}",
        real.display()
    );
    world.fake(engine.program(), &script);
}

#[test]
fn a_client_that_gives_up_or_goes_silent_is_told_of() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "exec sleep 1000");
        let logs = || world.kst(["logs", &name, "-n", "1000000"]);
        printing(world, engine, "exit 1");
        logs().exits(1).says("cannot be read").says("the engine's client gave up");
        printing(world, engine, "exec sleep 1000");
        let silent = logs();
        silent.exits(8).says("did not end within 10 s and was killed");
        assert!(silent.duration < Duration::from_secs(60), "{engine}: {silent}");
        printing(world, engine, "exit 0");
        assert_eq!(logs().ok().out().len(), 5_000_000, "{engine}");
    });
}
