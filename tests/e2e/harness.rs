//! The tests' own tools, tested: a test that passes for the wrong reason is worse than none.

use std::time::Duration;

use crate::support::{Engine, Key, World, until};

#[test]
fn a_world_has_nothing_of_the_users() {
    let world = World::bare();
    let env = world.program("env").run().ok().out();
    let home = world.home();
    assert!(env.contains(&format!("HOME={}", home.display())), "{env}");
    for line in env.lines().filter(|line| !line.starts_with("PATH=")) {
        let foreign = std::env::var("HOME").is_ok_and(|home| line.ends_with(&format!("={home}")));
        assert!(!foreign, "{line}");
    }
}

#[test]
fn a_world_hides_the_engines_it_was_not_asked_for() {
    let world = World::bare();
    for engine in ["tmux", "screen", "podman", "docker"] {
        let found = world.program("sh").args(["-c", &format!("command -v {engine}")]).run();
        assert_eq!(found.out(), "", "{engine}");
    }
    world.program("sh").args(["-c", "command -v sleep env cat"]).run().ok();
}

#[test]
fn a_fake_stands_before_the_real_program() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.fake("tmux", "echo a fake; exit 7");
    let outcome = world.program("sh").args(["-c", "tmux -V"]).run();
    assert_eq!((outcome.code, outcome.out().as_str()), (Some(7), "a fake\n"));
}

#[test]
fn the_sockets_paths_are_short_enough() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let longest = world.path("tmux").join("tmux-4294967295").join("s".repeat(64));
    assert!(longest.as_os_str().len() <= 107, "{}", longest.display());
}

#[test]
fn a_world_ends_what_was_started_in_it_and_nothing_else() {
    let Some(one) = World::with([Engine::Tmux]) else { return };
    let Some(other) = World::with([Engine::Tmux]) else { return };
    for world in [&one, &other] {
        // One that a hang-up does not end.
        let stubborn = "trap '' HUP TERM; sleep 1000; sleep 1000";
        world.tmux(["new-session", "-d", "-s", "x", "sh", "-c", stubborn]).ok();
        until("the session runs", || world.processes().len() >= 3);
    }
    let (pids, folder) = (one.processes(), one.home());
    drop(one);
    until("its processes are gone", || {
        pids.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}/exe")).exists())
    });
    assert!(!folder.exists());
    other.tmux(["has-session", "-t", "=x"]).ok();
}

#[test]
#[should_panic(expected = "not done after")]
fn what_takes_too_long_fails_the_test() {
    let world = World::bare();
    world.program("sleep").args(["1000"]).deadline(Duration::from_millis(200)).run();
}

#[test]
fn input_output_and_exit_code_are_kept_apart() {
    let world = World::bare();
    let script = "cat; echo trouble >&2; exit 3";
    let outcome = world.program("sh").args(["-c", script]).input("given\n").run();
    outcome.exits(3).says("trouble").prints("given").hides("secret");
    assert_eq!(outcome.out(), "given\n");
}

#[test]
#[should_panic(expected = "one JSON document")]
fn json_with_something_around_it_is_no_json() {
    let world = World::bare();
    world.program("echo").args(["warning", "{}"]).run().json();
}

#[test]
fn a_terminal_is_one_for_the_program_on_it() {
    let world = World::bare();
    let mut terminal = world.terminal_of("sh", ["-c", "tty; stty size; read line; echo [$line]"]);
    terminal.shows("/dev/pts/");
    terminal.shows("24 80");
    terminal.types("hello");
    terminal.press(Key::Enter);
    terminal.shows("[hello]");
    assert_eq!(terminal.exits(), Some(0));
}

#[test]
fn a_terminal_passes_keys_and_sizes() {
    let world = World::bare();
    let script = "trap 'echo interrupted' INT; trap 'stty size' WINCH; echo ready; \
                  while :; do sleep 0.05; done";
    let mut terminal = world.terminal_of("sh", ["-c", script]);
    terminal.shows("ready");
    terminal.press(Key::Ctrl('c'));
    terminal.shows("interrupted");
    terminal.resize(30, 100);
    terminal.shows("30 100");
    assert!(terminal.runs());
}

#[test]
fn containers_of_a_world_go_with_it() {
    for engine in [Engine::Podman, Engine::Docker] {
        let Some(world) = World::with([engine]) else { continue };
        let Some(other) = World::with([engine]) else { continue };
        let (mine, theirs) = (world.name("c"), other.name("c"));
        for (world, name) in [(&world, &mine), (&other, &theirs)] {
            let image = world.image();
            world.engine(engine, ["run", "-d", "--name", name, &image, "sleep", "1000"]).ok();
        }
        drop(world);
        let left = other.engine(engine, ["ps", "-a", "--format", "{{.Names}}"]).out();
        assert!(!left.contains(&mine), "{left}");
        assert!(left.contains(&theirs), "{left}");
    }
}

#[test]
fn both_docker_clients_reach_the_engine() {
    for major in [20, 28] {
        let engine = Engine::DockerClient(major);
        // The newer one does not come with Debian.
        if major != 20 && engine.find().is_err() {
            continue;
        }
        let Some(world) = World::with([engine]) else { continue };
        let version = world.engine(engine, ["version", "--format", "{{.Client.Version}}"]);
        assert!(version.ok().out().starts_with(&major.to_string()), "{version}");
    }
}
