//! Sessions in podman and docker, with each docker client that is installed.

use crate::support::{Engine, World, until};

/// Every engine and client that a test runs on.
fn each(test: impl Fn(&World, Engine)) {
    let engines = [Engine::Podman, Engine::DockerClient(20), Engine::DockerClient(28)];
    for engine in engines {
        // A newer client than Debian's is a bonus, not a must.
        if engine == Engine::DockerClient(28) && engine.find().is_err() {
            continue;
        }
        let Some(world) = World::with([engine]) else { continue };
        test(&world, engine);
    }
}

fn start(world: &World, name: &str, script: &str) {
    let image = world.image();
    let args = ["start", name, "-b", "container", "-i", &image, "--", "sh", "-c", script];
    world.kst(args).ok();
}

#[test]
fn a_session_lives_and_ends() {
    each(|world, engine| {
        let name = world.name("dev");
        start(
            world,
            &name,
            "echo hello; trap 'echo bye; exit 3' TERM; while :; do sleep 0.1; done",
        );
        let status = world.status(&name);
        assert_eq!(status["state"], "running", "{engine}: {status}");
        assert_eq!(status["backend"], "container");
        assert!(status["image"].as_str().is_some_and(|image| image.contains("kst-test")));
        until("its output is in the log", || {
            world.kst(["logs", &name]).ok().out().contains("hello")
        });

        world.kst(["stop", &name]).ok();
        let status = world.status(&name);
        assert_eq!(status["state"], "stopped", "{engine}: {status}");
        assert_eq!(status["exit_code"], 3);
        world.kst(["logs", &name]).ok().prints("hello").prints("bye");

        world.kst(["remove", &name]).ok();
        world.kst(["status", &name]).exits(3);
        let left = world.engine(engine, ["ps", "-a", "--format", "{{.Names}}"]).ok().out();
        assert!(!left.contains(&name), "{engine}: {left}");
    });
}

#[test]
fn what_ended_by_itself_tells_how() {
    each(|world, engine| {
        let name = world.name("short");
        start(world, &name, "echo last words; exit 7");
        until("it has ended", || world.status(&name)["state"] == "exited");
        assert_eq!(world.status(&name)["exit_code"], 7, "{engine}");
        world.kst(["logs", &name]).ok().prints("last words");
    });
}

#[test]
fn a_failed_start_leaves_nothing() {
    each(|world, engine| {
        let name = world.name("broken");
        let image = world.image();
        let start = ["start", &name, "-b", "container", "-i", &image];
        world.kst(start.into_iter().chain(["--", "no-such-program"])).exits(1);
        world.kst(["status", &name]).exits(3);
        let left = world.engine(engine, ["ps", "-a", "--format", "{{.Names}}"]).ok().out();
        assert!(!left.contains(&name), "{engine}: {left}");
        // The name is free again.
        world.kst(start.into_iter().chain(["--", "sleep", "1000"])).ok();
    });
}

#[test]
fn a_foreign_container_is_never_removed_or_replaced() {
    each(|world, engine| {
        let (name, image) = (world.name("theirs"), world.image());
        world.engine(engine, ["run", "-d", "--name", &name, &image, "sh", "-c", "exit 5"]).ok();
        let id =
            world.engine(engine, ["ps", "-aq", "--filter", &format!("name={name}")]).ok().out();
        until("it has ended", || world.status(&name)["state"] != "running");

        let start = ["start", &name, "-b", "container", "-i", &image, "--", "sleep", "1000"];
        world.kst(start).exits(4).says(&name);
        world.kst(["remove", &name]).exits(1);
        let still = world.engine(engine, ["ps", "-aq", "--filter", &format!("name={name}")]);
        assert_eq!(still.out(), id, "{engine}");
    });
}

#[test]
fn names_ids_and_images_are_not_mixed_up() {
    each(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "sleep 1000");
        let filter = format!("name={name}");
        let id = world.engine(engine, ["ps", "-aq", "--no-trunc", "--filter", &filter]).ok().out();
        let id = id.trim();
        for near in [&id[..4], &id[..12], id, &name[..name.len() - 1], "kst-test"] {
            let code = world.kst(["stop", near]).code;
            assert!(code == Some(3) || code == Some(2), "{engine}: stop {near}: {code:?}");
        }
        assert_eq!(world.status(&name)["state"], "running");
    });
}

#[test]
fn the_command_gets_exactly_its_words_and_only_the_given_environment() {
    each(|world, engine| {
        let (name, image) = (world.name("exact"), world.image());
        let script = "printf '<%s>\\n' \"$@\"; printf '{%s}\\n' \"$GIVEN\" \"$DOCKER_HOST\"; pwd";
        let words = ["a b", "", "$HOME", "*", ";", "-x", "Grüße"];
        let start = ["start", &name, "-b", "container", "-i", &image, "-w", "/data"];
        let given = ["-e", "GIVEN=two\nlines", "-e", "DOCKER_HOST=steered", "--", "sh", "-c"];
        let args = start.into_iter().chain(given).chain([script, "sh"]).chain(words);
        world.kst(args).ok();
        until("it has ended", || world.status(&name)["state"] == "exited");
        let log = world.kst(["logs", &name]).ok().out();
        for word in words {
            assert!(log.contains(&format!("<{word}>\n")), "{engine}: {word:?} is not in\n{log}");
        }
        assert!(log.contains("{two\nlines}\n{steered}\n/data\n"), "{engine}: {log}");
    });
}

#[test]
fn the_images_entrypoint_applies() {
    each(|world, engine| {
        let name = world.name("entry");
        let image = world.image().replace(":latest", ":entrypoint");
        world.kst(["start", &name, "-b", "container", "-i", &image, "--", "a", "b c"]).ok();
        until("it has ended", || world.status(&name)["state"] == "exited");
        let log = world.kst(["logs", &name]);
        assert_eq!(log.ok().out(), "entrypoint: a b c\n", "{engine}");
    });
}

#[test]
fn one_name_in_both_engines_is_ambiguous() {
    let Some(world) = World::with([Engine::Podman, Engine::Docker]) else { return };
    let (name, image) = (world.name("dev"), world.image());
    for engine in [Engine::Podman, Engine::Docker] {
        world.engine(engine, ["run", "-d", "--name", &name, &image, "sleep", "1000"]).ok();
    }
    world.kst(["status", &name]).exits(5).says("podman").says("docker");
    world.kst(["stop", &name]).exits(5);
}

#[test]
fn an_engine_that_is_down_costs_a_warning_and_nothing_more() {
    let Some(mut world) = World::with([Engine::Tmux, Engine::Docker]) else { return };
    world.set("DOCKER_HOST", format!("unix://{}", world.path("nobody").display()));
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let list = world.kst(["list", "--json"]);
    assert_eq!(list.ok().json()[0]["name"], "dev");
    list.says("docker");
    world.kst(["start", "c", "-b", "container", "-i", &world.image()]).exits(6).says("docker");
}
