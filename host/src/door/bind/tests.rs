use super::super::fixture::request;
use super::*;

const ROWS: usize = 100_000;

fn feed(bindings: &mut Bindings, gives: &str, effect: Effect, text: &str, request: &Request) {
    let gives = Gives::parse(gives).unwrap();
    bindings.feed(&gives, effect, Path::new("/bin/eng"), text.as_bytes(), request, ROWS).unwrap();
}

fn bound(gives: &str, effect: Effect, text: &str, request: &Request) -> Binding {
    let mut bindings = Bindings::default();
    feed(&mut bindings, gives, effect, text, request);
    bindings.bound
}

fn id(binding: &Binding) -> Option<&str> {
    match binding {
        Binding::One { row, .. } => row.id.as_deref(),
        _ => None,
    }
}

#[test]
fn the_line_of_the_name_binds() {
    let stop = request(Operation::Stop);
    let text = "$1 5,web2\n$2 6 7,web\n$3 8,we\n$4 9,WEB\n$5 1, web\n$6 2,web \n";
    let binding = bound("{id} {pids},{name}", Effect::Reads, text, &stop);
    let Binding::One { row, fresh, program } = binding else { panic!("{binding:?}") };
    assert_eq!((row.id.as_deref(), row.pids.as_slice()), (Some("$2"), &[6, 7][..]));
    assert_eq!((fresh, program.to_str()), (false, Some("/bin/eng")));
}

#[test]
fn all_rows_are_kept() {
    let mut bindings = Bindings::default();
    let list = Request { name: None, ..request(Operation::List) };
    feed(&mut bindings, "{id} {name}", Effect::Reads, "1 a\ngarbage\n2 b", &list);
    let names: Vec<_> = bindings.rows.iter().map(|row| row.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("b")]);
    assert_eq!(bindings.bound, Binding::None, "no name is asked for");
}

/// Every tmux server counts its sessions from `$0`.
#[test]
fn an_engine_that_began_anew_has_given_the_id_to_another() {
    let stop = request(Operation::Stop);
    let gives = "{id} {instance} {name}";
    let mut bindings = Bindings::default();
    feed(&mut bindings, gives, Effect::Reads, "$0 100 web\n$1 100 api", &stop);
    feed(&mut bindings, gives, Effect::Reads, "$1 100 api", &stop);
    assert_eq!(id(&bindings.bound), Some("$0"));
    feed(&mut bindings, gives, Effect::Reads, "$0 200 api", &stop);
    assert!(matches!(bindings.bound, Binding::Several(_)), "{:?}", bindings.bound);
}

#[test]
fn two_sessions_of_one_name_bind_nothing() {
    let stop = request(Operation::Stop);
    for (gives, text) in [
        ("{id} {name}", "1 web\n2 web\n"),
        ("{pids} {name}", "1 web\n2 web\n"),
        ("{id} {name}", "- web\n2 web\n"),
        ("{instance} {name}", "1 web\n2 web\n"),
    ] {
        let binding = bound(gives, Effect::Reads, text, &stop);
        assert!(matches!(binding, Binding::Several(_)), "{gives} {text}: {binding:?}");
    }
    // Nor does a later line make it one again.
    let mut bindings = Bindings::default();
    feed(&mut bindings, "{id} {name}", Effect::Reads, "1 web\n2 web\n", &stop);
    feed(&mut bindings, "{id} {name}", Effect::Reads, "1 web\n", &stop);
    assert!(matches!(bindings.bound, Binding::Several(_)));
}

#[test]
fn the_same_session_twice_is_one() {
    let stop = request(Operation::Stop);
    let binding = bound("{id} {pids} {name}", Effect::Reads, "1 5 web\n1 6 web\n", &stop);
    let Binding::One { row, .. } = binding else { panic!("{binding:?}") };
    assert_eq!(row.pids, [5, 6]);
}

/// Between two outputs the name can go to another session, or the engine can be another one.
#[test]
fn another_session_under_the_name_later() {
    let stop = request(Operation::Stop);
    let mut bindings = Bindings::default();
    feed(&mut bindings, "{id} {instance} {name}", Effect::Reads, "$0 100 web", &stop);
    feed(&mut bindings, "{id} {instance} {name}", Effect::Reads, "", &stop);
    assert_eq!(id(&bindings.bound), Some("$0"));
    feed(&mut bindings, "{id} {instance} {name}", Effect::Reads, "$0 200 web", &stop);
    assert!(matches!(bindings.bound, Binding::Several(_)));
    let mut bindings = Bindings::default();
    feed(&mut bindings, "{id} {name}", Effect::Reads, "$0 web", &stop);
    feed(&mut bindings, "{id} {name}", Effect::Reads, "$1 web", &stop);
    assert!(matches!(bindings.bound, Binding::Several(_)));
}

#[test]
fn pids_are_the_latest() {
    let stop = request(Operation::Stop);
    let mut bindings = Bindings::default();
    feed(&mut bindings, "{id} {pids},{name}", Effect::Reads, "1 5 6,web", &stop);
    feed(&mut bindings, "{id} {name}", Effect::Reads, "1 web", &stop);
    feed(&mut bindings, "{id} {pids},{name}", Effect::Reads, "1 6,web", &stop);
    let Binding::One { row, .. } = &bindings.bound else { panic!() };
    assert_eq!(row.pids, [6]);
}

#[test]
fn a_sole_line_without_a_name() {
    let start = request(Operation::Start);
    let binding = bound("{id}", Effect::Changes, "abc\n", &start);
    assert!(matches!(&binding, Binding::One { fresh: true, .. }));
    assert_eq!(id(&binding), Some("abc"));
    let Binding::One { row, .. } = binding else { panic!() };
    assert_eq!(row.name.as_deref(), Some("web"));
    for (effect, text) in [
        (Effect::Reads, "abc\n"),
        (Effect::Changes, "abc\nabc\n"),
        (Effect::Changes, "warning\nabc\n"),
        (Effect::Changes, "abc\n\n"),
        (Effect::Changes, "\n"),
        (Effect::Changes, ""),
    ] {
        let binding = bound("{id}", effect, text, &start);
        assert_eq!(id(&binding), None, "{effect} {text:?}");
    }
    assert_eq!(bound("ID {id}", Effect::Changes, "abc\n", &start), Binding::None);
}

/// A container of the same name that an earlier start made is not what this start made.
#[test]
fn the_run_must_be_the_requests() {
    let mut start = request(Operation::Start);
    start.run = Some("r2".to_owned());
    let gives = "{id} {run},{name}";
    assert_eq!(bound(gives, Effect::Reads, "1 r1,web", &start), Binding::None);
    assert_eq!(bound(gives, Effect::Reads, "1 ,web", &start), Binding::None);
    let binding = bound(gives, Effect::Reads, "1 r1,web\n2 r2,web", &start);
    assert_eq!(id(&binding), Some("2"));
    assert!(matches!(binding, Binding::One { fresh: true, .. }));
    assert_eq!(bound("{id} {run}", Effect::Changes, "1 r1", &start), Binding::None);
    // A session that kst did not make has no run to compare.
    start.run = None;
    let binding = bound(gives, Effect::Reads, "1 r1,web", &start);
    assert_eq!(id(&binding), Some("1"));
    assert!(matches!(binding, Binding::One { fresh: false, .. }));
}

#[test]
fn too_many_lines() {
    let gives = Gives::parse("{name}").unwrap();
    let text = "x\n".repeat(ROWS + 1);
    let mut bindings = Bindings::default();
    let list = request(Operation::List);
    let program = Path::new("/bin/eng");
    assert_eq!(
        bindings.feed(&gives, Effect::Reads, program, text.as_bytes(), &list, ROWS),
        Err(TooManyRows)
    );
    let text = "x\n".repeat(ROWS);
    let mut bindings = Bindings::default();
    assert_eq!(bindings.feed(&gives, Effect::Reads, program, text.as_bytes(), &list, ROWS), Ok(()));
    assert_eq!(bindings.rows.len(), ROWS);
}

#[test]
fn another_session_than_the_one_found_binds_nothing() {
    let found = |id: &str, instance: &str| Request {
        id: Some(id.to_owned()),
        instance: Some(instance.to_owned()),
        ..request(Operation::Stop)
    };
    let text = "$1 7.1 web\n";
    let gives = "{id} {instance} {name}";
    assert_eq!(id(&bound(gives, Effect::Reads, text, &found("$1", "7.1"))), Some("$1"));
    assert_eq!(bound(gives, Effect::Reads, text, &found("$2", "7.1")), Binding::None);
    assert_eq!(bound(gives, Effect::Reads, text, &found("$1", "8.2")), Binding::None);
}
