//! `trust.json` under many hands at once, and under hands that are taken away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{World, edited, screen_plugin};

/// The digests that are approved. The file always is whole.
fn approved(world: &World) -> Vec<String> {
    let file = world.path("home/.local/share/kst/trust.json");
    let Ok(text) = fs::read_to_string(&file) else { return Vec::new() };
    let content: Value = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("it is not whole ({error}):\n{text}");
    });
    let mode = fs::metadata(file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    content["plugins"].as_object().expect("an object").keys().cloned().collect()
}

/// So many components, each with a content of its own: their files and digests.
fn components(world: &World, count: usize) -> Vec<(String, String)> {
    let mut content = fs::read(screen_plugin()).expect("it was built");
    (0..count)
        .map(|number| {
            content = edited(&content);
            let file = world.write(format!("work/{number}.wasm"), &content);
            let file = file.to_str().expect("UTF-8").to_owned();
            // Once, so that it is compiled before the others wait for nothing but the file.
            let info = world.kst(["plugin", "inspect", &file, "--json"]).ok().json();
            (file, info["digest"].as_str().expect("a digest").to_owned())
        })
        .collect()
}

fn trust((file, _): &(String, String)) -> [&str; 5] {
    ["plugin", "trust", file, "--yes", "-q"]
}

fn untrust((_, digest): &(String, String)) -> [&str; 4] {
    ["plugin", "untrust", digest, "-q"]
}

/// What is reported as done is there, whatever others write at the same time.
#[test]
fn many_at_once_lose_nothing() {
    let world = World::bare();
    let all = components(&world, 6);
    thread::scope(|scope| {
        for (number, one) in all.iter().enumerate() {
            let world = &world;
            scope.spawn(move || {
                for _ in 0..6 {
                    world.kst(trust(one)).ok();
                    assert!(approved(world).contains(&one.1), "it was lost");
                    world.kst(untrust(one)).ok();
                    assert!(!approved(world).contains(&one.1), "it came back");
                }
                if number % 2 == 0 {
                    world.kst(trust(one)).ok();
                }
            });
        }
    });
    let mut left = approved(&world);
    let mut wanted: Vec<String> = all.into_iter().step_by(2).map(|(_, digest)| digest).collect();
    left.sort();
    wanted.sort();
    assert_eq!(left, wanted);
}

/// Killed at any moment, it has been done or it has not; and what others were told is done, is.
#[test]
fn a_kill_at_any_moment_loses_nothing() {
    let world = World::bare();
    let all = components(&world, 3);
    let (kept, others) = all.split_first().expect("three");
    world.kst(trust(kept)).ok();
    let folder = world.path("home/.local/share/kst");
    // From the time that a whole run takes, so that each part of it is met.
    let begin = Instant::now();
    world.kst(trust(&others[0])).ok();
    let whole = begin.elapsed();
    world.kst(untrust(&others[0])).ok();
    let (mut killed, mut in_the_midst) = (0, 0);
    for round in 0..120_u32 {
        let one = &others[round as usize % others.len()];
        let is_in = approved(&world).contains(&one.1);
        let words: Vec<&str> = if is_in { untrust(one).to_vec() } else { trust(one).to_vec() };
        let unfinished = folder.join("trust.json.new");
        // What the last one left is not this one's.
        let _ = fs::remove_file(&unfinished);
        let begin = Instant::now();
        let run = world.command(words).spawn();
        // Every third at the very moment at which the new file stands beside the old one.
        let at = whole * (round % 40) / 30;
        let deadline = whole + Duration::from_secs(1);
        while begin.elapsed() < at || (round % 3 == 0 && begin.elapsed() < deadline) {
            if round % 3 == 0 && unfinished.exists() {
                break;
            }
            if round % 3 == 0 && approved(&world).contains(&one.1) != is_in {
                break;
            }
        }
        run.signal(Signal::KILL);
        let outcome = run.wait();
        let now = approved(&world);
        assert!(now.contains(&kept.1), "round {round} lost what was approved before: {now:?}");
        match outcome.code {
            Some(0) => {
                assert_ne!(now.contains(&one.1), is_in, "round {round}: done, and not there")
            }
            Some(code) => panic!("round {round} ended with {code}:\n{outcome}"),
            None => {
                killed += 1;
                in_the_midst += u32::from(unfinished.exists());
            }
        }
    }
    assert!(killed > 20, "only {killed} were killed");
    eprintln!("{killed} were killed, {in_the_midst} of them while they wrote");
    // Whatever the dead left behind hinders nobody.
    fs::write(folder.join("trust.json.new"), "{").expect("a file");
    world.kst(["plugin", "untrust", &kept.1]).ok();
    world.kst(trust(kept)).ok();
    assert!(approved(&world).contains(&kept.1));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["trust.json", "trust.lock"], "something is left behind");
}
