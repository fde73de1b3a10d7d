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
