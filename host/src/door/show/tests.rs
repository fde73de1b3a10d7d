use super::super::fixture::{form, listing, manifest};
use super::super::{Effect, Operation};
use super::*;

#[test]
fn everything_is_there_and_aligned() {
    let text = render(&manifest(vec![
        listing(),
        form("kill", &[Operation::Stop], Effect::Changes, "eng [-L {location}] kill {id}", None),
        form("any", &[Operation::List], Effect::Reads, "sh {any}...", None),
    ]));
    let expected = "\
eng 1.0: runs sessions in eng

program  sh   \"does it\"
program  eng  \"does it\"

  list status start stop  reads    list  eng [-L {location}] ls  gives '{id} {pids},{name}'
  stop                    changes  kill  eng [-L {location}] kill {id}
  list                    reads    any   sh {any}...  (!) can run anything, as you

locations  sockets in ${ENG_TMPDIR:-/tmp}/eng-{uid}, the current one in $ENG
commands   run on this machine, below kst's shim
keeps      TERM
also       send exec follow wait signal events

option  image    image      an option
option  volumes  volume...  an option
option  tty      flag       an option

file rc
  | zombie kr
";
    assert_eq!(text, expected, "\n{text}");
}

/// What the backend chooses itself is said in words.
#[test]
fn parameters_are_marked() {
    let shown = |usage: &str| {
        render(&manifest(vec![form("f", &[Operation::List], Effect::Reads, usage, None)]))
    };
    let words = "(!) <word>: words of the backend's own choice";
    let number = "(!) <int>: a number of the backend's own choice";
    for usage in ["eng say <word>", "eng say x<word>", "eng say <word>..."] {
        assert!(shown(usage).contains(&format!("{usage}  {words}\n")), "{}", shown(usage));
    }
    assert!(shown("eng say <int>").contains(&format!("<int>  {number}\n")));
    assert!(shown("eng -<int> say <word>...").contains(&format!("{number}  {words}\n")));
    assert!(!shown("eng say").contains("(!)"));
}

/// However long a cell is: this may be of a manifest that nobody checked.
#[test]
fn a_very_long_form_is_shown_whole() {
    let usage = "long".repeat(20_000);
    let shown = render(&manifest(vec![form("f", &[], Effect::Reads, &usage, None)]));
    assert!(shown.contains(&usage));
}

/// Blanks do not push the rest of a line out of sight.
#[test]
fn runs_of_blanks_are_seen() {
    let mut one = manifest(vec![form("f", &[], Effect::Reads, "eng 'a b  c' d", Some("{id}  x"))]);
    one.files[0].content = format!("{}in\n{}out\n", " ".repeat(8), " ".repeat(9));
    let text = render(&one);
    assert!(text.contains("eng 'a b␣␣c' d  gives '{id}␣␣x'"), "{text}");
    assert!(text.contains(&format!("  | {}in\n", " ".repeat(8))), "{text}");
    assert!(text.contains(&format!("  | {}out\n", "␣".repeat(9))), "{text}");
}

/// Also what no check has seen yet may be shown.
#[test]
fn nothing_acts_on_a_terminal() {
    let nasty = "\u{1b}]0;x\u{7}\r\n\u{202e}\u{200b}";
    let mut bad = manifest(vec![form(nasty, &[], Effect::Plan, nasty, Some(nasty))]);
    for text in [&mut bad.name, &mut bad.version, &mut bad.summary] {
        *text = nasty.to_owned();
    }
    bad.programs[0].id = nasty.to_owned();
    bad.programs[0].purpose = nasty.to_owned();
    bad.keeps = vec![nasty.to_owned()];
    bad.detach = Some(nasty.to_owned());
    bad.files[0].name = nasty.to_owned();
    bad.files[0].content = nasty.to_owned();
    bad.options[0].name = nasty.to_owned();
    bad.options[0].help = nasty.to_owned();
    bad.options[0].choices = vec![nasty.to_owned()];
    bad.locations = Locations::Programs(vec![nasty.to_owned()]);
    for line in render(&bad).lines() {
        assert_eq!(escape_controls(line), line);
    }
}
