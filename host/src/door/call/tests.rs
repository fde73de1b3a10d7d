use std::collections::BTreeMap;
use std::sync::Mutex;

use super::super::fill::NoFiles;
use super::super::fixture::{form, manifest, options, request, two_engines};
use super::super::{FormDecl, Location};
use super::*;
use crate::session::OptionValue;

/// Notes what it is told.
#[derive(Default)]
struct Witness(Mutex<Vec<String>>);

impl Witness {
    fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl Observer for Witness {
    fn planned(&self, run: &RunInfo<'_>) {
        self.note(format!("planned {} {:?}", run.form, run.argv));
    }

    fn ran(&self, run: &RunInfo<'_>, outcome: &RunOutcome<'_>) {
        self.note(format!("ran {} {:?}", run.form, outcome.result));
    }
}

impl Processes for Witness {
    fn end(&self, bound: &[u32], engine: &Path, _: Instant) -> Ending {
        self.note(format!("end {bound:?} {}", engine.display()));
        Ending { gone: true, left: 0 }
    }

    fn wait(&self, bound: &[u32], at_most: Duration) -> bool {
        self.note(format!("wait {bound:?} {}", at_most.as_millis()));
        false
    }
}

/// Everything that a call needs; `eng` is a script that prints its words and keeps what it is told.
struct Bench {
    manifest: Arc<CheckedManifest>,
    programs: Arc<Programs>,
    witness: Arc<Witness>,
    settings: CallSettings,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(forms: Vec<FormDecl>) -> Self {
        Self::of(manifest(forms), "printf '%s\\n' \"$*\"")
    }

    fn of(manifest: super::super::Manifest, script: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eng");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let overrides = BTreeMap::from([("eng".to_owned(), path.into_os_string())]);
        Bench {
            manifest: Arc::new(manifest.check().unwrap()),
            programs: Arc::new(Programs::new(Some("/usr/bin:/bin".into()), overrides)),
            witness: Arc::default(),
            settings: CallSettings::default(),
            _folder: folder,
        }
    }

    fn call(&self, request: Request) -> Call {
        let settings = self.settings.clone();
        Call::new(
            Arc::clone(&self.manifest),
            Arc::clone(&self.programs),
            Arc::new(NoFiles),
            request,
            self.witness.clone(),
            self.witness.clone(),
            settings,
        )
    }
}

fn params(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn refused(result: Result<Output, DoorError>, with: &str) {
    match result {
        Err(DoorError::Refused(why)) => assert!(why.contains(with), "{why}"),
        other => panic!("{other:?}, and should say: {with}"),
    }
}

/// `list` gives a line for the session web, `kill` needs its id.
fn forms() -> Vec<FormDecl> {
    use Operation::{Attach, List, Start, Status, Stop};
    let at = |rest: &str| format!("eng [-L {{location}}] {rest}");
    vec![
        form(
            "list",
            &[List, Status, Start, Stop, Attach],
            Effect::Reads,
            &at("'id1 41 42,web'"),
            Some("{*}id{id} {pids},{name}"),
        ),
        form("bare", &[Stop], Effect::Reads, "eng 'id7 50,web'", None),
        form("say", &[List, Stop], Effect::Reads, "eng say <word>...", None),
        form("kill", &[Stop], Effect::Changes, &at("kill {id}"), None),
        form("kill-name", &[Stop], Effect::Changes, &at("kill {name}"), None),
        form("make", &[Start], Effect::Changes, &at("{name} [{?option-tty} t] {launch}"), None),
        form("attach", &[Attach], Effect::Plan, &at("attach -t {id}"), None),
    ]
}

#[test]
fn the_argv_is_the_hosts() {
    let bench = Bench::new(forms());
    let call = bench.call(request(Operation::Stop));
    let output = call.run("say", &params(&["a b", "$(id)"])).unwrap();
    assert_eq!(output.stdout, b"say a b $(id)\n");
    assert_eq!(output.exit, ExitStatus::Code(0));
    assert!(!call.changed());
    call.run("list", &[]).unwrap();
    assert_eq!(call.run("kill", &[]).unwrap().stdout, b"-L default kill 1\n");
    assert!(call.changed());
    assert_eq!(call.errors(), []);
    assert_eq!(bench.witness.seen().len(), 3);
}

#[test]
fn an_unknown_form() {
    let bench = Bench::new(forms());
    let call = bench.call(request(Operation::Stop));
    let error = call.run("rm -rf", &[]).unwrap_err();
    assert_eq!(error, DoorError::UnknownForm("rm -rf".to_owned()));
    assert_eq!(call.errors(), [error]);
    assert_eq!(bench.witness.seen(), [""; 0]);
}

#[test]
fn forms_stay_in_their_operations() {
    let bench = Bench::new(forms());
    refused(
        bench.call(request(Operation::Status)).run("kill-name", &[]),
        "not approved for status",
    );
    refused(
        bench.call(request(Operation::Remove)).run("kill-name", &[]),
        "not approved for remove",
    );
    refused(bench.call(request(Operation::Stop)).run("make", &[]), "not approved for stop");
    assert_eq!(bench.witness.seen(), [""; 0]);
}

#[test]
fn plans_are_not_run_and_runs_are_not_planned() {
    let bench = Bench::new(forms());
    let call = bench.call(request(Operation::Attach));
    refused(call.run("attach", &[]), "is a plan");
    call.run("list", &[]).unwrap();
    assert!(matches!(call.plan("list"), Err(DoorError::Refused(_))));
    let plan = call.plan("attach").unwrap();
    assert_eq!(plan.argv[1..], ["-L", "default", "attach", "-t", "1"]);
    assert_eq!(plan.argv[0], plan.program);
    assert_eq!(plan.unset_env, ["ENG"]);
    assert_eq!(plan.command().unwrap().output().unwrap().stdout, b"-L default attach -t 1\n");
    assert_eq!(bench.witness.seen().len(), 1, "only the list was run");
    let inside = Location { name: "w".to_owned(), is_default: false, inside: true };
    let call = bench.call(Request { location: inside, ..request(Operation::Attach) });
    call.run("list", &[]).unwrap();
    let plan = call.plan("attach").unwrap();
    assert_eq!((plan.argv[1..3].to_vec(), plan.unset_env), (vec!["-L".into(), "w".into()], vec![]));
}

#[test]
fn a_changing_form_runs_once() {
    let bench = Bench::new(forms());
    let call = bench.call(request(Operation::Stop));
    call.run("kill-name", &[]).unwrap();
    refused(call.run("kill-name", &[]), "already run");
    call.run("list", &[]).unwrap();
    call.run("list", &[]).unwrap();
    call.run("kill", &[]).unwrap();
}

#[test]
fn without_a_line_of_its_name_nothing_is_bound() {
    let bench = Bench::new(forms());
    let other = Request { name: Some("we".to_owned()), ..request(Operation::Stop) };
    let call = bench.call(other);
    call.run("list", &[]).unwrap();
    assert!(matches!(call.run("kill", &[]), Err(DoorError::Unbound(_))));
    assert_eq!(call.bound(), None);
    assert_eq!(call.rows().len(), 1);
    assert!(!call.changed());
    // What a form without `gives` prints binds nothing.
    let call = bench.call(request(Operation::Stop));
    call.run("bare", &[]).unwrap();
    assert!(matches!(call.run("kill", &[]), Err(DoorError::Unbound(_))));
}

#[test]
fn a_killed_program_binds_nothing() {
    let bench = Bench::of(manifest(forms()), "echo 'id1 41,web'; kill -9 $$");
    let call = bench.call(request(Operation::Stop));
    assert_eq!(call.run("list", &[]).unwrap().exit, ExitStatus::Signal(9));
    assert_eq!((call.bound(), call.rows().len()), (None, 0));
}

#[test]
fn values_are_not_left_out() {
    let bench = Bench::new(forms());
    let mut start = request(Operation::Start);
    start.launch = Some(vec!["kst".into(), "shim".into()]);
    start.options = options(&[("image", OptionValue::Text("x".to_owned()))]);
    refused(bench.call(start.clone()).run("make", &[]), "option image");
    start.options.clear();
    assert_eq!(
        bench.call(start.clone()).run("make", &[]).unwrap().stdout,
        b"-L default web kst shim\n"
    );
    start.launch = None;
    refused(bench.call(start).run("make", &[]), "{launch}");
}

#[test]
fn dry_runs_stop_at_the_first_change() {
    let mut bench = Bench::new(forms());
    bench.settings.dry_run = true;
    let call = bench.call(request(Operation::Stop));
    call.run("list", &[]).unwrap();
    assert!(call.end_session().gone && call.wait_session(5));
    assert_eq!(call.run("kill", &[]), Err(DoorError::DryRun));
    assert_eq!(call.run("kill-name", &[]), Err(DoorError::DryRun));
    assert_eq!(call.run("list", &[]), Err(DoorError::DryRun));
    assert!(!call.changed());
    let seen = bench.witness.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[1].starts_with("planned kill") && seen[1].contains("\"kill\", \"1\""), "{seen:?}");
}

#[test]
fn several_reads_at_once() {
    let bench = Bench::of(manifest(forms()), "sleep 0.3; echo \"$2\"");
    let call = bench.call(request(Operation::Stop));
    let mut runs: Vec<(String, Vec<String>)> =
        (0..6).map(|number| ("say".to_owned(), vec![number.to_string()])).collect();
    runs.push(("kill-name".to_owned(), Vec::new()));
    runs.push(("nothing".to_owned(), Vec::new()));
    let start = Instant::now();
    let results = call.run_all(&runs);
    assert!(start.elapsed() < Duration::from_millis(1500), "they ran one after the other");
    for (number, result) in results.iter().take(6).enumerate() {
        assert_eq!(result.as_ref().unwrap().stdout, format!("{number}\n").into_bytes());
    }
    refused(results[6].clone(), "only reads");
    assert!(matches!(results[7], Err(DoorError::UnknownForm(_))));
    assert!(!call.changed());
    assert_eq!(call.run_all(&[]), []);
}

/// Where sessions run elsewhere, a change in a start has a time of its own.
#[test]
fn an_image_may_take_its_time() {
    let after = Duration::from_millis(100);
    let usage = "eng make {name} [{option-image}] [-- {command}]";
    let make = form("make", &[Operation::Start], Effect::Changes, usage, None);
    let elsewhere = super::super::Manifest {
        locations: Locations::One,
        placement: Placement::Elsewhere,
        ..manifest(vec![make])
    };
    let mut bench = Bench::of(elsewhere, "sleep 30");
    bench.settings.limits.start_time = after;
    let call = bench.call(request(Operation::Start));
    let timed_out = DoorError::TimedOut { program: "eng".to_owned(), after, of: Limit::StartTime };
    assert_eq!(call.run("make", &[]), Err(timed_out));
}

#[test]
fn runs_and_time_have_limits() {
    let mut bench = Bench::new(forms());
    bench.settings.limits.runs = 2;
    let call = bench.call(request(Operation::Stop));
    let runs = vec![("list".to_owned(), Vec::new()); 3];
    let results = call.run_all(&runs);
    assert!(results[1].is_ok());
    assert_eq!(results[2], Err(DoorError::TooManyRuns { limit: 2 }));
    assert_eq!(call.run("list", &[]), Err(DoorError::TooManyRuns { limit: 2 }));

    let mut bench = Bench::of(manifest(forms()), "sleep 30");
    bench.settings.limits.run_time = Duration::from_millis(100);
    let call = bench.call(request(Operation::Stop));
    let after = Duration::from_millis(100);
    let timed_out = DoorError::TimedOut { program: "eng".to_owned(), after, of: Limit::RunTime };
    assert_eq!(call.run("list", &[]), Err(timed_out));
    bench.settings.limits.run_time = Duration::from_secs(20);
    bench.settings.limits.operation_time = after;
    let call = bench.call(request(Operation::Stop));
    assert_eq!(call.run("list", &[]), Err(DoorError::OutOfTime { after }));
    assert_eq!(call.run("list", &[]), Err(DoorError::OutOfTime { after }), "not even begun");
    let start = Instant::now();
    call.pause(60_000);
    assert!(start.elapsed() < Duration::from_secs(1), "no pause past the deadline");

    let mut bench = Bench::of(manifest(forms()), "yes");
    bench.settings.limits.output_bytes = 1000;
    let call = bench.call(request(Operation::Stop));
    assert!(matches!(call.run("list", &[]), Err(DoorError::TooMuchOutput { most: 1000, .. })));
}

/// The user's own `--timeout` is time that the engine may take.
#[test]
fn the_requests_timeout_counts_on_top() {
    let mut bench = Bench::of(manifest(forms()), "sleep 0.5");
    bench.settings.limits.run_time = Duration::from_millis(50);
    bench.settings.limits.operation_time = Duration::from_millis(100);
    let patient = Request { timeout: Some(20), ..request(Operation::Stop) };
    assert!(bench.call(patient).run("list", &[]).is_ok());
    let endless = Request { timeout: Some(u32::MAX), ..request(Operation::Stop) };
    assert!(bench.call(endless).run("list", &[]).is_ok());
}

#[test]
fn ending_processes_is_for_stop() {
    let bench = Bench::new(forms());
    let call = bench.call(request(Operation::Stop));
    call.run("list", &[]).unwrap();
    let before = bench.witness.seen().len();
    assert!(call.end_session().gone);
    assert!(!call.wait_session(7));
    let seen = bench.witness.seen().split_off(before);
    assert!(seen[0].starts_with("end [41, 42] /") && seen[0].ends_with("/eng"), "{seen:?}");
    assert_eq!(seen[1], "wait [41, 42] 7");
    for operation in [Operation::List, Operation::Start, Operation::Remove, Operation::Attach] {
        let call = bench.call(request(operation));
        assert_eq!(call.end_session(), Ending { gone: false, left: 0 });
        assert!(matches!(call.errors().as_slice(), [DoorError::Refused(_)]));
    }
    let call = bench.call(request(Operation::Status));
    assert!(!call.wait_session(5));
    assert_eq!(bench.witness.seen().len(), before + 2);
}

#[test]
fn a_location_that_is_a_program() {
    let forms = vec![
        form("l", &[Operation::List], Effect::Reads, "{location} -c 'echo this'", None),
        form("eng", &[Operation::List], Effect::Reads, "eng hello", None),
        form("sh", &[Operation::List], Effect::Reads, "sh -c 'echo that'", None),
    ];
    let bench = Bench::of(two_engines(forms), "printf '%s\\n' \"$*\"");
    let at = |name: &str| {
        let location = Location { name: name.to_owned(), is_default: true, inside: false };
        Request { location, ..request(Operation::List) }
    };
    let call = bench.call(at("sh"));
    assert_eq!(call.run("l", &[]).unwrap().stdout, b"this\n");
    assert_eq!(call.run("sh", &[]).unwrap().stdout, b"that\n");
    refused(call.run("eng", &[]), "runs eng, and this is about sh");
    let call = bench.call(at("eng"));
    assert_eq!(call.run("l", &[]).unwrap().stdout, b"-c echo this\n");
    refused(bench.call(at("bash")).run("l", &[]), "none of the places");
}

#[test]
fn a_missing_program() {
    let bench = Bench {
        programs: Arc::new(Programs::new(Some("/".into()), BTreeMap::new())),
        ..Bench::new(forms())
    };
    let error = bench.call(request(Operation::List)).run("list", &[]).unwrap_err();
    assert!(matches!(&error, DoorError::MissingProgram { program, .. } if program == "eng"));
    let error = error.into_error("eng");
    assert_eq!(error.exit_code(), 6);
    assert!(error.advice().unwrap().contains("install eng"));
}

#[test]
fn the_environment_goes_by_a_file_and_is_never_told() {
    let usage = "eng [-L {location}] {name} [{env-file}] [{env-inherited}]... {command}";
    let make = form("make", &[Operation::Start], Effect::Changes, usage, None);
    let bench = Bench::of(
        super::super::Manifest {
            placement: super::super::Placement::Elsewhere,
            ..manifest(vec![make])
        },
        "cat \"$4\"; printenv \"$5\"",
    );
    let mut start = request(Operation::Start);
    start.command = Some(vec!["x".to_owned()]);
    start.env =
        vec![("A".to_owned(), "secret1".to_owned()), ("B".to_owned(), "secret2\n".to_owned())];
    assert!(!format!("{start:?}").contains("secret"));
    let output = bench.call(start.clone()).run("make", &[]).unwrap();
    assert_eq!(std::str::from_utf8(&output.stdout).unwrap(), "A=secret1\nsecret2\n\n");
    let seen = bench.witness.seen();
    assert!(!format!("{seen:?}").contains("secret"), "{seen:?}");
    for key in ["", "A=B", "#x", "a b", "a\nb"] {
        start.env = vec![(key.to_owned(), "v".to_owned())];
        refused(bench.call(start.clone()).run("make", &[]), "cannot be handed over");
    }
}

/// From inside one server, a command for another must not go to the one it is inside of.
#[test]
fn runs_for_another_place_do_not_see_where_kst_is() {
    let bench = Bench::of(manifest(forms()), "echo x");
    let call = bench.call(request(Operation::List));
    assert_eq!(call.unset, ["ENG"]);
    let inside = Location { name: "default".to_owned(), is_default: true, inside: true };
    let call = bench.call(Request { location: inside, ..request(Operation::List) });
    assert_eq!(call.unset, [""; 0]);
}

#[test]
fn errors_have_their_exit_codes() {
    let after = Duration::from_secs(1);
    let program = "eng".to_owned();
    for (error, code) in [
        (DoorError::UnknownForm("x".to_owned()), 9),
        (DoorError::BadParameter("x".to_owned()), 9),
        (DoorError::TooManyRuns { limit: 1 }, 9),
        (DoorError::Refused("x".to_owned()), 7),
        (DoorError::Unbound("x".to_owned()), 7),
        (DoorError::TimedOut { program: program.clone(), after, of: Limit::RunTime }, 8),
        (DoorError::OutOfTime { after }, 8),
        (DoorError::TooMuchOutput { program, most: 1, of: Limit::OutputSize }, 1),
        (DoorError::Failed("x".to_owned()), 1),
    ] {
        assert_eq!(error.clone().into_error("eng").exit_code(), code, "{error}");
    }
}
