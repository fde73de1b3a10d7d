//! Engines that are absent, down, hanging, or out of their mind.

use std::fs;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use super::{each_client, each_engine, run_foreign, start};
use crate::support::{Engine, World, program, until};

#[test]
fn without_an_engine_only_who_asks_for_it_hears_of_it() {
    let world = World::bare();
    let list = world.kst(["list", "--json"]);
    assert_eq!((list.ok().out().trim(), list.err().as_str()), ("[]", ""));
    for args in [
        &["list", "-b", "container"][..],
        &["status", "dev", "-b", "container"],
        &["stop", "dev", "-b", "container"],
        &["start", "dev", "-b", "container", "-i", "image"],
        &["start", "dev", "-b", "container", "-i", "image", "-L", "docker"],
    ] {
        world.kst(args).exits(6).says("docker").says("install");
    }
}

/// A docker client comes with many things; that its daemon does not run is nobody's trouble then.
#[test]
fn an_engine_that_nobody_set_up_is_not_spoken_of() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let down = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
    world.fake("docker", &format!("echo '{down}' >&2; exit 1"));
    for args in [
        &["start", "dev", "--", "sleep", "1000"][..],
        &["list"],
        &["list", "--json"],
        &["list", "-q"],
        &["status", "dev"],
        &["logs", "dev"],
        &["stop", "dev"],
        &["remove", "dev"],
        &["list"],
    ] {
        let outcome = world.kst(args);
        assert_eq!(outcome.ok().err(), "", "{outcome}");
    }
    // Who asks hears of it.
    for args in [&["status", "dev"][..], &["stop", "dev"], &["logs", "dev"], &["remove", "dev"]] {
        let outcome = world.kst(args);
        outcome.exits(3).says(&format!("not asked: container (docker): {down}"));
        assert_eq!(outcome.err().matches("docker)").count(), 1, "{outcome}");
    }
    world.kst(["list", "--verbose"]).ok().says("warning: container (docker)");
    world.kst(["list", "-b", "container"]).exits(6).says("Cannot connect");
    // Of the two places of a backend that was asked for, each counts.
    world.fake("podman", "true");
    world.kst(["list", "-b", "container"]).ok().says("warning: container (docker): Cannot connect");
    let health = world.kst(["list", "--json", "--health"]).ok().json();
    let health = health["health"].as_array().expect("health");
    let of = |place: &str| health.iter().find(|one| one["location"] == place).expect(place);
    assert_eq!(of("docker")["state"], "down");
    assert_eq!(of("docker")["problem"], down);
    world.kst(["list", "--health"]).ok().prints("down").prints("Cannot connect");

    // Broken is another thing than not there.
    world.fake("docker", "echo 'segmentation fault' >&2; exit 139");
    world.kst(["list"]).ok().says("warning: container (docker): segmentation fault");
}

#[test]
fn an_engine_that_is_down_costs_a_warning_and_nothing_more() {
    let Some(world) = World::with([Engine::Tmux, Engine::Docker]) else { return };
    let (ours, image) = (world.name("ours"), world.image());
    start(&world, &ours, "sleep 1000");
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();

    let nobody = format!("unix://{}", world.path("nobody").display());
    let kst = |args: &[&str]| world.command(args).env("DOCKER_HOST", &nobody).run();
    let list = kst(&["list", "--json"]);
    list.ok().says("docker");
    let list = list.json();
    let state = |name: &str| {
        let rows = list.as_array().expect("an array");
        rows.iter().find(|row| row["name"] == name).map(|row| row["state"].clone())
    };
    assert_eq!(state("dev"), Some("running".into()));
    // It was started, and whether it still runs nobody can say.
    assert_eq!(state(&ours), Some("unknown".into()));
    assert_eq!(kst(&["status", &ours, "--json"]).ok().json()["state"], "unknown");
    kst(&["list", "-b", "container"]).exits(6).says("docker");
    kst(&["start", "c", "-b", "container", "-i", &image]).exits(6).says("docker");
    kst(&["start", &ours]).exits(6).says("docker");
    for command in ["stop", "remove", "logs", "attach"] {
        kst(&[command, &ours]).exits(6).says("docker");
    }
    kst(&["status", "nobody"]).exits(3).says("docker");
    kst(&["stop", "dev"]).ok();

    // Back again, it is still the same session.
    let status = world.status(&ours);
    assert_eq!((&status["state"], &status["ours"]), (&"running".into(), &true.into()));
}

#[test]
fn an_engine_that_hangs_is_given_up_after_a_while() {
    let Some(world) = World::with([Engine::Tmux, Engine::Docker]) else { return };
    let socket = world.path("hanging");
    let listener = UnixListener::bind(&socket).expect("a socket");
    // Takes every call and never answers.
    thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    let hanging = format!("unix://{}", socket.display());
    let kst = |args: &[&str]| world.command(args).env("DOCKER_HOST", &hanging);
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();

    let all = [
        (&["list", "--json"][..], 0),
        (&["status", "dev"], 0),
        (&["list", "-b", "container"], 8),
        (&["status", "x", "-b", "container"], 8),
        (&["stop", "x", "-b", "container"], 8),
        (&["logs", "x", "-L", "docker", "-b", "container"], 8),
        (&["start", "x", "-b", "container", "-i", "image", "--", "true"], 8),
    ];
    let running: Vec<_> = all.iter().map(|(args, _)| kst(args).spawn()).collect();
    for (run, (args, code)) in running.into_iter().zip(all) {
        let outcome = run.wait();
        outcome.exits(code).says("docker").says("did not end within 10 s");
        assert!(outcome.duration < Duration::from_secs(30), "{outcome}");
        if args == ["list", "--json"] {
            assert_eq!(outcome.json()[0]["name"], "dev");
        }
    }
    // Who is not asked does not hold anybody up.
    let quick = kst(&["status", "dev", "-b", "tmux"]).run();
    assert!(quick.ok().duration < Duration::from_secs(8), "{quick}");
}

#[test]
fn nonsense_from_an_engine_is_called_that() {
    let world = World::bare();
    let id = "0123456789abcdef".repeat(4);
    let scripts = [
        "echo '<html>502 Bad Gateway</html>'".to_owned(),
        "printf '\\033[2J\\000\\377\\n'".to_owned(),
        format!("case $1 in ps) echo {id};; *) echo '{id} x  \"\" \"runn';; esac"),
        "exec yes".to_owned(),
        "exec cat /dev/zero".to_owned(),
        "kill -SEGV $$".to_owned(),
    ];
    for script in scripts {
        world.fake("docker", &script);
        let list = world.kst(["list", "--json"]);
        list.ok().says("docker").hides("\u{1b}");
        assert_eq!(list.out().trim(), "[]", "{script}");
        world.kst(["list", "-b", "container"]).exits(1).says("docker").hides("\u{1b}");
        for args in [
            &["status", "dev", "-b", "container"][..],
            &["stop", "dev", "-b", "container"],
            &["logs", "dev", "-b", "container"],
            &["remove", "dev", "-b", "container"],
            &["start", "dev", "-b", "container", "-i", "image"],
        ] {
            let outcome = world.kst(args);
            outcome.exits(1).says("container").hides("\u{1b}").hides("misbehaved");
        }
    }
    // One that takes everything and has nothing.
    world
        .fake("docker", "case $1 in container) echo No such container >&2; exit 1;; esac; echo ok");
    world.kst(["start", "dev", "-b", "container", "-i", "image"]).exits(1).says("'ok'");
    assert_eq!(world.kst(["list", "-q"]).ok().out(), "");
}

#[test]
fn what_is_removed_while_kst_looks_costs_only_itself() {
    each_client(|world, engine| {
        let name = world.name("stays");
        run_foreign(world, engine, &name, "sleep 1000");
        let client = world.path("engines").join(engine.program());
        let (client, gone) = (client.display(), "0123456789abcdef".repeat(4));
        world.fake(
            engine.program(),
            &format!("[ \"$1\" != ps ] || echo {gone}\nexec '{client}' \"$@\""),
        );
        let list = world.kst(["list", "-q", "-b", "container"]);
        list.ok().prints(&name).hides("0123456789abcdef");
        assert_eq!(list.err(), "", "{engine}");
    });
}

/// Nobody can say that all has been stopped where one engine was not asked.
#[test]
fn all_are_stopped_but_those_of_an_engine_that_does_not_answer() {
    let Some(world) = World::with([Engine::Podman, Engine::Tmux]) else { return };
    let name = world.name("far");
    start(&world, &name, "sleep 1000");
    world.kst(["start", "near", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.fake("podman", "echo 'Cannot connect to Podman' >&2; exit 125");
    let stop = world.kst(["stop", "--all"]);
    stop.exits(6).says(&name).prints("Session 'near' stopped");
    world.kst(["remove", "--exited"]).ok().prints("Session 'near' removed.").hides(&name);
    std::fs::remove_file(world.path("bin/podman")).expect("the fake is there");
    assert_eq!(world.status(&name)["state"], "running");
    world.kst(["stop", "--all"]).ok().prints(&name);
    world.kst(["remove", "--exited"]).ok().prints(&name);
}

/// What stands beside a container's first process and tells how that ends: conmon, or containerd's shim.
fn monitor(world: &World, engine: Engine, name: &str) -> i32 {
    let told = |field: &str| {
        let format = format!("{{{{.State.{field}}}}}");
        let told = world.engine(engine, ["container", "inspect", "--format", &format, name]);
        told.ok().out().trim().parse::<i32>().expect("a pid")
    };
    if engine == Engine::Podman {
        return told("ConmonPid");
    }
    let first = told("Pid");
    let status = fs::read_to_string(format!("/proc/{first}/status")).expect("it runs");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.and_then(|pid| pid.trim().parse().ok()).expect("it has a parent")
}

/// docker ends the container then, and says so. podman lets it run, and so it is told; whoever waits
/// for it hears when it is gone.
#[test]
fn a_monitor_that_is_killed_while_it_is_waited_for_and_followed() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "echo hello; exec sleep 1000");
        let mut wait = world.command(["wait", &name]).spawn();
        let script = format!("exec '{}' logs -f {name} > out", program().display());
        let mut follow = world.program("sh").args(["-c", &script]).spawn();
        let out = || fs::read_to_string(world.work().join("out")).unwrap_or_default();
        until("it is followed", || out() == "hello\n");
        let pid = rustix::process::Pid::from_raw(monitor(world, engine, &name)).expect("not 0");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is there");
        if engine == Engine::Podman {
            assert_eq!(world.status(&name)["state"], "running");
            assert!(wait.runs() && follow.runs(), "the container runs on");
            world.engine(engine, ["rm", "-f", "--time", "0", &name]).ok();
        }
        let wait = wait.wait();
        assert!(matches!(wait.code, Some(125 | 137)), "{engine}: {wait}");
        follow.wait();
        assert_eq!(out(), "hello\n", "{engine}");
    });
}
