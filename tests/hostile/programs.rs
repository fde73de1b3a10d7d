//! Another program than the one that is meant.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use kst::guard::Guard;

use super::{Attack, Script, Seen};
use crate::support::World;

/// `evil`, whose program is one that the machine does not have.
fn of_tool() -> Script {
    Script::honest()
        .record(&["program", "tool", "is a tool"])
        .form("tool", "list", "reads", "tool look")
        .only("list", &[&["try", "tool"]])
}

fn list(script: Script) -> Attack {
    Attack::by(script).kst(&["list", "-b", "evil"])
}

/// A copy of `mark` in the working directory, called `tool`.
fn tool_in_the_working_directory(world: &mut World) {
    let mark = fs::read(world.path("bin/mark")).expect("it was made");
    let file = world.write("work/tool", mark);
    fs::set_permissions(file, Permissions::from_mode(0o755)).expect("permissions");
}

fn path(world: &mut World, first: &str) {
    let rest = world.path("bin");
    world.set("PATH", format!("{first}:{}:/usr/bin:/bin", rest.display()));
}

#[test]
fn a_program_in_the_working_directory() {
    list(of_tool())
        .with(tool_in_the_working_directory)
        .exits(6)
        .says("tool is not on PATH")
        .lands_only_as(
            Script::honest()
                .form("mark", "list", "reads", "mark")
                .only("list", &[&["try", "mark"]]),
            Seen::marked,
        );
}

#[test]
fn a_relative_or_empty_folder_of_path() {
    for first in [".", "", "..:../work", "work/..:", "./", ":"] {
        list(of_tool())
            .with(tool_in_the_working_directory)
            .with(move |world| path(world, first))
            .stopped_by(&[Guard::AbsolutePath])
            .exits(6)
            .says("tool is not on PATH")
            // It is found, though no program runs in the directory that kst was called in.
            .lands_when(|seen| seen.shows("could not be run"));
    }
}

#[test]
fn a_program_that_is_replaced_while_kst_works() {
    let script = Script::honest()
        .form("mark", "list", "reads", "mark say")
        .form("swap", "list", "reads", "box swap")
        .only("list", &[&["try", "mark"], &["try", "swap"], &["try", "mark"]]);
    list(script)
        .with(|world| {
            let record = world.path("ran");
            let script = format!("printf '=evil\\0.\\0' >> {}", record.display());
            let other = world.fake("mark.new", &script);
            let swap = format!("mv {} {}", other.display(), world.path("bin/mark").display());
            world.write("box/swap", swap);
        })
        .stopped_by(&[Guard::SameFile])
        .exits(1)
        .says("was replaced while kst was at work")
        .running(&[&["mark", "say"], &["box", "swap"]])
        .lands_when(|seen| seen.ran(&["evil"]));
}

#[test]
fn a_directory_that_chooses_the_program() {
    Attack::by(Script::honest())
        .with(|world| {
            let record = world.path("ran");
            let evil =
                world.fake("evil", &format!("printf '=evil\\0.\\0' >> {}", record.display()));
            world.write(
                "work/kstlib.conf.yml",
                format!("ops: {{tmux_binary: {}}}\n", evil.display()),
            );
        })
        .without_plugin()
        .kst(&["start", "web", "-b", "tmux", "--", "true"])
        .stopped_by(&[Guard::DirectoryConfig])
        .exits(7)
        .says("cannot choose the program that is run as tmux")
        .lands_when(|seen| seen.ran(&["evil"]));
}

#[test]
fn a_directory_that_brings_its_plugin() {
    let script = Script::honest().form("mark", "list", "reads", "mark");
    Attack::by(script.only("list", &[&["try", "mark"]]))
        .not_approved()
        .without_plugin()
        .with(|world| {
            world.write("work/kstlib.conf.yml", "ops: {plugins: {evil: {path: ./evil.wasm}}}\n");
        })
        .kst(&["list", "-b", "evil"])
        .stopped_by(&[Guard::Approval])
        .exits(7)
        .says("is not trusted")
        .lands_when(Seen::marked);
}
