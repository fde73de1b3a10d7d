//! What can be done to a session through the crate, on a real tmux: waiting, starting again, typing,
//! signals, following. (Its life: see `library`.)

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kst::Error;
use kst::session::{
    ExecRequest, ExitStatus, FollowOptions, LineHeard, LogOptions, RestartPolicy, SessionManager,
    SessionState,
};

use crate::library::{in_a_world, tmux};
use crate::support::until;

const LONG: Duration = Duration::from_secs(20);

/// A session that runs a shell script.
fn script(name: &str, script: &str) -> SessionManager {
    let session = tmux(name).args(["sh", "-c", script]);
    session.start().expect("it starts");
    session
}

/// One that has ended with code 0.
fn ended(name: &str) -> SessionManager {
    let session = script(name, "exit 0");
    session.wait(Some(LONG)).expect("it ends");
    session
}

/// A session that kst did not start.
fn foreign(name: &str) -> SessionManager {
    let new = ["new-session", "-d", "-s", name, "sleep", "1000"];
    let made = Command::new("tmux").args(new).status().expect("there is tmux");
    assert!(made.success());
    tmux(name)
}

/// Waits for a file of the working directory.
fn waits(file: &str) -> String {
    format!("until [ -e {file} ]; do sleep 0.01; done; ")
}

fn go(file: &str) {
    std::fs::write(file, "").expect("it can be written");
}

fn all() -> FollowOptions {
    FollowOptions { lines: u32::MAX, ..FollowOptions::default() }
}

#[track_caller]
fn is_not_there<T>(result: kst::Result<T>, wanted: &str) {
    match result {
        Err(Error::NotFound { name, .. }) => assert_eq!(name, wanted),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is not there"),
    }
}

#[track_caller]
fn is_not_running<T>(result: kst::Result<T>, wanted: &str) {
    match result {
        Err(error @ Error::NotRunning { .. }) => {
            assert!(matches!(&error, Error::NotRunning { name, .. } if name == wanted));
            assert!(error.advice().is_some_and(|advice| advice.contains("kst start")), "{error}");
            assert_eq!(error.exit_code(), 1);
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it does not run"),
    }
}

#[track_caller]
fn is_unsupported<T>(result: kst::Result<T>) {
    match result {
        Err(Error::Unsupported { backend, .. }) => assert_eq!(backend, "tmux"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it cannot be done"),
    }
}

#[test]
fn the_end_is_waited_for() {
    in_a_world(
        |_| {},
        || {
            is_not_there(tmux("dev").wait(None), "dev");
            let session = script("dev", &(waits("go") + "exit 7"));
            let began = Instant::now();
            let error = session.wait(Some(Duration::from_millis(200))).expect_err("it runs on");
            assert!(matches!(error, Error::TimedOut { .. }), "{error}");
            assert!((Duration::from_millis(200)..LONG).contains(&began.elapsed()));
            let error = session.wait(Some(Duration::ZERO)).expect_err("it runs on");
            assert!(matches!(error, Error::TimedOut { .. }), "{error}");
            assert!(session.is_running().expect("tmux can be asked"));
            let status = thread::scope(|scope| {
                let waiting = scope.spawn(|| session.wait(Some(Duration::MAX)));
                go("go");
                waiting.join().expect("it does not panic").expect("it ends")
            });
            assert_eq!(
                (status.state, status.exit),
                (SessionState::Exited, Some(ExitStatus::Code(7)))
            );
            // It has ended already.
            let again = session.wait(Some(Duration::ZERO)).expect("it has ended");
            assert_eq!(
                (again.state, again.exit, again.ended_at),
                (status.state, status.exit, status.ended_at)
            );
        },
    );
}

#[test]
fn it_is_started_again_as_it_was() {
    in_a_world(
        |_| {},
        || {
            let restart = |session: &SessionManager| session.restart(true, LONG);
            is_not_there(restart(&tmux("dev")), "dev");
            let session = script("dev", "echo run; exec sleep 1000");
            let before = session.status().expect("it is there");
            let after = restart(&session).expect("it starts again");
            assert_eq!((before.run, after.run), (Some(1), Some(2)));
            assert!(after.state == SessionState::Running && after.pid != before.pid);
            // By the definition that it was started with, and also once it has ended.
            assert!(session.stop(false, Duration::ZERO).expect("it stops"));
            let other = tmux("dev").args(["false"]);
            assert_eq!(restart(&other).expect("it starts again").run, Some(3));
            until("it prints", || session.logs(5).is_ok_and(|log| log.contains("run")));
            is_unsupported(restart(&foreign("theirs")));
            assert!(tmux("theirs").is_running().expect("tmux can be asked"));
        },
    );
}

#[test]
fn texts_and_keys_are_typed() {
    in_a_world(
        |_| {},
        || {
            is_not_there(tmux("dev").send("x", true), "dev");
            let session = script("dev", "while read -r line; do echo \"got $line\"; done; exit 3");
            session.send("-n $HOME", false).expect("it is typed");
            session.send(";", true).expect("it is typed");
            until("it has read it", || session.logs(9).is_ok_and(|l| l.contains("got -n $HOME;")));
            for odd in ["\u{3}", &"x".repeat((1 << 20) + 1)] {
                let error = session.send(odd, false).expect_err("no text");
                assert!(matches!(error, Error::Invalid { .. }), "{error}");
            }
            session.send_keys(["C-d".parse().expect("a key")]).expect("it is pressed");
            let status = session.wait(Some(LONG)).expect("it ends");
            assert_eq!(status.exit, Some(ExitStatus::Code(3)));
            is_not_running(session.send("x", true), "dev");
        },
    );
}

#[test]
fn signals_reach_the_program() {
    in_a_world(
        |_| {},
        || {
            let hup = || "HUP".parse().expect("a signal");
            is_not_there(tmux("dev").signal(hup()), "dev");
            let script_of_it = "trap 'exit 9' HUP; touch up; while :; do sleep 0.01; done";
            let session = script("dev", script_of_it);
            until("it listens", || Path::new("up").exists());
            session.signal(hup()).expect("it is sent");
            let status = session.wait(Some(LONG)).expect("it ends");
            assert_eq!(
                (status.state, status.exit),
                (SessionState::Exited, Some(ExitStatus::Code(9)))
            );
            is_not_running(session.signal(hup()), "dev");
            is_unsupported(foreign("theirs").signal(hup()));
        },
    );
}

#[test]
fn no_second_command_is_run_in_tmux() {
    in_a_world(
        |_| {},
        || {
            let request = ExecRequest { words: vec!["true".into()], ..ExecRequest::default() };
            is_not_there(tmux("dev").exec(&request), "dev");
            is_not_running(ended("over").exec(&request), "over");
            let session = script("dev", "exec sleep 1000");
            is_unsupported(session.exec(&request));
            let nothing = session.exec(&ExecRequest::default());
            assert!(matches!(nothing, Err(Error::Invalid { .. })), "{nothing:?}");
        },
    );
}

#[test]
fn a_program_that_fails_is_started_again() {
    in_a_world(
        |_| {},
        || {
            let backoff = Some(Duration::from_millis(10));
            let policy = RestartPolicy { backoff, ..policy_of("on-failure:2") };
            let session = tmux("dev").args(["sh", "-c", "echo life; exit 5"]);
            let session = session.restart_policy(policy.clone());
            session.start().expect("it starts");
            // Its last end is waited for.
            let status = session.wait(Some(LONG)).expect("it ends");
            assert_eq!((status.exit, status.restarts), (Some(ExitStatus::Code(5)), Some(2)));
            assert_eq!(session.logs(9).expect("it is kept"), "life\n".repeat(3));

            let policy = RestartPolicy { backoff: Some(Duration::from_secs(3600)), ..policy };
            let session = tmux("slow").args(["false"]).restart_policy(policy);
            session.start().expect("it starts");
            until("it waits for its next start", || {
                session.status().is_ok_and(|status| status.restarting)
            });
            assert!(session.is_running().expect("tmux can be asked"));
            let signal = session.signal("TERM".parse().expect("a signal"));
            assert!(matches!(signal, Err(Error::NotRunning { .. })), "{signal:?}");
            let error = session.wait(Some(Duration::from_millis(50))).expect_err("it goes on");
            assert!(matches!(error, Error::TimedOut { .. }), "{error}");
            assert!(session.stop(true, LONG).expect("it stops"));

            let never = RestartPolicy { backoff: Some(Duration::ZERO), ..policy_of("always") };
            let error = tmux("odd").args(["true"]).restart_policy(never).start();
            assert!(matches!(error, Err(Error::Invalid { .. })), "{error:?}");
        },
    );
}

fn policy_of(text: &str) -> RestartPolicy {
    text.parse().expect("a policy")
}

/// What is heard, in words, until `enough`.
fn heard(
    session: &SessionManager,
    options: &FollowOptions,
    mut enough: impl FnMut(&str) -> bool,
) -> Vec<String> {
    let mut all = Vec::new();
    let followed = session.follow(options, |heard| {
        let word = match heard {
            LineHeard::Quiet => return ControlFlow::Continue(()),
            LineHeard::Line { text, time } => {
                assert_eq!(time.is_some(), options.times);
                String::from_utf8_lossy(text).into_owned()
            }
            other => format!("{other:?}"),
        };
        let stop = enough(&word);
        all.push(word);
        if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    followed.expect("it is followed");
    all
}

#[test]
fn each_line_is_heard_as_it_is_printed() {
    in_a_world(
        |_| {},
        || {
            is_not_there(tmux("dev").follow(&all(), |_| ControlFlow::Continue(())), "dev");
            let text = "echo one; echo two; ".to_owned()
                + &waits("go")
                + "printf 'a '; "
                + &waits("on")
                + "echo line; printf rest; exit 4";
            let session = script("dev", &text);
            until("it prints", || session.logs(9).is_ok_and(|log| log.contains("two")));
            let times = FollowOptions { times: true, ..all() };
            let told = heard(&session, &times, |word| {
                // When that has been told, the rest may come.
                if word == "two\n" {
                    go("go");
                    until("it has begun a line", || {
                        session.logs(9).is_ok_and(|log| log.ends_with("a "))
                    });
                    go("on");
                }
                false
            });
            assert_eq!(told, ["one\n", "two\n", "a line\n", "rest", "Ended(Some(Code(4)))"]);
            // Of one that has ended: its last lines, and that.
            let last = FollowOptions { lines: 2, ..FollowOptions::default() };
            assert_eq!(heard(&session, &last, |_| false), told[2..]);
            let since = FollowOptions { since: Some(Timestamp::now()), ..all() };
            assert_eq!(heard(&session, &since, |_| false), told[4..]);
            assert_eq!(heard(&session, &FollowOptions::default(), |_| false), told[4..]);
        },
    );
}

#[test]
fn following_can_be_ended_at_any_time() {
    in_a_world(
        |_| {},
        || {
            let session = script("dev", "echo one; echo two; exec sleep 1000");
            until("it prints", || session.logs(9).is_ok_and(|log| log.contains("two")));
            assert_eq!(heard(&session, &all(), |_| true), ["one\n"]);
            // Where nothing is printed any more.
            let mut lines = 0;
            let followed = session.follow(&all(), |heard| match heard {
                LineHeard::Quiet => ControlFlow::Break(()),
                _ => {
                    lines += 1;
                    ControlFlow::Continue(())
                }
            });
            followed.expect("it is followed");
            assert_eq!(lines, 2);
            // And where whoever listens comes to grief.
            let followed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                // Without the words that a panic is told with.
                session.follow(&all(), |_| std::panic::resume_unwind(Box::new("too much")))
            }));
            assert!(followed.is_err());
            assert!(session.is_running().expect("tmux can be asked"));
        },
    );
}

#[test]
fn what_nobody_keeps_cannot_be_followed() {
    in_a_world(
        |_| {},
        || {
            let session = foreign("theirs");
            is_unsupported(session.follow(&all(), |_| ControlFlow::Continue(())));
            let times = LogOptions { times: true, ..LogOptions::default() };
            is_unsupported(session.logs_with(&times));
            is_not_there(tmux("dev").logs_with(&times), "dev");
        },
    );
}
