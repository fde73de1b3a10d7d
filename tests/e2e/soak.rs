//! Many sessions and many commands at once, and at the end everything as it should be.
//!
//! The ordinary tests run this at a size that any machine can carry; `make soak` (KST_SOAK=1) at full
//! size, with the figures for docs/reliability.md on standard error.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::in_tmux::world;
use crate::support::{World, until};

/// At full size the second.
fn size<T>(ordinary: T, full: T) -> T {
    if std::env::var_os("KST_SOAK").is_some() { full } else { ordinary }
}

/// A figure for whoever runs the soak.
fn figure(text: &str) {
    if std::env::var_os("KST_SOAK").is_some() {
        eprintln!("soak: {text}");
    }
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap_or(0)
    }
}

/// The lines that a short session prints, and the code that it returns then.
const LINES: usize = 500;

fn code(number: usize) -> usize {
    number % 7
}

/// Names with an even number are short sessions, those with an odd one go on.
fn start_of(number: usize) -> Vec<String> {
    let script = match number % 2 {
        0 => format!("seq {LINES}; exit {}", code(number)),
        _ => format!("echo up; exec sleep {}", 100_000 + number),
    };
    ["start", &format!("s{number}"), "-b", "tmux", "--", "sh", "-c", &script]
        .map(str::to_owned)
        .into()
}

/// Whatever many people do at once, each session then runs once or is gone, each exit code is what the
/// program returned, and each log is complete.
#[test]
fn many_mixed_commands_leave_everything_as_it_should_be() {
    let Some(world) = world() else { return };
    let (workers, time, names) =
        size((6, Duration::from_secs(4), 8), (100, Duration::from_secs(60), 60));
    let began = Instant::now();
    let count = AtomicUsize::new(0);
    let bad = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for worker in 0..workers {
            let (world, count, bad) = (&world, &count, &bad);
            scope.spawn(move || {
                let mut numbers = Numbers(0x9E37_79B9 + worker as u64 * 7919);
                while began.elapsed() < time {
                    let number = numbers.below(names);
                    let name = format!("s{number}");
                    let (args, fine): (Vec<String>, &[i32]) = match numbers.below(12) {
                        0..=4 => (start_of(number), &[0, 4]),
                        5 => (vec!["stop".into(), name, "-t".into(), "5".into()], &[0, 3]),
                        6 => (vec!["stop".into(), name, "--force".into()], &[0, 3]),
                        7 => (vec!["restart".into(), name, "-t".into(), "5".into()], &[0, 3, 4]),
                        // One that runs cannot be removed.
                        8 => (vec!["remove".into(), name], &[0, 1, 3]),
                        9 => (vec!["status".into(), name, "--json".into()], &[0, 3]),
                        10 => (vec!["logs".into(), name, "-n".into(), "1000".into()], &[0, 3]),
                        _ => (vec!["list".into(), "--json".into()], &[0]),
                    };
                    let outcome = world.command(&args).deadline(Duration::from_secs(120)).run();
                    count.fetch_add(1, Ordering::Relaxed);
                    // Of a hundred at once some may be told to come back later; then nothing of it is left.
                    let fine = [fine, size(&[], &[8])].concat();
                    if !outcome.code.is_some_and(|code| fine.contains(&code)) {
                        bad.lock().unwrap().push(outcome.to_string());
                    }
                }
            });
        }
    });
    let bad = bad.into_inner().unwrap();
    assert!(bad.is_empty(), "{} of {}:\n{}", bad.len(), count.into_inner(), bad.join("\n"));
    figure(&format!(
        "{} mixed commands of {workers} at once in {:?}",
        count.load(Ordering::Relaxed),
        began.elapsed()
    ));
    until("the short ones have ended", || {
        (0..names).step_by(2).all(|number| {
            let status = world.kst(["status", &format!("s{number}"), "--json"]);
            status.code == Some(3) || status.json()["state"] != "running"
        })
    });
    let sessions = world.kst(["list", "--json"]).ok().json();
    let sessions: BTreeMap<String, &Value> = sessions
        .as_array()
        .expect("an array")
        .iter()
        .map(|one| (one["name"].as_str().expect("a name").to_owned(), one))
        .collect();
    for number in 0..names {
        let name = format!("s{number}");
        let Some(status) = sessions.get(&name) else { continue };
        let state = status["state"].as_str().expect("a state");
        if number % 2 == 1 {
            let running = sleeps(&world, 100_000 + number);
            assert_eq!(running, usize::from(state == "running"), "{name}: {status}");
            continue;
        }
        if state == "exited" {
            assert_eq!(status["exit_code"], code(number), "{name}: {status}");
            let lines = LINES.to_string();
            let log = world.kst(["logs", &name, "-n", "100000"]).ok().out();
            assert!(
                log.lines().eq((1..=LINES).map(|line| line.to_string())),
                "{name}: {lines}\n{log}"
            );
        }
    }
    // What the engine has is what kst tells, each once.
    let in_tmux = world.tmux(["list-sessions", "-F", "#{session_name}"]);
    let mut in_tmux: Vec<String> = in_tmux.out().lines().map(str::to_owned).collect();
    in_tmux.sort_unstable();
    let mut running: Vec<String> = sessions
        .iter()
        .filter(|(_, one)| one["state"] == "running")
        .map(|(name, _)| name.clone())
        .collect();
    running.sort_unstable();
    assert_eq!(in_tmux, running);
    world.kst(["stop", "--all"]).ok();
    world.kst(["remove", "--exited"]).ok();
    assert_eq!(world.kst(["list", "--json"]).ok().json(), serde_json::json!([]));
    until("nothing is left", || world.processes().is_empty());
    let state = world.path("home/.local/state/kst");
    for folder in ["tickets", "specs", "logs"] {
        let left = std::fs::read_dir(state.join(folder)).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{folder}");
    }
}

/// How many processes of the world sleep for so long.
fn sleeps(world: &World, seconds: usize) -> usize {
    let wanted = format!("sleep\0{seconds}\0");
    let is = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == wanted.as_bytes())
    };
    world.processes().iter().filter(|pid| is(pid)).count()
}

/// Each of many sessions is told rightly, and quickly.
#[test]
fn many_sessions() {
    let Some(world) = world() else { return };
    let many = size(60, 1_000);
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= many {
                        break;
                    }
                    let name = format!("m{number}");
                    world.kst(["start", &name, "-b", "tmux", "--", "sleep", "100000"]).ok();
                }
            });
        }
    });
    figure(&format!("{many} sessions started in {:?}", began.elapsed()));
    let began = Instant::now();
    let list = world.kst(["list", "--json"]).ok().json();
    figure(&format!("listed in {:?}", began.elapsed()));
    let list = list.as_array().expect("an array").clone();
    assert_eq!(list.len(), many);
    assert!(list.iter().all(|one| one["state"] == "running" && one["ours"] == true));
    let began = Instant::now();
    assert_eq!(world.status("m7")["state"], "running");
    figure(&format!("one of them told in {:?}", began.elapsed()));
    let began = Instant::now();
    world.command(["stop", "--all", "--force"]).deadline(Duration::from_secs(1200)).run().ok();
    figure(&format!("stopped in {:?}", began.elapsed()));
    let list = world.kst(["list", "--json"]).ok().json();
    assert!(list.as_array().expect("an array").iter().all(|one| one["state"] == "stopped"));
    until("nothing is left", || world.processes().is_empty());
}

/// A program that says much and ends at once: all of it is there, and its code.
#[test]
fn all_of_a_hundred_thousand_lines_each_time() {
    let Some(world) = world() else { return };
    let rounds = size(3, 100);
    let began = Instant::now();
    for round in 0..rounds {
        let script = format!("seq 100000; exit {}", round % 256);
        world.kst(["start", "burst", "-b", "tmux", "--", "sh", "-c", &script]).ok();
        until("it has ended", || world.status("burst")["state"] == "exited");
        let logs = world.kst(["logs", "burst", "-n", "200000"]);
        let log = logs.ok().out();
        let (count, last) = (log.lines().count(), log.lines().last());
        assert_eq!(count, 100_000, "round {round}: up to {last:?}, and it says {:?}", logs.err());
        assert!(log.lines().eq((1..=100_000).map(|number| number.to_string())));
        assert_eq!(world.status("burst")["exit_code"], round % 256);
    }
    figure(&format!("{rounds} times 100,000 lines, all there, in {:?}", began.elapsed()));
}
