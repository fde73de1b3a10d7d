//! What users of `kstlib ops` suffer from, point by point, and each with an end to it.
//!
//! A test's name begins with the number of its point. For each point tests/mutations/ holds a patch
//! that takes the guard out of the code, and one of these tests notices.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Engine, World, until};

fn tmux() -> Option<World> {
    World::with([Engine::Tmux])
}

/// Each container engine that is here, in a world of its own.
fn each(test: impl Fn(&World, Engine)) {
    for engine in [Engine::Podman, Engine::Docker] {
        if let Some(world) = World::with([engine]) {
            test(&world, engine);
        }
    }
}

/// The names and states of a list.
fn states(list: &Value) -> Vec<(&str, &str)> {
    let sessions = list.as_array().expect("an array").iter();
    sessions
        .map(|one| (&one["name"], &one["state"]))
        .map(|(name, state)| (name.as_str().expect("a name"), state.as_str().expect("a state")))
        .collect()
}

#[track_caller]
fn ended(world: &World, name: &str) -> Value {
    until("it has ended", || world.status(name)["state"] == "exited");
    world.status(name)
}

#[test]
fn p01_a_name_is_never_another_sessions() {
    let Some(world) = tmux() else { return };
    world.kst(["start", "develop", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    for near in ["dev", "develo", "their", "*", "develop:", "=develop", "$0", "%0", "develop.0"] {
        for command in ["stop", "status", "logs", "attach", "remove"] {
            world.kst([command, near]).exits(3);
        }
    }
    assert_eq!(world.status("develop")["state"], "running");
    assert_eq!(world.status("theirs")["state"], "running");
}

#[test]
fn p01_an_id_or_an_image_is_no_session() {
    each(|world, engine| {
        let (name, image) = (world.name("bb"), world.image());
        world.engine(engine, ["run", "-d", "--name", &name, &image, "sleep", "1000"]).ok();
        let filter = format!("name={name}");
        let id = world.engine(engine, ["ps", "-aq", "--no-trunc", "--filter", &filter]).ok().out();
        let short: String = id.chars().take(4).collect();
        for near in [&short, "kst-test", &name[..name.len() - 1]] {
            world.kst(["stop", near]).exits(3);
            world.kst(["status", near]).exits(3);
        }
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
    });
}

#[test]
fn p02_names_and_keys_are_checked_to_their_last_character() {
    let Some(world) = tmux() else { return };
    for name in ["dev\n", "dev\u{663}", "dev\u{ff13}", "dev\r", "d\u{e9}v", "\u{2160}"] {
        world.kst(["start", name, "-b", "tmux", "--", "sleep", "9"]).exits(2);
    }
    for key in ["LD_PRELOAD\n", "LD_PRELOAD", "PYTHONPATH", "A\u{661}", "A\n"] {
        let variable = format!("{key}=/x");
        world.kst(["start", "dev", "-b", "tmux", "-e", &variable, "--", "sleep", "9"]).exits(2);
    }
    assert_eq!(world.kst(["list", "--json", "-b", "tmux"]).ok().json(), json!([]));
}

#[test]
fn p03_old_docker_works_and_a_failed_start_leaves_nothing() {
    let Some(world) = World::with([Engine::DockerClient(20)]) else { return };
    let (name, image) = (world.name("old"), world.image());
    let start = ["start", &name, "-b", "container", "-i", &image];
    world.kst(start.into_iter().chain(["--", "no-such-program"])).exits(1);
    let left = world.engine(Engine::Docker, ["ps", "-a", "--format", "{{.Names}}"]).ok().out();
    assert!(!left.contains(&name), "{left}");
    world.kst(start.into_iter().chain(["--", "sleep", "1000"])).ok();
    let status = world.status(&name);
    assert_eq!(status["state"], "running");
    assert_eq!(status["image"], image);
    let list = world.kst(["list", "-b", "container", "--json"]).ok().json();
    assert!(states(&list).contains(&(name.as_str(), "running")), "{list}");
    world.kst(["stop", &name, "-t", "0"]).ok();
    assert_eq!(world.status(&name)["state"], "stopped");
}

#[test]
fn p04_list_honours_the_configured_engine_and_backend() {
    let world = World::bare();
    for engine in ["podman", "docker"] {
        world.fake(engine, &format!("echo asked >> $HOME/{engine}"));
    }
    let sessions = "sessions: {api: {image: busybox}}";
    world.config(&format!(
        "ops: {{container_runtime: docker, default_backend: container, {sessions}}}"
    ));
    let list = world.kst(["list", "--json"]).ok().json();
    assert!(world.path("home/docker").exists(), "docker was not asked");
    assert!(!world.path("home/podman").exists(), "podman was asked");
    assert_eq!(list[0]["backend"], "container", "{list}");
    // Without the setting both are asked.
    world.config("ops: {}");
    world.kst(["list", "--json"]).ok();
    assert!(world.path("home/podman").exists(), "podman was not asked");
}

#[test]
fn p05_an_engine_that_is_down_is_not_an_empty_one() {
    let Some(world) = tmux() else { return };
    let down = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
    world.fake("docker", &format!("echo '{down}' >&2; exit 1"));
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let list = world.kst(["list", "--json", "--verbose"]);
    list.ok().says("warning: container (docker): Cannot connect");
    assert_eq!(states(&list.json()), [("dev", "running")]);
    world.kst(["list", "-b", "container"]).exits(6).says("docker");
    world.kst(["status", "x", "-b", "container"]).exits(6).says("docker");
    world.kst(["status", "x"]).exits(3).says("not asked: container (docker): Cannot connect");
    let health = world.kst(["list", "--json", "--health"]).ok().json();
    let docker = health["health"].as_array().expect("health").iter();
    let docker: Vec<_> = docker.filter(|one| one["location"] == "docker").collect();
    assert_eq!(docker[0]["state"], "down", "{health}");
    // Where the config says that docker is used, everybody hears that it is not.
    for config in [
        "container_runtime: docker",
        "default_backend: container",
        "sessions: {api: {backend: container, image: busybox}}",
        "sessions: {api: {backend: container, image: busybox, runtime: docker}}",
    ] {
        world.config(&format!("ops: {{{config}}}"));
        let list = world.kst(["list", "--json"]);
        list.ok().says("warning: container (docker): Cannot connect");
        assert_eq!(list.err().lines().count(), 1, "{list}");
    }
}

#[test]
fn p05_an_engine_that_hangs_holds_up_nothing_for_long() {
    let Some(mut world) = World::with([Engine::Tmux, Engine::Docker]) else { return };
    // It takes calls and never answers one.
    let socket = world.path("hangs");
    let _deaf = UnixListener::bind(&socket).expect("a socket");
    world.set("DOCKER_HOST", format!("unix://{}", socket.display()));
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let list = world.command(["list", "--json"]).deadline(Duration::from_secs(30)).run();
    list.ok().says("docker");
    assert_eq!(states(&list.json()), [("dev", "running")]);
}

#[test]
fn p06_stop_waits_for_a_clean_up_within_its_timeout() {
    let Some(world) = tmux() else { return };
    let tidy = "trap 'sleep 1; touch cleaned; exit 0' TERM HUP; echo up; \
                while :; do sleep 0.05; done";
    world.kst(["start", "tidy", "-b", "tmux", "--", "sh", "-c", tidy]).ok();
    until("it runs", || world.kst(["logs", "tidy"]).ok().out().contains("up"));
    let pid = world.status("tidy")["pid"].as_i64().expect("a pid");
    world.kst(["stop", "tidy", "-t", "20"]).ok();
    assert!(world.work().join("cleaned").exists(), "its clean-up was cut off");
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it is still there");
    assert_eq!(world.status("tidy")["exit_code"], 0);

    // One that does not listen has its timeout, and no more.
    let deaf = "trap '' TERM HUP; echo up; while :; do sleep 0.05; done";
    world.kst(["start", "deaf", "-b", "tmux", "--", "sh", "-c", deaf]).ok();
    until("it runs", || world.kst(["logs", "deaf"]).ok().out().contains("up"));
    let stop = world.kst(["stop", "deaf", "-t", "1"]);
    assert!(stop.ok().duration >= Duration::from_secs(1), "{stop}");
    let status = world.status("deaf");
    assert_eq!((&status["state"], &status["signal"]), (&json!("stopped"), &json!(9)), "{status}");
}

#[test]
fn p06_force_leaves_no_process_behind() {
    let Some(world) = tmux() else { return };
    let stubborn = "trap '' TERM HUP INT; setsid sleep 98765 & \
                    (setsid sh -c 'trap \"\" TERM HUP; sleep 98765; :' &) ; \
                    echo up; while :; do sleep 0.05; done";
    world.kst(["start", "stubborn", "-b", "tmux", "--", "sh", "-c", stubborn]).ok();
    until("all of it runs", || left(&world, "98765") >= 3);
    world.kst(["stop", "stubborn", "--force"]).ok();
    assert_eq!(left(&world, "98765"), 0, "something is left");
}

/// How many processes of this world have `mark` on their command line.
fn left(world: &World, mark: &str) -> usize {
    let pids = world.processes().into_iter();
    let lines = pids.filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok());
    lines.filter(|line| line.contains(mark)).count()
}

#[test]
fn p07_a_short_command_has_run_and_a_missing_one_has_not() {
    let Some(world) = tmux() else { return };
    world.kst(["start", "short", "-b", "tmux", "--", "sh", "-c", "echo done; exit 7"]).ok();
    let status = ended(&world, "short");
    assert_eq!(status["exit_code"], 7, "{status}");
    assert_eq!(world.kst(["logs", "short"]).ok().out(), "done\n");

    world.kst(["start", "none", "-b", "tmux", "-c", "no-such-program-here"]).exits(1);
    world.kst(["status", "none"]).exits(3);
}

#[test]
fn p08_what_ended_can_be_read_and_the_next_start_is_the_new_definition() {
    let Some(world) = tmux() else { return };
    let start = ["start", "job", "-b", "tmux", "--", "sh", "-c"];
    world.kst(start.into_iter().chain(["echo first; sleep 1000"])).ok();
    until("it has printed", || world.kst(["logs", "job"]).ok().out() == "first\n");
    world.kst(["stop", "job"]).ok();
    assert_eq!(world.status("job")["state"], "stopped");
    assert_eq!(world.kst(["logs", "job"]).ok().out(), "first\n");
    world.kst(start.into_iter().chain(["echo second"])).ok();
    ended(&world, "job");
    assert_eq!(world.kst(["logs", "job"]).ok().out(), "second\n");
    world.kst(["remove", "job"]).ok();
    world.kst(["logs", "job"]).exits(3);
}

#[test]
fn p08_containers_keep_their_logs_and_take_a_new_definition() {
    each(|world, engine| {
        let (name, image) = (world.name("job"), world.image());
        let start = ["start", &name, "-b", "container", "-i", &image, "--", "sh", "-c"];
        world
            .kst(start.into_iter().chain(["echo first; trap 'exit 3' TERM; sleep 1000 & wait"]))
            .ok();
        until("it has printed", || world.kst(["logs", &name]).ok().out().contains("first"));
        world.kst(["stop", &name, "-t", "5"]).ok();
        let status = world.status(&name);
        assert_eq!(status["state"], "stopped", "{engine}: {status}");
        assert!(world.kst(["logs", &name]).ok().out().contains("first"), "{engine}");

        world.kst(start.into_iter().chain(["echo second; exit 4"])).ok();
        until("it has ended", || world.status(&name)["state"] == "exited");
        assert_eq!(world.status(&name)["exit_code"], 4, "{engine}");
        let log = world.kst(["logs", &name]).ok().out();
        assert!(log.contains("second") && !log.contains("first"), "{engine}: {log}");

        let broken = ["start", &name, "-b", "container", "-i", &image, "--", "no-such-program"];
        world.kst(broken).exits(1);
        world.kst(start.into_iter().chain(["sleep 1000"])).ok();
    });
}

#[test]
fn p09_sockets_of_the_config_and_the_command_line_are_kept() {
    let Some(world) = tmux() else { return };
    world.config("ops: {sessions: {worker: {command: sleep 1000, socket_name: jobs}}}");
    // Another command and another option do not move it.
    world.kst(["start", "worker", "-c", "sleep 999", "-e", "A=1"]).ok();
    world.tmux(["-L", "jobs", "has-session", "-t", "=worker"]).ok();
    assert_eq!(world.status("worker")["socket_name"], "jobs");
    world.kst(["stop", "worker"]).ok();
    // What the command line says goes before what the config says.
    world.kst(["start", "worker", "-L", "side"]).ok();
    world.tmux(["-L", "side", "has-session", "-t", "=worker"]).ok();
    assert_eq!(
        world.kst(["status", "worker", "-L", "side", "--json"]).ok().json()["state"],
        "running"
    );
    world.kst(["stop", "worker", "-L", "side"]).ok();
}

#[test]
fn p09_one_name_on_two_sockets_is_nobodys_guess() {
    let Some(mut world) = tmux() else { return };
    for socket in ["one", "two"] {
        world.tmux(["-L", socket, "new-session", "-d", "-s", "dev", "sleep", "1000"]).ok();
    }
    for command in ["status", "stop", "logs", "attach"] {
        world.kst([command, "dev"]).exits(5).says("one").says("two").says("--socket");
    }
    assert_eq!(
        world.kst(["status", "dev", "-L", "two", "--json"]).ok().json()["socket_name"],
        "two"
    );
    // Sockets are where tmux has them.
    let elsewhere = world.path("run");
    world.set("TMUX_TMPDIR", &elsewhere);
    world.kst(["status", "dev"]).exits(3);
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.tmux(["has-session", "-t", "=dev"]).ok();
}

#[test]
fn p10_a_log_volume_is_checked_like_any_volume() {
    let world = World::bare();
    let file = world.config(
        "ops:\n  sessions:\n    app:\n      backend: container\n      image: busybox\n      \
         log_volume: ../../../etc:/x\n",
    );
    let start = world.kst(["start", "app"]);
    start.exits(2).says("log_volume").says("..").says(&format!("{}:6", file.display()));
    let given = "log_volume=../../../etc:/x";
    let start = ["start", "b", "-b", "container", "-i", "busybox", "-o", given];
    world.kst(start).exits(2).says("..");
}

#[test]
fn p11_a_directory_does_not_choose_a_program() {
    let Some(world) = tmux() else { return };
    let evil = world.write("work/evil.sh", "#!/bin/sh\ntouch \"$HOME/evil\"\n");
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("mode");
    for binary in ["./evil.sh".to_owned(), evil.display().to_string()] {
        world.write("work/kstlib.conf.yml", format!("ops: {{tmux_binary: \"{binary}\"}}"));
        for command in [&["status", "dev"][..], &["list"], &["start", "dev", "-c", "sleep 9"]] {
            world.kst(command).exits(7).says("kstlib.conf.yml");
        }
    }
    assert!(!world.path("home/evil").exists(), "it was run");
    // The user's own config may.
    world.fake("my-tmux", "touch \"$HOME/mine\"; exit 1");
    std::fs::remove_file(world.path("work/kstlib.conf.yml")).expect("a file");
    world.config("ops: {tmux_binary: my-tmux}");
    world.tmux(["new-session", "-d", "-s", "x", "sleep", "1000"]).ok();
    world.kst(["list", "-b", "tmux"]).exits(6);
    assert!(world.path("home/mine").exists(), "the user's choice was not run");
}

#[test]
fn p12_json_stands_alone_and_whole() {
    let Some(world) = tmux() else { return };
    world.fake("docker", "echo trouble >&2; exit 1");
    world.config(
        "ops: {sesions: {}, sessions: {broken: {image: 'NOT AN IMAGE', backend: container}}}",
    );
    let long = "a long name [/red] [bold]x ".repeat(8);
    world.tmux(["new-session", "-d", "-s", long.trim(), "sleep", "1000"]).ok();
    let list = world.kst(["list", "--json"]);
    list.ok().says("warning").says("docker").says("sesions");
    assert_eq!(list.json()[0]["name"], long.trim(), "{list}");
    assert!(list.out().lines().any(|line| line.contains(long.trim())), "it is wrapped:\n{list}");
    world.kst(["list"]).ok().prints("[/red] [bold]x");
    let status = world.kst(["status", long.trim(), "--json"]);
    assert_eq!(status.ok().json()["state"], "running");
}

#[test]
fn p13_no_escape_sequence_reaches_the_terminal_but_colours() {
    let Some(world) = tmux() else { return };
    let script = r"printf '\033]0;pwned\007\033[31mred\033[0m\033[2J\033[1;1Hafter\n\033P+q\033\\'";
    world.kst(["start", "loud", "-b", "tmux", "--", "sh", "-c", script]).ok();
    ended(&world, "loud");
    let piped = world.kst(["logs", "loud"]);
    piped.ok().prints("red").prints("after").hides("\x1b").hides("\x07").hides("pwned");
    let mut terminal = world.terminal(["logs", "loud"]);
    assert_eq!(terminal.exits(), Some(0));
    terminal.shows("after");
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(bytes.contains("\x1b[31m"), "the colour is lost: {bytes:?}");
    for bad in ["\x1b]", "\x1b[2J", "\x1b[1;1H", "\x1bP"] {
        assert!(!bytes.contains(bad), "{bad:?} passed: {bytes:?}");
    }
    world.kst(["logs", "loud", "--raw"]).ok().prints("\x1b]0;pwned");

    // tmux itself keeps such names out; one that does not is not believed.
    world.fake("tmux", r"printf '$1 1.1 1795412169 1 0 1 ,a\033[2Jb\n'");
    world.kst(["list"]).hides("\x1b[2J");
    world.kst(["list", "--json"]).hides("\x1b");
}

#[test]
fn p14_so_many_lines_are_so_many_lines() {
    let Some(world) = tmux() else { return };
    world.kst(["start", "count", "-b", "tmux", "--", "seq", "1", "200"]).ok();
    ended(&world, "count");
    let ten: String = (191..=200).map(|number| format!("{number}\n")).collect();
    assert_eq!(world.kst(["logs", "count", "-n", "10"]).ok().out(), ten);
    world
        .kst(["start", "few", "-b", "tmux", "--", "sh", "-c", "echo one; echo two; sleep 1000"])
        .ok();
    until("it has printed", || world.kst(["logs", "few", "-n", "10"]).ok().out() == "one\ntwo\n");
    // A session that kst did not start has no log but its screen.
    let theirs = "seq 1 200; sleep 1000";
    world.tmux(["new-session", "-d", "-s", "theirs", theirs]).ok();
    until("its last lines are ten", || world.kst(["logs", "theirs", "-n", "10"]).ok().out() == ten);
}

#[test]
fn p15_values_of_the_config_are_taken_as_written() {
    let Some(world) = tmux() else { return };
    world.config(
        "include: nothing.yml\nops:\n  sessions:\n    api:\n      command: sh -c 'echo \
         \"<$N> <$B> <$F> <$O>\"'\n      env: {N: 1, B: true, F: 1.10, O: 010}\n    web:\n      \
         backend: container\n      image: busybox\n      ports: [8080, 22:22]\n",
    );
    let start = world.kst(["start", "api"]);
    start.ok().says("nothing.yml").hides("panicked");
    ended(&world, "api");
    assert_eq!(world.kst(["logs", "api"]).ok().out(), "<1> <true> <1.10> <010>\n");
    world.fake("docker", "exit 0");
    let dry = world.kst(["--dry-run", "start", "web"]);
    dry.ok().prints("-p 8080").prints("-p 22:22");

    for root in ["- a\n- b\n", "5", "", "ops: 5", "ops: {sessions: [a]}"] {
        world.config(root);
        world.kst(["list", "--json"]).ok().json();
    }
    let file = world.config("- a\n- b\n");
    world.kst(["list"]).ok().says(&file.display().to_string());
    // It may be defined in what could not be read.
    world.kst(["start", "ad-hoc", "-b", "tmux", "--", "true"]).exits(2).says("begin it with");
}

#[test]
fn p16_valid_references_are_taken() {
    let world = World::bare();
    world.fake("docker", "exit 0");
    let start = ["--dry-run", "start", "x", "-b", "container", "--", "true"];
    for (flag, value) in [
        ("-i", "registry.example:5000/team/app:1.0"),
        ("-p", "127.0.0.1:80:80"),
        ("-v", "data:/b:Z"),
        ("-v", "/srv/a:/b:Z"),
    ] {
        let image = if flag == "-i" { &[][..] } else { &["-i", "busybox"] };
        let args = [&start[..5], image, &[flag, value], &start[5..]].concat();
        world.kst(args).ok().prints(value);
    }
}

#[test]
fn p16_quoted_characters_are_characters_and_operators_are_told() {
    let Some(world) = tmux() else { return };
    world.kst(["start", "quoted", "-b", "tmux", "-c", r#"echo 'a;b|c' "d&&e" f\;g"#]).ok();
    ended(&world, "quoted");
    assert_eq!(world.kst(["logs", "quoted"]).ok().out(), "a;b|c d&&e f;g\n");
    for command in
        ["sleep 9 & echo x", "echo a\necho b", "echo $(a\nb)", "a; b", "a | b", "a > b", "echo `a`"]
    {
        world.kst(["start", "op", "-b", "tmux", "-c", command]).exits(2).says("--shell");
    }
    world.kst(["start", "op", "-b", "tmux", "--shell", "-c", "echo a | tr a b; echo c"]).ok();
    ended(&world, "op");
    assert_eq!(world.kst(["logs", "op"]).ok().out(), "b\nc\n");
}

#[test]
fn p17_a_list_is_one_call_of_the_engine_and_compiles_nothing() {
    let Some(mut world) = tmux() else { return };
    let cache = world.with_own_cache();
    for number in 0..10 {
        world.tmux(["new-session", "-d", "-s", &format!("s{number}"), "sleep", "1000"]).ok();
    }
    let real = world.path("engines/tmux");
    world.fake("tmux", &format!("echo \"$*\" >> \"$HOME/calls\"\nexec {} \"$@\"", real.display()));
    let kept = |folder: &std::path::Path| -> Vec<_> {
        let find = world.program("find").args([folder.as_os_str(), "-type".as_ref(), "f".as_ref()]);
        let files = find.args(["-printf", "%p %i %s %T@\n"]).run().ok().out();
        let mut files: Vec<_> = files.lines().map(str::to_owned).collect();
        files.sort();
        files
    };
    assert_eq!(states(&world.kst(["list", "--json"]).ok().json()).len(), 10);
    let compiled = kept(&cache);
    assert!(!compiled.is_empty(), "nothing was kept of what was compiled");
    for args in [&["list", "--json"][..], &["list", "-b", "tmux"], &["status", "s3", "-b", "tmux"]]
    {
        let _ = std::fs::remove_file(world.path("home/calls"));
        world.kst(args).ok();
        let calls = std::fs::read_to_string(world.path("home/calls")).expect("calls");
        assert_eq!(calls.lines().count(), 1, "{args:?}:\n{calls}");
    }
    assert_eq!(kept(&cache), compiled);
}
