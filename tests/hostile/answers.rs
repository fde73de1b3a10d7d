//! What a backend answers with: too much of it, about somebody else, or made to deceive.

use kst::guard::Guard;

use super::script::many;
use super::{Attack, Script};

/// `evil`, which answers with these sessions and runs nothing.
fn answering(sessions: &[&[&str]]) -> Script {
    Script::honest().only("list", sessions).only("status", sessions)
}

/// With colours, as on a terminal: in a pipe every escape sequence is left out anyway.
fn list(script: Script) -> Attack {
    Attack::by(script).kst(&["--color", "always", "list", "-b", "evil"])
}

fn status(script: Script) -> Attack {
    Attack::by(script).kst(&["--color", "always", "status", "web", "-b", "evil"])
}

#[test]
fn another_session_than_was_asked_for() {
    status(answering(&[&["session", "other", "running"], &["lie"]]))
        .stopped_by(&[Guard::AnswersAsAsked])
        .says("it was asked for 'web' and answered with 'other'")
        .lands_when(|seen| seen.outcome.code != Some(9));
}

#[test]
fn another_session_than_was_to_be_started() {
    let script = Script::elsewhere()
        .form("new", "start", "changes", "box new {name} -- {command}")
        .on("start", &[&["try", "new"], &["session", "other", "running"], &["lie"]]);
    Attack::by(script)
        .kst(&["start", "web", "-b", "evil", "--", "true"])
        .stopped_by(&[Guard::AnswersAsAsked])
        .says("it was asked to start 'web' and answered with 'other'")
        .running_anything()
        .lands_when(|seen| seen.shows("'other' started"));
}

/// What it says of a session in another backend's name stays under its own.
#[test]
fn a_false_name_of_the_backend() {
    let script = answering(&[&["session", "web", "running", "backend=tmux", "location=prod"]]);
    Attack::by(script.clone())
        .kst(&["list", "--json", "-b", "evil"])
        .exits(0)
        .lands_only_as(script.named("vile"), |seen| {
            !seen.outcome.out().contains("\"backend\": \"evil\"")
        });
}

/// Erasing the screen, a title, the clipboard, colours, overwriting, another direction, nothing to see.
const TRICKS: [&str; 9] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;ZXZpbA\u{7}",
    "\u{9b}31m",
    "a\rb",
    "\u{202e}gnp.exe",
    "a\u{200b}b",
    "\u{2066}x\u{2069}",
    "a\u{feff}b",
];

/// All tricks in one text.
fn tricks() -> String {
    TRICKS.concat()
}

/// What shows one of the tricks is deceived; what is not guarded shows them all.
trait Tricked {
    fn tricks_the_terminal(self);
}

impl Tricked for Attack {
    #[track_caller]
    fn tricks_the_terminal(self) {
        self.stopped_by(&[Guard::ShownPlain]).lands_when(|seen| {
            let shown = TRICKS.iter().filter(|trick| seen.shows(trick)).count();
            assert!([0, TRICKS.len()].contains(&shown), "{shown} of the tricks\n{seen}");
            shown > 0
        });
    }
}

#[test]
fn names_that_act_on_a_terminal() {
    list(answering(&[&["session", &tricks(), "running"]])).exits(0).tricks_the_terminal();
}

/// The same by an engine, of which an honest backend tells what it said.
#[test]
fn an_engines_names_that_act_on_a_terminal() {
    let printed = format!("cat <<'END'\n1 up 0 {}\nEND", tricks().replace('\r', ""));
    list(Script::honest())
        .engine("ls", &printed)
        .exits(0)
        .running(&[&["box", "ls"]])
        .stopped_by(&[Guard::ShownPlain])
        .lands_when(|seen| seen.shows("\u{1b}[2J") || seen.shows("\u{202e}"));
}

#[test]
fn facts_that_act_on_a_terminal() {
    for fact in ["image", "health", "note"] {
        let fact = format!("{fact}={}", tricks());
        status(answering(&[&["session", "{}", "running", &fact]])).exits(0).tricks_the_terminal();
    }
}

#[test]
fn the_name_of_a_fact_that_acts_on_a_terminal() {
    let fact = format!("{}=x", tricks());
    status(answering(&[&["session", "{}", "running", &fact]])).exits(0).tricks_the_terminal();
}

#[test]
fn errors_that_act_on_a_terminal() {
    for (kind, code) in [("unavailable", 6), ("unsupported", 1), ("invalid", 1), ("failed", 1)] {
        let script = Script::honest().only("list", &[&["error", kind, &format!("x{}y", tricks())]]);
        list(script).exits(code).tricks_the_terminal();
    }
}

#[test]
fn output_that_acts_on_a_terminal() {
    // Colours are the program's own, and a line that was written over shows what was last written;
    // nothing else passes.
    let text = format!("line{}\n", tricks());
    Attack::by(Script::honest().on("logs", &[&["text", &text]]))
        .engine("ls", "echo '1 up 0 web'")
        .kst(&["--color", "always", "logs", "web", "-b", "evil"])
        .exits(0)
        .running_anything()
        .stopped_by(&[Guard::ShownPlain])
        .lands_when(|seen| {
            ["\u{1b}[2J", "\u{1b}]52", "\u{9b}", "\u{202e}", "\u{2066}"]
                .iter()
                .any(|trick| seen.shows(trick))
        });
}

#[test]
fn output_that_acts_on_a_terminal_as_it_comes() {
    let printed = format!("cat <<'END'\nline{}\nEND", tricks());
    Attack::by(
        Script::honest()
            .form("tail", "logs", "plan", "box tail {id}")
            .on("logs", &[&["try", "ls"], &["plan", "tail"]]),
    )
    .engine("ls", "echo '1 up 0 web'")
    .engine("tail", &printed)
    .kst(&["--color", "always", "logs", "web", "-b", "evil"])
    .exits(0)
    .running_anything()
    .stopped_by(&[Guard::ShownPlain])
    .lands_when(|seen| {
        ["\u{1b}[2J", "\u{1b}]52", "\u{9b}", "\u{202e}", "\u{2066}"]
            .iter()
            .any(|trick| seen.shows(trick))
    });
}

#[test]
fn output_that_acts_on_a_terminal_while_it_is_followed() {
    let script = Script::honest()
        .record(&["also", "follow"])
        .form("look", "follow", "reads", "box ls")
        .gives("{id} {*} {pids} {name}")
        .form("tail", "follow", "plan", "box tail {id}");
    let printed = format!("cat <<'END'\nline{}\nEND", tricks());
    Attack::by(script.on("follow", &[&["try", "look"], &["text", "tail"]]))
        .engine("ls", "echo '1 up 0 web'")
        .engine("tail", &printed)
        .kst(&["--color", "always", "logs", "-f", "web", "-b", "evil"])
        .exits(0)
        .running_anything()
        .stopped_by(&[Guard::ShownPlain])
        .lands_when(|seen| {
            ["\u{1b}[2J", "\u{1b}]52", "\u{9b}", "\u{202e}", "\u{2066}"]
                .iter()
                .any(|trick| seen.shows(trick))
        });
}

#[test]
fn notes_that_act_on_a_terminal() {
    Attack::by(Script::honest().on("list", &[&["note", &tricks()]]))
        .kst(&["--color", "always", "--verbose", "list", "-b", "evil"])
        .exits(0)
        .running_anything()
        .tricks_the_terminal();
}

#[test]
fn many_sessions() {
    list(answering(&[&["sessions", "20000"]]))
        .stopped_by(&[Guard::Sessions])
        .says("it returned 20000 sessions, more than the limit of 10000")
        .lands_when(|seen| seen.outcome.code == Some(0) && seen.shows("s19999"));
}

#[test]
fn a_million_sessions() {
    list(answering(&[&["sessions", "1000000"]]))
        .says("limit of 128 MiB")
        .lands_only_as(answering(&[&["sessions", "10"]]), |seen| seen.shows("s9"));
}

#[test]
fn long_texts() {
    for field in ["image=", "health=", "created=", "note="] {
        let long = format!("{field}{}", "a".repeat(5000));
        status(answering(&[&["session", "{}", "running", &long]]))
            .stopped_by(&[Guard::Texts])
            .says("a text longer than the limit of 4096 bytes")
            .lands_when(|seen| seen.outcome.code == Some(0));
    }
}

#[test]
fn names_without_end() {
    for name in [many(1025, "n"), many(1_000_000, "n"), String::new()] {
        list(answering(&[&["session", &name, "running"]]))
            .stopped_by(&[Guard::SaneNames])
            .says("without a name of a sane length")
            .lands_when(|seen| seen.outcome.code == Some(0));
    }
}

#[test]
fn many_details() {
    let details: Vec<String> = (0..100).map(|number| format!("detail-{number}=x")).collect();
    let mut step = vec!["session", "{}", "running"];
    step.extend(details.iter().map(String::as_str));
    status(answering(&[&step]))
        .stopped_by(&[Guard::Details])
        .exits(0)
        .lands_when(|seen| seen.shows("detail-99"));
}

#[test]
fn more_than_a_call_may_pass() {
    let script = |bytes: usize| {
        Script::honest().on("logs", &[&["text", &many(bytes / 16, "0123456789abcde\n")]])
    };
    Attack::by(script(32 << 20))
        .engine("ls", "echo '1 up 0 web'")
        .kst(&["logs", "web", "-b", "evil"])
        .stopped_by(&[Guard::Transfer])
        .running_anything()
        .lands_when(|seen| seen.outcome.code == Some(0));
}

#[test]
fn a_text_of_a_gibibyte_that_is_not_there() {
    let script = |bytes: &str| Script::honest().on("logs", &[&["bogus", bytes]]);
    for bytes in ["1073741824", "4294967295", "2147483647"] {
        Attack::by(script(bytes))
            .engine("ls", "echo '1 up 0 web'")
            .kst(&["logs", "web", "-b", "evil"])
            .running_anything()
            .lands_only_as(script("16"), |seen| seen.shows("aaaaaaaaaaaaaaaa"));
    }
}

#[test]
fn states_that_contradict() {
    // A running session has neither an end nor an exit code, whatever its backend adds.
    let script = answering(&[&["session", "{}", "running", "exit=3", "ended=1700000000"]]);
    Attack::by(script).kst(&["status", "web", "--json", "-b", "evil"]).exits(0).lands_only_as(
        answering(&[&["session", "{}", "ended", "exit=3"]]),
        |seen| {
            let status = seen.outcome.json();
            status["state"] != "running" && status["exit_code"] == 3
        },
    );
}

#[test]
fn times_that_are_none() {
    for time in ["tomorrow", "99999999999999999999", "-1", "\u{1b}[2J", "0001-01-01T00:00:00Z"] {
        let time = format!("created={time}");
        Attack::by(answering(&[&["session", "{}", "running", &time]]))
            .kst(&["status", "web", "--json", "-b", "evil"])
            .exits(0)
            .lands_only_as(
                answering(&[&["session", "{}", "running", "created=1700000000"]]),
                |seen| seen.outcome.json()["created_at"].is_string(),
            );
    }
}
