//! Parameters of a backend's own that would be more than one harmless word to the program.

use kst::guard::Guard;

use super::script::many;
use super::{Attack, Script, Seen};

/// `evil`, which hands this to `mark` as its own word.
fn with(parameter: &str) -> Script {
    Script::honest()
        .form("mark", "list", "reads", "mark say <word>")
        .only("list", &[&["try", "mark", parameter]])
}

fn attack(script: Script) -> Attack {
    Attack::by(script).kst(&["list", "-b", "evil"]).exits(9)
}

#[test]
fn an_option() {
    for parameter in ["-rf", "--config=/tmp/evil", "-"] {
        attack(with(parameter))
            .stopped_by(&[Guard::Parameters])
            .says("begins with a dash")
            .lands_when(|seen| seen.ran(&["mark", "say", parameter]));
    }
}

/// The form's own dash would make an option of a word that is none.
#[test]
fn an_option_behind_a_dash_of_the_form() {
    for (usage, parameter, whole) in [
        ("mark say -<word>", "rf", "-rf"),
        ("mark say --<word>", "config=/tmp/evil", "--config=/tmp/evil"),
        ("mark say -l<word>", "rf", "-lrf"),
    ] {
        let script = Script::honest()
            .form("mark", "list", "reads", usage)
            .only("list", &[&["try", "mark", parameter]]);
        attack(script)
            .stopped_by(&[Guard::Parameters])
            .says("lets the backend choose an option")
            .lands_when(|seen| seen.ran(&["mark", "say", whole]));
    }
}

#[test]
fn control_characters() {
    for parameter in ["a\nb", "a\rb", "\u{1b}[2J", "a\tb", "\u{7f}", "\u{9b}0m"] {
        attack(with(parameter))
            .stopped_by(&[Guard::Parameters])
            .says("control characters")
            .lands_when(|seen| seen.ran(&["mark", "say", parameter]));
    }
}

#[test]
fn a_second_command_for_programs_that_take_several() {
    for parameter in [";", "x;"] {
        attack(with(parameter))
            .stopped_by(&[Guard::Parameters])
            .lands_when(|seen| seen.ran(&["mark", "say", parameter]));
    }
}

#[test]
fn an_empty_word() {
    attack(with(""))
        .stopped_by(&[Guard::Parameters])
        .says("an empty parameter")
        .lands_when(|seen| seen.ran(&["mark", "say", ""]));
}

#[test]
fn nul() {
    attack(with("a\0b"))
        .says("control characters")
        .cannot_land("no argv can hold it: the operating system's", Seen::marked);
}

#[test]
fn what_is_no_utf_8() {
    let script = |bytes: &str| {
        Script::honest()
            .form("mark", "list", "reads", "mark say <word>")
            .only("list", &[&["run-bytes", "mark", bytes]])
    };
    for bytes in ["ff", "c3", "eda080", "61c0af"] {
        attack(script(bytes)).says("utf-8").lands_only_as(script("61"), Seen::marked);
    }
}

#[test]
fn a_megabyte() {
    let words = |count: usize| {
        let word = many(100_000, "a");
        let step: Vec<&str> = ["try", "mark"].into_iter().chain(vec![&*word; count]).collect();
        Script::honest().form("mark", "list", "reads", "mark say <word>...").only("list", &[&step])
    };
    attack(words(12))
        .stopped_by(&[Guard::CommandSize])
        .exits(7)
        .says("more than 1048576 bytes")
        .lands_when(Seen::marked);
    // No program can be given such a word at all.
    let word = many(1 << 20, "a");
    attack(with(&word))
        .exits(7)
        .says("a word of more than 131071 bytes")
        .cannot_land("the operating system's", Seen::marked);
}

#[test]
fn more_and_fewer_than_the_form_takes() {
    let script = |parameters: &[&str]| {
        let step: Vec<&str> =
            ["try", "mark"].into_iter().chain(parameters.iter().copied()).collect();
        Script::honest().form("mark", "list", "reads", "mark say <word>").only("list", &[&step])
    };
    for (parameters, says) in [(&[][..], "fewer"), (&["a", "b"], "more"), (&["a", "-b"], "more")] {
        attack(script(parameters)).says(says).lands_only_as(script(&["a"]), Seen::marked);
    }
}

#[test]
fn a_number_that_is_none() {
    let script = |number: &str| {
        Script::honest()
            .form("mark", "list", "reads", "mark say <int>")
            .only("list", &[&["try", "mark", number]])
    };
    for number in ["-1", "1 2", "0x10", "4294967296", "1;", "+1", ""] {
        attack(script(number))
            .says("takes a whole number")
            .lands_only_as(script("1"), Seen::marked);
    }
}

#[test]
fn a_parameter_in_what_changes() {
    for usage in ["mark say {name} <word>", "mark {name} <int>", "mark {name} <word>..."] {
        let script = Script::honest().form("mark", "stop", "changes", usage);
        Attack::by(script)
            .exits(9)
            .says("takes parameters, which only reads may")
            .kst(&["stop", "web", "-b", "evil"])
            .lands_only_as(
                Script::honest()
                    .form("mark", "list", "reads", "mark say <word>")
                    .only("list", &[&["try", "mark", "mine"]]),
                |seen| seen.ran(&["mark", "say", "mine"]) || seen.outcome.code != Some(9),
            );
    }
}

#[test]
fn what_the_program_does() {
    for usage in ["mark <word>", "mark -x <word>", "mark <word> say", "mark <word>..."] {
        let script = Script::honest()
            .form("mark", "list", "reads", usage)
            .on("list", &[&["try", "mark", "destroy"]]);
        attack(script)
            .stopped_by(&[Guard::OwnCommands])
            .says("lets the backend choose what the program does")
            .lands_when(|seen| seen.marked() && seen.ran[1].iter().any(|word| word == "destroy"));
    }
}

/// With a word of its own, it has the program print a line that says what it likes.
#[test]
fn a_line_that_binds_the_wrong_id() {
    let script = Script::honest()
        .form("say", "list,status,stop", "reads", "box say <word>...")
        .gives("{id} {*} {pids} {name}")
        .only("stop", &[&["try", "say", "7", "up", "0", "web"], &["try", "kill"]]);
    Attack::by(script)
        .engine("ls", "echo '1 up 0 web'; echo '7 up 0 other'")
        .engine("say", "shift; echo \"$@\"")
        .kst(&["stop", "web", "-b", "evil", "-t", "1"])
        .stopped_by(&[Guard::OwnLines, Guard::FoundSession])
        .says("the backend could choose whose line is printed")
        .lands_when(|seen| seen.ran(&["box", "kill", "7"]));
}
