//! What the config of a directory that one merely enters chooses: nothing, before it is approved.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Engine, Key, Terminal, World, screen_plugin};

/// A world whose directory chooses a tmux of its own, which leaves a mark and is tmux otherwise.
fn world() -> Option<World> {
    let world = World::with([Engine::Tmux])?;
    // Without a server there would be nothing to ask tmux.
    world.tmux(["new-session", "-d", "-s", "mine", "sleep", "1000"]).ok();
    write_tmux(&world, "");
    world.write("work/kstlib.conf.yml", "ops: {tmux_binary: ./bin/tmux}\n");
    Some(world)
}

fn write_tmux(world: &World, more: &str) {
    let script = format!("#!/bin/sh\n{more}echo \"$0\" >> \"$HOME/ran\"\nexec tmux \"$@\"\n");
    let file = world.write("work/bin/tmux", script);
    fs::set_permissions(file, Permissions::from_mode(0o755)).expect("permissions");
}

fn has_run(world: &World) -> bool {
    fs::remove_file(world.path("home/ran")).is_ok()
}

fn asked(world: &World, args: &[&str], question: &str, answer: &str) -> (Option<i32>, Terminal) {
    let mut terminal = world.terminal(args);
    terminal.shows(question);
    terminal.types(answer);
    terminal.press(Key::Enter);
    (terminal.exits(), terminal)
}

const LIST: &[&str] = &["list", "-b", "tmux"];

#[test]
fn a_program_of_a_directory_is_run_once_it_is_approved() {
    let Some(world) = world() else { return };
    let refused = world.kst(LIST);
    refused.exits(7).says("kstlib.conf.yml:1").says("nobody approved it").says("kst config trust");
    world.kst(["config", "trust"]).exits(7).says("no terminal").says("--yes");
    world.kst(["config", "check"]).exits(7);
    // What runs no program does without it.
    world.kst(["plugin", "list"]).ok();
    assert!(!has_run(&world));

    for no in ["", "no", "y", "yes"] {
        let (code, terminal) = asked(&world, LIST, "[N]o", no);
        assert_eq!(code, Some(7), "{no:?}");
        terminal.shows("was not approved");
    }
    assert!(!has_run(&world));
    let (code, terminal) = asked(&world, LIST, "[N]o", "once");
    assert_eq!(code, Some(0), "{}", terminal.screen());
    assert!(has_run(&world));
    let said = String::from_utf8_lossy(&terminal.bytes()).replace("\r\n    > ", "");
    let path = world.path("work/bin/tmux").display().to_string();
    for part in ["can then do anything as you", "kstlib.conf.yml:1", &path, "digest:   sha256:"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    world.kst(LIST).exits(7);
    assert!(!has_run(&world));

    let (code, _) = asked(&world, LIST, "[N]o", "always");
    assert_eq!(code, Some(0));
    has_run(&world);
    world.kst(LIST).ok();
    assert!(has_run(&world));
    world.kst(["config", "untrust"]).ok().prints("is withdrawn");
    world.kst(LIST).exits(7);
    let (code, _) = asked(&world, &["config", "trust"], "[y/N]", "n");
    assert_eq!(code, Some(7));
    let (code, _) = asked(&world, &["config", "trust"], "[y/N]", "y");
    assert_eq!(code, Some(0));
    world.kst(LIST).ok();
    assert!(has_run(&world));
}

#[test]
fn another_content_or_path_or_directory_asks_again() {
    let Some(world) = world() else { return };
    world.kst(["config", "trust", "--yes"]).ok().prints("is trusted to be run as tmux");
    world.kst(LIST).ok();
    assert!(has_run(&world));
    // Another content.
    write_tmux(&world, "# changed\n");
    world.kst(LIST).exits(7).says("it changed since you approved it");
    assert!(!has_run(&world));
    world.kst(["config", "trust", "--yes", "-q"]).ok();
    world.kst(LIST).ok();
    // Another path, with the same content.
    fs::copy(world.path("work/bin/tmux"), world.path("work/bin/other")).expect("a copy");
    world.write("work/kstlib.conf.yml", "ops: {tmux_binary: ./bin/other}\n");
    world.kst(LIST).exits(7);
    // Another directory with the same setting.
    has_run(&world);
    let tmux = world.path("work/bin/tmux").display().to_string();
    world.write("work/sub/kstlib.conf.yml", format!("ops: {{tmux_binary: {tmux}}}\n"));
    world.command(LIST).cwd(world.path("work/sub")).run().exits(7);
    // A program that is found on the PATH by its name, and one that an included file chooses.
    world.fake("my-tmux", "exec tmux \"$@\"");
    world.write("work/more.yml", "ops: {tmux_binary: my-tmux}\n");
    world.write("work/kstlib.conf.yml", "include: more.yml\n");
    world.kst(LIST).exits(7).says("more.yml:1");
    world.kst(["config", "trust", "--yes"]).ok().prints("my-tmux");
    world.kst(LIST).ok();
    assert!(!has_run(&world));
}

#[test]
fn what_others_could_replace_cannot_be_approved() {
    let Some(world) = world() else { return };
    let set = |path: &str, mode| {
        fs::set_permissions(world.path(path), Permissions::from_mode(mode)).expect("permissions");
    };
    for (path, wrong, right) in [("work/bin/tmux", 0o757, 0o755), ("work/bin", 0o777, 0o755)] {
        set(path, wrong);
        world.kst(["config", "trust", "--yes"]).exits(7).says("others can write to it");
        world.kst(LIST).exits(7);
        set(path, right);
    }
    world.kst(["config", "trust", "--yes"]).ok();
    set("work/bin", 0o777);
    world.kst(LIST).exits(7).says("others can write to it");
    set("work/bin", 0o755);
    fs::remove_file(world.path("work/bin/tmux")).expect("it can be removed");
    world.kst(["config", "trust", "--yes"]).exits(7).says("cannot be read");
    assert!(!has_run(&world));
}

/// The digest in a config approves a component where the config is the user's own, and there alone.
#[test]
fn a_digest_in_the_users_config_approves() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let component = fs::read(screen_plugin()).expect("it was built");
    let file = world.write("work/screen.wasm", &component);
    let inspected = world.kst(["plugin", "inspect", "./screen.wasm", "--json"]).ok().json();
    let digest = inspected["digest"].as_str().expect("a digest").to_owned();
    let entry = |path: &Path, digest: &str| {
        format!("ops: {{plugins: {{screen: {{path: {}, digest: '{digest}'}}}}}}\n", path.display())
    };
    let list = ["list", "-b", "screen"];
    world.write("work/kstlib.conf.yml", entry(&file, &digest));
    world.kst(list).exits(7).says("kst plugin trust");
    let config = world.config(&entry(&file, &digest));
    world.kst(list).exits(7);
    fs::remove_file(world.path("work/kstlib.conf.yml")).expect("it can be removed");
    world.kst(list).ok();
    world.kst(["config", "check"]).ok();
    world.kst(["plugin", "list"]).ok().prints("approved by config");
    world.kst(["plugin", "untrust", "screen"]).exits(6).says("remove its digest from");

    // The content counts: another one is refused, even one that was approved.
    fs::write(&file, crate::support::edited(&component)).expect("it can be written");
    world.kst(list).exits(7).says("is not what the config names");
    world.kst(["plugin", "trust", "./screen.wasm", "--yes"]).ok();
    world.kst(list).exits(7).says("is not what the config names");
    fs::write(&file, &component).expect("it can be written");
    world.kst(list).ok();
    // A config that others can write to approves nothing.
    fs::set_permissions(&config, Permissions::from_mode(0o666)).expect("permissions");
    world.kst(list).exits(7).says("others can write to it");
    fs::set_permissions(&config, Permissions::from_mode(0o644)).expect("permissions");
    world.kst(list).ok();
    // What is no digest is a mistake, and no plugin.
    world.config(&entry(&file, "sha256:12"));
    let checked = world.kst(["config", "check"]);
    checked.prints("64 hexadecimal digits");
    assert_eq!(checked.code, Some(2));
    world.kst(list).exits(6);
}
