//! Sessions for the tests of what is printed.

use jiff::Timestamp;
use kst::session::{ExitStatus, SessionState, SessionStatus};

const CREATED: i64 = 1_795_411_873;

/// Three hours and a bit after both were made.
pub fn now() -> Timestamp {
    Timestamp::from_second(CREATED + 3 * 3_600 + 700).unwrap()
}

pub fn running() -> SessionStatus {
    SessionStatus {
        name: "api".into(),
        state: SessionState::Running,
        backend: "tmux".into(),
        location: "default".into(),
        pid: Some(4242),
        created_at: Timestamp::from_second(CREATED).ok(),
        started_at: Timestamp::from_second(CREATED).ok(),
        ready_at: None,
        ended_at: None,
        exit: None,
        out_of_memory: None,
        run: Some(1),
        restarts: None,
        restarting: false,
        restarting_at: None,
        last_exit: None,
        last_ended_at: None,
        window_count: Some(2),
        image: None,
        health: None,
        details: Vec::new(),
        ours: true,
    }
}

pub fn ended() -> SessionStatus {
    SessionStatus {
        name: "db".into(),
        state: SessionState::Exited,
        backend: "container".into(),
        location: "podman".into(),
        pid: None,
        created_at: Timestamp::from_second(CREATED).ok(),
        started_at: Timestamp::new(CREATED, 250_499_999).ok(),
        ready_at: None,
        ended_at: Timestamp::from_second(CREATED + 600).ok(),
        exit: Some(ExitStatus::Signal(9)),
        out_of_memory: Some(true),
        run: Some(2),
        restarts: Some(1),
        restarting: false,
        restarting_at: None,
        last_exit: None,
        last_ended_at: None,
        window_count: None,
        image: Some("postgres:16".into()),
        health: Some("unhealthy".into()),
        details: vec![("status".into(), "dead".into())],
        ours: true,
    }
}
