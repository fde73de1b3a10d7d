//! What a definition says is what the container gets: no more, no less, and no secret on the way.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use super::{each_client, each_engine, names, until_ended};
use crate::support::{Engine, World, eventually, until};

/// Puts a client before the real one that writes down its command line and its environment.
fn recording(world: &World, engine: Engine) -> std::path::PathBuf {
    let record = world.path("record");
    let real = world.path("engines").join(engine.program());
    world.fake(
        engine.program(),
        &format!(
            "{{ printf 'argv: %s\\n' \"$*\"; env; }} >>'{}'\nexec '{}' \"$@\"",
            record.display(),
            real.display()
        ),
    );
    record
}

/// Words that the kernel keeps apart by NUL.
fn words(file: &Path) -> Vec<String> {
    let text = String::from_utf8(fs::read(file).expect("the container wrote it")).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// What kst gives to a client that only looks: it is not handed on, and what the user has set stays.
#[test]
fn only_what_looks_is_told_to_collect_its_garbage_late() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        let record = recording(world, engine);
        let runs = |own: &str| {
            let text = fs::read_to_string(&record).expect("the client was called");
            let runs: Vec<_> = text.split("argv: ").skip(1).map(str::to_owned).collect();
            let has = |run: &str| run.lines().any(|line| line == format!("GOGC={own}"));
            let all = runs.iter().map(|run| (run.lines().next().unwrap_or_default(), has(run)));
            all.map(|(argv, has)| (argv.to_owned(), has)).collect::<Vec<_>>()
        };
        let image = world.image();
        let start = ["start", &name, "-b", "container", "-i", &image, "--", "sh", "-c"];
        world.kst(start.iter().copied().chain(["env; sleep 1000"])).ok();
        world.kst(["list"]).ok();
        until("it has printed its environment", || {
            world.kst(["logs", &name]).out().contains("PATH=")
        });
        world.kst(["logs", &name]).hides("GOGC");
        let told = runs("400");
        let looks = |argv: &str| argv.starts_with("ps ") || argv.starts_with("container inspect ");
        assert!(told.iter().filter(|(argv, _)| looks(argv)).all(|&(_, has)| has), "{told:?}");
        assert!(told.iter().any(|(argv, has)| argv.starts_with("ps ") && *has), "{told:?}");
        let changed = told.iter().find(|(argv, _)| argv.contains("sleep 1000"));
        assert!(changed.is_some_and(|(_, has)| !has), "{told:?}");

        fs::remove_file(&record).expect("it was written");
        world.command(["list"]).env("GOGC", "77").run().ok();
        let told = runs("77");
        assert!(!told.is_empty() && told.iter().all(|&(_, has)| has), "{told:?}");
    });
}

#[test]
fn command_environment_and_directory_arrive_exactly() {
    each_client(|world, engine| {
        let record = recording(world, engine);
        let (name, image) = (world.name("exact"), world.image());
        fs::create_dir(world.work().join("out")).expect("a folder can be made");
        let big = format!("s3cret {}", "0123456789abcde ".repeat(30 * 64));
        let given = [
            ("PLAIN", "s3cret"),
            ("EMPTY", ""),
            ("LINES", "s3cret\ntwo\n\nOTHER=no\n"),
            ("RETURNS", "s3cret\r\nx\r"),
            ("HASH", "#s3cret # not a comment"),
            ("SPACES", "  s3cret\ttwo  "),
            ("QUOTES", "'s3cret' \"two\" `three` \\n \\"),
            ("EXPANDED", "$HOME ${s3cret} $(id) *"),
            ("EQUALS", "=s3cret=b="),
            ("UNICODE", "Grüße s3cret 日本語 \u{1f980}\u{feff}"),
            ("BIG", &big),
            ("DOCKER_HOST", "unix:///s3cret"),
            ("CONTAINER_HOST", "unix:///s3cret"),
            ("DOCKER_CONFIG", "/s3cret"),
            ("HTTP_PROXY", "http://s3cret"),
        ];
        let given: Vec<String> =
            given.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let env = given.iter().flat_map(|one| ["-e", one]);
        let argv = ["a b", "", "$HOME", "*", ";", "&&", "-x", "--", "Grüße", "l1\nl2", "'\"\\"];
        let script = "cp /proc/self/environ /out/env; cp /proc/$$/cmdline /out/argv; pwd >/out/pwd";
        let start = ["--verbose", "start", &name, "-b", "container", "-i", &image, "-w", "/data"];
        let args = start.into_iter().chain(["-v", "./out:/out"]).chain(env);
        let args = args.chain(["--", "sh", "-c", script]).chain(argv);
        let shown = world.kst(args);
        shown.ok().says(" run ").hides("s3cret");
        until_ended(world, &name);

        let out = world.work().join("out");
        let env = words(&out.join("env"));
        for one in &given {
            assert!(env.contains(one), "{engine}: {one:.60?} is not in {env:.60?}");
        }
        for (key, _) in given.iter().filter_map(|one| one.split_once('=')) {
            let same = env.iter().filter(|one| one.split('=').next() == Some(key)).count();
            assert_eq!(same, 1, "{engine}: {key}");
        }
        assert!(!env.iter().any(|one| one.starts_with("OTHER=")), "{engine}");
        // The caller's own environment stays here.
        assert!(!env.iter().any(|one| one.contains("KST_TEST")), "{engine}");
        assert_eq!(words(&out.join("argv"))[3..], argv, "{engine}");
        assert_eq!(fs::read_to_string(out.join("pwd")).expect("it is there"), "/data\n");

        // What the client was given: no value that can do without is in its environment, none steers
        // it, and none is on its command line.
        let record = fs::read_to_string(record).expect("the client wrote it");
        assert!(record.contains("argv: run -d -it --name "), "{record}");
        for line in record.lines().filter(|line| line.starts_with("argv: ")) {
            assert!(!line.contains("s3cret"), "{engine}: {line}");
        }
        let mut lines: Vec<&str> = record.lines().filter(|line| line.contains("s3cret")).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["LINES=s3cret", "RETURNS=s3cret"], "{engine}");
    });
}

#[test]
fn a_value_that_would_steer_the_client_is_refused() {
    each_engine(|world, engine| {
        let (name, image) = (world.name("steer"), world.image());
        let start = ["start", &name, "-b", "container", "-i", &image, "-e"];
        let args = start.into_iter().chain(["DOCKER_HOST=unix:///x\ns3cret"]);
        world.kst(args).exits(7).says("DOCKER_HOST").hides("s3cret");
        assert!(!names(world, engine).contains(&name), "{engine}");
    });
}

#[test]
fn the_config_defines_volumes_ports_log_volume_and_the_rest() {
    each_engine(|world, engine| {
        let (name, image) = (world.name("full"), world.image());
        let port = free_port();
        // Relative folders are relative to the file that names them, a container's folder is not.
        for folder in ["in", "logs"] {
            fs::create_dir_all(world.home().join(".config").join(folder)).expect("folders");
        }
        world.write("home/.config/in/file", "from outside\n");
        world.config(&format!(
            r#"
ops:
  container_runtime: {engine}
  sessions:
    {name}:
      backend: container
      image: {image}
      working_dir: /data
      env: {{NUMBER: 3, YES: true}}
      volumes: ["./in:/in:ro"]
      log_volume: ./logs:/logs
      ports: ["127.0.0.1:{port}:8000"]
      command: >-
        sh -c 'cat /in/file; pwd; echo $NUMBER $YES; touch /in/x || echo read-only;
        echo kept > /logs/log; while :; do echo served | nc -l -p 8000; done'
"#,
            engine = engine.program(),
        ));
        assert_eq!(world.status(&name)["state"], "defined", "{engine}");
        world.kst(["start", &name]).ok();
        eventually("the port answers", || {
            let mut text = String::new();
            let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            stream.read_to_string(&mut text).ok()?;
            (text == "served\n").then_some(())
        });
        let log = world.kst(["logs", &name]).ok().out();
        assert!(log.starts_with("from outside\n/data\n3 true\n"), "{engine}: {log}");
        assert!(log.contains("read-only\n"), "{engine}: {log}");
        let kept = fs::read_to_string(world.home().join(".config/logs/log"));
        assert_eq!(kept.expect("the container wrote it"), "kept\n", "{engine}");
    });
}

#[test]
fn the_images_entrypoint_applies() {
    each_client(|world, engine| {
        let image = world.image().replace(":latest", ":entrypoint");
        let (words, none) = (world.name("words"), world.name("none"));
        world.kst(["start", &words, "-b", "container", "-i", &image, "--", "a", "b  c"]).ok();
        world.kst(["start", &none, "-b", "container", "-i", &image]).ok();
        for (name, printed) in [(words, "entrypoint: a b  c\n"), (none, "entrypoint:\n")] {
            until_ended(world, &name);
            assert_eq!(world.kst(["logs", &name]).ok().out(), printed, "{engine}");
        }
    });
}

#[test]
fn a_failed_start_leaves_nothing_and_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = format!("127.0.0.1:{}:80", taken.local_addr().expect("an address").port());
    each_client(|world, engine| {
        let (name, image) = (world.name("broken"), world.image());
        let missing = "localhost/kst-test-nosuch:1";
        let cases: [(&[&str], &str); 5] = [
            (&["-i", &image, "--", "no-such-program"], "no-such-program"),
            (&["-i", &image, "--", "/data"], "permission denied"),
            (&["-i", &image, "-w", "/etc/passwd/x", "--", "true"], "/etc/passwd"),
            (&["-i", missing, "--", "true"], "kst-test-nosuch"),
            (&["-i", &image, "-p", &port, "--", "true"], "address already in use"),
        ];
        for (args, words) in cases {
            let start = ["start", &name, "-b", "container"].into_iter().chain(args.iter().copied());
            let failed = world.kst(start);
            failed.exits(1).says(&name);
            let said = failed.err().to_lowercase();
            assert!(said.contains(words), "{engine}: it does not say {words:?}\n{failed}");
            world.kst(["status", &name]).exits(3);
            world.kst(["list", "-q"]).ok().hides(&name);
            assert!(!names(world, engine).contains(&name), "{engine}: {failed}");
        }
        // Without an image there is nothing to make one of.
        world.kst(["start", &name, "-b", "container"]).exits(2).says("image");
        // The name is free.
        world.kst(["start", &name, "-b", "container", "-i", &image, "--", "sleep", "1000"]).ok();
        until("it runs", || world.status(&name)["state"] == "running");
    });
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
