//! Files and folders that somebody else could have put there, or led elsewhere: nothing of them counts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::{Engine, World, screen_plugin, until};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

#[test]
fn approvals_that_others_can_write_approve_nothing() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let content = fs::read(screen_plugin()).expect("it was built");
    world.write("work/screen.wasm", content);
    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    let list = ["--plugin", "./screen.wasm", "list"];
    world.kst(list).ok();
    let data = world.home().join(".local/share/kst");
    let approvals = data.join("trust.json");
    set(&approvals, 0o666);
    world.kst(list).exits(7).says("trust.json: others can write to it").says("chmod go-w");
    set(&approvals, 0o600);
    set(&data, 0o777);
    world.kst(list).exits(7).says("others can write to it").says("chmod go-w");
    set(&data, 0o755);
    fs::rename(&approvals, world.path("elsewhere.json")).expect("it can be moved");
    symlink(world.path("elsewhere.json"), &approvals).expect("a link can be made");
    world.kst(list).exits(7).says("symbolic link");
    fs::remove_file(&approvals).expect("it can be removed");
    fs::rename(world.path("elsewhere.json"), &approvals).expect("it can be moved");
    world.kst(list).ok();
}

#[test]
fn a_plugins_folder_that_others_can_write_gives_no_plugin() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let content = fs::read(screen_plugin()).expect("it was built");
    let file = world.write("home/.local/share/kst/plugins/screen.wasm", content);
    world.kst(["plugin", "trust", file.to_str().expect("UTF-8"), "--yes"]).ok();
    let list = ["list", "-b", "screen"];
    world.kst(list).ok();
    let folder = file.parent().expect("it has one");
    for mode in [0o777, 0o775] {
        set(folder, mode);
        world.kst(list).exits(7).says("plugins: others can write to it").says("chmod go-w");
        // The other backends go on.
        world.kst(["list"]).ok();
    }
    set(folder, 0o755);
    world.kst(list).ok();
}

/// A log is opened as what it is, and leads nowhere.
#[test]
fn a_log_that_is_a_link_is_not_followed() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "echo", "hello"]).ok();
    until("it has ended", || world.status("web")["state"] == "exited");
    assert_eq!(world.kst(["logs", "web"]).ok().out(), "hello\n");
    let logs = world.home().join(".local/state/kst/logs");
    let log = fs::read_dir(&logs).expect("a folder").next().expect("a log").expect("it").path();
    let secret = world.write("secret", "hunter2\n");
    fs::remove_file(&log).expect("it can be removed");
    symlink(secret, &log).expect("a link can be made");
    world.kst(["logs", "web"]).exits(1).says("cannot be read").hides("hunter2");
}

/// Whoever enters a directory that somebody else filled does not take its config for his own.
#[test]
fn a_relative_config_of_the_environment_is_refused() {
    let mut world = World::bare();
    world.write("work/theirs.yml", "ops: {tmux_binary: /tmp/evil}\n");
    world.set("KST_CONFIG", "theirs.yml");
    for command in [&["list"][..], &["config", "show"], &["start", "web", "--", "true"]] {
        world.kst(command).exits(2).says("KST_CONFIG").says("relative path").says("--config");
    }
    // Named by himself it is his.
    world.kst(["config", "show", "--config", "theirs.yml"]).ok().prints("/tmp/evil");
    world.set("KST_CONFIG", world.path("work/theirs.yml"));
    world.kst(["config", "show"]).ok().prints("/tmp/evil");
}
