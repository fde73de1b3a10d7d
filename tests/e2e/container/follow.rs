//! What a session prints, as it prints it.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{each_client, each_engine, run_foreign, start, until_ended};
use crate::support::{Started, World, numbers, program, until};

/// Begins `kst logs` with its output in this file of the working directory.
fn begin(world: &World, args: &str, file: &str) -> Started {
    let script = format!("exec '{}' logs {args} > '{file}'", program().display());
    world.program("sh").args(["-c", &script]).spawn()
}

fn read(world: &World, file: &str) -> String {
    fs::read_to_string(world.work().join(file)).unwrap_or_default()
}

/// The pids of engines' clients that this world runs and that follow.
fn clients(world: &World) -> Vec<i32> {
    let follows = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let kst = line.starts_with(program().as_os_str().as_encoded_bytes());
        !kst && line.windows(9).any(|part| part == b"\0logs\0-f\0")
    };
    world.processes().into_iter().filter(follows).collect()
}

#[test]
fn nothing_is_lost_or_doubled_from_the_last_lines_to_the_end() {
    each_client(|world, engine| {
        let name = world.name("count");
        let script = "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo $i; \
                      [ $((i % 100)) = 0 ] && sleep 0.3; done; exit 3";
        start(world, &name, script);
        until("it prints", || world.kst(["logs", &name]).ok().out().lines().count() > 50);
        begin(world, &format!("-f {name} -n 7"), "out").wait().ok();
        let text = read(world, "out");
        let first: u32 = text.lines().next().and_then(|line| line.parse().ok()).unwrap_or(601);
        assert!(first < 594, "{engine}: {text}");
        assert_eq!(text, numbers(first, 600), "{engine}");
        // Of one that has ended, too.
        begin(world, &format!("-f {name} -n 2"), "after").wait().ok();
        assert_eq!(read(world, "after"), "599\n600\n", "{engine}");
    });
}

#[test]
fn ctrl_c_ends_it_at_once_and_leaves_no_client() {
    each_client(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "echo ready; exec sleep 1000");
        let kst = begin(world, &format!("-f {name}"), "out");
        until("it is followed", || read(world, "out").contains("ready"));
        assert_eq!(clients(world).len(), 1, "{engine}");
        let begin = Instant::now();
        kst.signal(Signal::INT);
        assert_eq!(kst.wait().code, None, "{engine}");
        assert!(begin.elapsed() < Duration::from_secs(1), "{engine}: {:?}", begin.elapsed());
        assert!(clients(world).is_empty(), "{engine}");
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
    });
}

#[test]
fn a_kill_that_nothing_can_catch_leaves_no_client_either() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "echo ready; exec sleep 1000");
        let kst = begin(world, &format!("-f {name}"), "out");
        until("it is followed", || read(world, "out").contains("ready"));
        kst.signal(Signal::KILL);
        assert_eq!(kst.wait().code, None, "{engine}");
        until("its client is gone", || clients(world).is_empty());
    });
}

#[test]
fn a_foreign_container_is_followed_with_both_its_streams() {
    each_engine(|world, engine| {
        let name = world.name("theirs");
        let script = "for i in 1 2 3; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done";
        run_foreign(world, engine, &name, script);
        begin(world, &format!("-f {name} -n 1000"), "out").wait().ok();
        let lines = "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n";
        assert_eq!(read(world, "out"), lines, "{engine}");
    });
}

/// A client that hangs costs its own line, and its session is followed on when it was started again.
#[test]
fn several_are_merged_and_one_that_is_started_again_is_followed_on() {
    each_engine(|world, engine| {
        let (stays, comes) = (world.name("stays"), world.name("comes"));
        start(world, &stays, "echo here; sleep 1000 & trap 'exit 0' TERM; wait");
        start(world, &comes, "echo first run; sleep 1000 & trap 'exit 0' TERM; wait");
        let kst = begin(world, &format!("-f {stays} {comes}"), "out");
        until("both are there", || {
            let out = read(world, "out");
            out.contains("| here\n") && out.contains("| first run\n")
        });
        world.kst(["stop", &comes]).ok();
        start(world, &comes, "echo second run; exit 3");
        until("its new run", || read(world, "out").contains("| second run\n"));
        until_ended(world, &comes);
        world.kst(["stop", &stays]).ok();
        kst.wait().ok().says("was started again").says("exit code 3");
        let out = read(world, "out");
        assert_eq!(out.lines().count(), 3, "{engine}: {out}");
    });
}

/// A client may end well where its engine is being shut down: that is no end of its session.
#[test]
fn an_engine_that_goes_away_is_not_taken_for_the_end() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        let real = engine.find().expect("it is here");
        world.fake(
            engine.program(),
            &format!(
                "if test -e ~/down; then echo 'Cannot connect to the Docker daemon' >&2; exit 125; fi\n\
                 test \"$1 $2\" = 'logs -f' || exec '{}' \"$@\"\n\
                 echo hello; while ! test -e ~/down; do sleep 0.05; done",
                real.display()
            ),
        );
        start(world, &name, "echo hello; exec sleep 1000");
        let kst = begin(world, &format!("-f {name} -n 0"), "out");
        until("it is followed", || !clients(world).is_empty());
        world.write("home/down", "");
        let outcome = kst.wait();
        outcome.exits(1).says("whether '").says("cannot be told").hides("has ended");
        fs::remove_file(world.home().join("down")).expect("it is there");
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
    });
}
