//! The user's plugins folder: `kst plugin install` and `kst plugin remove`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::{Engine, Key, World, edited, screen_plugin};

fn world() -> Option<World> {
    let world = World::with([Engine::Screen])?;
    let content = fs::read(screen_plugin()).expect("it was built");
    world.write("work/screen.wasm", content);
    Some(world)
}

fn folder(world: &World) -> PathBuf {
    world.path("home/.local/share/kst/plugins")
}

fn files(world: &World) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder(world)) else { return Vec::new() };
    entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect()
}

const INSTALL: &[&str] = &["plugin", "install", "./screen.wasm"];

#[test]
fn a_plugin_is_installed_replaced_and_removed() {
    let Some(world) = world() else { return };
    world.kst(INSTALL).exits(7).says("no terminal").says("--yes");
    for answer in ["", "n", "once", "always"] {
        let mut terminal = world.terminal(INSTALL);
        terminal.shows("[y/N]");
        terminal.types(answer);
        terminal.press(Key::Enter);
        assert_eq!(terminal.exits(), Some(7), "{answer:?}");
    }
    world.kst(["plugin", "install", "./screen.wasm", "--yes", "--dry-run"]).ok();
    assert_eq!(files(&world), [""; 0]);
    let mut terminal = world.terminal(INSTALL);
    terminal.shows("[y/N]");
    terminal.types("y");
    terminal.press(Key::Enter);
    assert_eq!(terminal.exits(), Some(0));
    terminal.shows("is installed");
    assert_eq!(files(&world), ["screen.wasm"]);
    world.kst(["start", "dev", "-b", "screen", "--", "sleep", "1000"]).ok();

    // The same again, and a rebuilt one in its place.
    world.kst(INSTALL).ok();
    let content = fs::read(world.path("work/screen.wasm")).expect("it was written");
    world.write("work/screen.wasm", edited(&content));
    world.kst(INSTALL).exits(7);
    let done = world.kst(["plugin", "install", "./screen.wasm", "--yes", "--json"]);
    done.ok().says("only its code changed since you approved it on");
    assert!(
        done.json()["replaced"].as_str().is_some_and(|old| old.starts_with("sha256:")),
        "{done}"
    );
    assert_eq!(files(&world), ["screen.wasm"]);
    let installed = fs::read(folder(&world).join("screen.wasm")).expect("it is there");
    assert_eq!(installed, edited(&content));
    assert_eq!(world.status("dev")["state"], "running");

    // While a session runs, it stays.
    let remove = ["plugin", "remove", "screen"];
    world.kst(remove).exits(7).says("dev").says("--force");
    assert_eq!(files(&world), ["screen.wasm"]);
    let forced = world.kst(["plugin", "remove", "screen", "--force"]);
    forced.ok().says("these sessions run on").says("its approval stays");
    assert_eq!(files(&world), [""; 0]);
    world.kst(remove).exits(6).says("no backend of this name");
    world.kst(["plugin", "remove", "tmux"]).exits(6).says("a part of kst");

    // The approval stayed: nobody is asked. With --yes it goes, too.
    world.kst(INSTALL).ok();
    world.kst(["stop", "dev", "-t", "0"]).ok();
    world.kst(["plugin", "remove", "screen", "--dry-run"]).ok().prints("would be removed");
    world.kst(["plugin", "remove", "screen", "--yes"]).ok().prints("is withdrawn");
    world.kst(INSTALL).exits(7);
}

#[test]
fn what_is_put_in_the_place_of_an_installed_one_is_refused() {
    let Some(world) = world() else { return };
    world.kst(["plugin", "install", "./screen.wasm", "--yes", "-q"]).ok();
    let file = folder(&world).join("screen.wasm");
    let content = fs::read(&file).expect("it was installed");
    let list = ["list", "-b", "screen"];
    world.kst(list).ok();
    fs::write(&file, edited(&content)).expect("it can be written");
    world.kst(list).exits(7).says("it changed since you approved it on");
    let listed = world.kst(["plugin", "list", "--json"]).ok().json();
    let one = listed.as_array().expect("an array").iter().find(|one| one["built_in"] == false);
    assert_eq!(one.expect("it is listed")["trust"], "changed");
    world.kst(["plugin", "trust", file.to_str().expect("UTF-8"), "--yes"]).ok();
    world.kst(list).ok();
    // Whoever else can write to the folder chooses what is in it.
    fs::set_permissions(folder(&world), Permissions::from_mode(0o777)).expect("permissions");
    world.kst(list).exits(7).says("others can write to it");
    world.kst(["plugin", "install", "./screen.wasm", "--yes"]).exits(7);
}

/// A file that somebody copied there by hand, under any name, gives way to the one installed.
#[test]
fn one_of_the_same_name_gives_way() {
    let Some(world) = world() else { return };
    let content = fs::read(world.path("work/screen.wasm")).expect("it was written");
    let by_hand = world.write("home/.local/share/kst/plugins/a-copy.wasm", edited(&content));
    world.kst(["plugin", "trust", by_hand.to_str().expect("UTF-8"), "--yes"]).ok();
    world.kst(["plugin", "install", "./screen.wasm", "--yes"]).ok();
    assert_eq!(files(&world), ["screen.wasm"]);
    world.kst(["list", "-b", "screen"]).ok();
}

/// On a terminal, the approval goes with the file if one says so, and by a yes alone.
#[test]
fn a_removal_asks_about_the_approval() {
    let Some(world) = world() else { return };
    for (answer, code) in [("n", 0), ("", 0), ("y", 7)] {
        world.kst(["plugin", "install", "./screen.wasm", "--yes", "-q"]).ok();
        let mut terminal = world.terminal(["plugin", "remove", "screen"]);
        terminal.shows("Withdraw its approval too? [y/N]");
        assert_eq!(files(&world), [""; 0], "it is removed before the question");
        terminal.types(answer);
        terminal.press(Key::Enter);
        assert_eq!(terminal.exits(), Some(0));
        terminal.shows(if code == 0 { "its approval stays" } else { "is withdrawn" });
        assert_eq!(world.kst(INSTALL).code, Some(code), "{answer:?}");
    }
}
