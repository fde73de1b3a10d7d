//! The crate as another program uses it, on a real tmux.
//!
//! The library reads its environment, which a test's own process shares with all other tests. So
//! each test runs this very program again, for itself alone, in a world of its own.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::time::Duration;

use kst::Error;
use kst::config::{Config, Sources};
use kst::folders::Folders;
use kst::session::{
    Command, ExitStatus, LogOptions, OptionValue, SessionConfig, SessionManager, SessionState,
    auto_detect_backend,
};

use crate::support::{Engine, World, program, until};

/// Set in the process that is a test's second self.
const INSIDE: &str = "KST_TEST_INSIDE";

/// Runs `test` in a process whose environment is a world's, which `prepare` may furnish.
#[track_caller]
pub fn in_a_world(prepare: impl FnOnce(&mut World), test: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    let Some(mut world) = World::with([Engine::Tmux]) else { return };
    prepare(&mut world);
    world.set(INSIDE, "yes");
    let name = std::thread::current().name().expect("tests have names").to_owned();
    let this = env::current_exe().expect("a program knows itself");
    let outcome = world.program(this).args(["--exact", &name, "--nocapture"]).run();
    // Its panic is this test's.
    outcome.ok().prints("1 passed");
}

pub fn tmux(name: &str) -> SessionManager {
    let session = SessionManager::new(name, "tmux").expect("tmux is built in");
    session.with_program(program())
}

/// The config as `kst` finds it from here.
fn config() -> Config {
    let working_dir = env::current_dir().expect("there is a current directory");
    let sources = Sources { folders: Folders::from_env(), working_dir, explicit: None };
    Config::load(&sources).expect("the config can be read")
}

#[test]
fn a_session_lives_and_ends() {
    in_a_world(
        |_| {},
        || {
            let session = tmux("dev").args(["sh", "-c", "echo hello $WHO; exec sleep 1000"]);
            let session = session.env("WHO", "there");
            assert_eq!((session.name(), session.backend()), ("dev", "tmux"));
            assert!(!session.exists().expect("tmux can be asked"));
            assert!(!session.is_running().expect("tmux can be asked"));
            assert!(matches!(session.status(), Err(Error::NotFound { name, .. }) if name == "dev"));
            assert!(matches!(session.logs(5), Err(Error::NotFound { .. })));
            let stop = || session.stop(true, Duration::from_secs(10));
            assert!(matches!(stop(), Err(Error::NotFound { .. })));
            assert_eq!(auto_detect_backend("dev", None).expect("all can be asked"), None);

            let status = session.start().expect("it starts");
            assert_eq!(status.state, SessionState::Running);
            assert_eq!((status.backend.as_str(), status.location.as_str()), ("tmux", "default"));
            assert!(status.ours && status.pid.is_some() && status.exit.is_none());
            assert!(session.exists().expect("tmux can be asked"));
            assert!(session.is_running().expect("tmux can be asked"));
            until("its output is in the log", || {
                session.logs(5).is_ok_and(|log| log.contains("hello there"))
            });
            let again = session.start().expect_err("the name is taken");
            assert!(
                matches!(&again, Error::Exists { name, place, .. } if name == "dev" && place.contains("tmux")),
                "{again}"
            );
            assert_eq!(again.exit_code(), 4);
            let found = auto_detect_backend("dev", None).expect("all can be asked");
            assert_eq!(found.as_deref(), Some("tmux"));
            assert_eq!(auto_detect_backend("de", None).expect("all can be asked"), None);
            let attach = session.attach().expect_err("there is no terminal");
            assert!(matches!(attach, Error::Attach { .. }), "{attach}");
            let list = session.list().expect("tmux can be asked");
            let names: Vec<&str> = list.sessions.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, ["dev"]);

            assert!(stop().expect("it stops"));
            assert!(!stop().expect("it has been stopped"));
            let status = session.status().expect("it is remembered");
            assert_eq!(status.state, SessionState::Stopped);
            assert_eq!(status.exit, Some(ExitStatus::Signal(15)));
            assert!(status.pid.is_none() && status.ended_at.is_some());
            assert!(session.exists().expect("tmux can be asked"));
            assert!(!session.is_running().expect("tmux can be asked"));
            assert!(session.logs(5).expect("its output is kept").contains("hello there"));
        },
    );
}

#[test]
fn a_start_can_be_told_otherwise() {
    in_a_world(
        |_| {},
        || {
            let session = tmux("dev").command("sh -c 'echo first $A $B; exit 3'").env("A", "a");
            let ended = || session.status().is_ok_and(|status| status.exit.is_some());
            session.start_with(SessionConfig::default()).expect("it starts");
            until("it has ended", ended);
            let status = session.status().expect("it is remembered");
            assert_eq!(
                (status.state, status.exit),
                (SessionState::Exited, Some(ExitStatus::Code(3)))
            );
            assert!(session.logs(1).expect("its output is kept").starts_with("first a"));
            let between = jiff::Timestamp::now();

            let overrides = SessionConfig {
                command: Some(Command::Shell("echo second $A $B && exit 4".into())),
                env: BTreeMap::from([("B".into(), "b".into())]),
                ..SessionConfig::default()
            };
            session.start_with(overrides).expect("what has ended gives way");
            until("it has ended", ended);
            let status = session.status().expect("it is remembered");
            assert_eq!(status.exit, Some(ExitStatus::Code(4)));
            assert!(session.logs(1).expect("its output is kept").starts_with("second a b"));
            let all = LogOptions { times: true, ..LogOptions::default() };
            let lines = |options: &LogOptions| {
                let logs = session.logs_with(options).expect("its output is kept");
                let line = |(time, line): (Option<jiff::Timestamp>, &[u8])| {
                    assert!(time.is_some_and(|time| time <= jiff::Timestamp::now()));
                    String::from_utf8_lossy(line).into_owned()
                };
                logs.lines().map(line).collect::<Vec<_>>()
            };
            assert_eq!(lines(&all), ["second a b\n"]);
            let previous = LogOptions { previous: true, until: Some(between), ..all.clone() };
            assert_eq!(lines(&previous), ["first a\n"]);
            assert!(lines(&LogOptions { until: Some(between), ..all }).is_empty());
            // What was said once is said once.
            assert_eq!(session.config().env.len(), 1);
        },
    );
}

#[test]
fn what_cannot_be_is_an_error_of_its_own_kind() {
    in_a_world(
        |_| {},
        || {
            let names = ["", "1st", "a b", "a\n", "-x", "é"];
            for name in names {
                let error = SessionManager::new(name, "tmux").err().expect("no name for a session");
                assert!(matches!(error, Error::Invalid { .. }), "{name:?}: {error}");
            }
            let shouted = SessionManager::new("dev", "TMUX").expect("as in kstlib");
            assert_eq!(shouted.backend(), "tmux");
            let error = SessionManager::new("dev", "tmax").err().expect("no such backend");
            assert!(
                matches!(&error, Error::BackendNotFound { backend, .. } if backend == "tmax"),
                "{error}"
            );
            assert_eq!(error.advice(), Some("did you mean 'tmux'?"));

            let error = tmux("dev").args(["no-such-program"]).start().expect_err("it is not there");
            assert!(matches!(&error, Error::Start { name, .. } if name == "dev"), "{error}");
            let error = tmux("dev").command("a | b").start().expect_err("it needs a shell");
            assert!(matches!(error, Error::Invalid { .. }), "{error}");
            let error = tmux("dev").option("image", "x").args(["sleep", "1"]).start();
            assert!(matches!(error, Err(Error::Invalid { .. })), "{error:?}");
            let session = tmux("dev").with_program("/no/such/kst").args(["sleep", "1"]);
            let error = session.start().expect_err("it is not there");
            assert!(error.to_string().contains("/no/such/kst"), "{error}");
            assert!(!session.exists().expect("tmux can be asked"), "nothing was made");
        },
    );
}

#[test]
fn without_the_kst_program_nothing_starts() {
    in_a_world(
        // Where whoever runs these tests may have one is left out.
        |world| world.set("PATH", "/usr/bin:/bin"),
        || {
            let session = SessionManager::new("dev", "tmux").expect("tmux is built in");
            let session = session.args(["sleep", "1"]);
            // This very program is not to be taken for it.
            let error = session.start().expect_err("there is no kst");
            assert!(error.to_string().contains("the kst program"), "{error}");
            assert!(error.advice().is_some_and(|advice| advice.contains("install kst")), "{error}");
            assert!(!session.exists().expect("tmux can be asked"), "nothing was made");
        },
    );
}

#[test]
fn one_name_in_two_places_is_ambiguous() {
    in_a_world(
        |world| {
            for socket in ["one", "two"] {
                let new = ["-L", socket, "new-session", "-d", "-s", "dev", "sleep", "1000"];
                world.tmux(new).ok();
            }
        },
        || {
            let session = tmux("dev");
            let error = session.status().expect_err("there are two");
            assert!(
                matches!(&error, Error::Ambiguous { name, places, .. } if name == "dev" && places.len() == 2),
                "{error}"
            );
            assert!(matches!(auto_detect_backend("dev", None), Err(Error::Ambiguous { .. })));
            let found = auto_detect_backend("dev", Some("one")).expect("all can be asked");
            assert_eq!(found.as_deref(), Some("tmux"));
            let one = tmux("dev").option("socket_name", "one");
            let status = one.status().expect("there is one on that socket");
            assert_eq!((status.location.as_str(), status.ours), ("one", false));
            assert!(one.stop(true, Duration::from_secs(10)).expect("it stops"));
            assert_eq!(session.status().expect("one is left").location, "two");
        },
    );
}

#[test]
fn the_config_defines_sessions() {
    in_a_world(
        |world| {
            world.config(
                "ops:\n  sessions:\n    api:\n      command: sleep 1000\n      \
                 socket_name: jobs\n      env: {PORT: 8080}\n    broken:\n      command: 'a | b'\n",
            );
        },
        || {
            let api = SessionManager::from_config("api").expect("it is defined");
            let api = api.with_program(program());
            assert_eq!(api.backend(), "tmux");
            assert_eq!(api.config().command, Some(Command::Text("sleep 1000".into())));
            assert_eq!(api.config().env["PORT"], "8080");
            assert_eq!(api.status().expect("it is defined").state, SessionState::Defined);
            assert!(!api.exists().expect("tmux can be asked"));
            api.start().expect("it starts");
            assert!(api.is_running().expect("tmux can be asked"));
            assert_eq!(api.status().expect("it is there").location, "jobs");
            assert!(api.stop(false, Duration::ZERO).expect("it stops"));

            let same = SessionManager::from("api", config()).expect("it is defined");
            assert_eq!(same.config(), api.config());
            assert_eq!(same.status().expect("it is remembered").state, SessionState::Stopped);

            let error = SessionManager::from_config("apy").err().expect("it is not defined");
            assert!(matches!(error, Error::Config { .. }), "{error}");
            assert!(error.advice().is_some_and(|advice| advice.contains("api")), "{error}");
            let error = SessionManager::from_config("broken").err().expect("it is broken");
            assert!(matches!(&error, Error::Config { line: Some(_), .. }), "{error}");
            // An option of the definition can be seen as it was given.
            let session = tmux("x").option("socket_name", "a").options("volumes", ["b"]);
            assert_eq!(session.config().options["socket_name"], OptionValue::Text("a".into()));
            assert_eq!(session.config().options["volumes"], OptionValue::List(vec!["b".into()]));
        },
    );
}

/// The `kst` of the PATH compiles components; where it is another one, the program does that itself.
#[test]
fn a_component_is_compiled_by_kst_or_without() {
    in_a_world(
        |world| {
            world.with_own_cache();
            world.fake("kst", "echo \"$1\" >> ~/asked; exit 64");
        },
        || {
            SessionManager::new("dev", "tmux").expect("tmux is built in");
            let home = PathBuf::from(env::var_os("HOME").expect("a world has one"));
            let asked = std::fs::read_to_string(home.join("asked")).expect("it was asked");
            assert_eq!(asked, "compile\n");
        },
    );
}
