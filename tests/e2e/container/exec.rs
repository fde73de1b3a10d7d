//! A second command in a container.

use super::{each_client, each_engine, run_foreign, start};
use crate::support::{Engine, World, until};

#[test]
fn a_command_runs_as_it_was_given() {
    each_client(|world, engine| {
        let (own, theirs) = (world.name("own"), world.name("theirs"));
        start(world, &own, "exec sleep 1000");
        run_foreign(world, engine, &theirs, "exec sleep 1000");
        for name in [&own, &theirs] {
            let words = ["a b", "", "$HOME", "-x", ";", "'q'", "Grüße"];
            let script = "printf '<%s>' \"$@\"; echo; echo \"$KEY|$LINES2\" in $(pwd); exit 7";
            let exec =
                ["exec", name, "-w", "/tmp", "-e", "KEY=s3cret", "-e", "LINES2=one\ntwo", "--"];
            let exec = exec.iter().copied().chain(["sh", "-c", script, "sh"]).chain(words);
            let outcome = world.kst(["--verbose"].into_iter().chain(exec));
            outcome.returns(7);
            let expected: String = words.iter().map(|word| format!("<{word}>")).collect();
            assert_eq!(outcome.out(), format!("{expected}\ns3cret|one\ntwo in /tmp\n"), "{engine}");
            assert!(!outcome.err().contains("s3cret"), "{engine}: {outcome}");
            assert!(!world.kst(["audit"]).ok().out().contains("s3cret"), "{engine}");
        }
        let missing = world.kst(["exec", &own, "--", "no-such-program"]);
        // docker's engine 20.10 says that it cannot be run.
        assert!(matches!(missing.code, Some(126 | 127)), "{engine}: {missing}");
        world.kst(["exec", &own, "--", "sh", "-c", "kill -9 $$"]).returns(137);
        let dry = world.kst(["--dry-run", "exec", &own, "-e", "KEY=s3cret", "--", "id"]);
        dry.ok().prints(" exec ").hides("s3cret");
        world.kst(["stop", &own, "--force"]).ok();
        world.kst(["exec", &own, "--", "id"]).exits(125).says("is not running");
    });
}

#[test]
fn its_input_is_ksts() {
    each_engine(|world, engine| {
        let name = world.name("dev");
        start(world, &name, "exec sleep 1000");
        let input = "line\n".repeat(50_000);
        let exec = world.command(["exec", &name, "--", "cat"]).input(input.clone()).run();
        assert_eq!(exec.ok().out(), input, "{engine}");
        let tty = "test -t 0 && echo terminal || echo none";
        assert_eq!(world.kst(["exec", &name, "--", "sh", "-c", tty]).ok().out(), "none\n");
        let mut terminal =
            world.terminal(["exec", &name, "--", "sh", "-c", &format!("{tty}; exit 9")]);
        terminal.shows("terminal");
        assert_eq!(terminal.exits(), Some(9), "{engine}");
    });
}

#[test]
fn what_is_ksts_own_failure_is_125() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.kst(["exec", "dev", "--", "id"]).exits(125).says("runs on this machine");
    world.kst(["exec", "nosuch", "--", "id"]).exits(125).says("no session is called");
    world.kst(["exec", "dev", "-e", "1X=s3cret", "--", "id"]).exits(125).hides("s3cret");
    world.kst(["exec", "dev", "--", ""]).exits(125).says("no command");
    world.kst(["exec", "dev"]).exits(2);
    world.kst(["exec", "dev", "id"]).exits(2).says("kst exec dev -- id");
    world.tmux(["new-session", "-d", "-s", "mine", "sleep", "1000"]).ok();
    world.kst(["exec", "mine", "--", "id"]).exits(125).says("runs on this machine");
    until("nothing was harmed", || world.status("dev")["state"] == "running");
}
