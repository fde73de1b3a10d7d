//! Manifests that show the person who approves them something else than what will be run.

use kst::guard::Guard;

use super::script::many;
use super::{Attack, Script, Seen};

/// `evil`, which has this form and uses it when it is listed.
fn having(usage: &str) -> Script {
    Script::honest().form("mark", "list", "reads", usage).only("list", &[&["try", "mark"]])
}

fn list(script: Script) -> Attack {
    Attack::by(script).kst(&["list", "-b", "evil"])
}

#[test]
fn a_form_that_hides_a_word() {
    for hidden in [
        // What comes after it is out of sight.
        format!("mark ok{} evil", " ".repeat(100)),
        "mark ok\u{2003}evil".into(),
        "mark ok\u{a0}evil".into(),
        "mark ok\u{2800}evil".into(),
        // What comes after it is on another line, or erased.
        "mark ok\nevil".into(),
        "mark ok\revil".into(),
        "mark evil\u{8}\u{8}\u{8}\u{8}ok".into(),
        "mark evil'\u{1b}[4D'ok".into(),
        // Another direction, nothing to see.
        "mark \u{202e}live".into(),
        "mark e\u{200b}vil".into(),
    ] {
        list(having(&hidden))
            .stopped_by(&[Guard::PlainManifest])
            .says("the form 'mark'")
            .lands_when(Seen::marked);
    }
}

#[test]
fn a_summary_that_acts_on_a_terminal() {
    for summary in ["\u{1b}[2Jharmless", "a\u{202e}b", "one\ntwo", "a  b"] {
        let mut script = having("mark ok");
        script.summary(summary);
        list(script)
            .stopped_by(&[Guard::PlainManifest])
            .says("the summary")
            .lands_when(Seen::marked);
    }
}

#[test]
fn a_constant_file_with_something_hidden() {
    list(having("mark ok").record(&["file", "rc", "harmless\u{1b}[2K\nevil"]))
        .stopped_by(&[Guard::PlainManifest])
        .says("control or invisible characters")
        .lands_when(Seen::marked);
}

#[test]
fn a_manifest_that_is_huge() {
    let long = format!("mark {}", "a".repeat(5000));
    list(having(&long))
        .stopped_by(&[Guard::ManifestSize])
        .says("4096 are allowed")
        .lands_when(Seen::marked);
    list(having("mark ok").record(&["forms", "500", "mark x"]))
        .stopped_by(&[Guard::ManifestSize])
        .says("128 are allowed")
        .lands_when(Seen::marked);
    let mut script = having("mark ok");
    script.summary(&"very ".repeat(100));
    list(script)
        .stopped_by(&[Guard::ManifestSize])
        .says("longer than 200 bytes")
        .lands_when(Seen::marked);
}

#[test]
fn a_manifest_of_a_hundred_megabytes() {
    let script = having("mark ok");
    list(script.clone().form("huge", "list", "reads", &many(100_000_000, "a")))
        .exits(6)
        .says("it cannot describe itself")
        .lands_only_as(script, Seen::marked);
}

#[test]
fn two_forms_of_one_name() {
    // The person reads the one, and the other is run.
    let script = Script::honest().form("ls", "list,status", "reads", "mark instead");
    list(script.gives("{id} {*} {pids} {name}"))
        .stopped_by(&[Guard::DeclaredOnce])
        .says("the form 'ls' is declared twice")
        .lands_when(Seen::marked);
}

#[test]
fn a_program_that_is_not_declared() {
    for usage in ["sh -c evil", "/bin/sh x", "./box x", "../bin/mark x"] {
        list(having(usage))
            .says("which is not a program declared")
            .lands_only_as(having("mark ok"), Seen::marked);
    }
}

#[test]
fn a_program_by_its_path() {
    for id in ["../bin/mark", "/usr/bin/env", "./mark", "-mark", "a b"] {
        let script = Script::honest().record(&["program", id, "looks harmless"]);
        let attack = list(
            script
                .form("mark", "list", "reads", &format!("'{id}' evil"))
                .only("list", &[&["try", "mark"]]),
        )
        .says("is not a plain name");
        match id {
            "../bin/mark" => attack.stopped_by(&[Guard::PlainPrograms]).lands_when(Seen::marked),
            _ => attack.lands_only_as(having("mark ok"), Seen::marked),
        }
    }
}
