//! Components that nobody approved, or that pass for others.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use kst::guard::Guard;
use serde_json::Value;

use super::{Attack, Script, Seen};
use crate::support::{World, edited};

/// `evil`, which leaves a mark when it is listed.
fn marking() -> Script {
    let script = Script::honest().form("mark", "list", "reads", "mark");
    script.only("list", &[&["try", "mark"]])
}

fn list(script: Script) -> Attack {
    Attack::by(script).kst(&["list", "-b", "evil"])
}

fn trust_file(world: &World) -> PathBuf {
    world.home().join(".local/share/kst/trust.json")
}

#[test]
fn what_nobody_approved() {
    list(marking())
        .not_approved()
        .stopped_by(&[Guard::Approval])
        .exits(7)
        .says("is not trusted")
        .lands_when(Seen::marked);
}

#[test]
fn what_was_approved_before_it_changed() {
    list(marking())
        .after(|world| {
            let file = world.path("work/evil.wasm");
            let changed = edited(&fs::read(&file).expect("it was written"));
            fs::write(file, changed).expect("it can be written");
        })
        .stopped_by(&[Guard::Approval])
        .exits(7)
        .says("is not trusted")
        .lands_when(Seen::marked);
}

/// What stands in the approval counts, and not what the component says of itself now.
#[test]
fn a_component_that_says_more_than_was_approved() {
    list(marking())
        .after(|world| {
            let file = trust_file(world);
            let text = fs::read_to_string(&file).expect("it was approved");
            let mut content: Value = serde_json::from_str(&text).expect("JSON");
            for plugin in content["plugins"].as_object_mut().expect("an object").values_mut() {
                let forms = plugin["manifest"]["forms"].as_array_mut().expect("an array");
                forms.retain(|form| form["name"] != "mark");
            }
            fs::write(file, content.to_string()).expect("it can be written");
        })
        .stopped_by(&[Guard::ApprovedCopy])
        .exits(9)
        .says("never declared")
        .lands_when(Seen::marked);
}

#[test]
fn a_stranger_that_calls_itself_tmux() {
    let script = marking().named("tmux");
    Attack::by(script)
        .kst(&["list", "-b", "tmux"])
        .stopped_by(&[Guard::BuiltInNames])
        .exits(6)
        .says("the name of a built-in one")
        .lands_when(|seen| seen.outcome.code == Some(0) || !seen.shows("built-in"));
}

#[test]
fn a_file_that_is_called_as_a_vetted_one() {
    let script = marking().named("tmux");
    Attack::by(script.clone())
        .not_approved()
        .with(move |world| {
            for name in ["tmux", "container"] {
                let file = format!("home/.local/share/kst/plugins/{name}.wasm");
                world.write(file, script.component());
            }
        })
        .without_plugin()
        .kst(&["list", "-b", "tmux"])
        .exits(6)
        .says("tmux is not installed")
        .cannot_land(
            "a built-in name leads to what is built in, whatever lies elsewhere",
            Seen::marked,
        );
}

#[test]
fn an_approval_that_anybody_could_have_written() {
    list(marking())
        .after(|world| {
            let open = Permissions::from_mode(0o666);
            fs::set_permissions(trust_file(world), open).expect("permissions");
        })
        .stopped_by(&[Guard::OwnFile])
        .exits(7)
        .says("others can write to it")
        .lands_when(Seen::marked);
}

#[test]
fn an_approval_that_is_a_link() {
    list(marking())
        .after(|world| {
            let (file, other) = (trust_file(world), world.path("work/approvals"));
            fs::rename(&file, &other).expect("it was approved");
            symlink(other, file).expect("a link");
        })
        .stopped_by(&[Guard::NoLinks])
        .exits(7)
        .says("symbolic link")
        .lands_when(Seen::marked);
}

#[test]
fn a_component_that_anybody_can_write() {
    for mode in [0o666, 0o620, 0o602] {
        list(marking())
            .after(move |world| {
                let file = world.path("work/evil.wasm");
                fs::set_permissions(file, Permissions::from_mode(mode)).expect("permissions");
            })
            .stopped_by(&[Guard::OwnFile])
            .exits(7)
            .says("others can write to it")
            .lands_when(Seen::marked);
    }
}

#[test]
fn two_that_want_one_name() {
    // The one that is named on the command line is the one that is meant.
    let other = Script::honest().form("mark", "list", "reads", "mark");
    list(Script::honest())
        .with(move |world| {
            let script = other.clone().only("list", &[&["try", "mark"]]);
            world.write("home/.local/share/kst/plugins/evil.wasm", script.component());
        })
        .approving("home/.local/share/kst/plugins/evil.wasm")
        .exits(0)
        .running(&[&["box", "ls"]])
        .lands_only_as(marking(), Seen::marked);
}
