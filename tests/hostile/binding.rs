//! Ids and pids: output that is shaped, or a moment that is chosen, so that kst acts on another session.

use kst::guard::Guard;

use super::script::LAUNCH;
use super::{Attack, Script, Seen};

/// A stop that looks before it acts.
const STOP: &[&[&str]] = &[&["try", "ls"], &["try", "kill"]];

fn stop(script: Script) -> Attack {
    Attack::by(script).kst(&["stop", "web", "-b", "evil", "-t", "1"]).running_anything()
}

/// `evil`, which swears that the session runs, without having looked.
fn swearing() -> Script {
    Script::honest().only("status", &[&["session", "{}", "running"]]).only("stop", STOP)
}

/// Prints `first` when it is asked for the first time, and then `rest`.
fn first_and_then(first: &str, rest: &str) -> String {
    format!("if mkdir {{}}.d 2>/dev/null; then {first}; else {rest}; fi").replace("{}", "$0")
}

#[test]
fn another_sessions_id() {
    stop(swearing())
        .engine("ls", "echo '2 up 0 other'")
        .stopped_by(&[Guard::BoundByName])
        .exits(7)
        .says("no output line has named this session yet")
        .lands_when(|seen| seen.ran(&["box", "kill", "2"]));
}

#[test]
fn a_name_that_begins_like_it() {
    for name in ["web2", "we", "WEB", "web ", " web", "web\u{200b}"] {
        stop(swearing())
            .engine("ls", &format!("echo '2 up 0 {name}'"))
            .stopped_by(&[Guard::BoundByName])
            .exits(7)
            .says("no output line has named this session yet")
            .lands_when(|seen| seen.ran(&["box", "kill", "2"]));
    }
}

/// A session can have a name that looks like a name and a column behind it.
#[test]
fn a_name_with_a_column_in_it() {
    let columns = swearing()
        .without("ls")
        .form("ls", "list,status,start,stop,remove,logs,attach", "reads", "box ls")
        .gives("{id}\t{name}\t({*}");
    stop(columns)
        .engine("ls", "printf '2\\tweb\\t(x\\t(up)\\n'")
        .stopped_by(&[Guard::WholeColumns])
        .exits(7)
        .says("no output line has named this session yet")
        .lands_when(|seen| seen.ran(&["box", "kill", "2"]));
}

#[test]
fn an_id_without_having_looked() {
    let script = Script::honest().only("stop", &[&["try", "kill"]]);
    stop(script.clone())
        .engine("ls", "echo '1 up 0 web'")
        .exits(7)
        .says("no output line has named this session yet")
        .lands_only_as(script.only("stop", STOP), |seen| seen.ran(&["box", "kill", "1"]));
}

#[test]
fn two_of_one_name() {
    stop(swearing())
        .engine("ls", "echo '1 up 0 web'; echo '2 up 0 web'")
        .stopped_by(&[Guard::OneSession])
        .exits(7)
        .says("several sessions answered to the name 'web'")
        .lands_when(|seen| seen.ran(&["box", "kill"]));
}

#[test]
fn two_of_one_name_one_after_the_other() {
    let again: &[&[&str]] = &[&["try", "ls"], &["try", "ls"], &["try", "kill"]];
    stop(swearing().only("stop", again))
        .engine("ls", &first_and_then("echo '1 up 0 web'", "echo '2 up 0 web'"))
        .stopped_by(&[Guard::OneSession])
        .exits(7)
        .says("several sessions answered to the name 'web'")
        .lands_when(|seen| seen.ran(&["box", "kill"]));
}

#[test]
fn another_session_of_that_name_since_it_was_found() {
    stop(Script::honest().only("stop", STOP))
        .engine("ls", &first_and_then("echo '1 up 0 web'", "echo '9 up 0 web'"))
        .stopped_by(&[Guard::FoundSession])
        .exits(7)
        .says("no output line has named this session yet")
        .lands_when(|seen| seen.ran(&["box", "kill", "9"]));
}

#[test]
fn an_id_that_is_an_option() {
    stop(swearing())
        .engine("ls", "echo '--all up 0 web'")
        .stopped_by(&[Guard::PlainIds, Guard::Dashes])
        .exits(7)
        .says("no output line has named this session yet")
        .lands_when(|seen| seen.ran(&["box", "kill", "--all"]));
}

/// Where the id is last in a line, a foreign session's name can hold what looks like one.
#[test]
fn a_foreign_name_that_forges_a_line() {
    let script = swearing()
        .without("ls")
        .form("ls", "list,status,stop", "reads", "box ls")
        .gives("name={name} id={id}");
    stop(script)
        .engine("ls", "echo 'name=web id=x; kill 7 id=3'")
        .stopped_by(&[Guard::PlainIds])
        .exits(7)
        .says("no output line has named this session yet")
        .lands_when(|seen| seen.ran(&["box", "kill"]));
}

#[test]
fn a_line_of_a_program_that_was_killed() {
    stop(swearing().only("stop", &[&["run", "ls"], &["try", "kill"]]))
        .engine("ls", "echo '2 up 0 web'; kill -9 $$")
        .stopped_by(&[Guard::WholeOutput])
        .exits(7)
        .says("no output line has named this session yet")
        .lands_when(|seen| seen.ran(&["box", "kill", "2"]));
}

/// A start may go on with what it made. What was there before, it did not make.
#[test]
fn a_start_that_ends_what_was_there() {
    let script = Script::honest()
        .without("new")
        .form("new", "start", "changes", "box new {name} --run {run} -- {launch}")
        .form("look", "start", "reads", "box look")
        .gives("{id} {run} {name}")
        .form("clean", "start", "changes", "box kill {id}")
        .on("start", &[&["try", "look"], &["try", "clean"], &["error", "failed", "it is gone"]]);
    Attack::by(script)
        .engine("look", "echo '5 0123456789abcdef web'")
        .kst(&["start", "web", "-b", "evil", "--", "true"])
        .stopped_by(&[Guard::ThisRun, Guard::WholeRequest])
        .exits(7)
        .says("no output line has named this session yet")
        .running(&[&["box", "look"]])
        .lands_when(|seen| seen.ran(&["box", "kill", "5"]));
}

/// `kst start NAME` without a definition starts an ended session of somebody's own as it is. It asks for
/// nothing that a form could leave out.
#[test]
fn a_start_that_ends_a_session_of_the_users() {
    let script = Script::honest()
        .form("clean", "start", "changes", "box kill {id}")
        .on("start", &[&["run", "ls"], &["run", "clean"], &["error", "already-exists", ""]]);
    Attack::by(script)
        .engine("ls", "echo '5 down 0 web'")
        .kst(&["start", "web", "-b", "evil"])
        .stopped_by(&[Guard::AsItIs])
        .exits(4)
        .says("already exists")
        .running_anything()
        .lands_when(|seen| seen.ran(&["box", "kill", "5"]));
}

/// A pid that the engine's output names counts only below that engine's own process.
#[test]
fn a_process_that_is_not_the_sessions() {
    let script = Script::honest().only("stop", &[&["try", "ls"], &["end"]]);
    let alive = |seen: &Seen| {
        let pid = std::fs::read_to_string(seen.path("victim")).unwrap_or_default();
        std::path::Path::new("/proc").join(pid.trim()).join("cwd").exists()
    };
    stop(script)
        .with(|world| {
            let pid = world.path("victim");
            let start = format!("setsid sleep 1000 >/dev/null 2>&1 & echo $! > {}", pid.display());
            world.program("sh").args(["-c", &start]).run().ok();
        })
        .engine("ls", "echo \"1 up $(cat ${0%/*}/../victim) web\"")
        .stopped_by(&[Guard::BelowEngine])
        .exits(1)
        .says("still running")
        .lands_when(|seen| !alive(seen));
}

#[test]
fn a_session_that_its_backend_says_has_ended() {
    let script = Script::launching()
        .on("start", &[&["try", "new"]])
        .on("remove", &[&["try", "ls"], &["try", "rm"]]);
    Attack::by(script)
        .engine("new", LAUNCH)
        .engine("ls", "echo '7 down 0 web'")
        .kst(&["start", "web", "-b", "evil", "--", "sleep", "1000"])
        .kst(&["remove", "web", "-b", "evil"])
        .stopped_by(&[Guard::ShimsWord])
        .exits(1)
        .says("is running")
        .running_anything()
        .lands_when(|seen| seen.ran(&["box", "rm", "7"]));
}
