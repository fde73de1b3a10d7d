//! Forms that a backend does not have, or not for this, or not again.

use kst::guard::Guard;

use super::{Attack, Script, Seen};

const WEB: &str = "echo '1 up 0 web'";

/// `evil`, which may leave a mark in this operation, on a session where there is one.
fn marking(operations: &str, effect: &str) -> Script {
    Script::honest().form("mark", operations, effect, "mark [{name}]")
}

#[test]
fn a_form_that_is_not_in_the_manifest() {
    let script = Script::honest().only("list", &[&["try", "mark"]]);
    Attack::by(script.clone())
        .kst(&["list", "-b", "evil"])
        .exits(9)
        .says("the form 'mark', which it never declared")
        .lands_only_as(script.form("mark", "list", "reads", "mark"), Seen::marked);
}

#[test]
fn a_usage_line_for_a_forms_name() {
    let script = Script::honest().only("list", &[&["try", "mark here"]]);
    Attack::by(script.clone())
        .kst(&["list", "-b", "evil"])
        .exits(9)
        .says("never declared")
        .lands_only_as(
            script.only("list", &[&["try", "mark"]]).form("mark", "list", "reads", "mark here"),
            Seen::marked,
        );
}

#[test]
fn a_form_of_another_operation_in_a_start() {
    let mark = Script::honest().form("mark", "stop", "changes", "mark {name}");
    Attack::by(mark.on("start", &[&["try", "mark"]]))
        .kst(&["start", "web", "--", "true"])
        .stopped_by(&[Guard::Operations, Guard::WholeRequest])
        .exits(7)
        .says("was not approved for start")
        .lands_when(Seen::marked);
}

#[test]
fn a_read_of_another_operation() {
    let mark = Script::honest().form("mark", "logs", "reads", "mark");
    Attack::by(mark.only("list", &[&["try", "mark"]]))
        .kst(&["list", "-b", "evil"])
        .stopped_by(&[Guard::Operations])
        .exits(7)
        .says("was not approved for list")
        .lands_when(Seen::marked);
}

const READING: [(&str, &[&str]); 3] = [
    ("list", &["list", "-b", "evil"]),
    ("status", &["status", "web", "-b", "evil"]),
    ("logs", &["logs", "web", "-b", "evil"]),
];

#[test]
fn a_change_of_another_operation_while_reading() {
    for (operation, command) in READING {
        Attack::by(marking("stop", "changes").on(operation, &[&["try", "mark"]]))
            .engine("ls", WEB)
            .kst(command)
            .stopped_by(&[Guard::Operations, Guard::ReadsOnly])
            .exits(7)
            .says(&format!("was not approved for {operation}"))
            .running_anything()
            .lands_when(Seen::marked);
    }
}

#[test]
fn a_manifest_with_a_change_while_reading() {
    for (operation, command) in READING {
        Attack::by(marking(operation, "changes").on(operation, &[&["try", "mark"]]))
            .engine("ls", WEB)
            .kst(command)
            .stopped_by(&[Guard::ReadsOnly])
            .says(&format!("changes something, and {operation} changes nothing"))
            .lands_when(Seen::marked);
    }
}

#[test]
fn a_probe_that_changes_something() {
    let script = marking("probe,stop", "changes").on("probe", &[&["try", "mark"]]);
    Attack::by(script)
        .kst(&["list", "--health", "-b", "evil"])
        .stopped_by(&[Guard::ReadsOnly])
        .says("changes something, and probe changes nothing")
        .lands_when(Seen::marked);
    let script = marking("stop", "changes").on("probe", &[&["try", "mark"]]);
    Attack::by(script)
        .kst(&["list", "--health", "-b", "evil"])
        .stopped_by(&[Guard::Operations, Guard::ReadsOnly])
        .exits(7)
        .says("was not approved for probe")
        .running(&[&["box", "ls"]])
        .lands_when(Seen::marked);
}

#[test]
fn what_starts_run_by_a_question() {
    let script = Script::honest().without("new").form(
        "new",
        "start",
        "changes",
        "box new {name} [{launch}]",
    );
    Attack::by(script.only("status", &[&["try", "new"]]))
        .kst(&["status", "web", "-b", "evil"])
        .stopped_by(&[Guard::Operations, Guard::ReadsOnly])
        .exits(7)
        .says("was not approved for status")
        .lands_when(|seen| seen.ran(&["box", "new", "web"]));
}

#[test]
fn a_change_among_reads_that_run_together() {
    Attack::by(marking("stop", "changes").only("stop", &[&["all", "ls", "mark"]]))
        .engine("ls", WEB)
        .kst(&["stop", "web", "-b", "evil", "-t", "1"])
        .stopped_by(&[Guard::ReadsTogether])
        .exits(7)
        .says("only reads can be run together")
        .running_anything()
        .lands_when(Seen::marked);
}

#[test]
fn a_change_made_twice() {
    let twice: &[&[&str]] = &[&["try", "ls"], &["try", "mark"], &["try", "mark"]];
    let marks = |seen: &Seen| seen.ran.iter().filter(|argv| argv[0] == "mark").count() > 1;
    Attack::by(marking("stop", "changes").only("stop", twice))
        .engine("ls", WEB)
        .kst(&["stop", "web", "-b", "evil", "-t", "1"])
        .stopped_by(&[Guard::OnceEach])
        .exits(7)
        .says("was already run in this stop")
        .running(&[&["box", "ls"], &["box", "ls"], &["mark", "web"]])
        .lands_when(marks);
}

#[test]
fn a_change_made_twice_by_going_on_after_the_refusal() {
    let marks = |seen: &Seen| seen.ran.iter().filter(|argv| argv[0] == "mark").count() > 1;
    Attack::by(marking("stop", "changes").only("stop", &[&["times", "5"], &["run", "mark"]]))
        .engine("ls", "[ -f ${0%/*}/../gone ] || echo '1 up 0 web'")
        .engine("gone", "")
        .kst(&["stop", "web", "-b", "evil", "-t", "1"])
        .stopped_by(&[Guard::OnceEach])
        .exits(1)
        .says("still running")
        .running_anything()
        .lands_when(marks);
}

#[test]
fn a_plan_that_is_run() {
    Attack::by(marking("attach", "plan").on("attach", &[&["try", "ls"], &["try", "mark"]]))
        .engine("ls", WEB)
        .kst(&["--dry-run", "attach", "web", "-b", "evil"])
        .stopped_by(&[Guard::PlansApart])
        .exits(7)
        .says("is a plan, and cannot be run")
        .running_anything()
        .lands_when(Seen::marked);
}

#[test]
fn a_change_for_a_plan() {
    let script = Script::honest().form("mark", "attach", "changes", "mark {name}");
    Attack::by(script.on("attach", &[&["try", "ls"], &["text", "mark"]]))
        .engine("ls", WEB)
        .kst(&["--dry-run", "attach", "web", "-b", "evil"])
        .stopped_by(&[Guard::PlansApart])
        .exits(7)
        .says("is to be run, and cannot be planned")
        .running_anything()
        .lands_when(|seen| seen.shows("/mark web"));
}

#[test]
fn a_plan_of_another_operation_for_a_log() {
    Attack::by(marking("attach", "plan").on("logs", &[&["try", "ls"], &["plan", "mark"]]))
        .engine("ls", WEB)
        .kst(&["logs", "web", "-b", "evil"])
        .stopped_by(&[Guard::Operations])
        .exits(7)
        .says("was not approved for logs")
        .running_anything()
        .lands_when(Seen::marked);
}

#[test]
fn a_plan_that_was_never_declared() {
    let script = Script::honest().on("attach", &[&["try", "ls"], &["text", "mark"]]);
    Attack::by(script.clone())
        .engine("ls", WEB)
        .kst(&["--dry-run", "attach", "web", "-b", "evil"])
        .exits(9)
        .says("the form 'mark', which it never declared")
        .running_anything()
        .lands_only_as(script.form("mark", "attach", "plan", "mark {name}"), |seen| {
            seen.shows("/mark web")
        });
}

#[test]
fn something_run_while_it_describes_itself() {
    let script = Script::honest().form("mark", "list,probe", "reads", "mark");
    Attack::by(script.clone().on("describe", &[&["run", "mark"], &["all", "mark"], &["end"]]))
        .kst(&["list", "-b", "evil"])
        .exits(0)
        .running(&[&["box", "ls"]])
        .lands_only_as(script.on("list", &[&["run", "mark"]]), Seen::marked);
}

#[test]
fn processes_ended_by_something_else_than_a_stop() {
    Attack::by(Script::honest().on("list", &[&["end"], &["error", "failed", "as if nothing"]]))
        .engine("ls", WEB)
        .kst(&["list", "-b", "evil"])
        .stopped_by(&[Guard::EndsInStop])
        .exits(7)
        .says("it wanted to end processes during list")
        .running(&[&["box", "ls"]])
        .lands_when(|seen| seen.shows("as if nothing"));
}
