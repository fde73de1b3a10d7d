//! `restart`: containers that their engine starts again by itself.

use std::time::Duration;

use super::each_client;
use crate::support::{World, until};

/// Starts a container with a policy.
#[track_caller]
fn start(world: &World, name: &str, policy: &str, script: &str) {
    let image = world.image();
    let args = ["start", name, "-b", "container", "-i", &image, "--restart", policy, "--"];
    world.kst(args.iter().chain(&["sh", "-c", script])).ok();
}

#[test]
fn a_limit_is_the_engines_own_and_wait_waits_for_the_last_end() {
    each_client(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "on-failure:2", "echo begin; echo end; exit 7");
        world.kst(["wait", &name]).returns(7);
        let status = world.status(&name);
        assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &7.into()));
        assert_eq!(status["restarts"], 2, "{engine}: {status}");
        assert_eq!(status["restart"], "on-failure:2", "{engine}: {status}");
        let log = world.kst(["logs", &name]).ok().out();
        assert_eq!(log, "begin\nend\n".repeat(3), "{engine}");
    });
}

#[test]
fn a_success_ends_it() {
    each_client(|world, engine| {
        let name = world.name("dev");
        let script = "echo x >> /runs; [ $(wc -l < /runs) -gt 1 ] || exit 3";
        start(world, &name, "on-failure", script);
        world.kst(["wait", &name]).returns(0);
        let status = world.status(&name);
        assert_eq!((&status["exit_code"], &status["restarts"]), (&0.into(), &1.into()), "{engine}");
    });
}

#[test]
fn a_stop_wins_while_the_engine_waits_too() {
    each_client(|world, engine| {
        let (name, twin) = (world.name("dev"), world.name("twin"));
        let restarts = |name: &str| world.status(name)["restarts"].as_u64().unwrap_or(0);
        for force in [false, true, false, true] {
            // docker's waits grow to a minute.
            for name in [&name, &twin] {
                start(world, name, "always", "echo here; exit 3");
            }
            until("it was started again", || restarts(&name) > 3);
            let args: &[&str] = if force { &["stop", "--force", &name] } else { &["stop", &name] };
            let stop = world.kst(args);
            assert!(stop.ok().duration < Duration::from_secs(20), "{engine}: {stop}");
            let status = world.status(&name);
            assert_eq!(status["state"], "stopped", "{engine}: {status}");
            let lines = || world.kst(["logs", &name]).ok().out().lines().count();
            let before = (lines(), restarts(&name));
            // Its twin, which began later and is not stopped, is by then past the wait that was cut short.
            until("its twin was started again", || restarts(&twin) > before.1);
            assert_eq!((lines(), restarts(&name)), before, "{engine}");
            world.kst(["stop", "--force", &twin]).ok();
            world.kst(["remove", &twin]).ok();
            world.kst(["remove", &name]).ok();
        }
    });
}

#[test]
fn what_its_engine_cannot_do_is_told_before_anything_is_made() {
    each_client(|world, _| {
        let name = world.name("dev");
        let image = world.image();
        let start = |policy: &str| {
            let args = ["start", &name, "-b", "container", "-i", &image, "--restart", policy];
            world.kst(args)
        };
        start("always:3").exits(1).says("a limit of restarts goes with on-failure alone");
        world.config(&format!(
            "ops: {{sessions: {{{name}: {{backend: container, image: '{image}', \
             restart: {{policy: always, backoff: 1s}}}}}}}}"
        ));
        world.kst(["start", &name]).exits(2).says("its own choice");
        // What the config cannot know of is told by the start.
        world.config(&format!(
            "ops: {{sessions: {{{name}: {{command: 'true', image: '{image}', \
             restart: {{policy: always, backoff: 1s}}}}}}}}"
        ));
        world.kst(["start", &name, "-b", "container"]).exits(1).says("the engine's own choice");
        // Nothing was made.
        world.kst(["status", &name]).ok().prints("defined");
    });
}

#[test]
fn a_kill_counts_for_its_engine_as_a_stop() {
    each_client(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "always", "echo up; exec sleep 1000");
        until("it runs", || world.kst(["logs", &name]).ok().out().contains("up"));
        world.kst(["signal", &name, "KILL"]).ok();
        until("it has ended for good", || world.status(&name)["state"] == "exited");
        let status = world.status(&name);
        assert_eq!(
            (&status["restarts"], &status["exit_code"]),
            (&0.into(), &137.into()),
            "{engine}"
        );
        world.kst(["wait", &name]).returns(137);
        assert_eq!(world.kst(["logs", &name]).ok().out(), "up\n", "{engine}");
    });
}
