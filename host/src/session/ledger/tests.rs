use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Instant;

use super::*;
use crate::session::{Command, ExitStatus};

fn state() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("deep/state")).unwrap();
    (folder, ledger)
}

fn start(run: &str) -> Event {
    Event::Start {
        run: run.into(),
        name: format!("name-{run}"),
        backend: "tmux".into(),
        location: "default".into(),
        boot: "0d4fbe1c-9b0e-4c61-8f0c-1f4c9d3a7d11".into(),
        at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        number: 1,
        log: None,
        here: true,
        restart: None,
    }
}

fn running(run: &str, pid: u32, again: Option<(&str, u32)>) -> Event {
    let again = again.map(|(at, count)| (at.parse().unwrap(), count));
    let (shim_pid, shim_start, pid_start) = (10, 11, 13);
    Event::Running { run: run.into(), shim_pid, shim_start, pid, pid_start, again }
}

fn restarting(run: &str, code: i32) -> Event {
    Event::Restarting {
        run: run.into(),
        exit: ExitStatus::Code(code),
        at: "2026-01-02T03:04:30Z".parse().unwrap(),
        again_at: "2026-01-02T03:04:40Z".parse().unwrap(),
    }
}

fn lifetime(run: &str) -> [Event; 6] {
    [
        start(run),
        Event::Made { run: run.into(), id: Some("$3".into()), instance: Some("4711-99".into()) },
        running(run, 12, None),
        Event::Ready { run: run.into(), at: "2026-01-02T03:04:30Z".parse().unwrap() },
        Event::Stopping { run: run.into() },
        Event::End {
            run: run.into(),
            exit: ExitStatus::Signal(15),
            at: "2026-01-02T03:05:00Z".parse().unwrap(),
        },
    ]
}

fn runs(ledger: &Ledger) -> Vec<String> {
    ledger.load().into_iter().map(|entry| entry.run.clone()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn garble(ledger: &Ledger, text: &[u8]) {
    fs::OpenOptions::new().append(true).open(ledger.file()).unwrap().write_all(text).unwrap();
}

#[test]
fn what_was_written_is_read() {
    let (_folder, ledger) = state();
    assert_eq!(ledger.load(), []);
    for event in lifetime("r1") {
        ledger.append(&event).unwrap();
    }
    ledger.append(&start("r2")).unwrap();
    ledger.append(&Event::Failed { run: "r2".into() }).unwrap();
    let read = Ledger::open_read(&ledger.path).unwrap();
    let entries = read.load();
    assert_eq!(
        *entries[0],
        Entry {
            run: "r1".into(),
            name: "name-r1".into(),
            backend: "tmux".into(),
            location: "default".into(),
            number: 1,
            started_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            boot: "0d4fbe1c-9b0e-4c61-8f0c-1f4c9d3a7d11".into(),
            here: true,
            restart: None,
            id: Some("$3".into()),
            instance: Some("4711-99".into()),
            shim: Some((10, 11)),
            pid: Some((12, 13)),
            ready: "2026-01-02T03:04:30Z".parse().ok(),
            again: None,
            last_end: None,
            restarting: None,
            stopping: true,
            end: Some((ExitStatus::Signal(15), "2026-01-02T03:05:00Z".parse().unwrap())),
            failed: false,
            log: ledger.path.join("logs/r1.log"),
        }
    );
    assert!(entries[1].failed && entries[1].end.is_none());
    assert_eq!(next_number(&entries, "tmux", "name-r1"), 2);
    assert_eq!(next_number(&entries, "container", "name-r1"), 1);
    read.save_spec("r1", &SessionConfig::default()).unwrap_err();
}

#[test]
fn what_was_read_ahead_counts_only_while_it_is_all() {
    let (_folder, ledger) = state();
    assert!(!ledger.is_long() && ledger.load_ahead().is_none());
    ledger.append(&start("r1")).unwrap();
    assert!(!ledger.is_long());
    while !ledger.is_long() {
        ledger.append(&Event::Stopping { run: "r1".into() }).unwrap();
    }
    let ahead = |ledger: &Ledger| ledger.load_ahead().unwrap();
    assert_eq!(ledger.unchanged(ahead(&ledger)), Some(ledger.load()));

    let before = ahead(&ledger);
    ledger.append(&start("r2")).unwrap();
    assert_eq!(ledger.unchanged(before), None);

    // Another file of the same length in its place.
    let before = ahead(&ledger);
    let text = fs::read_to_string(ledger.file()).unwrap().replace("r2", "r3");
    fs::remove_file(ledger.file()).unwrap();
    fs::write(ledger.file(), text).unwrap();
    assert_eq!(ledger.unchanged(before), None);
    assert_eq!(runs(&ledger), ["r1", "r3"]);

    let before = ahead(&ledger);
    fs::remove_file(ledger.file()).unwrap();
    assert_eq!(ledger.unchanged(before), None);
}

#[test]
fn garbage_is_passed_over() {
    let (_folder, ledger) = state();
    ledger.append(&start("r1")).unwrap();
    garble(&ledger, b"{\"event\":\"start\",\"run\":\"half");
    ledger.append(&start("r2")).unwrap();
    for line in [
        &b"\xff\xfe\n"[..],
        b"[]\nnull\n7\n\"x\"\n{}\n\n\n",
        b"{\"event\":\"danced\",\"run\":\"r1\",\"steps\":[1,{\"a\":null}]}\n",
        b"{\"event\":\"end\",\"run\":\"r1\",\"code\":\"many\"}\n",
        b"{\"event\":\"end\",\"run\":\"unknown\",\"code\":1}\n",
        b"{\"event\":\"start\",\"run\":\"../../etc\",\"name\":\"x\",\"backend\":\"b\",\"location\":\"l\",\"at\":\"2026-01-01T00:00:00Z\",\"boot\":\"\"}\n",
        b"{\"event\":\"start\",\"run\":\"r9\",\"name\":\"x\",\"backend\":\"b\",\"location\":\"l\",\"at\":\"yesterday\",\"boot\":\"\"}\n",
        b"{\"event\":\"end\",\"run\":\"r1\",\"code\":7,\"at\":\"2026-01-02T03:05:00Z\",\"later\":true}\n",
        b"{\"event\":\"end\",\"run\":\"r1\",\"code\":0,\"at\":\"2026-01-02T03:06:00Z\"}\n",
        b"{\"event\":\"stopping\",\"run\":\"r2\"",
    ] {
        garble(&ledger, line);
    }
    let entries = ledger.load();
    assert_eq!(runs(&ledger), ["r1", "r2"]);
    assert_eq!(entries[0].end.unwrap().0, ExitStatus::Code(7));
    assert!(!entries[1].stopping);
    ledger.append(&Event::Stopping { run: "r2".into() }).unwrap();
    assert!(ledger.load()[1].stopping);
}

#[test]
fn the_runs_of_one_name_are_those_that_the_whole_ledger_has() {
    let (_folder, ledger) = state();
    let names = ["api", "api2", "ap", "a\"b\\", "\u{1b}ü", "tmux", "default", "many"];
    for number in 0..60 {
        for (at, name) in names.iter().enumerate() {
            // Of one name more runs than are searched for.
            if number > 3 && *name != "many" {
                continue;
            }
            let run = format!("{at}{number:02}");
            for mut event in lifetime(&run) {
                if let Event::Start { name: own, .. } = &mut event {
                    *own = (*name).to_owned();
                }
                ledger.append(&event).unwrap();
            }
            if number % 3 == 2 {
                ledger.append(&Event::Removed { run }).unwrap();
            }
        }
    }
    let all = ledger.load();
    for name in names.iter().copied().chain(["none", "", "start", "000"]) {
        let mut wanted = all.clone();
        wanted.retain(|entry| entry.name == name);
        assert_eq!(ledger.load_named(name), wanted, "{name}");
    }
}

#[test]
fn a_large_event_is_refused() {
    let (_folder, ledger) = state();
    let id = Some("x".repeat(5000));
    let event = Event::Made { run: "r1".into(), id, instance: None };
    assert!(ledger.append(&event).unwrap_err().to_string().contains("4096"));
}

#[test]
fn it_is_ours_alone() {
    let (folder, ledger) = state();
    ledger.append(&start("r1")).unwrap();
    let secret = SessionConfig {
        name: "dev".into(),
        command: Some(Command::Words(vec!["a b".into(), "\"\n".into()])),
        env: BTreeMap::from([("KEY".into(), "secret".into())]),
        ..SessionConfig::default()
    };
    ledger.save_spec("r1", &secret).unwrap();
    assert_eq!(ledger.spec("r1"), Some(secret));
    assert_eq!(mode(&ledger.path), 0o700);
    assert_eq!(mode(&ledger.file()), 0o600);
    assert_eq!(mode(&ledger.path.join("specs")), 0o700);
    assert_eq!(mode(&ledger.path.join("specs/r1.json")), 0o600);
    assert_eq!(mode(&ledger.tickets().unwrap()), 0o700);
    assert_eq!(mode(&ledger.logs().unwrap()), 0o700);
    assert_eq!(ledger.spec("../ledger"), None);
    ledger.save_spec("../evil", &SessionConfig::default()).unwrap_err();

    for open in [0o755, 0o770, 0o701] {
        fs::set_permissions(&ledger.path, fs::Permissions::from_mode(open)).unwrap();
        let error = Ledger::open(&ledger.path).unwrap_err();
        assert!(error.to_string().contains("others may look into it"), "{error}");
        assert!(error.advice().unwrap().starts_with("chmod 700"));
        assert!(Ledger::open_read(&ledger.path).is_none());
    }
    assert!(Ledger::open_read(&folder.path().join("missing")).is_none());
    fs::write(folder.path().join("file"), "").unwrap();
    Ledger::open(&folder.path().join("file")).unwrap_err();
    Ledger::open(&folder.path().join("file/below")).unwrap_err();
}

#[test]
fn a_planted_file_is_not_followed() {
    let (folder, ledger) = state();
    let target = folder.path().join("target");
    fs::write(&target, "").unwrap();
    symlink(&target, ledger.file()).unwrap();
    ledger.append(&start("r1")).unwrap_err();
    assert_eq!(ledger.load(), []);
    assert_eq!(fs::read(&target).unwrap(), b"");
    symlink(folder.path(), ledger.path.join("specs")).unwrap();
    ledger.save_spec("r1", &SessionConfig::default()).unwrap_err();
}

#[test]
fn a_removed_run_leaves_nothing() {
    let (_folder, ledger) = state();
    for run in ["r1", "r2"] {
        ledger.append(&start(run)).unwrap();
        ledger.save_spec(run, &SessionConfig::default()).unwrap();
        fs::write(ledger.logs().unwrap().join(format!("{run}.log")), "text").unwrap();
        fs::write(ledger.path.join("times").join(run), "times").unwrap();
    }
    ledger.remove_run("r1").unwrap();
    assert!(!ledger.path.join("times/r1").exists() && ledger.path.join("times/r2").exists());
    assert_eq!(runs(&ledger), ["r2"]);
    assert!(!ledger.log("r1").exists() && ledger.log("r2").exists());
    assert!(ledger.open_log("r1", false).is_err() && ledger.open_log("r2", false).is_ok());
    assert!(ledger.spec("r1").is_none() && ledger.spec("r2").is_some());
    // A shim that writes late does not bring it back.
    ledger.append(&lifetime("r1")[4]).unwrap();
    assert_eq!(runs(&ledger), ["r2"]);
    ledger.remove_run("r1").unwrap();
}

#[test]
fn each_life_of_a_program_is_written_down() {
    let (_folder, ledger) = state();
    let entry = || ledger.load().pop().unwrap();
    ledger.append(&start("r1")).unwrap();
    ledger.append(&running("r1", 12, None)).unwrap();
    assert_eq!((entry().again, entry().last_end, entry().restarting), (None, None, None));
    ledger.append(&restarting("r1", 3)).unwrap();
    let last = Some((ExitStatus::Code(3), "2026-01-02T03:04:30Z".parse().unwrap()));
    assert_eq!((entry().pid, entry().last_end, entry().end), (None, last, None));
    assert_eq!(entry().restarting, Some("2026-01-02T03:04:40Z".parse().unwrap()));
    let at = "2026-01-02T03:04:41Z";
    ledger.append(&running("r1", 14, Some((at, 1)))).unwrap();
    assert_eq!(entry().again, Some((1, at.parse().unwrap())));
    assert_eq!((entry().pid, entry().restarting), (Some((14, 13)), None));
    assert_eq!((entry().last_end, entry().shim), (last, Some((10, 11))));
    // Stopped while it waits.
    ledger.append(&restarting("r1", 4)).unwrap();
    ledger.append(&lifetime("r1")[5]).unwrap();
    assert_eq!((entry().restarting, entry().again.map(|(count, _)| count)), (None, Some(1)));
    assert!(entry().end.is_some());
}

#[test]
fn a_shim_sees_that_its_run_is_to_end() {
    let (_folder, ledger) = state();
    assert!(!is_stopping(&ledger.file(), "r1"));
    for event in [start("r1"), start("r10"), Event::Stopping { run: "r10".into() }] {
        ledger.append(&event).unwrap();
    }
    garble(&ledger, b"{\"event\":\"stopping\",\"run\":\"r1\n");
    assert!(!is_stopping(&ledger.file(), "r1") && is_stopping(&ledger.file(), "r10"));
    ledger.append(&Event::Stopping { run: "r1".into() }).unwrap();
    assert!(is_stopping(&ledger.file(), "r1"));
    ledger.append(&Event::Removed { run: "r2".into() }).unwrap();
    assert!(is_stopping(&ledger.file(), "r2"));
    assert!(!is_stopping(Path::new("/no/such/ledger.jsonl"), "r1"));
}

#[test]
fn a_program_that_is_started_again_without_end_does_not_fill_the_ledger() {
    let (_folder, ledger) = state();
    for event in lifetime("other") {
        ledger.append(&event).unwrap();
    }
    for run in ["r1", "r2"] {
        ledger.append(&start(run)).unwrap();
        ledger.append(&running(run, 12, None)).unwrap();
    }
    let mut most = 0;
    for count in 1..500 {
        for run in ["r1", "r2"] {
            ledger.append(&restarting(run, 3)).unwrap();
            let again = Some(("2026-01-02T03:04:41Z", count));
            ledger.append(&running(run, 100 + count, again)).unwrap();
        }
        let before = ledger.load();
        compact_at(&ledger.file());
        assert_eq!(ledger.load(), before);
        most = most.max(fs::read_to_string(ledger.file()).unwrap().lines().count());
    }
    assert!(most < 200, "{most} lines");
    let entries = ledger.load();
    assert_eq!(entries[0].pid, Some((12, 13)));
    for entry in &entries[1..] {
        assert_eq!(entry.again.map(|(count, _)| count), Some(499));
        assert!(entry.last_end.is_some() && entry.restarting.is_none());
    }
}

#[test]
fn compaction_loses_nothing_to_those_who_write_meanwhile() {
    let (_folder, ledger) = state();
    let path = &ledger.path;
    let later = b"{\"event\":\"danced\",\"run\":\"stay-0-0\",\"steps\":3}\n";
    fs::write(ledger.file(), later).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || {
                let ledger = Ledger::open(path).unwrap();
                for number in 0..30 {
                    let (stay, go) =
                        (format!("stay-{writer}-{number}"), format!("go-{writer}-{number}"));
                    for event in lifetime(&go) {
                        ledger.append(&event).unwrap();
                    }
                    ledger.append(&start(&stay)).unwrap();
                    ledger.remove_run(&go).unwrap();
                }
            });
        }
    });
    let mut found = runs(&ledger);
    found.sort();
    let mut wanted: Vec<String> =
        (0..4).flat_map(|w| (0..30).map(move |n| format!("stay-{w}-{n}"))).collect();
    wanted.sort();
    assert_eq!(found, wanted);
    let text = fs::read(ledger.file()).unwrap();
    assert!(text.windows(later.len()).any(|window| window == later));
    let lines = text.split(|&byte| byte == b'\n').count();
    assert!(lines < 120 + 200, "{lines} lines");
    // No temporary file is left.
    assert_eq!(fs::read_dir(path).unwrap().count(), 1);
}

#[test]
fn one_at_a_time_has_a_name() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let (_folder, ledger) = state();
    let inside = AtomicU32::new(0);
    let patience = Duration::from_secs(30);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let _lock = ledger.lock_name("tmux", "dev", patience).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(!ledger.is_being_started("tmux", "dev"));
    let held = ledger.lock_name("tmux", "dev", patience).unwrap();
    assert!(ledger.is_being_started("tmux", "dev"));
    assert!(!ledger.is_being_started("tmux", "other") && !ledger.is_being_started("screen", "dev"));
    let error = ledger.lock_name("tmux", "dev", Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.exit_code(), 8);
    let others =
        [("tmux", "de"), ("container", "dev"), ("tmux-dev", ""), ("a", "../b"), ("a", "\0/")];
    let locks: Vec<_> = others
        .iter()
        .map(|(backend, name)| ledger.lock_name(backend, name, Duration::ZERO).unwrap())
        .collect();
    let long = "x".repeat(5000);
    let _long = ledger.lock_name("tmux", &long, Duration::ZERO).unwrap();
    ledger.lock_name("tmux", &long, Duration::ZERO).unwrap_err();
    drop((held, locks, _long));
    assert_eq!(fs::read_dir(ledger.path.join("locks")).unwrap().count(), 0);
}

/// `cargo test --release -p kst --lib how_long_loading_takes -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn how_long_loading_takes() {
    let (_folder, ledger) = state();
    for number in 0..500 {
        for event in lifetime(&format!("{number:032x}")) {
            ledger.append(&event).unwrap();
        }
    }
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(ledger.load().len(), 500);
    }
    let size = fs::metadata(ledger.file()).unwrap().len();
    println!("500 runs, {size} bytes: {:?} a load", begin.elapsed() / 20);
}

#[test]
fn what_stands_in_the_way_is_told_as_what_it_is() {
    let (_folder, ledger) = state();
    let path = ledger.file();
    let said = |result: crate::Result<()>| {
        let error = result.unwrap_err();
        (error.to_string(), error.advice().unwrap_or_default().to_owned())
    };
    fs::create_dir(&path).unwrap();
    let (what, advice) = said(ledger.append(&start("r1")));
    assert!(what.starts_with("cannot write ledger.jsonl in the state folder "), "{what}");
    assert!(what.ends_with(": it is a folder, where a file belongs"), "{what}");
    assert_eq!(advice, "move the folder away");

    fs::remove_dir(&path).unwrap();
    fs::write(path.with_file_name("specs"), "").unwrap();
    let (what, advice) = said(ledger.save_spec("r1", &SessionConfig::default()));
    assert!(what.ends_with(": it is a file, where a folder belongs"), "{what}");
    assert_eq!(advice, "move the file away");

    // Space is spoken of where it is wanted.
    let full = cannot_keep("nothing can be kept", &io::ErrorKind::StorageFull.into());
    assert!(full.advice().unwrap().starts_with("free some space"), "{full}");
}
