//! docker's daemon is killed and started again while a session is waited for and followed. podman has none.

use std::fs;

use rustix::process::Signal;

use super::start;
use crate::support::dockerd::Daemon;
use crate::support::{Engine, World, program, until};

/// Kills the daemon with `signal` under `kst wait` and `kst logs -f`, and starts it again. Then `end` brings
/// the session to its end, with what it returns when it is asked to end.
fn killed_and_started_again(options: &[&str], signal: Signal, end: impl Fn(&World, &str)) {
    let Some(mut world) = World::with([Engine::Docker]) else { return };
    let mut daemon = Daemon::start(&mut world, options);
    let name = world.name("dev");
    start(&world, &name, "trap 'exit 3' TERM; echo hello; while :; do sleep 0.1; done");
    let mut wait = world.command(["wait", &name]).spawn();
    let script = format!("exec '{}' logs -f {name} > out", program().display());
    let follow = world.program("sh").args(["-c", &script]).spawn();
    let out = || fs::read_to_string(world.work().join("out")).unwrap_or_default();
    until("it is followed", || out() == "hello\n");

    daemon.kill(signal);
    // Nobody can go on showing what it prints; its end is nothing that anybody has seen.
    let follow = follow.wait();
    follow.exits(1).hides("has ended");
    assert!(out().starts_with("hello\n"), "{}", out());
    assert_eq!(world.status(&name)["state"], "unknown");
    // Waiting goes on, unless the daemon has told of the end before it went.
    assert!(signal == Signal::TERM || wait.runs(), "{}", wait.wait());

    daemon.again();
    end(&world, &name);
    let status = world.status(&name);
    assert_eq!(status["exit_code"], 3, "{status}");
    assert!(matches!(status["state"].as_str(), Some("exited" | "stopped")), "{status}");
    wait.wait().returns(3);
    assert_eq!(world.kst(["logs", &name]).ok().out(), "hello\n");
}

#[test]
fn what_lives_on_without_it_is_waited_for_when_it_is_back() {
    let stop = |world: &World, name: &str| {
        assert_eq!(world.status(name)["state"], "running");
        world.kst(["stop", name]).ok();
    };
    killed_and_started_again(&["--live-restore"], Signal::KILL, stop);
}

#[test]
fn what_it_ends_when_it_is_back_is_told_then() {
    killed_and_started_again(&[], Signal::KILL, |_, _| {});
}

#[test]
fn one_that_is_shut_down_has_told_what_it_ended() {
    killed_and_started_again(&[], Signal::TERM, |_, _| {});
}

/// A machine that starts again: what was to run runs, and what somebody stopped does not.
#[test]
fn one_that_was_stopped_stays_so_whatever_its_restart_policy() {
    let Some(mut world) = World::with([Engine::Docker]) else { return };
    let mut daemon = Daemon::start(&mut world, &[]);
    let image = world.image();
    let begin = |name: &str, policy: &str, end: &str| {
        let script = format!("trap 'exit 3' TERM; {end}");
        let args = ["start", name, "-b", "container", "-i", &image, "--restart", policy, "--"];
        world.kst(args.iter().chain(&["sh", "-c", &script])).ok();
    };
    let run = "while :; do sleep 0.1; done";
    let names = ["always", "failing", "between"].map(|name| world.name(name));
    let [always, failing, between] = &names;
    begin(always, "always", run);
    begin(failing, "on-failure", run);
    // Stopped while docker waits to start it once more.
    begin(between, "on-failure", "exit 3");
    until("docker waits for long", || world.status(between)["restarts"].as_u64() > Some(4));
    let on = world.name("on");
    begin(&on, "always", run);
    world.kst(["stop", always, failing, between]).ok();

    daemon.kill(Signal::TERM);
    daemon.again();
    until("what was to run runs again", || world.status(&on)["state"] == "running");
    for name in &names {
        let status = world.status(name);
        assert_eq!((&status["state"], &status["exit_code"]), (&"stopped".into(), &3.into()));
    }
    world.kst(["stop", &on]).ok();
    assert_eq!(world.status(&on)["state"], "stopped");
    // The policy is that of the session, not of one run.
    world.kst(["start", failing]).ok();
    let policy = ["container", "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}"];
    let policy = |name: &str| world.engine(Engine::Docker, policy.iter().chain(&[name])).ok().out();
    assert_eq!(policy(failing), "on-failure\n");

    // What docker's own policy means to somebody else is theirs.
    let theirs = world.name("theirs");
    let run = ["run", "-d", "--name", &theirs, "--restart", "on-failure", &image, "sleep", "1000"];
    world.engine(Engine::Docker, run).ok();
    world.kst(["stop", &theirs, "--force"]).ok();
    assert_eq!(policy(&theirs), "on-failure\n");
}
