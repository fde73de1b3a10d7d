//! Many at once.

use std::collections::BTreeSet;
use std::thread;

use crate::support::{Engine, World, until};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

#[test]
fn of_fifty_starts_of_one_name_one_wins() {
    let Some(world) = world() else { return };
    // Each says which it is, so that the winner is the one that runs.
    let starts: Vec<_> = (0..50)
        .map(|number| {
            let script = format!("echo I am {number}; sleep 1000");
            world.command(["start", "dev", "-b", "tmux", "--", "sh", "-c", &script]).spawn()
        })
        .collect();
    let outcomes: Vec<_> = starts.into_iter().map(|start| start.wait()).collect();
    let won: Vec<usize> =
        (0..outcomes.len()).filter(|&number| outcomes[number].code == Some(0)).collect();
    let [winner] = won.as_slice() else { panic!("{won:?} won") };
    for (number, outcome) in outcomes.iter().enumerate().filter(|(number, _)| number != winner) {
        assert_eq!(outcome.code, Some(4), "{number}: {outcome}");
    }
    until("the winner runs", || {
        world.kst(["logs", "dev"]).ok().out() == format!("I am {winner}\n")
    });
    assert_eq!(world.tmux(["list-sessions", "-F", "#{session_name}"]).ok().out(), "dev\n");
    // Those that lost left nothing: neither tickets nor logs nor definitions.
    let state = world.path("home/.local/state/kst");
    let count = |folder: &str| std::fs::read_dir(state.join(folder)).map_or(0, Iterator::count);
    assert_eq!((count("tickets"), count("logs"), count("specs")), (0, 1, 1));
}

#[test]
fn fifty_short_commands_all_tell_how_they_ended_and_what_they_said() {
    let Some(world) = world() else { return };
    thread::scope(|scope| {
        for worker in 0..5 {
            let world = &world;
            scope.spawn(move || {
                for number in (worker * 10)..(worker * 10 + 10) {
                    let name = format!("s{number}");
                    let script = format!("echo out {number}; exit {number}");
                    world.kst(["start", &name, "-b", "tmux", "--", "sh", "-c", &script]).ok();
                    until("it has ended", || world.status(&name)["state"] == "exited");
                    assert_eq!(world.status(&name)["exit_code"], number, "{name}");
                    let log = world.kst(["logs", &name]);
                    assert_eq!(log.ok().out(), format!("out {number}\n"), "{log}");
                }
            });
        }
    });
}

#[test]
fn five_hundred_sessions_are_listed_each_once() {
    let Some(world) = world() else { return };
    let names: BTreeSet<String> = (0..499).map(|number| format!("s{number}")).collect();
    let commands: String =
        names.iter().map(|name| format!("new-session -d -s {name} sleep 1000\n")).collect();
    let file = world.write("sessions.conf", commands);
    world.kst(["start", "ours", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.tmux(["source-file".as_ref(), file.as_os_str()]).ok();
    let list = world.kst(["list", "--json"]).ok().json();
    let list = list.as_array().expect("an array");
    assert_eq!(list.len(), 500);
    assert!(list.iter().all(|one| one["state"] == "running"), "not all run");
    let seen: BTreeSet<String> =
        list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(seen.len(), 500);
    assert!(seen.is_superset(&names) && seen.contains("ours"));
    assert_eq!(world.status("s7")["name"], "s7");
    world.kst(["stop", "ours"]).ok();
    assert_eq!(world.kst(["list", "-q"]).ok().out().lines().count(), 500);
    world.kst(["remove", "ours"]).ok();
    assert_eq!(world.kst(["list", "-q"]).ok().out().lines().count(), 499);
}
