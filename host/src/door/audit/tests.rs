use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::door::{DoorError, Effect, Observer, Operation, Refusal, RunInfo, RunOutcome};
use crate::limits::Limit;
use crate::session::ExitStatus;

fn run<'a>(effect: Effect, argv: &'a [std::ffi::OsString]) -> RunInfo<'a> {
    RunInfo {
        backend: "eng",
        operation: Operation::Stop,
        location: "default",
        form: "end",
        effect,
        argv,
    }
}

fn done() -> RunOutcome<'static> {
    RunOutcome { duration: Duration::from_micros(1_500), result: Ok(ExitStatus::Code(3)) }
}

/// Notes that it heard of something.
#[derive(Default)]
struct Next(Mutex<Vec<&'static str>>);

impl Observer for Next {
    fn planned(&self, _: &RunInfo<'_>) {
        self.0.lock().unwrap().push("planned");
    }
    fn begins(&self, _: &RunInfo<'_>) {
        self.0.lock().unwrap().push("begins");
    }
    fn ran(&self, _: &RunInfo<'_>, _: &RunOutcome<'_>) {
        self.0.lock().unwrap().push("ran");
    }
    fn rests(&self) {
        self.0.lock().unwrap().push("rests");
    }
    fn refused(&self, _: &Refusal<'_>) {
        self.0.lock().unwrap().push("refused");
    }
    fn noted(&self, _: &str, _: &str) {
        self.0.lock().unwrap().push("noted");
    }
}

struct Bench {
    state: tempfile::TempDir,
    next: Arc<Next>,
}

impl Bench {
    fn new() -> Self {
        Bench { state: tempfile::tempdir().unwrap(), next: Arc::default() }
    }

    fn audit(&self) -> Audit {
        Audit::new(Some(&self.state.path().join("kst")))
    }

    fn audited(&self) -> Audited {
        let about = About {
            backend: "eng".into(),
            digest: "sha256:11".into(),
            operation: Operation::Stop,
            location: "default".into(),
            session: Some("api".into()),
        };
        Audited::new(Arc::new(self.audit()), about, self.next.clone())
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.state.path().join("kst/audit").join(name)
    }
}

#[test]
fn a_change_is_there_before_it_is_made_and_once_when_it_ended() {
    let bench = Bench::new();
    let audited = bench.audited();
    let argv = ["/bin/eng", "kill"].map(Into::into);
    let change = run(Effect::Changes, &argv);
    audited.begins(&change);
    let begun = bench.audit().read();
    assert_eq!(begun.len(), 1);
    assert_eq!((begun[0].what, begun[0].argv.join(" ").as_str()), (What::Begun, "/bin/eng kill"));
    audited.ran(&change, &done());
    audited.rests();
    let ended = bench.audit().read();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].what, ended[0].exit_code), (What::Ran, Some(3)));
    assert_eq!((ended[0].time, &ended[0].id), (begun[0].time, &begun[0].id));
    assert_eq!(ended[0].duration_ms, Some(1.5));
    assert_eq!(ended[0].digest, "sha256:11");
    assert_eq!(*bench.next.0.lock().unwrap(), ["begins", "ran", "rests"]);
}

/// Whatever comes next, and if nothing does.
#[test]
fn how_a_change_ended_is_written_down_before_anything_else_happens() {
    for next in ["another program runs", "nothing runs", "the operation is over"] {
        let bench = Bench::new();
        let audited = bench.audited();
        let argv = ["/bin/eng".into()];
        let change = run(Effect::Changes, &argv);
        audited.begins(&change);
        audited.ran(&change, &done());
        match next {
            "another program runs" => audited.runs(&run(Effect::Reads, &argv)),
            "nothing runs" => audited.rests(),
            _ => drop(audited),
        }
        let kinds: Vec<What> = bench.audit().read().iter().map(|record| record.what).collect();
        assert_eq!(kinds, [What::Ran], "{next}");
    }
}

/// Each to its own file and once, whatever else is written down while programs run.
#[test]
fn what_is_made_ready_while_a_program_runs_is_for_its_end() {
    let bench = Bench::new();
    let audited = bench.audited();
    let argv = ["/bin/eng".into()];
    let read = RunInfo { form: "look", ..run(Effect::Reads, &argv) };
    let change = run(Effect::Changes, &argv);
    audited.begins(&change);
    audited.runs(&change);
    audited.runs(&read);
    audited.refused(&Refusal { form: None, error: &DoorError::UnknownForm("x".into()) });
    audited.ran(&read, &done());
    audited.ran(&change, &done());
    audited.ran(&read, &done());
    drop(audited);
    let lines = |name| std::fs::read_to_string(bench.file(name)).unwrap().lines().count();
    assert_eq!((lines("reads.jsonl"), lines("changes.jsonl")), (2, 3));
    assert_eq!(bench.audit().read().len(), 4);
}

#[test]
fn reads_lie_apart_and_refusals_with_the_changes() {
    let bench = Bench::new();
    let audited = bench.audited();
    audited.ran(&run(Effect::Reads, &["/bin/eng".into()]), &done());
    let error = DoorError::UnknownForm("x".repeat(100_000));
    audited.refused(&Refusal { form: Some(&"y".repeat(100_000)), error: &error });
    drop(audited);
    assert_eq!(std::fs::read_to_string(bench.file("reads.jsonl")).unwrap().lines().count(), 1);
    let changes = std::fs::read_to_string(bench.file("changes.jsonl")).unwrap();
    assert!(changes.lines().count() == 1 && changes.len() < 10_000, "{}", changes.len());
    let kinds: Vec<What> = bench.audit().read().iter().map(|record| record.what).collect();
    assert_eq!(kinds, [What::Ran, What::Refused]);
    assert_eq!(*bench.next.0.lock().unwrap(), ["ran", "refused"]);
}

#[test]
fn a_failed_run_says_why() {
    let bench = Bench::new();
    let error = DoorError::TimedOut {
        program: "eng".into(),
        after: Duration::from_secs(10),
        of: Limit::RunTime,
    };
    let outcome = RunOutcome { duration: Duration::from_secs(10), result: Err(&error) };
    bench.audited().ran(&run(Effect::Reads, &["/bin/eng".into()]), &outcome);
    let killed = RunOutcome { duration: Duration::ZERO, result: Ok(ExitStatus::Signal(9)) };
    bench.audited().ran(&run(Effect::Reads, &["/bin/eng".into()]), &killed);
    let records = bench.audit().read();
    assert!(records.iter().any(|one| one.error == Some(error.to_string())));
    assert!(records.iter().any(|one| one.signal == Some(9)));
}

#[test]
fn it_never_grows_past_its_bound_and_keeps_the_newest() {
    let bench = Bench::new();
    let audited = bench.audited();
    let word: std::ffi::OsString = "x".repeat(4_000).into();
    let argv = vec![word; 100];
    for _ in 0..60 {
        audited.ran(&run(Effect::Reads, &argv), &done());
    }
    drop(audited);
    let size = |name: &str| std::fs::metadata(bench.file(name)).unwrap().len();
    for name in ["reads.jsonl", "reads.1.jsonl"] {
        assert!(size(name) <= file::largest("reads") + 500_000, "{name}: {}", size(name));
    }
    let records = bench.audit().read();
    assert!((10..30).contains(&records.len()), "{}", records.len());
    assert!(records.is_sorted_by_key(|record| record.time));
}

#[test]
fn several_writers_lose_nothing() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let audited = bench.audited();
                for _ in 0..50 {
                    audited.ran(&run(Effect::Reads, &["/bin/eng".into()]), &done());
                }
            });
        }
    });
    let records = bench.audit().read();
    let ids: std::collections::HashSet<&str> = records.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((records.len(), ids.len()), (400, 400));
}

#[test]
fn huge_commands_are_cut() {
    let bench = Bench::new();
    let mut argv = vec!["ü".repeat(100_000).into()];
    argv.extend((0..5_000).map(|number| number.to_string().into()));
    bench.audited().ran(&run(Effect::Reads, &argv), &done());
    let records = bench.audit().read();
    assert_eq!(records[0].argv.len(), 513);
    assert!(records[0].argv[0].len() < 5_000 && records[0].argv[0].ends_with('…'));
    assert_eq!(records[0].argv.last().map(String::as_str), Some("…"));
}

#[test]
fn it_is_the_users_own_and_what_is_damaged_is_left_out() {
    let bench = Bench::new();
    bench.audited().ran(&run(Effect::Reads, &["/bin/eng".into()]), &done());
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bench.file("reads.jsonl")), 0o600);
    assert_eq!(mode(&bench.file("")), 0o700);
    let mut text = std::fs::read(bench.file("reads.jsonl")).unwrap();
    let half = text[..text.len() / 2].to_vec();
    text.extend([b"\xff\n{}\n".as_slice(), &half].concat());
    std::fs::write(bench.file("reads.jsonl"), text).unwrap();
    assert_eq!(bench.audit().read().len(), 1);
}

#[test]
fn where_nothing_can_be_written_nothing_is_and_nothing_fails() {
    Audit::new(None).read();
    let bench = Bench::new();
    std::fs::write(bench.state.path().join("kst"), "a file").unwrap();
    bench.audited().ran(&run(Effect::Changes, &["/bin/eng".into()]), &done());
    assert!(bench.audit().read().is_empty());

    // A link or a pipe in the place of the log is not followed, and does not hold anybody up.
    let bench = Bench::new();
    std::fs::create_dir_all(bench.file("")).unwrap();
    for folder in ["kst", "kst/audit"] {
        let path = bench.state.path().join(folder);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let target = bench.state.path().join("target");
    std::fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, bench.file("reads.jsonl")).unwrap();
    let pipe = bench.file("changes.jsonl");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    bench.audited().ran(&run(Effect::Reads, &["/bin/eng".into()]), &done());
    bench.audited().ran(&run(Effect::Changes, &["/bin/eng".into()]), &done());
    assert_eq!(std::fs::read(&target).unwrap(), b"");
    assert!(bench.audit().read().is_empty());
}
