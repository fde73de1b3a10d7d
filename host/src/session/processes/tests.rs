use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::session::ExitStatus;
use crate::shim::Report;
use crate::shim::tests::{LONG, begin, end_of, eventually};

#[test]
fn a_name_cannot_forge_a_stat_line() {
    let line = b"42 (evil) R 1 1 (x) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1 2\n";
    let process = parse_stat(line).unwrap();
    assert_eq!(process.comm, "evil) R 1 1 (x");
    assert_eq!((process.pid, process.parent, process.group, process.session), (42, 7, 8, 9));
    assert_eq!((process.state, process.start), ('S', 123456));
    for broken in [&b""[..], b"42", b"42 (x", b"42 (x)", b"42 (x) S 1", b")(", b"x (y) S 1 1 1"] {
        assert_eq!(parse_stat(broken), None);
    }
}

#[test]
fn a_process_is_its_number_and_its_start() {
    let me = std::process::id();
    let start = start_time(me).unwrap();
    assert!(alive(me, start));
    assert!(!alive(me, start + 1));
    assert!(Held::open((me, start)).is_some_and(|held| !held.ended()));
    assert!(Held::open((me, start + 1)).is_none());
    assert!(boot_id().is_some_and(|id| id.len() == 36));
}

#[test]
fn a_zombie_has_ended() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id();
    let start = start_time(pid).unwrap();
    eventually("a zombie", || Process::read(pid)?.ended().then_some(()));
    assert!(!alive(pid, start));
    assert!(Held::open((pid, start)).is_none());
    child.wait().unwrap();
    assert!(!alive(pid, start));
}

#[test]
fn cleaning_up_is_waited_for() {
    let mut session = begin(
        "trap 'sleep 1; echo cleaned; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
    );
    session.says("ready");
    let shim = session.shim_identity();
    let program = session.entry().pid.unwrap();
    let plan = plan_session(shim, Some(program), true, LONG);
    let ending = end_session(shim, Some(program), true, LONG);
    // Asking was enough; of what was planned no more was sent.
    assert_eq!(ending, Ending { gone: true, sent: plan[..1].to_vec(), ..Ending::default() });
    let [asked] = &ending.sent[..] else { panic!("{ending:?}") };
    assert_eq!((asked.signal, asked.pid, asked.by_shim), ("TERM", program.0, true));
    assert!(plan[1..].iter().all(|kill| kill.signal == "KILL" && kill.after == Some(LONG)));
    session.says("cleaned");
    assert_eq!(session.entry().end.unwrap().0, ExitStatus::Code(3));
    assert_eq!(session.wait(), 3);
}

#[test]
fn what_ignores_every_request_is_killed() {
    let mut session = begin(
        "trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM HUP; echo $$; while :; do sleep 0.1; done' &)
        while :; do sleep 0.1; done",
    );
    let daemon = session.identity_in_line(0);
    let ending = end_session(session.shim_identity(), None, true, Duration::from_millis(300));
    assert!(ending.gone && ending.forced && ending.survivors.is_empty(), "{ending:?}");
    let killed = ending.sent.iter().filter(|one| (one.signal, one.pid) == ("KILL", daemon.0));
    assert_eq!(killed.count(), 1, "{ending:?}");
    end_of(daemon);
    // The shim was there to the end and wrote it down.
    assert_eq!(session.entry().end.unwrap().0, ExitStatus::Signal(9));
    assert_eq!(session.wait(), 137);
}

#[test]
fn force_leaves_nothing_of_a_forking_crowd() {
    let session = begin(
        "spawn() { (setsid sh -c 'while :; do (setsid sleep 1000 &); sleep 0.01; done' &); }
        trap '' TERM HUP; spawn; spawn; spawn; echo ready; while :; do sleep 0.01; done",
    );
    session.line(0);
    let shim = session.shim_identity();
    std::thread::sleep(Duration::from_millis(200));
    let before = descendants(shim.0);
    assert!(before.len() > 3);
    let ending = end_session(shim, None, false, Duration::ZERO);
    assert!(ending.gone && ending.forced, "{ending:?}");
    for process in before {
        assert!(!alive(process.pid, process.start), "{process:?}");
    }
    assert!(session.entry().end.is_some());
}

#[test]
fn a_killed_shim_does_not_hide_its_program() {
    let mut session = begin("exec sleep 1000");
    assert!(matches!(session.report(), Report::Started { .. }));
    let (shim, program) = (session.shim_identity(), session.entry().pid.unwrap());
    session.shim.kill().unwrap();
    session.shim.wait().unwrap();
    assert!(!wait_session(shim, Some(program), Duration::from_millis(50)));
    let ending = end_session(shim, Some(program), true, LONG);
    assert!(ending.gone && !ending.forced, "{ending:?}");
    end_of(program);
}

#[test]
fn somebody_elses_number_is_left_alone() {
    let me = std::process::id();
    let stale = (me, start_time(me).unwrap() + 1);
    let ending = end_session(stale, Some(stale), false, Duration::ZERO);
    assert_eq!(ending, Ending { gone: true, ..Ending::default() });
    assert!(wait_session(stale, None, Duration::ZERO));
}

/// A stand-in for an engine: a shell under another name that starts a script and tells its pid.
fn engine(folder: &Path, script: &str) -> (Child, Identity) {
    let engine = folder.join("engine");
    fs::copy("/bin/sh", &engine).unwrap();
    let out = folder.join("out");
    // Whoever runs the tests may ignore hang-ups, as nohup does, and a shell cannot trap what it was
    // started with ignoring.
    let start =
        format!("setsid env --default-signal=HUP sh -c {} & echo $! > out; wait", quoted(script));
    let child = Command::new(&engine)
        .args(["-c", &start])
        .current_dir(folder)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let pid: u32 = eventually("the engine's child", || {
        fs::read_to_string(&out).ok()?.strip_suffix('\n')?.parse().ok()
    });
    (child, (pid, start_time(pid).unwrap()))
}

fn quoted(script: &str) -> String {
    format!("'{}'", script.replace('\'', r"'\''"))
}

#[test]
fn a_bound_process_must_be_the_engines() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "trap 'echo hup > got; exit 0' HUP; trap '' TERM; (sh -c 'trap \"\" HUP TERM; exec sleep 1000' &)
        touch ready; while :; do sleep 0.05; done";
    let (mut engine, bound) = engine(folder.path(), script);
    eventually("the script", || folder.path().join("ready").exists().then_some(()));
    let program = folder.path().join("engine");
    assert!(runs_below(bound.0, &program));
    assert!(!runs_below(engine.id(), &program));
    assert!(!runs_below(std::process::id(), &program));

    for wrong in [Path::new("/bin/cat"), Path::new("/no/such/engine")] {
        let ending = end_bound(&[bound.0], wrong, true, Duration::from_millis(100));
        assert_eq!(ending.skipped, [bound.0]);
        assert!(!ending.gone && ending.left == 1 && alive(bound.0, bound.1));
    }
    // The ignoring grandchild lost its parent, but not its terminal's session.
    let members: Vec<Process> =
        all().into_iter().filter(|process| process.session == bound.0).collect();
    assert!(members.len() >= 2);
    // The shell hears of the hang-up when its sleep is over, which on a busy machine takes a while: a
    // second request would end it before that.
    let ending = end_bound(&[bound.0, u32::MAX], &program, true, Duration::from_secs(5));
    assert!(ending.gone && ending.forced, "{ending:?}");
    for member in members {
        end_of(member.identity());
    }
    assert_eq!(fs::read_to_string(folder.path().join("got")).unwrap(), "hup\n");
    engine.wait().unwrap();
}

/// What stands below the test itself, as the whole of `/proc` tells it.
fn by_all_of_proc() -> Vec<Identity> {
    let mut all: Vec<_> = those_below(&all(), &[std::process::id()])
        .iter()
        .filter(|process| !process.ended())
        .map(Process::identity)
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn those_below_are_found_whoever_comes_and_goes_meanwhile() {
    // A child that stays, and its own, below one that makes others and sees them end all the while.
    let script = "sleep 1000 & (sleep 1001 & exec sleep 1002) & \
                  echo $$; while :; do (:) & (:) & (:) & wait $!; done";
    let mut busy = Command::new("sh")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let root = busy.id();
    let sleeps = |found: &[Process]| {
        let sleeps = found.iter().filter(|process| process.comm == "sleep");
        sleeps.map(Process::identity).collect::<HashSet<_>>()
    };
    let three = eventually("all three sleep", || {
        let found = sleeps(&those_below(&all(), &[root]));
        (found.len() == 3).then_some(found)
    });
    for round in 0..300 {
        let found = sleeps(&below(&[root]));
        assert_eq!(found, three, "round {round}");
    }
    let group = Pid::from_child(&busy);
    rustix::process::kill_process_group(group, Signal::KILL).unwrap();
    busy.wait().unwrap();
}

#[test]
fn a_thread_has_children_too() {
    let (told, children) = std::sync::mpsc::channel();
    let (done, go_on) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        told.send(child.id()).unwrap();
        go_on.recv().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let child = children.recv().unwrap();
    let found = descendants(std::process::id());
    assert!(found.iter().any(|process| process.pid == child), "{found:?}");
    // Other tests' processes come and go: what is there before and after is found.
    let before = by_all_of_proc();
    let mut found: Vec<_> = descendants(std::process::id()).iter().map(Process::identity).collect();
    found.sort_unstable();
    let after = by_all_of_proc();
    let missing = before.iter().filter(|one| after.contains(one) && !found.contains(one));
    assert_eq!(missing.count(), 0, "{found:?} of {before:?}");
    done.send(()).unwrap();
    thread.join().unwrap();
}
