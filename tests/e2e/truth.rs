//! What is told of a session after its end, and never guessed: how it ended, when, which run it was.

use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Engine, World, screen_plugin, until};

/// A backend on this machine, as a session is started there.
struct Place {
    world: World,
    globals: Vec<String>,
}

impl Place {
    fn tmux() -> Option<Place> {
        Some(Place { world: World::with([Engine::Tmux])?, globals: Vec::new() })
    }

    fn screen() -> Option<Place> {
        let world = World::with([Engine::Screen])?;
        let plugin = screen_plugin();
        world.trust(&plugin);
        let globals = vec!["--plugin".into(), plugin.to_string_lossy().into_owned()];
        Some(Place { world, globals })
    }

    #[track_caller]
    fn kst(&self, words: &[&str]) -> crate::support::Outcome {
        let words = words.iter().map(|&word| word.to_owned());
        self.world.kst(self.globals.iter().cloned().chain(words))
    }

    #[track_caller]
    fn status(&self, name: &str) -> Value {
        self.kst(&["status", name, "--json"]).ok().json()
    }

    #[track_caller]
    fn runs_to_its_end(&self, name: &str, script: &str) -> Value {
        self.kst(&["start", name, "--", "sh", "-c", script]).ok();
        until("it has ended", || self.status(name)["state"] == "exited");
        self.status(name)
    }
}

fn places() -> impl Iterator<Item = Place> {
    [Place::tmux(), Place::screen()].into_iter().flatten()
}

/// What `key` of a status holds, as a time.
#[track_caller]
fn time(status: &Value, key: &str) -> Timestamp {
    let text = status[key].as_str().unwrap_or_else(|| panic!("no time {key}: {status}"));
    text.parse().unwrap_or_else(|error| panic!("{key} is no RFC 3339: {error}: {status}"))
}

#[test]
fn a_run_tells_its_number_its_times_and_its_end() {
    for place in places() {
        let before = Timestamp::now();
        let first = place.runs_to_its_end("job", "sleep 0.3; exit 3");
        let after = Timestamp::now();
        assert_eq!((&first["run"], &first["exit_code"]), (&json!(1), &json!(3)), "{first}");
        let (started, ended) = (time(&first, "started_at"), time(&first, "ended_at"));
        // In JSON a time is cut to the millisecond.
        let slack = Duration::from_millis(1);
        assert!(before - slack <= started && ended <= after, "{before} {first} {after}");
        let ran = ended.duration_since(started).unsigned_abs();
        assert!(ran > Duration::from_millis(250), "{ran:?}");
        // On this machine nobody tells of that, so neither yes nor no.
        assert_eq!(first["out_of_memory"], Value::Null);
        assert_eq!(first["restarts"], 0);

        let again = place.runs_to_its_end("job", "kill -TERM $$");
        assert_eq!(again["run"], 2, "{again}");
        assert_eq!((&again["signal"], &again["exit_code"]), (&json!(15), &Value::Null));
        assert!(time(&again, "started_at") >= ended, "{first} {again}");
        let text = place.kst(&["status", "job"]);
        text.ok().prints("run:         2\n").prints("ran for:     ");
        text.prints("exit:        signal 15 (SIGTERM)\n");
        let list = place.kst(&["list", "--json"]).ok().json();
        for key in ["run", "started_at", "ended_at", "signal", "out_of_memory", "restarts"] {
            assert_eq!(list[0][key], again[key], "{key}: {list}");
        }

        // What is removed is forgotten, its number too.
        place.kst(&["remove", "job"]).ok();
        assert_eq!(place.runs_to_its_end("job", "true")["run"], 1);
    }
}

#[test]
fn how_it_ended_is_unknown_where_its_shim_was_killed() {
    for place in places() {
        let kill = |pid: i32| {
            kill_process(Pid::from_raw(pid).expect("no process is 0"), Signal::KILL).expect("runs");
        };
        // One that outlives the loss of its terminal.
        let script = "trap '' HUP; echo up; while :; do sleep 0.05; done";
        place.kst(&["start", "lost", "--", "sh", "-c", script]).ok();
        until("it runs", || place.kst(&["logs", "lost"]).ok().out().contains("up"));
        let pid = i32::try_from(place.status("lost")["pid"].as_i64().expect("a pid")).expect("pid");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        let shim = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        kill(shim.and_then(|pid| pid.parse().ok()).expect("it has a parent"));
        until("its engine has lost it", || !place.status("lost")["details"]["note"].is_null());
        assert_eq!(place.status("lost")["state"], "running");
        kill(pid);
        until("it is known to be gone", || place.status("lost")["state"] != "running");
        is_unknown(&place, "lost");
    }
}

#[test]
fn how_it_ended_is_unknown_after_the_machine_was_started_again() {
    for place in places() {
        place.kst(&["start", "before", "--", "sleep", "1000"]).ok();
        let over = place.runs_to_its_end("over", "exit 4");
        // What a crash leaves: a start, no end, and another boot than this.
        let ledger = place.world.path("home/.local/state/kst/ledger.jsonl");
        let text = std::fs::read_to_string(&ledger).expect("the ledger");
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
        place.kst(&["stop", "before", "--force"]).ok();
        std::fs::write(&ledger, text.replace(boot.trim(), "an-earlier-one")).expect("the ledger");
        is_unknown(&place, "before");
        // What was written down before stays true.
        let still = place.status("over");
        assert_eq!((&still["state"], &still["exit_code"]), (&over["state"], &over["exit_code"]));
        assert_eq!(still["ended_at"], over["ended_at"]);
    }
}

/// Whether nothing is said of how the session ended.
#[track_caller]
fn is_unknown(place: &Place, name: &str) {
    let status = place.status(name);
    assert_eq!(status["state"], "unknown", "{status}");
    for key in ["exit_code", "signal", "ended_at", "pid", "out_of_memory"] {
        assert_eq!(status[key], Value::Null, "{key}: {status}");
    }
    assert_eq!(status["run"], 1, "{status}");
    place.kst(&["status", name]).ok().hides("exit:").hides("ended:").hides("ran for:");
}

/// tmux keeps a pane whose process has ended if it is told to, and tells how that ended: of kst's
/// sessions that is the shim.
#[test]
fn a_dead_panes_word_is_the_shims_end() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "dev", "--", "sleep", "1000"]).ok();
    world.tmux(["set-option", "-w", "-t", "=dev:", "remain-on-exit", "on"]).ok();
    let shim = world.tmux(["list-panes", "-t", "=dev:", "-F", "#{pane_pid}"]).ok().out();
    let shim = Pid::from_raw(shim.trim().parse().expect("a pid")).expect("no process is 0");
    kill_process(shim, Signal::KILL).expect("it runs");
    until("it has ended", || world.status("dev")["state"] != "running");
    let status = world.status("dev");
    assert_eq!(status["state"], "unknown", "{status}");
    assert_eq!((&status["signal"], &status["exit_code"]), (&Value::Null, &Value::Null), "{status}");
}

#[test]
fn of_foreign_sessions_what_their_engine_tells() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let session = ["new-session", "-d", "-s", "theirs", "sleep 0.2; exit 4"];
    let keep = [";", "set-option", "-w", "-t", "=theirs:", "remain-on-exit", "on"];
    world.tmux(session.into_iter().chain(keep)).ok();
    until("it has ended", || {
        // Some versions of tmux miss a child's end until they do something.
        world.tmux(["run-shell", "true"]);
        world.status("theirs")["state"] == "exited"
    });
    let status = world.status("theirs");
    assert_eq!((&status["exit_code"], &status["ours"]), (&json!(4), &json!(false)), "{status}");
    time(&status, "created_at");
    for key in ["run", "started_at", "restarts", "out_of_memory"] {
        assert_eq!(status[key], Value::Null, "{key}: {status}");
    }
    world.kst(["status", "theirs"]).ok().prints("created:").hides("started:").hides("run:");
}
