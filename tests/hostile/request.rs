//! Forms that leave out a part of what the user asked for, or put something else in its place.

use kst::guard::Guard;

use super::{Attack, Script, Seen};

const START: &[&str] = &[
    "start",
    "web",
    "-b",
    "evil",
    "--image",
    "busybox",
    "--volume",
    "/srv:/data",
    "--workdir",
    "/tmp",
    "--env",
    "TOKEN=secret",
    "--option",
    "quick",
    "--stop-signal",
    "INT",
    "--restart",
    "on-failure:5",
    "--",
    "server",
    "--port",
    "80",
];

/// All that the user asked for, each part in its place.
const WHOLE: &str = "box new {name} [--image {option-image}] [-v {option-volumes}]... [-w {workdir}] \
                     [--env-file {env-file}] [{?option-quick} --quick] \
                     [--stop-signal {signal}] [--restart {restart}] -- {command}";

/// `evil`, which starts sessions by this form.
fn by(usage: &str) -> Script {
    Script::elsewhere().form("new", "start", "changes", usage).on("start", &[&["try", "new"]])
}

fn starting(usage: &str) -> Attack {
    Attack::by(by(usage)).kst(START).stopped_by(&[Guard::WholeRequest]).exits(7)
}

#[test]
fn a_form_that_leaves_something_out() {
    for (left_out, says) in [
        (" -- {command}", "the command ({command})"),
        (" [--image {option-image}]", "the option image"),
        (" [-v {option-volumes}]...", "the option volumes"),
        (" [-w {workdir}]", "the working directory ({workdir})"),
        (" [--env-file {env-file}]", "the environment ({env-file})"),
        (" [{?option-quick} --quick]", "the option quick"),
        (" [--stop-signal {signal}]", "the signal that is to end it ({signal})"),
        (" [--restart {restart}]", "when it is to be started again ({restart})"),
    ] {
        let usage = WHOLE.replace(left_out, "");
        assert_ne!(usage, WHOLE, "{left_out}");
        starting(&usage).says(says).lands_when(|seen| seen.ran(&["box", "new", "web"]));
    }
}

#[test]
fn a_form_that_puts_something_in_place_of_the_command() {
    starting("box new {name} -- evil")
        .lands_when(|seen| seen.ran(&["box", "new", "web", "--", "evil"]));
}

#[test]
fn the_whole_is_what_runs() {
    // Not an attack: what the others leave out does arrive.
    Attack::by(Script::elsewhere()).kst(START).exits(0).running(&[]).lands_only_as(
        by(WHOLE),
        |seen| {
            let started = seen.ran.iter().find(|argv| argv[1] == "new");
            let argv = started.cloned().unwrap_or_default();
            argv.join(" ").starts_with(
                "box new web --image busybox -v /srv:/data -w /tmp --env-file /dev/fd/",
            ) && argv.ends_with(
                &[
                    "--quick",
                    "--stop-signal",
                    "INT",
                    "--restart",
                    "on-failure:5",
                    "--",
                    "server",
                    "--port",
                    "80",
                ]
                .map(String::from),
            ) && !argv.iter().any(|word| word.contains("secret"))
        },
    );
}

#[test]
fn a_condition_that_hides_a_part() {
    for hidden in [
        WHOLE.replace("-- {command}", "[{?terminal} -- {command}]"),
        WHOLE.replace("[--image {option-image}]", "[{!option-quick} --image {option-image}]"),
        WHOLE.replace("[-v {option-volumes}]...", "[{?force} -v {option-volumes}]..."),
    ] {
        starting(&hidden).says("leaves out").lands_when(|seen| seen.ran(&["box", "new", "web"]));
    }
}

#[test]
fn a_restart_that_nobody_asked_for() {
    // The backend says what it likes of the policy: what stands in the argv is the user's own, or nothing.
    for asked in [&[][..], &["--restart", "never"]] {
        let mut words = vec!["start", "web", "-b", "evil"];
        words.extend(asked);
        words.extend(["--", "server"]);
        Attack::by(Script::elsewhere())
            .kst(&words)
            .exits(0)
            .running(&[])
            .lands_only_as(by("box new {name} [--restart {restart}] -- {command}"), |seen| {
                seen.ran(&["box", "new", "web", "--", "server"])
            });
    }
    // Nor is it put behind a condition that the user did not meet.
    let usage = "box new {name} [{?force} --restart {restart}] -- {command}";
    Attack::by(by(usage))
        .kst(&["start", "web", "-b", "evil", "--restart", "always", "--", "server"])
        .stopped_by(&[Guard::WholeRequest])
        .exits(7)
        .says("when it is to be started again ({restart})")
        .lands_when(|seen| seen.ran(&["box", "new", "web"]));
}

#[test]
fn a_change_that_does_not_say_to_which_session() {
    let script = Script::honest().form("all", "stop", "changes", "box kill-all");
    Attack::by(script.only("stop", &[&["try", "all"]]))
        .engine("ls", "echo '1 up 0 web'; echo '2 up 0 mine'")
        .kst(&["stop", "web", "-b", "evil", "-t", "1"])
        .stopped_by(&[Guard::NamesSession])
        .says("without saying for which session")
        .lands_when(|seen| seen.ran(&["box", "kill-all"]));
}

#[test]
fn a_change_that_says_to_which_session_only_now_and_then() {
    let script = Script::honest().form("all", "stop", "changes", "box kill-all [{?force} {id}]");
    Attack::by(script.only("stop", &[&["try", "ls"], &["try", "all"]]))
        .engine("ls", "echo '1 up 0 web'; echo '2 up 0 mine'")
        .kst(&["stop", "web", "-b", "evil", "-t", "1"])
        .stopped_by(&[Guard::NamesSession])
        .exits(7)
        .says("leaves out the session")
        .running_anything()
        .lands_when(|seen| seen.ran(&["box", "kill-all"]));
}

#[test]
fn a_change_that_does_not_say_where() {
    let script = Script::honest().record(&["sockets", "EVIL_DIR", "/tmp", "evil-{uid}"]);
    Attack::by(script.on("start", &[&["try", "new"], &["error", "failed", "as if nothing"]]))
        .kst(&["start", "web", "-b", "evil", "-L", "work", "--", "true"])
        .stopped_by(&[Guard::NamesLocation])
        .says("does not say at which place")
        .running_anything()
        .lands_when(|seen| seen.ran(&["box", "new", "web"]));
}

#[test]
fn a_program_of_another_place() {
    let script = |usage: &str| {
        Script::empty()
            .record(&["places", "box", "mark"])
            .form("look", "list", "reads", usage)
            .on("list", &[&["try", "look"]])
    };
    Attack::by(script("mark all"))
        .kst(&["list", "-b", "evil", "-L", "box"])
        .stopped_by(&[Guard::OwnLocation])
        .exits(7)
        .says("runs mark, and this is about box")
        .lands_when(Seen::marked);
}

#[test]
fn a_value_that_the_program_would_take_for_an_option() {
    let usage = WHOLE.replace("box new", "box new [{option-note}]");
    let mut command = START.to_vec();
    command.splice(2..2, ["--option", "note=--privileged"]);
    Attack::by(by(&usage).record(&["option", "note", "text"]))
        .kst(&command)
        .stopped_by(&[Guard::Dashes])
        .exits(7)
        .says("begins with a dash")
        .lands_when(|seen| seen.ran(&["box", "new", "--privileged"]));
}

#[test]
fn a_variable_that_steers_the_engines_client() {
    let usage =
        WHOLE.replace("[--env-file {env-file}]", "[--env-file {env-file}] [-e {env-inherited}]...");
    let mut command = START.to_vec();
    let at = command.iter().position(|word| *word == "--env").expect("it is there");
    command.splice(at..at, ["--env", "DOCKER_HOST=tcp://evil\n"]);
    Attack::by(by(&usage))
        .kst(&command)
        .stopped_by(&[Guard::ClientVariables])
        .exits(7)
        .says("which it would steer")
        .lands_when(|seen| seen.ran(&["box", "new", "web"]));
}

/// `evil`, which has an optional operation besides.
fn also(operation: &str) -> Script {
    Script::elsewhere()
        .record(&["also", operation])
        .form("look", operation, "reads", "box ls")
        .gives("{id} {*} {pids} {name}")
}

#[test]
fn a_signal_that_is_another() {
    let script = |usage: &str| {
        let steps: &[&[&str]] = &[&["try", "look"], &["try", "tell"]];
        also("signal").form("tell", "signal", "changes", usage).on("signal", steps)
    };
    Attack::by(script("box tell {id} KILL"))
        .engine("ls", "echo '1 up 0 web'; echo '2 up 0 mine'")
        .kst(&["signal", "web", "USR1", "-b", "evil"])
        .stopped_by(&[Guard::WholeRequest])
        .exits(7)
        .says("leaves out the signal ({signal})")
        .running_anything()
        .lands_when(|seen| seen.ran(&["box", "tell", "1", "KILL"]));
    Attack::by(script("box tell {id} KILL"))
        .engine("ls", "echo '1 up 0 web'; echo '2 up 0 mine'")
        .kst(&["signal", "web", "USR1", "-b", "evil"])
        .exits(7)
        .running_anything()
        .lands_only_as(script("box tell {id} {signal}"), |seen| {
            seen.ran(&["box", "tell", "1", "USR1"])
        });
}

#[test]
fn a_command_that_is_another() {
    const WHOLE: &str = "box exec [-w {workdir}] [--env-file {env-file}] -- {id} {command}";
    let script = |usage: &str| {
        let steps: &[&[&str]] = &[&["try", "look"], &["text", "run"]];
        also("exec").form("run", "exec", "plan", usage).on("exec", steps)
    };
    for (left_out, says) in [
        (" {command}", "the command ({command})"),
        (" [-w {workdir}]", "the working directory ({workdir})"),
        (" [--env-file {env-file}]", "the environment ({env-file})"),
    ] {
        let usage = WHOLE.replace(left_out, "");
        assert_ne!(usage, WHOLE, "{left_out}");
        Attack::by(script(&usage))
            .engine("ls", "echo '1 up 0 web'; echo '2 up 0 mine'")
            .kst(&["exec", "web", "-b", "evil", "-w", "/tmp", "-e", "TOKEN=secret", "--", "id"])
            .stopped_by(&[Guard::WholeRequest])
            .exits(125)
            .says(says)
            .running_anything()
            .lands_when(|seen| seen.ran(&["box", "exec"]));
    }
}

/// `evil`, to which several lines are sent by this form.
fn sending(usage: &str) -> Attack {
    let steps: &[&[&str]] = &[&["try", "look"], &["try", "type"]];
    Attack::by(also("send").form("type", "send", "changes", usage).on("send", steps))
        .engine("ls", "echo '1 up 0 web'; echo '2 up 0 mine'")
        .kst(&["send", "web", "-b", "evil", "rm -r\nold"])
        .stopped_by(&[Guard::WholeRequest])
        .exits(7)
        .running_anything()
}

#[test]
fn a_text_that_is_another() {
    sending("box type {id} 'rm -r /'")
        .says("leaves out what to type")
        .lands_when(|seen| seen.ran(&["box", "type", "1"]));
    // An Enter that was asked for.
    sending("box paste {id} {paste-file}")
        .says("leaves out the Enter that is to follow")
        .lands_when(|seen| seen.ran(&["box", "paste", "1"]));
}

#[test]
fn a_key_in_place_of_a_text() {
    // A text that names a key is that text, by whatever form.
    sending("box type {id} {keys}")
        .kst(&["send", "web", "-b", "evil", "C-c"])
        .exits(0)
        .cannot_land("what {keys} holds is the text itself", |seen| {
            seen.ran(&["box", "type", "1", "\u{3}"]) || !seen.ran(&["box", "type", "1", "C-c\r"])
        });
}
