//! Components that attack the question whether they may be used.

use std::fs;

use super::Script;
use crate::support::{Key, Terminal, World};

const QUESTION: &str = "May it be used?";

/// A terminal on which kst asks about this component, and the world around it.
fn asked(script: &Script) -> (World, Terminal) {
    let world = World::bare();
    world.write("work/evil.wasm", script.component());
    let terminal = world.terminal(["--plugin", "./evil.wasm", "list", "-b", "evil"]);
    (world, terminal)
}

/// Says no by leaving, and looks whether anything was approved.
fn refuse((world, mut terminal): (World, Terminal)) -> String {
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.exits(), Some(7), "{}", terminal.screen());
    let trust = fs::read_to_string(world.home().join(".local/share/kst/trust.json"));
    assert!(trust.is_err(), "something was approved: {trust:?}");
    String::from_utf8_lossy(&terminal.bytes()).replace('\r', "")
}

#[test]
fn a_summary_that_forges_the_question() {
    // At each width of the first part one of these stands where a line of the screen ends.
    for pad in [40, 58, 60, 62, 64, 66, 68, 70, 72] {
        let forged = format!("{} {QUESTION} [o]nce, [a]lways, or [N]o: n", "x".repeat(pad));
        let asking = asked(&Script::honest().described(&forged));
        asking.1.shows("[N]o: ");
        asking.1.shows_when("kst asks", |screen| {
            screen.trim_end().lines().last().is_some_and(|line| line.starts_with(QUESTION))
        });
        let lines: Vec<String> = asking.1.screen().lines().map(str::to_owned).collect();
        let all = refuse(asking);
        let begin = |lines: &mut dyn Iterator<Item = &str>| {
            lines.filter(|line| line.trim_start().starts_with(QUESTION)).count()
        };
        assert_eq!(begin(&mut lines.iter().map(String::as_str)), 1, "{pad}: {lines:?}");
        // What was written has no longer lines than the screen, which would break them itself.
        assert!(all.lines().all(|line| line.chars().count() <= 80), "{pad}: {all}");
        assert_eq!(begin(&mut all.lines()), 1, "{pad}: {all}");
    }
}

/// However long the rest is, nothing of it is left out, and the worst stands above the question.
#[test]
fn a_form_among_many_that_runs_anything() {
    let mut script = Script::honest().form("all", "list", "reads", "mark {any}...");
    for number in 0..100 {
        let usage = format!("box ls --padding-{number} '{}'", "y".repeat(120));
        script = script.form(&format!("pad-{number}"), "list", "reads", &usage);
    }
    let asking = asked(&script);
    asking.1.shows_when("kst asks", |screen| screen.contains(QUESTION));
    let screen = asking.1.screen();
    assert!(screen.contains("(!) can run anything as you: 'mark'"), "{screen}");
    let all = refuse(asking).replace("\n    > ", "");
    for number in 0..100 {
        assert!(all.contains(&format!("--padding-{number} '{}'", "y".repeat(120))), "{number}");
    }
}

/// What differs from what was approved under this name stands above all the rest.
#[test]
fn a_form_that_was_added_since() {
    let world = World::bare();
    let script = Script::honest();
    world.write("work/evil.wasm", script.component());
    world.kst(["plugin", "trust", "./evil.wasm", "--yes", "-q"]).ok();
    let script = script
        .form("more", "stop", "changes", "mark {id} sh -c '$(x)'")
        .without("rm")
        .without("kill")
        .form("kill", "stop", "changes", "box kill --all {id}");
    world.write("work/evil.wasm", script.component());
    let mut terminal = world.terminal(["--plugin", "./evil.wasm", "list", "-b", "evil"]);
    terminal.shows(QUESTION);
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.exits(), Some(7));
    let all = String::from_utf8_lossy(&terminal.bytes()).replace('\r', "");
    let all = all.replace("\n    > ", "");
    let mut from = 0;
    for place in [
        "You approved another backend of this name on ",
        "new:      stop  changes  more  mark {id} sh -c '$(x)'\n",
        "changed:  stop  changes  kill  box kill {id}\n",
        "it is:    stop  changes  kill  box kill --all {id}\n",
        "gone:     remove  changes  rm  box rm {id}\n",
        "What it amounts to:\n",
        "(!) the form 'more' names 'sh', which runs what it is given\n",
        "(!) the form 'more' holds text that a shell would act on: $(\n",
        "Every command that it could have run:\n",
        "(!) the form 'more' names 'sh'",
        QUESTION,
    ] {
        let at = all[from..].find(place);
        from += at.unwrap_or_else(|| panic!("{place:?} is not where it belongs:\n{all}"));
    }
    assert!(!all.contains("only its code changed"), "{all}");
}

#[test]
fn words_that_act_on_the_terminal() {
    for words in
        ["a\u{1b}[2Jb", "a\u{202e}b", "a\u{200b}b", "a\nb", "a  b", "a\u{2003}b", "a\u{2800}b"]
    {
        let (world, mut terminal) = asked(&Script::honest().described(words));
        assert_eq!(terminal.exits(), Some(9), "{words:?}: {}", terminal.screen());
        let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
        assert!(!bytes.contains(words) && !bytes.contains(QUESTION), "{words:?}: {bytes:?}");
        drop(world);
    }
}
