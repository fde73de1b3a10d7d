//! `restart`: programs on this machine that are started again by themselves. (Containers: see
//! `container::restart_policy`.)

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Engine, Outcome, World, eventually, screen_plugin, until};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

/// Says the how-many-th time it runs, and ends with that as its code until it has run so often.
fn fails_until(times: u32) -> String {
    format!(
        "echo x >> runs; n=$(wc -l < runs); echo begin $n; echo end $n; \
         [ $n -ge {times} ] && exit 0; exit $n"
    )
}

/// The words of `kst start dev` with a script and a policy.
fn start<'a>(policy: &'a str, script: &'a str) -> Vec<&'a str> {
    vec!["start", "dev", "--restart", policy, "--", "sh", "-c", script]
}

/// A session of the config that is started again after so long each time.
fn config(world: &World, policy: &str, backoff: &str, script: &str) {
    let script = script.replace('\\', "\\\\").replace('"', "\\\"");
    world.config(&format!(
        "ops: {{sessions: {{dev: {{command: [sh, -c, \"{script}\"], \
         restart: {{policy: {policy}, backoff: {backoff}, max_backoff: {backoff}}}}}}}}}"
    ));
}

#[track_caller]
fn waits_for_its_next_start(world: &World) -> Value {
    eventually("it waits", || Some(world.status("dev")).filter(|one| one["restarting"] == true))
}

/// The processes of this world that have a word in their command line.
fn with_word(world: &World, word: &str) -> Vec<i32> {
    let mut pids = world.processes();
    pids.retain(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|one| one == word.as_bytes())
    });
    pids
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("{value} is no time"))
}

/// What fails three times and then succeeds, on a backend.
fn until_it_succeeds(kst: &dyn Fn(&[&str]) -> Outcome) {
    kst(&start("on-failure", &fails_until(4))).ok();
    kst(&["wait", "dev"]).returns(0);
    let status = kst(&["status", "dev", "--json"]).ok().json();
    assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &0.into()), "{status}");
    assert_eq!((&status["restarts"], &status["run"]), (&3.into(), &1.into()), "{status}");
    assert_eq!(status["restart"], "on-failure");
    for key in ["last_exit_code", "last_signal", "last_ended_at", "restarting_at"] {
        assert!(status[key].is_null(), "{status}");
    }
    assert!(time(&status["created_at"]) < time(&status["started_at"]), "{status}");
    let lines: String = (1..=4).map(|n| format!("begin {n}\nend {n}\n")).collect();
    assert_eq!(kst(&["logs", "dev", "-n", "100"]).ok().out(), lines);
    kst(&["status", "dev"]).ok().prints("restarts:    3\n").prints("restart:     on-failure\n");
    let list = kst(&["list", "--json"]).ok().json();
    assert_eq!((&list[0]["restarts"], &list[0]["restarting"]), (&3.into(), &false.into()));
    // It is started anew as it was: the count begins anew, too.
    kst(&["restart", "dev"]).ok();
    kst(&["wait", "dev"]).returns(0);
    let status = kst(&["status", "dev", "--json"]).ok().json();
    assert_eq!((&status["restarts"], &status["run"]), (&0.into(), &2.into()), "{status}");
    assert_eq!(status["restart"], "on-failure");
}

#[test]
fn it_is_started_again_until_it_succeeds() {
    let Some(world) = world() else { return };
    until_it_succeeds(&|args| world.kst(args));
}

#[test]
fn in_screen_it_is_too() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = ["--plugin", plugin.to_str().expect("a path of this project")];
    until_it_succeeds(&|args| world.kst(plugin.iter().chain(args)));
    // And stopped while it waits.
    let kst = |args: &[&str]| world.kst(plugin.iter().chain(args));
    config(&world, "always", "1h", "exit 3");
    kst(&["start", "dev", "-b", "screen"]).ok();
    let status = || kst(&["status", "dev", "--json"]).ok().json();
    until("it waits", || status()["restarting"] == true);
    kst(&["stop", "dev"]).ok().prints("code 3");
    assert_eq!(status()["state"], "stopped");
}

#[test]
fn a_limit_is_the_most_times() {
    let Some(world) = world() else { return };
    world.kst(start("on-failure:2", &fails_until(100))).ok();
    world.kst(["wait", "dev"]).returns(3);
    let status = world.status("dev");
    assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &3.into()), "{status}");
    assert_eq!((&status["restarts"], &status["restart"]), (&2.into(), &"on-failure:2".into()));
    assert_eq!(world.kst(["logs", "dev"]).ok().out().lines().count(), 6);
}

#[test]
fn a_signal_is_a_failure_and_a_success_is_none() {
    let Some(world) = world() else { return };
    let script = "echo x >> runs; [ $(wc -l < runs) -gt 1 ] || kill -9 $$";
    world.kst(start("on-failure", script)).ok();
    world.kst(["wait", "dev"]).returns(0);
    assert_eq!(world.status("dev")["restarts"], 1);
    // One that ends with 0 at once is over.
    world.kst(start("on-failure", "exit 0")).ok();
    world.kst(["wait", "dev"]).returns(0);
    assert_eq!(world.status("dev")["restarts"], 0);
    world.kst(start("never", "exit 3")).ok();
    world.kst(["wait", "dev"]).returns(3);
    assert_eq!(world.status("dev")["restart"], "never");
}

#[test]
fn always_is_after_a_success_too_until_it_is_stopped() {
    let Some(world) = world() else { return };
    world.kst(start("always", "echo here; exit 0")).ok();
    let wait = world.command(["wait", "dev"]).spawn();
    let any = world.command(["wait", "--any", "dev"]).spawn();
    until("it was started again", || world.status("dev")["restarts"].as_u64() > Some(2));
    world.kst(["wait", "dev", "--timeout", "0.3"]).returns(124);
    assert_eq!(world.status("dev")["state"], "running");
    world.kst(["stop", "dev"]).ok();
    let status = world.status("dev");
    assert_eq!((&status["state"], &status["restarting"]), (&"stopped".into(), &false.into()));
    wait.wait().returns(0);
    any.wait().returns(0);
    let runs = world.kst(["logs", "dev"]).ok().out().lines().count() as u64;
    assert_eq!(status["restarts"].as_u64(), Some(runs - 1));
}

#[test]
fn while_it_waits_that_is_told_and_nothing_is_sent() {
    let Some(world) = world() else { return };
    config(&world, "on-failure:5", "1h", "echo begun; exit 4");
    world.kst(["start", "dev"]).ok();
    let status = waits_for_its_next_start(&world);
    assert_eq!((&status["state"], &status["pid"]), (&"running".into(), &Value::Null), "{status}");
    assert_eq!((&status["restarts"], &status["last_exit_code"]), (&0.into(), &4.into()));
    assert!(status["exit_code"].is_null() && status["ended_at"].is_null(), "{status}");
    let wait = time(&status["restarting_at"]).duration_since(time(&status["last_ended_at"]));
    assert_eq!(wait.as_secs(), 3600, "{status}");
    let text = world.kst(["status", "dev"]).ok().out();
    assert!(text.contains("last exit:   code 4 (") && text.contains("restarting:  in 3"), "{text}");
    assert!(text.contains(" s (1 of 5)\n"), "{text}");
    world.kst(["list"]).ok().prints("running (restarting in 3");
    let list = world.kst(["list", "--json"]).ok().json();
    assert_eq!((&list[0]["restarting"], &list[0]["last_exit_code"]), (&true.into(), &4.into()));
    let signal = world.kst(["signal", "dev", "TERM"]);
    signal.exits(1).says("is about to be started again").says("kst stop dev");
    world.kst(["remove", "dev"]).exits(1);
    world.kst(["start", "dev"]).exits(4);
    world.kst(["wait", "dev", "--timeout", "0.3"]).returns(124);
    let dry = world.kst(["--dry-run", "stop", "dev"]);
    dry.ok().prints("TERM to process");
    assert_eq!(world.status("dev")["restarting"], true);
    // What it printed is all there, and nothing else.
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "begun\n");
}

#[test]
fn a_stop_does_not_wait_for_the_next_start() {
    let Some(world) = world() else { return };
    config(&world, "always", "1h", "exit 4");
    let down: [&[&str]; 4] =
        [&["stop", "dev"], &["stop", "--force", "dev"], &["stop", "--all"], &["down"]];
    for words in down {
        world.kst(["start", "dev"]).ok();
        waits_for_its_next_start(&world);
        let stop = world.kst(words);
        assert!(stop.ok().duration < Duration::from_secs(8), "{stop}");
        let status = world.status("dev");
        let state = (&status["state"], &status["exit_code"]);
        assert_eq!(state, (&"stopped".into(), &4.into()), "{words:?}: {status}");
        assert!(with_word(&world, "shim").is_empty(), "{words:?}");
    }
    // Started anew without waiting.
    world.kst(["start", "dev"]).ok();
    let before = waits_for_its_next_start(&world);
    world.kst(["restart", "dev"]).ok();
    let after = waits_for_its_next_start(&world);
    assert_eq!((&before["run"], &after["run"]), (&5.into(), &6.into()));
}

#[test]
fn a_stop_wins_at_whatever_moment() {
    let Some(world) = world() else { return };
    for round in 0..24 {
        // It ends, and is started again, all the time.
        let sleep = format!("0.0{}", 1 + round % 3);
        config(&world, "always", "10ms", &format!("exec sleep {sleep}"));
        world.kst(["start", "dev"]).ok();
        let force: &[&str] = if round % 2 == 0 { &[] } else { &["--force"] };
        world.kst(["stop", "dev"].iter().chain(force)).ok();
        assert_eq!(with_word(&world, &sleep), Vec::<i32>::new(), "round {round}");
        assert_eq!(with_word(&world, "shim"), Vec::<i32>::new(), "round {round}");
        let status = world.status("dev");
        assert_eq!(status["state"], "stopped", "round {round}: {status}");
        let known = !status["exit_code"].is_null() || !status["signal"].is_null();
        assert!(known, "round {round}: {status}");
    }
}

#[test]
fn a_stop_that_is_killed_has_stopped_the_restarts() {
    let Some(world) = world() else { return };
    // Deaf to what asks, and killed by nobody, so that the stop goes on for long.
    let script = "trap '' TERM HUP; echo up; while ! test -e go; do sleep 0.02; done; exit 6";
    world.kst(start("always", script)).ok();
    until("it listens", || world.kst(["logs", "dev"]).ok().out().contains("up"));
    let stop = world.command(["stop", "dev", "--timeout", "1000"]).spawn();
    until("it is being stopped", || {
        world.kst(["audit"]).ok().out().contains("kst stop dev") || {
            let ledger = world.home().join(".local/state/kst/ledger.jsonl");
            std::fs::read_to_string(ledger).is_ok_and(|text| text.contains("\"stopping\""))
        }
    });
    stop.signal(Signal::KILL);
    world.write("work/go", "");
    world.kst(["wait", "dev"]).returns(6);
    let status = world.status("dev");
    assert_eq!((&status["state"], &status["restarts"]), (&"stopped".into(), &0.into()), "{status}");
}

#[test]
fn a_signal_to_the_program_is_no_stop() {
    let Some(world) = world() else { return };
    world.kst(start("on-failure", "echo up; exec sleep 1000")).ok();
    for count in 1..4 {
        until("it runs", || world.status("dev")["pid"].is_u64());
        let pid = world.status("dev")["pid"].clone();
        // It may be just between two lives.
        until("it is sent", || world.kst(["signal", "dev", "KILL"]).code == Some(0));
        until("it was started again", || world.status("dev")["restarts"] == count);
        until("it runs", || world.status("dev")["pid"].is_u64());
        let status = world.status("dev");
        assert_eq!((&status["last_signal"], &status["restarting"]), (&9.into(), &false.into()));
        assert_ne!(status["pid"], pid);
        assert_eq!(with_word(&world, "1000").len(), 1);
    }
}

#[test]
fn what_is_followed_goes_on_through_all_lives() {
    let Some(world) = world() else { return };
    config(&world, "on-failure", "150ms", &fails_until(5));
    world.kst(["start", "dev"]).ok();
    let follow = world.kst(["logs", "-f", "dev", "-n", "1000"]);
    let lines: String = (1..=5).map(|n| format!("begin {n}\nend {n}\n")).collect();
    assert_eq!(follow.ok().out(), lines);
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), lines);
}

#[test]
fn events_tell_of_each_life_and_waits_grow() {
    let Some(world) = world() else { return };
    let file = world.path("events");
    let script = "file=$1; exec \"$0\" events --json >\"$file\"";
    let words = ["-c", script, env!("CARGO_BIN_EXE_kst"), file.to_str().expect("UTF-8")];
    let events = world.program("sh").args(words).spawn();
    let all = |path: &Path| -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let mut nth = 0;
    until("it listens", || {
        nth += 1;
        world.kst(["start", &format!("probe{nth}"), "--", "true"]).ok();
        !all(&file).is_empty()
    });
    // Long enough that nothing is missed between two looks.
    config(&world, "on-failure:3", "300ms", "sleep 0.3; exit 3");
    let config_file = world.home().join(".config/kstlib.conf.yml");
    let text = std::fs::read_to_string(config_file).expect("the config");
    world.config(&text.replace("max_backoff: 300ms", "max_backoff: 1h"));
    world.kst(["start", "dev"]).ok();
    let of_dev = || -> Vec<Value> {
        all(&file).into_iter().filter(|event| event["name"] == "dev").collect()
    };
    until("all has happened", || of_dev().len() >= 8);
    let told = of_dev();
    let steps: Vec<(&str, u64)> = told
        .iter()
        .map(|event| {
            let what = event["event"].as_str().unwrap_or_default();
            (what, event["restarts"].as_u64().expect("a count"))
        })
        .collect();
    let wanted: Vec<(&str, u64)> = (0..4).flat_map(|n| [("started", n), ("exited", n)]).collect();
    assert_eq!(steps, wanted, "{told:#?}");
    let mut waits = Vec::new();
    for pair in told.windows(2) {
        match pair[0]["event"] == "exited" {
            true => {
                waits.push(time(&pair[1]["at"]).duration_since(time(&pair[0]["at"])).as_millis())
            }
            false => assert_eq!(
                (&pair[1]["exit_code"], &pair[1]["state"]),
                (&3.into(), &"exited".into())
            ),
        }
    }
    for (wait, least) in waits.iter().zip([300, 600, 1200]) {
        assert!(*wait >= least, "{waits:?}");
    }
    assert_eq!(waits.len(), 3);
    let restarting: Vec<bool> = told
        .iter()
        .filter(|event| event["event"] == "exited")
        .map(|event| event["restarting"] == true)
        .collect();
    assert_eq!(restarting, [true, true, true, false]);
    events.signal(Signal::KILL);
}

#[test]
fn up_waits_for_the_last_end_and_for_a_later_life_to_be_ready() {
    let Some(world) = world() else { return };
    world.config(
        "ops:
  sessions:
    migrate:
      command: [sh, -c, 'echo x >> tries; [ $(wc -l < tries) -gt 2 ]']
      restart: on-failure
    api:
      command: [sh, -c, 'echo x >> lives; [ $(wc -l < lives) -gt 2 ] || exit 1; echo listening; exec sleep 1000']
      restart: on-failure
      depends_on: {migrate: succeeded}
      ready: {log: listening}
    broken:
      command: [sh, -c, 'exit 7']
      restart: on-failure:1
    after:
      command: sleep 1000
      depends_on: {broken: succeeded}
",
    );
    world.kst(["up", "api"]).ok();
    let (migrate, api) = (world.status("migrate"), world.status("api"));
    assert_eq!((&migrate["exit_code"], &migrate["restarts"]), (&0.into(), &2.into()), "{migrate}");
    assert_eq!((&api["state"], &api["restarts"]), (&"running".into(), &2.into()), "{api}");
    world.kst(["up", "after"]).exits(1).says("ended with code 7");
    assert_eq!(world.status("broken")["restarts"], 1);
    world.kst(["down"]).ok();
    assert_eq!(world.status("api")["state"], "stopped");
    world.config(
        "ops: {sessions: {a: {command: x, restart: always}, \
         b: {command: y, depends_on: {a: succeeded}}}}",
    );
    world.kst(["config", "check"]).prints("'a' never succeeds");
    world.config(
        "ops: {sessions: {a: {command: x, restart: 'always:3'}, \
         b: {command: y, depends_on: {a: succeeded}}}}",
    );
    world.kst(["config", "check"]).ok();
}

#[test]
fn a_shim_that_is_killed_starts_nothing_again_and_the_end_is_unknown() {
    let Some(world) = world() else { return };
    config(&world, "always", "1h", "exit 4");
    world.kst(["start", "dev"]).ok();
    waits_for_its_next_start(&world);
    let shims = world.shims();
    let [shim] = shims[..] else { panic!("{shims:?}") };
    kill_process(Pid::from_raw(shim).expect("a pid"), Signal::KILL).expect("it is there");
    until("it has ended", || world.status("dev")["state"] == "unknown");
    let status = world.status("dev");
    assert!(status["exit_code"].is_null() && status["restarting"] == false, "{status}");
    world.kst(["start", "dev"]).ok();
    assert_eq!(world.status("dev")["run"], 2);
}

#[test]
fn each_line_is_whole_though_it_is_killed_again_and_again() {
    let Some(world) = world() else { return };
    let script = "echo x >> runs; n=$(wc -l < runs); \
                  i=0; while [ $i -lt 300 ]; do echo \"$n line $i\"; i=$((i + 1)); done; \
                  [ $n -ge 5 ] || kill -9 $$";
    world.kst(start("on-failure", script)).ok();
    world.kst(["wait", "dev"]).returns(0);
    let log = world.kst(["logs", "dev", "-n", "10000"]).ok().out();
    let lines: Vec<&str> = log.lines().collect();
    let all: BTreeSet<&str> = lines.iter().copied().collect();
    assert_eq!((lines.len(), all.len()), (1500, 1500));
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("{} line {}", at / 300 + 1, at % 300));
    }
}

#[test]
fn what_is_no_policy_is_told() {
    let Some(world) = world() else { return };
    for (policy, says) in [
        ("sometimes", "there is no restart policy 'sometimes'"),
        ("on_failure", "did you mean 'on-failure'?"),
        ("on-failure:0", "0 times"),
        ("on-failure:x", "'x' is no number of restarts"),
        ("never:3", "never started again"),
        ("", "--restart"),
        ("-1", "--restart"),
    ] {
        let start = world.kst(["start", "dev", "--restart", policy, "--", "true"]);
        start.exits(2).says(says);
    }
    world.kst(["status", "dev"]).exits(3);
    config(&world, "sometimes", "1s", "true");
    world.kst(["config", "check"]).prints("ops.sessions.dev.restart.policy: there is no");
    config(&world, "on-failure", "1ms", "true");
    world.kst(["config", "check"]).prints("from 10 ms to a day");
    config(&world, "on-failure:3", "2s", "exit 1");
    world.kst(["config", "check"]).ok();
    world.kst(["config", "show"]).ok().prints("policy: \"on-failure:3\"").prints("backoff: \"2s\"");
    // The command line goes first.
    world.kst(["start", "dev", "--restart", "never"]).ok();
    world.kst(["wait", "dev"]).returns(1);
    assert_eq!(world.status("dev")["restart"], "never");
}
