//! Compiled code that is not what kst made of the component.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kst::guard::Guard;
use sha2::{Digest, Sha256};

use super::{Attack, Script, Seen};
use crate::support::World;

/// The same manifest, and another behaviour: what runs shows whose code it is.
fn script() -> Script {
    Script::honest().form("mark", "list", "reads", "mark")
}

/// What the attacker would have run in its place.
fn other() -> Script {
    script().only("list", &[&["try", "mark"]])
}

/// Magic, then the digest of the component and of all that follows.
const BODY: usize = 8 + 32;

/// An attack on the cache of its own world, in which both components were compiled: `tamper` gets the
/// entry of the one that is approved, and that of the other.
fn attack(tamper: impl Fn(&World, &Path, &Path) + 'static) -> Attack {
    Attack::by(script())
        .with(|world| {
            world.with_own_cache();
            world.write("work/other.wasm", other().component());
        })
        .approving("work/other.wasm")
        .after(move |world| {
            let entry = |file: &str| {
                let digest = Sha256::digest(fs::read(world.path(file)).expect("it was written"));
                let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                let folder = fs::read_dir(world.path("home/.cache/kst")).expect("a cache");
                let files = folder.map(|entry| entry.expect("an entry").path());
                let of_it = |path: &PathBuf| {
                    path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name))
                };
                files.into_iter().find(of_it).expect("it was compiled")
            };
            tamper(world, &entry("work/evil.wasm"), &entry("work/other.wasm"));
        })
        .kst(&["list", "-b", "evil"])
        .exits(0)
        .running(&[&["box", "ls"]])
}

/// The other's entry with a seal that fits this component, as only somebody can make it who may write
/// here.
fn forged(world: &World, other: &Path) -> Vec<u8> {
    let component = Sha256::digest(fs::read(world.path("work/evil.wasm")).expect("it was written"));
    let mut entry = fs::read(other).expect("an entry");
    let mut seal = Sha256::new();
    seal.update(component);
    seal.update(&entry[BODY..]);
    entry[8..BODY].copy_from_slice(&seal.finalize());
    entry
}

#[test]
fn the_entry_of_another_component() {
    attack(|_, entry, other| assert!(fs::copy(other, entry).is_ok()))
        .stopped_by(&[Guard::CacheSeal])
        .lands_when(Seen::marked);
}

#[test]
fn a_forged_entry_that_others_can_write() {
    attack(|world, entry, other| {
        fs::write(entry, forged(world, other)).expect("it can be written");
        fs::set_permissions(entry, Permissions::from_mode(0o666)).expect("permissions");
    })
    .stopped_by(&[Guard::CacheOwner])
    .lands_when(Seen::marked);
}

#[test]
fn a_forged_entry_in_a_folder_that_others_can_write() {
    attack(|world, entry, other| {
        fs::write(entry, forged(world, other)).expect("it can be written");
        let folder = entry.parent().expect("a folder");
        fs::set_permissions(folder, Permissions::from_mode(0o777)).expect("permissions");
    })
    .stopped_by(&[Guard::CacheOwner])
    .lands_when(Seen::marked);
}

#[test]
fn a_forged_entry_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT RUN: a_forged_entry_of_another_user: only root can give a file away");
        return;
    }
    attack(|world, entry, other| {
        fs::write(entry, forged(world, other)).expect("it can be written");
        std::os::unix::fs::chown(entry, Some(65_534), None).expect("given away");
    })
    .stopped_by(&[Guard::CacheOwner])
    .lands_when(Seen::marked);
}

#[test]
fn a_forged_entry_through_a_link() {
    attack(|world, entry, other| {
        fs::remove_file(entry).expect("removed");
        fs::write(entry.with_file_name("forged"), forged(world, other)).expect("written");
        symlink("forged", entry).expect("a link");
    })
    .stopped_by(&[Guard::NoLinks])
    .lands_when(Seen::marked);
}

#[test]
fn a_cache_folder_that_is_a_link() {
    attack(|world, entry, other| {
        fs::write(entry, forged(world, other)).expect("it can be written");
        let folder = entry.parent().expect("a folder");
        let elsewhere = world.path("work/elsewhere");
        fs::rename(folder, &elsewhere).expect("renamed");
        symlink(elsewhere, folder).expect("a link");
    })
    .stopped_by(&[Guard::NoLinks])
    .lands_when(Seen::marked);
}

/// What is made of an entry.
type Damage = fn(&[u8]) -> Vec<u8>;

/// Truncated, garbled: made anew, and the command does what it was asked.
#[test]
fn entries_that_are_damaged() {
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let empty = |_: &[u8]| Vec::new();
    let garbled = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 0x55).collect();
    let longer = |bytes: &[u8]| [bytes, b"x"].concat();
    for damage in [cut, empty, garbled, longer] as [Damage; 4] {
        attack(move |_, entry, _| {
            let bytes = fs::read(entry).expect("an entry");
            fs::write(entry, damage(&bytes)).expect("it can be written");
        })
        .cannot_land("there is no code in it to be run", Seen::marked);
    }
}
