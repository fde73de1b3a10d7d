//! Compiled code that is not what kst wrote: loading it would run it, so it never is. The component
//! is compiled again, and the command does what it was asked.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Engine, World};

/// Magic, digest, length of the manifest: what an entry begins with.
const HEADER: usize = 8 + 32 + 4;

/// A world with a cache of its own, the entry of tmux in it, and what it holds.
fn warmed() -> Option<(World, PathBuf, Vec<u8>)> {
    let mut world = World::with([Engine::Tmux])?;
    let folder = world.with_own_cache().join("kst");
    world.kst(["list", "-b", "tmux"]).ok();
    let [entry] = entries(&folder).try_into().expect("one entry for one backend");
    let sound = fs::read(&entry).unwrap();
    Some((world, entry, sound))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn inode(file: &Path) -> u64 {
    fs::symlink_metadata(file).unwrap().ino()
}

/// Runs kst, and checks that the entry was made anew: a private file of kst's own, fit for use.
#[track_caller]
fn is_made_anew(world: &World, entry: &Path, what: &str) {
    let before = inode(entry);
    // As long as it has another name, no other file gets its number.
    let held = world.path("held");
    fs::hard_link(entry, &held).unwrap();
    let outcome = world.kst(["list", "-b", "tmux", "--json"]);
    outcome.ok();
    assert_eq!(outcome.out().trim(), "[]", "{what}");
    assert_eq!(outcome.err(), "", "{what}");
    let meta = fs::symlink_metadata(entry).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(meta.is_file(), "{what}: no file");
    assert_eq!(meta.mode() & 0o777, 0o600, "{what}");
    assert_ne!(meta.ino(), before, "{what}: the entry was used as it was");
    fs::remove_file(held).unwrap();
    let made = inode(entry);
    world.kst(["list", "-b", "tmux"]).ok();
    assert_eq!(inode(entry), made, "{what}: the new entry is not used");
    assert_eq!(entries(entry.parent().unwrap()).len(), 1, "{what}: something was left");
}

#[test]
fn a_sound_entry_is_used() {
    let Some((world, entry, sound)) = warmed() else { return };
    let made = inode(&entry);
    world.kst(["list", "-b", "tmux"]).ok();
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    assert_eq!((inode(&entry), fs::read(&entry).unwrap()), (made, sound));
    assert_eq!(fs::metadata(entry.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn flipped_bytes_in_every_region() {
    let Some((world, entry, sound)) = warmed() else { return };
    let manifest = u32::from_le_bytes(sound[40..HEADER].try_into().unwrap()) as usize;
    let code = HEADER + manifest;
    assert!(code + 4096 < sound.len(), "the layout of entries has changed");
    for (what, at) in [
        ("the magic", 0),
        ("the digest", 8),
        ("the digest's end", 39),
        ("the manifest's length", 40),
        ("the length's highest byte", 43),
        ("the manifest", HEADER + 20),
        ("the manifest's end", code - 2),
        ("the code's first byte", code),
        ("the code's header", code + 100),
        ("the middle of the code", code + (sound.len() - code) / 2),
        ("the last byte", sound.len() - 1),
    ] {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x20;
        fs::write(&entry, bytes).unwrap();
        is_made_anew(&world, &entry, what);
    }
}

#[test]
fn cut_grown_and_foreign_content() {
    let Some((world, entry, sound)) = warmed() else { return };
    let half = sound.len() / 2;
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("less than a header", sound[..20].to_vec()),
        ("a header alone", sound[..HEADER].to_vec()),
        ("half", sound[..half].to_vec()),
        ("all but a byte", sound[..sound.len() - 1].to_vec()),
        ("a byte too many", [sound.clone(), vec![0]].concat()),
        ("a page of zeros at the end", [&sound[..sound.len() - 4096], &[0; 4096]].concat()),
        ("a program", fs::read("/bin/sh").unwrap()),
        ("text", b"#!/bin/sh\n".to_vec()),
    ] {
        fs::write(&entry, bytes).unwrap();
        is_made_anew(&world, &entry, what);
    }
}

/// A sound entry is bound to its component: under another's name it is nothing.
#[test]
fn an_entry_of_another_component() {
    let Some((world, entry, sound)) = warmed() else { return };
    let folder = entry.parent().unwrap();
    // Without its programs this says that they are missing; it is loaded for that.
    world.kst(["list", "-b", "container"]);
    let other = entries(folder).into_iter().find(|other| *other != entry).expect("its entry");
    let planted = fs::read(&other).unwrap();
    assert_ne!(planted, sound);
    fs::remove_file(&other).unwrap();
    fs::write(&entry, planted).unwrap();
    is_made_anew(&world, &entry, "another component's entry");
}

#[test]
fn entries_that_are_not_the_users_own_files() {
    let Some((world, entry, sound)) = warmed() else { return };
    let aside = world.path("aside");
    fs::write(&aside, &sound).unwrap();
    let replace = |make: &dyn Fn()| {
        let _ = fs::remove_file(&entry);
        make();
    };

    replace(&|| symlink(&aside, &entry).unwrap());
    is_made_anew(&world, &entry, "a link");
    assert_eq!(fs::read(&aside).unwrap(), sound, "what a link led to is left alone");

    replace(&|| symlink("/dev/zero", &entry).unwrap());
    is_made_anew(&world, &entry, "a link to what has no end");

    replace(&|| {
        world.program("mkfifo").args([&entry]).run().ok();
    });
    is_made_anew(&world, &entry, "a pipe");

    for mode in [0o602, 0o620, 0o666] {
        fs::set_permissions(&entry, Permissions::from_mode(mode)).unwrap();
        is_made_anew(&world, &entry, &format!("mode {mode:o}"));
    }
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&entry, Some(12345), None).unwrap();
        is_made_anew(&world, &entry, "another user's file");
    }
}

/// A folder in its place stays, as nobody asked to remove a folder; kst does without.
#[test]
fn a_folder_in_an_entrys_place() {
    let Some((world, entry, _)) = warmed() else { return };
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    world.kst(["list", "-b", "tmux"]).ok();
    assert!(entry.is_dir());
    assert_eq!(entries(entry.parent().unwrap()).len(), 1, "a temporary file was left");
}

/// A folder that others can write to, or that is a link, is neither read nor written.
#[test]
fn an_unsafe_folder_is_not_used() {
    let Some((world, entry, sound)) = warmed() else { return };
    let folder = entry.parent().unwrap().to_owned();
    let mut planted = sound;
    let end = planted.len() - 1;
    planted[end] ^= 1;
    fs::write(&entry, &planted).unwrap();
    let untouched = |what: &str| {
        world.kst(["list", "-b", "tmux"]).ok();
        assert_eq!(fs::read(&entry).unwrap(), planted, "{what}");
        assert_eq!(entries(&folder).len(), 1, "{what}");
    };
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        untouched(&format!("mode {mode:o}"));
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&folder, Some(12345), None).unwrap();
        untouched("another user's folder");
        std::os::unix::fs::chown(&folder, Some(0), None).unwrap();
    }
    let moved = world.path("moved");
    fs::rename(&folder, &moved).unwrap();
    symlink(&moved, &folder).unwrap();
    untouched("a link");
}

#[test]
fn no_cache_to_write_to() {
    let Some(mut world) = World::with([Engine::Tmux]) else { return };
    let file = world.write("file", "");
    // In the last, nobody can make anything, root neither.
    for cache in [file.as_path(), &file.join("below"), Path::new("/proc/self/kst")] {
        world.set("XDG_CACHE_HOME", cache);
        let outcome = world.kst(["list", "-b", "tmux", "--json"]);
        assert_eq!(outcome.ok().out().trim(), "[]");
        assert_eq!(outcome.err(), "", "nothing to say of it");
    }
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.kst(["stop", "web", "-t", "1"]).ok();
}
