//! Waiting for the end of containers.

use rustix::process::Signal;

use super::{each_client, each_engine, run_foreign, start, until_ended};
use crate::support::{World, until};

/// Ends when it is told to.
const WAITS: &str = "while ! test -e /tmp/go; do sleep 0.05; done; exit 7";

/// The engine's own command for waiting, of those that this world runs.
fn clients(world: &World) -> Vec<i32> {
    let waits = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line.split(|&byte| byte == 0);
        let program = words.next().unwrap_or_default();
        !program.ends_with(b"/kst") && words.next() == Some(b"wait")
    };
    world.processes().into_iter().filter(waits).collect()
}

#[test]
fn the_exit_code_is_the_containers() {
    each_client(|world, engine| {
        let (own, theirs) = (world.name("own"), world.name("theirs"));
        start(world, &own, WAITS);
        run_foreign(world, engine, &theirs, WAITS);
        let waits = [&own, &theirs].map(|name| world.command(["wait", name]).spawn());
        until("both wait", || clients(world).len() == 2);
        world.kst(["wait", &own, "--timeout", "0.5"]).exits(124);
        for name in [&own, &theirs] {
            world.engine(engine, ["exec", name, "touch", "/tmp/go"]).ok();
        }
        for wait in waits {
            assert_eq!(wait.wait().returns(7).out(), "7\n", "{engine}");
        }
        assert_eq!(world.kst(["wait", &own]).returns(7).out(), "7\n", "{engine}");
        let any = world.kst(["wait", "--any", &own, &theirs]);
        any.returns(7);
        until("no client is left", || clients(world).is_empty());
    });
}

#[test]
fn a_container_that_is_removed_meanwhile_tells_what_the_client_heard() {
    each_engine(|world, engine| {
        let name = world.name("gone");
        run_foreign(world, engine, &name, "exec sleep 1000");
        let wait = world.command(["wait", &name]).spawn();
        until("it waits", || clients(world).len() == 1);
        world.engine(engine, ["rm", "-f", &name]).ok();
        // Whether the client heard a code before it was gone is the engine's doing.
        let outcome = wait.wait();
        assert!(matches!(outcome.code, Some(125 | 137 | 143)), "{engine}: {outcome}");
    });
}

#[test]
fn an_interrupted_wait_leaves_no_client() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "exec sleep 1000");
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let wait = world.command(["wait", &name]).spawn();
            until("it waits", || clients(world).len() == 1);
            wait.signal(signal);
            assert_eq!(wait.wait().code, None, "{engine}: {signal:?}");
            until("its client is gone", || clients(world).is_empty());
        }
        assert_eq!(world.status(&name)["state"], "running", "{engine}");
    });
}

#[test]
fn an_engine_that_does_not_answer_for_a_while_is_waited_for() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        let real = engine.find().expect("it is here");
        world.fake(
            engine.program(),
            &format!(
                "if test -e ~/down; then echo >> ~/asked; \
                 echo 'Cannot connect to the Docker daemon' >&2; exit 125; fi; \
                 exec '{}' \"$@\"",
                real.display()
            ),
        );
        start(world, &name, WAITS);
        let wait = world.command(["wait", &name]).spawn();
        until("it waits", || clients(world).len() == 1);
        // Its clients end, and new ones fail.
        world.write("home/down", "");
        for pid in clients(world) {
            let pid = rustix::process::Pid::from_raw(pid).expect("not 0");
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        until("it was asked in vain", || world.home().join("asked").exists());
        std::fs::remove_file(world.home().join("down")).expect("it is there");
        world.engine(engine, ["exec", &name, "touch", "/tmp/go"]).ok();
        wait.wait().returns(7).says("waiting on");
        until_ended(world, &name);
    });
}

#[test]
fn what_others_wait_for_is_waited_for_by_its_engine() {
    each_engine(|world, engine| {
        let (job, after) = (world.name("job"), world.name("after"));
        world.config(&format!(
            "ops: {{default_backend: container, sessions: {{
                {job}: {{image: '{0}', command: [sh, -c, '{WAITS}']}},
                {after}: {{image: '{0}', command: [sleep, '1000'], depends_on: {{{job}: succeeded}}}}
            }}}}",
            world.image()
        ));
        let up = world.command(["up"]).spawn();
        until("it waits", || clients(world).len() == 1);
        up.signal(Signal::INT);
        assert_eq!(up.wait().code, None, "{engine}");
        until("no client is left", || clients(world).is_empty());
        let up = world.command(["up"]).spawn();
        until("it waits", || clients(world).len() == 1);
        world.engine(engine, ["exec", &job, "touch", "/tmp/go"]).ok();
        up.wait().exits(1).says("ended with code 7 and others wait for it to succeed");
        until("no client is left", || clients(world).is_empty());
    });
}
