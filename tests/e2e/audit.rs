//! `kst audit`: what backends had run, on a real tmux.

use std::fs;

use serde_json::Value;

use crate::support::{Engine, World, program};

fn records(world: &World, args: &[&str]) -> Vec<Value> {
    let document = world.kst([&["audit", "--json"], args].concat()).ok().json();
    document.as_array().expect("a bare array").clone()
}

fn forms(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["form"].as_str().unwrap_or("(signal)")).collect()
}

#[test]
fn every_change_is_written_down_with_what_was_run() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["audit"]).ok().prints("").says("nothing");
    assert!(records(&world, &[]).is_empty());
    for name in ["api", "other"] {
        world
            .kst(["start", name, "-b", "tmux", "-e", "TOKEN=hush-hush", "--", "sleep", "1000"])
            .ok();
    }
    world.kst(["stop", "api"]).ok();
    world.kst(["--dry-run", "stop", "other"]).ok();

    let of_api = records(&world, &["api"]);
    assert!(of_api.iter().all(|record| record["session"] == "api"), "{of_api:?}");
    let started = &of_api[0];
    assert_eq!(started["operation"], "start");
    assert_eq!((&started["what"], &started["effect"]), (&"ran".into(), &"changes".into()));
    assert_eq!((&started["backend"], &started["exit_code"]), (&"tmux".into(), &0.into()));
    let argv: Vec<&str> =
        started["argv"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
    assert!(argv[0].starts_with('/') && argv[0].ends_with("/tmux"), "{argv:?}");
    assert!(argv.windows(2).any(|pair| pair == ["-s", "api"]), "{argv:?}");
    let digest = started["digest"].as_str().expect("it has one");
    let inspected = world.kst(["--json", "plugin", "inspect", "tmux"]).ok().json();
    assert_eq!(inspected["digest"], digest);

    // The processes were asked to end by the host itself, and that is a change too.
    let sent = of_api.iter().find(|record| record["what"] == "signalled").expect("it was stopped");
    assert_eq!((&sent["operation"], &sent["effect"]), (&"stop".into(), &"changes".into()));
    assert!(sent["argv"][0].as_str().is_some_and(|what| what.contains("TERM")), "{sent}");

    // Reads are there, and shown when asked for; a dry run changes nothing and leaves no change.
    let all = records(&world, &["--all"]);
    assert!(all.len() > records(&world, &[]).len());
    assert!(all.iter().any(|record| record["effect"] == "reads"), "{all:?}");
    let of_other = records(&world, &["other"]);
    assert!(of_other.iter().all(|record| record["operation"] == "start"), "{of_other:?}");

    // By backend, by digest, by time, and the newest.
    assert_eq!(forms(&records(&world, &["-b", "tmux"])), forms(&records(&world, &["-b", digest])));
    assert!(records(&world, &["-b", "container"]).is_empty());
    assert!(records(&world, &["--until", "1h"]).is_empty());
    assert_eq!(records(&world, &["--since", "1h"]).len(), records(&world, &[]).len());
    assert_eq!(records(&world, &["-n", "1"]).len(), 1);
    world.kst(["audit", "--since", "yesterday"]).exits(2).says("--since").says("10m");

    // For people: a line each.
    let shown = world.kst(["audit", "api"]).ok().out();
    assert!(shown.starts_with("TIME ") && shown.contains("exit 0"), "{shown}");

    // A secret is in none of it.
    let folder = world.path("home/.local/state/kst/audit");
    for file in fs::read_dir(folder).expect("it is there") {
        let text = fs::read(file.expect("readable").path()).expect("readable");
        assert!(!String::from_utf8_lossy(&text).contains("hush-hush"));
    }
}

#[test]
fn without_a_place_to_write_to_the_work_goes_on() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "api", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let folder = world.path("home/.local/state/kst/audit");
    fs::remove_dir_all(&folder).expect("it was made");
    fs::write(&folder, "in the way").expect("writable");
    world.kst(["list"]).ok().prints("api").says("");
    world.kst(["stop", "api"]).ok();
    assert!(records(&world, &[]).is_empty());

    // A disk that is full, in a name space of its own.
    fs::remove_file(&folder).expect("it is there");
    world.kst(["list"]).ok();
    let (kst, audit) = (program().display().to_string(), folder.display().to_string());
    let inside = |script: &str| {
        let full = format!(
            "mount -t tmpfs -o size=4k,mode=700 none '{audit}' && \
             ! head -c 9000 /dev/zero >'{audit}/filler' 2>/dev/null && {script}"
        );
        world.program("unshare").args(["-m", "sh", "-c", &full]).run()
    };
    if inside("true").code != Some(0) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI can mount");
        eprintln!("NOT RUN: no file system can be mounted here");
        return;
    }
    let work = format!("'{kst}' start two -b tmux -- sleep 1000 && '{kst}' stop two -f");
    inside(&format!("{work} && test ! -s '{audit}/changes.jsonl'")).ok();
}
