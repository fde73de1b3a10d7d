//! Components that break, linger or want what nobody gives them. Each is told in one sentence that
//! names the file and the limit, and nothing else suffers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Engine, Outcome, World, project};

/// One of the components in tests/components: text, and what `wasm-tools parse` makes of it. All
/// look like backends, and what is wrong with them happens as soon as they are asked anything.
fn component(name: &str) -> Vec<u8> {
    let file = project().join("tests/components").join(name).with_extension("wasm");
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn plugin(world: &World, bytes: impl AsRef<[u8]>) -> PathBuf {
    world.write("work/bad.wasm", bytes)
}

/// One sentence about the file, and advice at most.
#[track_caller]
fn told(outcome: &Outcome, file: &Path, says: &str) {
    let text = outcome.exits(6).err();
    let first = text.lines().next().unwrap_or_default();
    assert!(first.starts_with("error: ") && first.contains(says), "{says}?\n{outcome}");
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    assert!(first.contains(&*name), "which file?\n{outcome}");
    assert_eq!(text.matches("error: ").count(), 1, "{outcome}");
    assert!(text.lines().count() <= 3 && text.len() < 2000, "too much of it\n{outcome}");
    assert!(outcome.stdout.is_empty(), "{outcome}");
}

#[test]
fn components_that_cannot_be_used() {
    let world = World::bare();
    for (what, says) in [
        ("wants-wasi", "wasi:cli/environment@0.3.0, and a backend gets nothing but kst:runner"),
        ("wants-network", "host:net/socket"),
        ("newer-types", "9.1.0"),
        ("newer", "kst:runner@0.2.0; this kst runs 0.1.0"),
        ("no-backend", "not a backend"),
        ("other-types", "cannot describe itself"),
        ("panics", "gave up"),
        ("traps", "divide"),
        ("out-of-bounds", "memory"),
        ("recurses", "limit of 512 KiB"),
        ("grows", "limit of 128 MiB"),
        ("large-memory", "limit of 128 MiB"),
        ("table", "limit of 100000 elements"),
        ("large-table", "limit"),
        ("instances", "instance"),
    ] {
        let bytes = component(what);
        let file = plugin(&world, bytes);
        let outcome = world.command(["plugin", "inspect"]).args([&file]).run();
        told(&outcome, &file, says);
        let outcome = world.command(["plugin", "trust", "--yes"]).args([&file]).run();
        told(&outcome, &file, says);
        assert!(!world.home().join(".local/share/kst/trust.json").exists(), "{what} is trusted");
    }
}

/// Once is enough for what takes its time.
#[test]
fn a_component_that_never_answers() {
    let world = World::bare();
    let file = plugin(&world, component("loops"));
    let outcome = world.command(["plugin", "inspect"]).args([&file]).run();
    told(&outcome, &file, "limit of 5 seconds");
    assert!(outcome.duration < Duration::from_secs(20), "{outcome}");
}

#[test]
fn files_that_are_no_components() {
    let world = World::bare();
    let module = b"\0asm\x01\0\0\0";
    let sound = component("other-types");
    let mut flipped = sound.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 8].fill(0xff);
    for (bytes, says) in [
        (&b""[..], "not WebAssembly"),
        (b"\0", "not WebAssembly"),
        (b"#!/bin/sh\necho hello\n", "not WebAssembly"),
        (b"(component)", "not WebAssembly"),
        (b"\0asm\x0d\0\x02\0", "version"),
        (module, "core WebAssembly module"),
        (&sound[..sound.len() - 3], "not a sound component"),
        (&sound[..sound.len() / 2], "not a sound component"),
        (&sound[..9], "not a sound component"),
        (&flipped, "not a sound component"),
    ] {
        let file = plugin(&world, bytes);
        told(&world.command(["plugin", "inspect"]).args([&file]).run(), &file, says);
    }
    let file = world.path("work/bad.wasm");
    File::create(&file).unwrap().set_len(65 << 20).unwrap();
    told(&world.command(["plugin", "inspect"]).args([&file]).run(), &file, "limit of 64 MiB");
    fs::remove_file(&file).unwrap();
    told(&world.command(["plugin", "inspect"]).args([&file]).run(), &file, "no such file");
    fs::create_dir(&file).unwrap();
    told(&world.command(["plugin", "inspect"]).args([&file]).run(), &file, "not a regular file");
    fs::remove_dir(&file).unwrap();
    // Nobody writes to it, and nobody waits for that.
    world.program("mkfifo").args([&file]).run().ok();
    let inspect = world.command(["plugin", "inspect"]).args([&file]);
    told(&inspect.deadline(Duration::from_secs(10)).run(), &file, "not a regular file");
    let zero = Path::new("/dev/zero");
    told(&world.command(["plugin", "inspect"]).args([zero]).run(), zero, "not a regular file");
}

/// What is wrong with one plugin that is installed costs the others nothing.
#[test]
fn the_other_backends_go_on() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    for broken in ["panics", "newer", "wants-wasi"] {
        world.write(format!("home/.local/share/kst/plugins/{broken}.wasm"), component(broken));
    }
    world.write("home/.local/share/kst/plugins/text.wasm", "no component");
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    for args in [&["list", "-b", "tmux", "--json"][..], &["list", "--json"]] {
        let list = world.kst(args);
        assert_eq!(list.ok().json()[0]["name"], "web");
    }
    assert_eq!(world.status("web")["state"], "running");
    world.kst(["plugin", "list"]).ok().prints("tmux").prints("panics");
    world.kst(["stop", "web", "-t", "1"]).ok();
    // Given on the command line it is meant, so it is an error.
    let file = world.home().join(".local/share/kst/plugins/panics.wasm");
    let meant = world.command(["--plugin"]).args([&file]).args(["start", "other"]).run();
    meant.exits(7).says("not trusted").says("kst plugin trust");
}
