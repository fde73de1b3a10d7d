//! `kst wait`, on this machine. (Containers: see `container::wait`.)

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::in_tmux::{start, world};
use crate::support::{Key, until};

/// Ends when a file is there.
fn until_told(file: &str, then: &str) -> String {
    format!("while ! test -e {file}; do sleep 0.02; done; {then}")
}

#[test]
fn the_exit_code_is_the_sessions() {
    let Some(world) = world() else { return };
    for (name, script, code) in
        [("fine", "exit 0", 0), ("bad", "exit 7", 7), ("shot", "kill -9 $$", 137)]
    {
        start(&world, name, &until_told("go", script));
        let wait = world.command(["wait", name]).spawn();
        let json = world.command(["--json", "wait", name]).spawn();
        world.write("work/go", "");
        assert_eq!(wait.wait().returns(code).out(), format!("{code}\n"), "{name}");
        let (status, later) = (json.wait().returns(code).json(), world.status(name));
        for key in ["name", "state", "exit_code", "signal", "ended_at", "ours", "command"] {
            assert_eq!(status[key], later[key], "{name}: {status}");
        }
        // It has ended already: at once, and the same.
        assert_eq!(world.kst(["wait", name]).returns(code).out(), format!("{code}\n"), "{name}");
        assert_eq!(world.kst(["wait", "-q", name]).returns(code).out(), "", "{name}");
        std::fs::remove_file(world.work().join("go")).expect("it is there");
    }
}

#[test]
fn of_a_program_that_ends_at_once_nothing_is_missed() {
    let Some(world) = world() else { return };
    for code in 0..20 {
        start(&world, "short", &format!("exit {code}"));
        world.kst(["wait", "short"]).returns(code);
    }
}

#[test]
fn several_are_told_of_as_they_end() {
    let Some(world) = world() else { return };
    start(&world, "one", &until_told("first", "exit 0"));
    start(&world, "two", &until_told("second", "exit 5"));
    start(&world, "three", &until_told("third", "kill -TERM $$"));
    let wait = world.command(["wait", "one", "two", "three", "two"]).spawn();
    let any = world.command(["wait", "--any", "one", "two", "three"]).spawn();
    world.write("work/third", "");
    assert_eq!(any.wait().returns(143).out(), "three 143\n");
    world.write("work/second", "");
    until("the second has ended", || world.status("two")["state"] == "exited");
    world.write("work/first", "");
    assert_eq!(wait.wait().returns(5).out().lines().count(), 3);

    let json = world.kst(["--json", "wait", "one", "nosuch", "two"]);
    let json = json.exits(125).says("no session is called 'nosuch'").json();
    assert_eq!((&json[0]["exit_code"], &json[2]["exit_code"]), (&0.into(), &5.into()));
    assert_eq!(json[1]["error_code"], 125);
    let any = world.kst(["--json", "wait", "--any", "one"]).ok().json();
    assert_eq!(any["name"], "one");
}

#[test]
fn what_is_ksts_own_failure_is_125_and_a_time_that_is_up_124() {
    let Some(world) = world() else { return };
    world.config("ops: {sessions: {api: {command: sleep 1000}}}");
    world.kst(["wait", "nosuch"]).exits(125).says("no session is called 'nosuch'");
    world.kst(["wait", "api"]).exits(125).says("kst start api");
    world.kst(["wait", "api", "-b", "nosuch"]).exits(125);
    world.kst(["wait"]).exits(2);
    world.kst(["wait", "api", "--timeout", "-1"]).exits(2).says("--timeout");
    world.kst(["start", "api"]).ok();
    let wait = world.kst(["wait", "api", "--timeout", "0.2s"]);
    wait.exits(124).says("has not ended within 0.2 s");
    assert!(wait.duration < Duration::from_secs(5), "{wait}");
    world.kst(["wait", "--any", "api", "--timeout", "0"]).exits(124);
    assert_eq!(world.status("api")["state"], "running");
    world.kst(["--dry-run", "wait", "api"]).ok().says("dry run");
}

#[test]
fn a_stop_is_an_end() {
    let Some(world) = world() else { return };
    // What is left of it after its program holds the stop up, and not the wait.
    let script = "trap 'setsid sh -c \"trap : TERM HUP; \
                  while ! test -e go; do sleep 0.02; done\" & exit 3' TERM; \
                  touch up; while :; do sleep 0.02; done";
    start(&world, "dev", script);
    until("it listens", || world.work().join("up").exists());
    let wait = world.command(["--json", "wait", "dev"]).spawn();
    let stop = world.command(["stop", "dev", "-t", "60"]).spawn();
    let status = wait.wait();
    assert_eq!(status.returns(3).json()["state"], "stopped");
    world.write("work/go", "");
    stop.wait().ok();
}

#[test]
fn an_engine_that_is_killed_is_not_taken_for_the_sessions_end() {
    let Some(world) = world() else { return };
    // One that hears the hang-up, and one that does not.
    start(&world, "soft", "exec sleep 1000");
    start(&world, "hard", &format!("trap '' HUP; touch up; {}", until_told("go", "exit 4")));
    until("it ignores the hang-up", || world.work().join("up").exists());
    let soft = world.command(["wait", "soft"]).spawn();
    let mut hard = world.command(["wait", "hard"]).spawn();
    let server = world.tmux(["display-message", "-p", "#{pid}"]).ok().out();
    let server = Pid::from_raw(server.trim().parse().expect("a pid")).expect("not 0");
    kill_process(server, Signal::KILL).expect("it is there");
    soft.wait().returns(129);
    // The engine is there again, with something else.
    start(&world, "other", "exec sleep 1000");
    assert!(hard.runs());
    world.write("work/go", "");
    hard.wait().returns(4);
}

#[test]
fn whose_shim_was_killed_ends_unknown() {
    let Some(world) = world() else { return };
    start(&world, "dev", "trap '' HUP; touch up; exec sleep 1000");
    until("it ignores the hang-up", || world.work().join("up").exists());
    let program = world.status("dev")["pid"].as_i64().expect("a pid");
    let status = std::fs::read_to_string(format!("/proc/{program}/status")).expect("it runs");
    let shim = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    let shim = shim.and_then(|pid| pid.trim().parse().ok()).expect("it has a parent");
    let kill = |pid: i32| kill_process(Pid::from_raw(pid).expect("not 0"), Signal::KILL);
    let mut wait = world.command(["wait", "dev"]).spawn();
    kill(shim).expect("it is there");
    until("its engine has let go of it", || {
        world.status("dev")["details"]["note"].as_str().is_some_and(|note| note.contains("shim"))
    });
    assert!(wait.runs());
    let _ = kill(i32::try_from(program).expect("a pid"));
    wait.wait().exits(125).says("how session 'dev' ended is not known");
}

#[test]
fn a_session_of_somebody_else_is_waited_for_too() {
    let Some(world) = world() else { return };
    world.tmux(["new-session", "-d", "-s", "mine", "sh", "-c", &until_told("go", "exit 5")]).ok();
    let mut wait = world.command(["wait", "mine"]).spawn();
    world.kst(["wait", "mine", "-t", "0.3"]).exits(124);
    assert!(wait.runs());
    world.write("work/go", "");
    // tmux forgets it, and its code.
    wait.wait().exits(125).says("how session 'mine' ended is not known");
}

#[test]
fn ctrl_c_ends_the_waiting_at_once_and_nothing_else() {
    let Some(world) = world() else { return };
    start(&world, "one", "exec sleep 1000");
    start(&world, "two", "exec sleep 1000");
    let before = world.processes().len();
    let mut terminal = world.terminal(["wait", "one", "two"]);
    until("it waits", || world.processes().len() > before);
    terminal.press(Key::Ctrl('c'));
    assert_eq!(terminal.exits(), None, "{}", terminal.screen());
    until("nothing of it is left", || world.processes().len() == before);
    assert_eq!(world.status("one")["state"], "running");
}
