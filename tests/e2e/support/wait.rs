//! Waiting for what takes its time, with an end to it.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a slow machine under load; only a test that is going to fail waits that long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until `condition` holds, for at most 20 seconds; panics with `what` after that.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    eventually(what, || condition().then_some(()));
}

/// Asks until there is a value, for at most 20 seconds; panics with `what` after that.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(begin.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
