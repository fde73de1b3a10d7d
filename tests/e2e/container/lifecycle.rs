//! From start to removal.

use std::time::Duration;

use super::{each_client, each_engine, id, names, run_foreign, start, until_ended};
use crate::support::until;

/// A program that says bye and returns 3 when it is asked to end.
const POLITE: &str = "echo hello; trap 'echo bye; exit 3' TERM; while :; do sleep 0.1; done";
/// A program that does not hear TERM.
const DEAF: &str = "echo hello; trap '' TERM; while :; do sleep 0.1; done";

#[test]
fn a_session_lives_and_ends() {
    each_client(|world, engine| {
        let name = world.name("dev");
        start(world, &name, POLITE);
        let status = world.status(&name);
        assert_eq!(status["state"], "running", "{engine}: {status}");
        assert_eq!(status["backend"], "container");
        assert_eq!(status["location"], engine.program());
        assert_eq!(status["ours"], true);
        assert!(status["pid"].as_u64().is_some_and(|pid| pid > 1), "{status}");
        assert!(status["image"].as_str().is_some_and(|image| image.contains("kst-test")));
        until("its output is in the log", || {
            world.kst(["logs", &name]).ok().out().contains("hello")
        });
        // A name in use is not started again, and what runs is left alone.
        let image = world.image();
        world.kst(["start", &name, "-b", "container", "-i", &image]).exits(4).says(&name);
        world.kst(["start", &name]).exits(4);
        world.kst(["remove", &name]).exits(1).says("kst stop");
        assert_eq!(world.status(&name)["pid"], status["pid"], "{engine}");

        world.kst(["stop", &name]).ok();
        let status = world.status(&name);
        assert_eq!(status["state"], "stopped", "{engine}: {status}");
        assert_eq!(status["exit_code"], 3);
        assert!(status["ended_at"].is_string(), "{engine}: {status}");
        world.kst(["logs", &name]).ok().prints("hello").prints("bye");
        // Once more is no error, and changes nothing.
        world.kst(["stop", &name]).ok();
        assert_eq!(world.status(&name), status, "{engine}");
        world.kst(["attach", &name]).exits(1);

        world.kst(["remove", &name]).ok();
        world.kst(["status", &name]).exits(3);
        assert!(!names(world, engine).contains(&name), "{engine}");
    });
}

#[test]
fn what_ended_by_itself_tells_how_and_gives_way_to_a_new_definition() {
    each_client(|world, engine| {
        let name = world.name("short");
        start(world, &name, "echo last words; exit 7");
        until_ended(world, &name);
        assert_eq!(world.status(&name)["exit_code"], 7, "{engine}");
        world.kst(["logs", &name]).ok().prints("last words");
        let first = id(world, engine, &name);

        // Without a definition: the same again.
        for again in [&["start", &name][..], &["start", &name, "-b", "container"]] {
            world.kst(again).ok();
            until_ended(world, &name);
            assert_eq!(world.status(&name)["exit_code"], 7, "{engine}: {again:?}");
        }
        assert_ne!(id(world, engine, &name), first, "{engine}");

        start(world, &name, "echo new words; sleep 1000");
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
        until("its output is in the log", || {
            let log = world.kst(["logs", &name]);
            log.ok().hides("last words");
            log.out().contains("new words")
        });
        // Ended by somebody else than kst: that is not `stopped`.
        world.engine(engine, ["kill", &name]).ok();
        until_ended(world, &name);
        assert_eq!(world.status(&name)["exit_code"], 137, "{engine}");
        assert_eq!(names(world, engine).iter().filter(|one| **one == name).count(), 1);
    });
}

#[test]
fn stop_waits_for_its_timeout_and_force_does_not() {
    each_engine(|world, engine| {
        let (slow, quick) = (world.name("slow"), world.name("quick"));
        start(world, &slow, DEAF);
        start(world, &quick, DEAF);
        let heard = |name: &str| world.kst(["logs", name]).ok().out().contains("hello");
        until("they do not hear TERM any more", || heard(&slow) && heard(&quick));

        let stop = world.kst(["stop", &slow, "-t", "2"]);
        stop.ok();
        assert!(stop.duration >= Duration::from_secs(2), "{engine}: {stop}");
        let force = world.kst(["stop", &quick, "--force", "-t", "40"]);
        force.ok();
        assert!(force.duration < Duration::from_secs(20), "{engine}: {force}");
        for name in [slow, quick] {
            let status = world.status(&name);
            assert_eq!(status["state"], "stopped", "{engine}: {status}");
            assert_eq!(status["exit_code"], 137, "{engine}: {status}");
            world.kst(["logs", &name]).ok().prints("hello");
        }
    });
}

#[test]
fn a_paused_session_is_alive_and_can_be_stopped() {
    each_engine(|world, engine| {
        let (ours, theirs, forced) = (world.name("ours"), world.name("theirs"), world.name("gone"));
        start(world, &ours, POLITE);
        start(world, &forced, DEAF);
        run_foreign(world, engine, &theirs, POLITE);
        for name in [&ours, &theirs, &forced] {
            until("it hears TERM", || world.kst(["logs", name]).ok().out().contains("hello"));
            world.engine(engine, ["pause", name]).ok();
            let status = world.status(name);
            assert_eq!(status["state"], "running", "{engine}: {status}");
            assert_eq!(status["details"]["status"], "paused", "{engine}: {status}");
        }
        world.kst(["start", &theirs]).exits(4);
        world.kst(["stop", &ours]).ok();
        world.kst(["stop", &theirs]).ok();
        world.kst(["stop", &forced, "--force"]).ok();
        let told = |name: &str| {
            let status = world.status(name);
            (status["state"].clone(), status["exit_code"].clone())
        };
        assert_eq!(told(&ours), ("stopped".into(), 3.into()), "{engine}");
        assert_eq!(told(&theirs), ("exited".into(), 3.into()), "{engine}");
        assert_eq!(told(&forced), ("stopped".into(), 137.into()), "{engine}");
    });
}

#[test]
fn of_several_starts_at_once_one_wins() {
    each_engine(|world, engine| {
        let (name, image) = (world.name("race"), world.image());
        let starts: Vec<_> = (0..5)
            .map(|number| {
                let number = number.to_string();
                let start = ["start", &name, "-b", "container", "-i", &image, "-e"];
                let number = format!("NUMBER={number}");
                world.command(start.into_iter().chain([&*number, "--", "sleep", "1000"])).spawn()
            })
            .collect();
        let ends: Vec<_> = starts.into_iter().map(|start| start.wait()).collect();
        let won = ends.iter().filter(|end| end.code == Some(0)).count();
        for end in &ends {
            assert!(matches!(end.code, Some(0 | 4)), "{engine}: {end}");
        }
        assert_eq!(won, 1, "{engine}");
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
        assert_eq!(world.status(&name)["ours"], true, "{engine}");
        assert_eq!(names(world, engine).iter().filter(|one| **one == name).count(), 1);
    });
}

#[test]
fn a_restart_is_the_same_again() {
    each_engine(|world, engine| {
        let (own, theirs) = (world.name("own"), world.name("theirs"));
        let image = world.image();
        let script = "echo \"$KEY\" in $(pwd); echo more >> /data/log; exec sleep 1000";
        let volume = format!("{}:/data", world.work().display());
        let args =
            ["start", &own, "-b", "container", "-i", &image, "-e", "KEY=s3cret", "-w", "/tmp"];
        world.kst(args.iter().chain(&["-v", &volume, "--", "sh", "-c", script])).ok();
        let first = id(world, engine, &own);
        let restart = world.command(["restart", &own, "-t", "1"]).cwd("/").run();
        restart.ok().prints("restarted").hides("s3cret");
        assert_ne!(id(world, engine, &own), first, "{engine}");
        until("it runs again", || {
            world.kst(["logs", &own]).ok().out().contains("s3cret in /tmp")
                && std::fs::read_to_string(world.work().join("log"))
                    .is_ok_and(|log| log == "more\nmore\n")
        });
        let status = world.status(&own);
        assert_eq!((&status["state"], &status["run"]), (&"running".into(), &2.into()), "{engine}");

        // One of somebody else's stays the one that it is.
        let before = run_foreign(world, engine, &theirs, "exec sleep 1000");
        let pid = world.status(&theirs)["pid"].clone();
        world.kst(["restart", &theirs, "--force"]).ok();
        assert_eq!(id(world, engine, &theirs), before, "{engine}");
        let status = world.status(&theirs);
        assert_eq!((&status["state"], &status["ours"]), (&"running".into(), &false.into()));
        assert_ne!(status["pid"], pid, "{engine}");
        world.engine(engine, ["stop", "-t", "0", &theirs]).ok();
        world.kst(["restart", &theirs]).ok();
        assert_eq!(world.status(&theirs)["state"], "running", "{engine}");
    });
}

#[test]
fn a_signal_goes_through_the_engine() {
    each_client(|world, engine| {
        let (own, theirs) = (world.name("own"), world.name("theirs"));
        let script = "trap 'echo got it' USR1; echo up; while :; do sleep 0.05; done";
        start(world, &own, script);
        run_foreign(world, engine, &theirs, script);
        for name in [&own, &theirs] {
            let log = || world.kst(["logs", name]).ok().out();
            until("it listens", || log().contains("up"));
            world.kst(["signal", name, "SIGUSR1"]).ok();
            until("it has heard it", || log().contains("got it"));
            world.kst(["--dry-run", "signal", name, "KILL"]).ok().prints("kill -s KILL");
            world.kst(["signal", name, "9"]).ok();
            until_ended(world, name);
            world.kst(["signal", name, "TERM"]).exits(1).says("is not running");
        }
    });
}

#[test]
fn a_container_is_asked_to_end_as_its_definition_says() {
    each_client(|world, engine| {
        let (name, image) = (world.name("dev"), world.image());
        let script = "trap 'echo heard TERM' TERM; trap 'echo heard INT; exit 5' INT; echo up; \
                      while :; do sleep 0.05; done";
        let args = ["start", &name, "-b", "container", "-i", &image, "--stop-signal", "INT"];
        world.kst(args.iter().chain(&["--", "sh", "-c", script])).ok();
        until("it listens", || world.kst(["logs", &name]).ok().out().contains("up"));
        world.kst(["stop", &name]).ok();
        assert_eq!(world.status(&name)["exit_code"], 5, "{engine}");
        world.kst(["logs", &name]).ok().hides("heard TERM");
    });
}
