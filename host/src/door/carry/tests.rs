use super::super::bind::Binding;
use super::super::fill::{NoFiles, Source, fill};
use super::super::fixture::{form, manifest, options, request};
use super::super::{Placement, Row};
use super::*;

/// Whether a changing form with this usage carries `request`; the id is bound, and `made` by this
/// operation or not.
fn carried(usage: &str, effect: Effect, request: &Request, made: bool) -> Result<(), DoorError> {
    let mut declared = manifest(vec![
        super::super::fixture::listing(),
        form("f", &[request.operation], effect, usage, None),
    ]);
    if request.launch.is_none() {
        declared.placement = Placement::Elsewhere;
    }
    let checked = declared.check().unwrap();
    let form = checked.form("f").unwrap();
    let row = Row { id: Some("1".to_owned()), ..Row::default() };
    let bound = Binding::One { row, fresh: made, program: "/bin/eng".into() };
    let env_file = request.env_lines().next().map(|_| "/dev/fd/9");
    let source = Source { request, has_locations: true, bound: &bound, files: &NoFiles, env_file };
    let filled = fill(form, &[], &source)?;
    check(form, request, &checked.manifest().locations, &filled.placed, made)
}

fn ok(usage: &str, request: &Request) {
    carried(usage, Effect::Changes, request, false).unwrap_or_else(|error| panic!("{error}"));
}

fn refuses(usage: &str, request: &Request, what: &str) {
    match carried(usage, Effect::Changes, request, false) {
        Err(DoorError::Refused(why)) => {
            assert!(why.contains("leaves out") && why.contains(what), "{why}");
            assert!(why.contains(usage), "{why} quotes the form");
        }
        other => panic!("`{usage}`: {other:?}"),
    }
}

const AT: &str = "[-L {location}]";

#[test]
fn start_carries_command_directory_and_environment() {
    let mut start = request(Operation::Start);
    start.command = Some(vec!["sleep".to_owned()]);
    start.workdir = Some("/w".to_owned());
    start.env = vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "1\n2".to_owned())];
    let all = format!(
        "eng {AT} run -n {{name}} [-w {{workdir}}] [--env-file {{env-file}}] [-e {{env-inherited}}]... [{{command}}]"
    );
    ok(&all, &start);
    for (part, what) in [
        ("[-w {workdir}] ", "{workdir}"),
        ("[--env-file {env-file}] ", "{env-file}"),
        ("[-e {env-inherited}]... ", "{env-inherited}"),
        (" [{command}]", "{command}"),
    ] {
        refuses(&all.replace(part, ""), &start, what);
    }
    // A group that stands away for another reason has not carried it.
    refuses(&all.replace("[{command}]", "[{?terminal} {command}]"), &start, "{command}");
    // What is not asked for need not be carried.
    ok(&format!("eng {AT} run {{name}}"), &request(Operation::Start));
}

#[test]
fn launch_carries_it_all_but_the_name() {
    let mut start = request(Operation::Start);
    start.command = Some(vec!["sleep".to_owned()]);
    start.workdir = Some("/w".to_owned());
    start.env = vec![("A".to_owned(), "1".to_owned())];
    start.launch = Some(vec!["kst".into()]);
    ok(&format!("eng {AT} new -s {{name}} -- {{launch}}"), &start);
    refuses(&format!("eng {AT} new -s {{name}} -- {{command}}"), &start, "{launch}");
    refuses(&format!("eng {AT} new -s {{name}}"), &start, "{launch}");
    refuses(&format!("eng {AT} new [{{?force}} -s {{name}}] -- {{launch}}"), &start, "session");
    start.command = None;
    refuses(&format!("eng {AT} new -s {{name}}"), &start, "{launch}");
}

#[test]
fn start_carries_every_option() {
    let mut start = request(Operation::Start);
    start.launch = Some(vec!["kst".into()]);
    start.options = options(&[
        ("image", OptionValue::Text("i".to_owned())),
        ("volumes", OptionValue::List(vec!["a".to_owned()])),
        ("tty", OptionValue::Flag(true)),
    ]);
    let all = format!(
        "eng {AT} run -n {{name}} [{{?option-tty}} -t] [-v {{option-volumes}}]... [-i {{option-image}}] {{launch}}"
    );
    ok(&all, &start);
    refuses(&all.replace("[{?option-tty} -t] ", ""), &start, "option tty");
    refuses(&all.replace("[-v {option-volumes}]... ", ""), &start, "option volumes");
    refuses(&all.replace("[-i {option-image}] ", ""), &start, "option image");
    // Asking whether there is a value does not pass it on.
    refuses(&all.replace("[-i {option-image}]", "[{?option-image} -i]"), &start, "option image");
    refuses(
        &all.replace("[{?option-tty} -t]", "[{?option-tty} {?force} -t]"),
        &start,
        "option tty",
    );
    ok(&all.replace("[{?option-tty} -t]", "[{!option-tty} --no-tty]"), &start);
    start.options =
        options(&[("tty", OptionValue::Flag(false)), ("volumes", OptionValue::List(Vec::new()))]);
    ok(&format!("eng {AT} run {{name}} {{launch}}"), &start);
}

/// To clean up after itself, `start` may go by the id alone: of what it made, and of nothing else.
#[test]
fn start_may_undo_what_it_made() {
    let mut start = request(Operation::Start);
    start.command = Some(vec!["sleep".to_owned()]);
    let usage = format!("eng {AT} rm {{id}}");
    assert!(carried(&usage, Effect::Changes, &start, true).is_ok());
    refuses(&usage, &start, "{command}");
    refuses(&format!("eng {AT} rm {{name}}"), &start, "{command}");
    assert!(carried(&format!("eng {AT} rm {{name}}"), Effect::Changes, &start, true).is_err());
    // Without a definition, a session is started again as it is.
    ok(&format!("eng {AT} start {{id}}"), &request(Operation::Start));
}

#[test]
fn changes_and_plans_say_which_session() {
    for operation in [Operation::Stop, Operation::Remove, Operation::Send, Operation::Signal] {
        let request = request(operation);
        refuses(&format!("eng {AT} x [{{?force}} {{id}}]"), &request, "session");
        ok(&format!("eng {AT} x {{id}}"), &request);
        ok(&format!("eng {AT} x {{name}}"), &request);
    }
    for operation in [Operation::Attach, Operation::Exec, Operation::Follow, Operation::Wait] {
        let request = request(operation);
        let usage = format!("eng {AT} x [{{?force}} {{id}}]");
        assert!(carried(&usage, Effect::Plan, &request, false).is_err());
        assert!(carried(&format!("eng {AT} x {{id}}"), Effect::Plan, &request, false).is_ok());
    }
    let events = Request { name: None, ..request(Operation::Events) };
    assert!(carried(&format!("eng {AT} events"), Effect::Plan, &events, false).is_ok());
}

#[test]
fn when_it_is_started_again_is_carried() {
    let mut start = request(Operation::Start);
    start.restart = Some("on-failure:5".to_owned());
    refuses(&format!("eng {AT} run -n {{name}}"), &start, "{restart}");
    refuses(&format!("eng {AT} run -n {{name}} [{{?force}} -r {{restart}}]"), &start, "{restart}");
    ok(&format!("eng {AT} run -n {{name}} [-r {{restart}}]"), &start);
    start.signal = Some("INT".to_owned());
    refuses(&format!("eng {AT} run -n {{name}} [-s {{signal}}]"), &start, "{restart}");
    refuses(&format!("eng {AT} run -n {{name}} [-r {{restart}}]"), &start, "{signal}");
    ok(&format!("eng {AT} run -n {{name}} [-s {{signal}}] [-r {{restart}}]"), &start);
}

#[test]
fn keys_signals_and_commands_are_carried() {
    let mut send = request(Operation::Send);
    send.keys = Some("ls".to_owned());
    refuses(&format!("eng {AT} send {{id}} Enter"), &send, "{keys}");
    ok(&format!("eng {AT} send {{id}} -- {{keys}}"), &send);
    send.keys_file = Some("/t/1".into());
    ok(&format!("eng {AT} send {{id}} {{keys-file}}"), &send);
    send.paste_file = Some("/t/2".into());
    ok(&format!("eng {AT} send {{id}} {{keys-file}}"), &send);
    let paste = format!("eng {AT} paste {{id}} {{paste-file}}");
    let enters = format!("{paste} [{{?enter}} Enter]");
    ok(&paste, &send);
    ok(&enters, &send);
    send.enter = true;
    refuses(&paste, &send, "{?enter}");
    refuses(&format!("{paste} [{{!enter}} Enter]"), &send, "{?enter}");
    ok(&enters, &send);
    let mut signal = request(Operation::Signal);
    signal.signal = Some("HUP".to_owned());
    refuses(&format!("eng {AT} kill {{id}}"), &signal, "{signal}");
    ok(&format!("eng {AT} kill -s {{signal}} {{id}}"), &signal);
    let mut exec = request(Operation::Exec);
    exec.command = Some(vec!["ls".to_owned()]);
    assert!(carried(&format!("eng {AT} exec {{id}}"), Effect::Plan, &exec, false).is_err());
    let usage = format!("eng {AT} exec {{id}} {{command}}");
    assert!(carried(&usage, Effect::Plan, &exec, false).is_ok());
}

#[test]
fn the_place_is_carried() {
    let mut stop = request(Operation::Stop);
    let usage = "eng [{?force} -L {location}] rm {id}";
    // The default place too: inside another one, an engine that is told none takes that.
    refuses(usage, &stop, "location 'default'");
    stop.location.is_default = false;
    stop.location.name = "work".to_owned();
    refuses(usage, &stop, "location 'work'");
    ok("eng [-L {location}] rm {id}", &stop);
    stop.force = true;
    ok(usage, &stop);
    assert!(carried("eng -V", Effect::Reads, &stop, false).is_ok());
}

/// Nothing is asked for that could be left out; still, no other change is made to the session.
#[test]
fn what_is_started_as_it_is_is_only_started() {
    let mut start = request(Operation::Start);
    for usage in ["eng -L {location} rm {id}", "eng -L {location} rm {name}"] {
        refuses_resume(usage, &mut start);
    }
    refuses_resume("eng -L {location} [{!resume} rm] {id}", &mut start);
    refuses_resume("eng -L {location} rm {id} [{?resume} {?force} x]", &mut start);
    start.resume = true;
    ok("eng -L {location} [{?resume} start {id}]", &start);
    // Where nothing is to be resumed, such a form says no session.
    start.resume = false;
    refuses("eng -L {location} [{?resume} start {id}]", &start, "the session");
}

fn refuses_resume(usage: &str, start: &mut Request) {
    start.resume = true;
    refuses(usage, start, "started as it is");
}
