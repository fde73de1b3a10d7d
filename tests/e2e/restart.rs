//! `kst restart`.

use rustix::process::Signal;

use crate::support::in_tmux::world;
use crate::support::{World, until};

#[track_caller]
fn log_has(world: &World, name: &str, text: &str) {
    until("its output is in the log", || world.kst(["logs", name]).ok().out().contains(text));
}

#[test]
fn the_same_runs_again_as_a_new_run() {
    let Some(mut world) = world() else { return };
    std::fs::create_dir(world.work().join("sub")).expect("it is new");
    let script = "echo \"$1 $KEY in $(pwd)\"; trap 'exit 3' TERM; while :; do sleep 0.05; done";
    let args = ["start", "dev", "-b", "tmux", "-L", "jobs", "-w", "sub", "-e", "KEY=s3cret"];
    world.kst(args.iter().chain(&["--", "sh", "-c", script, "sh", "a;b 'c'"])).ok();
    let expected = format!("a;b 'c' s3cret in {}", world.work().join("sub").display());
    log_has(&world, "dev", &expected);
    let first = world.status("dev");

    // From another directory and another environment.
    world.set("KEY", "other");
    let restart = world.command(["restart", "dev"]).cwd("/").run();
    restart.ok().prints("Session 'dev' restarted (tmux jobs, pid ").hides("s3cret");
    log_has(&world, "dev", &expected);
    let second = world.status("dev");
    assert_eq!((&second["state"], &second["location"]), (&"running".into(), &"jobs".into()));
    assert_ne!(first["pid"], second["pid"]);
    assert_eq!((first["run"].as_u64(), second["run"].as_u64()), (Some(1), Some(2)));
    assert_eq!(first["command"], second["command"]);
    assert!(!std::path::Path::new(&format!("/proc/{}", first["pid"])).exists());

    // One that does not run is started.
    world.kst(["stop", "dev"]).ok();
    let json = world.kst(["--json", "restart", "dev", "--force"]).ok().json();
    assert_eq!((&json["state"], &json["run"]), (&"running".into(), &3.into()));
}

#[test]
fn several_at_once_and_those_of_the_config() {
    let Some(world) = world() else { return };
    world.config("ops: {sessions: {api: {command: sleep 1000}}}");
    world.kst(["start", "one", "--", "sleep", "1000"]).ok();
    let restart = world.kst(["restart", "one", "nosuch", "api"]);
    restart.exits(3).prints("Session 'one' restarted").prints("Session 'api' restarted");
    restart.says("no session is called 'nosuch'");
    assert_eq!(world.status("api")["state"], "running");
    assert_eq!(world.status("one")["run"], 2);
}

#[test]
fn what_cannot_start_is_not_stopped() {
    let Some(world) = world() else { return };
    std::fs::create_dir(world.work().join("sub")).expect("it is new");
    world.kst(["start", "dev", "-w", "sub", "--", "sleep", "1000"]).ok();
    std::fs::remove_dir(world.work().join("sub")).expect("it is there");
    world.kst(["restart", "dev"]).exits(1).says("does not exist");
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn how_a_foreign_session_was_started_is_not_known() {
    let Some(world) = world() else { return };
    world.tmux(["new-session", "-d", "-s", "mine", "sleep", "1000"]).ok();
    world.kst(["restart", "mine"]).exits(1).says("was not started by kst");
    world.tmux(["has-session", "-t", "=mine"]).ok();
}

#[test]
fn killed_between_stop_and_start_it_can_go_on() {
    let Some(world) = world() else { return };
    let script = "trap 'touch asked; while ! test -e go; do sleep 0.02; done; exit 3' TERM; \
                  touch up; while :; do sleep 0.02; done";
    world.kst(["start", "dev", "--", "sh", "-c", script]).ok();
    until("it listens", || world.work().join("up").exists());
    let restart = world.command(["restart", "dev"]).spawn();
    until("it is asked to end", || world.work().join("asked").exists());
    restart.signal(Signal::KILL);
    assert_eq!(restart.wait().code, None);
    assert_eq!(world.status("dev")["state"], "running");
    world.write("work/go", "");
    until("it has ended", || world.status("dev")["state"] == "stopped");
    assert_eq!(world.status("dev")["exit_code"], 3);
    world.kst(["restart", "dev"]).ok();
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn a_dry_run_shows_the_stop_and_stops_nothing() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok();
    let pid = world.status("dev")["pid"].to_string();
    let dry = world.kst(["--dry-run", "restart", "dev"]);
    dry.ok().prints(&format!("TERM to process {pid} (sleep)")).says("started again as it was");
    assert_eq!(world.status("dev")["pid"].to_string(), pid);
    world.kst(["stop", "dev"]).ok();
    world.kst(["--dry-run", "restart", "dev"]).ok().prints("new-session");
    assert_eq!(world.status("dev")["state"], "stopped");
}

/// Its processes could be ended without tmux; they could not be started again.
#[test]
fn without_its_engine_it_is_left_running() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let pid = world.status("dev")["pid"].clone();
    let (program, away) = (world.path("engines/tmux"), world.path("engines/away"));
    std::fs::rename(&program, &away).expect("it is there");
    world.kst(["restart", "dev"]).exits(6).says("tmux is not on PATH");
    std::fs::rename(&away, &program).expect("it is there");
    let status = world.status("dev");
    assert_eq!((&status["state"], &status["pid"]), (&"running".into(), &pid));
}

/// Between the end of a run and the ledger's line about the next there are two of a name in one place, for
/// whoever looks in that moment.
#[test]
fn in_the_middle_of_a_start_two_of_a_name_are_waited_for() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "--", "sh", "-c", "trap '' HUP; while :; do sleep 0.1; done"]).ok();
    let first = world.status("dev");
    // It runs on under its shim, and tmux has another one.
    let pid = first["pid"].to_string();
    world.tmux(["new-session", "-d", "-s", "other", "sleep", "1000"]).ok();
    world.tmux(["rename-session", "-t", "=dev", "gone"]).ok();
    world.tmux(["new-session", "-d", "-s", "dev", "sleep", "1000"]).ok();
    world.kst(["status", "dev"]).exits(5).says("ambiguous");

    // While somebody starts that name, the answer may change.
    let locks = world.home().join(".local/state/kst/locks");
    std::fs::create_dir_all(&locks).expect("it can be made");
    let lock = std::fs::File::create(locks.join("tmux-dev")).expect("it can be made");
    lock.lock().expect("nobody has it");
    let real = world.path("engines/tmux");
    let fake = format!("{} \"$@\"; code=$?; echo >> \"$HOME/asked\"; exit $code", real.display());
    world.fake("tmux", &fake);
    let status = world.command(["status", "dev", "--json"]).spawn();
    until("it has looked", || world.home().join("asked").exists());
    world.tmux(["kill-session", "-t", "=dev"]).ok();
    drop(lock);
    let status = status.wait().ok().json();
    assert_eq!(status["pid"].to_string(), pid, "{status}");
}
