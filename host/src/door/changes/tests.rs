use super::super::fixture::{form, listing, manifest};
use super::super::{Effect, Operation};
use super::*;

fn base() -> Manifest {
    manifest(vec![
        listing(),
        form("kill", &[Operation::Stop], Effect::Changes, "eng kill {id}", None),
    ])
}

#[test]
fn words_of_explanation_do_not_count() {
    let mut other = base();
    other.version = "2.0".to_owned();
    other.summary = "something else".to_owned();
    other.programs[0].purpose = "something else".to_owned();
    other.options[0].help = "something else".to_owned();
    assert!(Changes::between(&base(), &other).is_empty());
}

/// Everything that binds does, each alone.
#[test]
fn each_thing_that_binds_counts() {
    type Change = fn(&mut Manifest);
    let all: &[Change] = &[
        |one| one.forms[1].usage.push_str(" -x"),
        |one| one.forms[1].effect = Effect::Plan,
        |one| one.forms[1].operations.push(Operation::Remove),
        |one| one.forms[0].gives = None,
        |one| one.programs[0].id = "bash".to_owned(),
        |one| one.locations = Locations::One,
        |one| one.placement = Placement::Elsewhere,
        |one| one.keeps.push("PATH".to_owned()),
        |one| one.options[0].repeatable = true,
        |one| one.options[0].required = true,
        |one| one.options[0].choices.push("x".to_owned()),
        |one| one.options[2].kind = crate::door::OptionKind::Text,
        |one| one.location_option = Some(one.options[0].clone()),
        |one| one.files[0].content.push_str("exec x\n"),
        |one| one.files[0].content.push('\n'),
        |one| one.files[0].name = "other".to_owned(),
        |one| one.operations.clear(),
        |one| one.detach = Some("Ctrl-x".to_owned()),
        |one| one.forms[1].usage = "eng 'kill  ' {id}".to_owned(),
    ];
    for (number, change) in all.iter().enumerate() {
        let mut other = base();
        change(&mut other);
        assert!(!Changes::between(&base(), &other).is_empty(), "number {number}");
        assert!(!Changes::between(&other, &base()).is_empty(), "number {number}, back");
    }
}

#[test]
fn lines_are_new_changed_or_gone() {
    let mut after = base();
    after.forms[0].usage = "eng ls --all".to_owned();
    after.forms[1].name = "end".to_owned();
    let changes = Changes::between(&base(), &after);
    assert_eq!(changes.new, ["stop  changes  end  eng kill {id}"]);
    assert_eq!(changes.gone, ["stop  changes  kill  eng kill {id}"]);
    let [(old, new)] = changes.changed.as_slice() else { panic!("{changes:?}") };
    assert!(old.contains("eng [-L {location}] ls") && new.contains("eng ls --all"), "{changes:?}");
}
