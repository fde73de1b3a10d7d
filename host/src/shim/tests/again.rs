//! Programs that are started again.

use super::*;
use crate::session::RestartPolicy;

/// A session whose program is started again, from so many milliseconds on.
fn again(policy: &str, backoff: u64, script: &str) -> Session {
    let mut policy: RestartPolicy = policy.parse().unwrap();
    policy.backoff = Some(Duration::from_millis(backoff));
    policy.max_backoff = Some(Duration::from_millis(backoff.max(1000)));
    let (folder, ledger, inbox, mut ticket) = prepare(&["sh", "-c", script]);
    ticket.restart = Some(policy);
    begin_ticket((folder, ledger, inbox, ticket))
}

/// Counts its runs in a file.
const COUNT: &str = "echo x >> runs; n=$(wc -l < runs); echo run $n; ";

fn restarts(session: &Session) -> u32 {
    session.entry().again.map_or(0, |(count, _)| count)
}

#[test]
fn it_is_started_again_until_it_succeeds() {
    let mut session = again("on-failure", 10, &format!("{COUNT} [ $n -gt 3 ] || exit $n"));
    let Report::Started { pid: first } = session.report() else { panic!() };
    assert_eq!(session.wait(), 0);
    assert_eq!(session.out(), "run 1\nrun 2\nrun 3\nrun 4\n");
    let entry = session.entry();
    assert_eq!(entry.end.unwrap().0, ExitStatus::Code(0));
    assert_eq!(entry.last_end.unwrap().0, ExitStatus::Code(3));
    assert_eq!(restarts(&session), 3);
    assert!(entry.restarting.is_none() && entry.pid.unwrap().0 != first);
    assert!(entry.again.unwrap().1 > entry.last_end.unwrap().1);
}

#[test]
fn the_limit_is_reached_and_the_last_end_told() {
    let mut session = again("on-failure:2", 10, &format!("{COUNT} kill -9 $$"));
    assert_eq!(session.wait(), 137);
    assert_eq!(session.out(), "run 1\nrun 2\nrun 3\n");
    assert_eq!((restarts(&session), session.entry().end.unwrap().0), (2, ExitStatus::Signal(9)));
}

#[test]
fn a_success_is_the_end_unless_it_is_always() {
    let mut session = again("on-failure", 10, COUNT);
    assert_eq!(session.wait(), 0);
    assert_eq!((session.out().as_str(), restarts(&session)), ("run 1\n", 0));
    let mut session = again("always:3", 10, COUNT);
    assert_eq!(session.wait(), 0);
    assert_eq!((session.out().lines().count(), restarts(&session)), (4, 3));
}

#[test]
fn the_waits_grow_as_they_are_told() {
    let mut session = again("on-failure:4", 40, &format!("{COUNT} exit 1"));
    let mut waits = Vec::new();
    let mut seen = None;
    eventually("the end", || {
        let entry = session.entry();
        if let (Some(until), Some((_, at))) = (entry.restarting, entry.last_end)
            && seen != Some(until)
        {
            seen = Some(until);
            waits.push(until.duration_since(at).as_millis());
        }
        entry.end.is_some().then_some(())
    });
    session.wait();
    // Each is told from the moment when it ended; none that is seen is shorter than the one before.
    assert!(waits.len() > 1 && waits.is_sorted(), "{waits:?}");
    assert!(*waits.last().unwrap() >= 320, "{waits:?}");
}

#[test]
fn a_stop_goes_before_it_while_it_waits() {
    for signal in [nix::sys::signal::SIGTERM, nix::sys::signal::SIGINT] {
        let mut session = again("always", 3_600_000, &format!("{COUNT} exit 5"));
        eventually("the wait", || session.entry().restarting);
        session.signal(signal);
        assert_eq!(session.wait(), 5);
        let entry = session.entry();
        assert_eq!((entry.end.unwrap().0, entry.restarting), (ExitStatus::Code(5), None));
        assert_eq!(session.out(), "run 1\n");
    }
}

#[test]
fn a_stop_goes_before_it_at_whatever_moment() {
    for pause in 0..25 {
        let mut session = again("always", 10, "exec sleep 0.01");
        session.report();
        sleep(Duration::from_millis(pause * 3));
        let identity = session.shim_identity();
        let graceful = pause % 2 == 0;
        if !graceful {
            // As a stop does it, before anything else.
            session.ledger.append(&Event::Stopping { run: "r1".into() }).unwrap();
        }
        let ending = processes::end_session(identity, None, graceful, LONG);
        assert!(ending.gone, "{pause}: {ending:?}");
        session.wait();
        let entry = session.entry();
        assert!(entry.end.is_some() && entry.restarting.is_none(), "{pause}: {entry:?}");
        let dead = entry.pid.is_none_or(|(pid, start)| !alive(pid, start));
        assert!(dead, "{pause}: {entry:?}");
    }
}

#[test]
fn a_run_that_is_being_stopped_is_not_started_again() {
    let mut session =
        again("always", 10, "trap 'exit 6' USR1; echo up; while :; do sleep 0.01; done");
    session.says("up");
    session.ledger.append(&Event::Stopping { run: "r1".into() }).unwrap();
    session.signal(nix::sys::signal::SIGUSR1);
    assert_eq!(session.wait(), 6);
    assert_eq!((restarts(&session), session.entry().end.unwrap().0), (0, ExitStatus::Code(6)));
}

#[test]
fn what_a_program_leaves_behind_ends_before_it_is_started_again() {
    let script = format!(
        "{COUNT} [ -e left ] && [ -d /proc/$(cat left) ] && echo 'it is still there'; \
         sleep 1000 & echo $! > left; [ $n -gt 2 ] || exit 1"
    );
    let mut session = again("on-failure", 10, &script);
    assert_eq!(session.wait(), 0);
    assert_eq!(session.out(), "run 1\nrun 2\nrun 3\n");
    // What is left at the very end is left alone, as ever.
    let left = fs::read_to_string(session.folder.path().join("left")).unwrap();
    let pid: u32 = left.trim().parse().unwrap();
    let identity = (pid, processes::start_time(pid).unwrap());
    kill(identity);
    end_of(identity);
}

#[test]
fn a_stop_while_it_waits_ends_what_is_left_too() {
    // Deaf to all that asks, so that it is still there.
    let script = "(trap '' TERM HUP; echo $$ up; while :; do sleep 0.01; done) & \
                  while ! grep -q up out; do sleep 0.01; done; exit 1";
    let mut session = again("always", 3_600_000, script);
    eventually("the wait", || session.entry().restarting);
    let ending =
        processes::end_session(session.shim_identity(), None, true, Duration::from_millis(200));
    assert!(ending.gone && ending.forced, "{ending:?}");
    session.wait();
    assert_eq!(session.entry().end.unwrap().0, ExitStatus::Code(1));
}

#[test]
fn a_program_that_is_gone_counts_as_one_that_failed() {
    let script = "mv dir elsewhere; exit 1";
    let mut policy: RestartPolicy = "on-failure:2".parse().unwrap();
    policy.backoff = Some(Duration::from_millis(10));
    let (folder, ledger, inbox, mut ticket) = prepare(&["sh", "-c", script]);
    fs::create_dir(folder.path().join("dir")).unwrap();
    fs::write(folder.path().join("dir/go"), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(folder.path().join("dir/go"), fs::Permissions::from_mode(0o700)).unwrap();
    ticket.argv = vec![folder.path().join("dir/go").into()];
    ticket.restart = Some(policy);
    let mut session = begin_ticket((folder, ledger, inbox, ticket));
    assert!(matches!(session.report(), Report::Started { .. }));
    assert_eq!(session.wait(), 127);
    assert_eq!(session.entry().end.unwrap().0, ExitStatus::Code(127));
    assert_eq!(session.out().matches("there is no program").count(), 2, "{}", session.out());
}

#[test]
fn signals_reach_the_program_that_runs_now() {
    let script = format!(
        "{COUNT} [ $n -gt 1 ] || exit 1; trap 'echo got it' USR1; echo up; \
         while :; do sleep 0.01; done"
    );
    let session = again("on-failure", 10, &script);
    session.says("up");
    session.signal(nix::sys::signal::SIGUSR1);
    session.says("got it");
    let ending = processes::end_session(session.shim_identity(), None, true, LONG);
    assert!(ending.gone && !ending.forced, "{ending:?}");
}
