//! What the fuzzers call: what the backends read of what their engines print.

use kst_plugin::{ExitStatus, Output, Session, State};

#[path = "../../../plugins/tmux/src"]
mod tmux {
    pub mod listing;
    pub mod screen;
    pub mod version;
}

#[allow(dead_code, reason = "some of it asks the engine")]
#[path = "../../../plugins/container/src"]
mod container {
    pub mod engine;
    pub mod inspect;
    pub mod logs;
}

#[path = "../../../plugins/screen/src"]
mod screen {
    pub mod listing;
}

/// Two or three outputs, with NUL between.
fn parts<const N: usize>(data: &[u8]) -> [String; N] {
    let mut parts = data.splitn(N, |&byte| byte == 0);
    std::array::from_fn(|_| String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned())
}

/// A session tells no more than was printed of it, and an exit only where it has ended.
fn sound(session: &Session, printed: &str) {
    let texts =
        [&session.image, &session.health, &session.created, &session.started, &session.ended];
    let details = session.details.iter().map(|(_, value)| value.len());
    let length: usize = texts.into_iter().flatten().map(String::len).chain(details).sum();
    // An escape (`\n`) is longer than what it stands for, a replacement for half a pair (`\ud800`)
    // too; besides, there are the backend's own words for yes.
    assert!(length <= printed.len() + 16, "{session:?}");
    assert!(session.exit.is_none() || session.state == State::Ended, "{session:?}");
}

/// `list-sessions` (or what a failure said), `list-panes`, and the version with a screen behind it.
pub fn tmux(data: &[u8]) -> bool {
    let [sessions, panes, version] = parts(data);
    let mut rows = 0;
    for row in sessions.lines().filter_map(tmux::listing::Row::parse) {
        rows += 1;
        assert!(row.id.starts_with('$') && sessions.contains(row.name));
        for panes in ["", &panes] {
            let session = row.session(panes);
            assert_eq!(session.name, row.name);
            sound(&session, &[&*sessions, panes].concat());
        }
    }
    let _ = (tmux::listing::is_missing(&sessions), tmux::listing::server_ended(&sessions));
    let _ = tmux::listing::is_plain(&panes);
    let health = tmux::version::health(version.lines().next().unwrap_or_default());
    for wanted in [0, 1, 3, 1000] {
        let text = tmux::screen::tail(version.as_bytes(), wanted, true).unwrap_or_default();
        let lines = text.split_inclusive(|&byte| byte == b'\n').count();
        assert!(lines <= wanted, "{lines} lines of {wanted}: {version:?}");
        if let Some(recent) = tmux::screen::tail(version.as_bytes(), wanted, false) {
            assert_eq!(recent, text);
        }
    }
    rows > 0 || health.available
}

/// What an inspection or a log printed on its two streams.
pub fn container(data: &[u8]) -> bool {
    let [stdout, stderr] = parts(data);
    let mut found = 0;
    for code in [0, 1] {
        let output = Output::new(ExitStatus::Code(code), &stdout, &stderr);
        let _ = (container::engine::failure(&output), container::engine::no_such(&output));
        let Ok(containers) = container::inspect::containers(&output) else { continue };
        for container in containers {
            found += 1;
            assert!(stdout.contains(container.name));
            let session = container.session();
            assert_eq!(session.name, container.name);
            sound(&session, &stdout);
            assert!(container.has_policy() || !container.may_come_back());
        }
    }
    let merged = container::logs::merged(&stdout, &stderr);
    assert!(merged.len() <= stdout.len() + stderr.len());
    for lines in [0_u32, 1, 5, u32::MAX] {
        let tail = container::logs::tail(stdout.as_bytes(), lines);
        let count = tail.split_inclusive(|&byte| byte == b'\n').count();
        assert!(tail.len() <= stdout.len() && count <= lines as usize, "{count} of {lines}");
    }
    // The same as a log with times, and without.
    let (stamped, plain) = (stdout.as_bytes(), stderr.as_bytes());
    let _ = container::logs::has_pieces(stamped);
    for plain in [None, Some(plain)] {
        let lines = container::logs::timed(stamped, plain);
        let count = stamped.split_inclusive(|&byte| byte == b'\n').count();
        assert_eq!(lines.len(), count);
        let together = container::logs::together(lines, Vec::new());
        assert!(together.len() <= stamped.len() + plain.map_or(0, <[u8]>::len) + 2 * count);
        assert_eq!(together.split_inclusive(|&byte| byte == b'\n').count(), count);
    }
    found > 0
}

/// What `screen -ls` printed.
pub fn screen(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let output = Output::new(ExitStatus::Code(1), &text, "");
    let mut rows = 0;
    for row in screen::listing::rows(&output) {
        rows += 1;
        assert!(text.contains(row.name));
        let session = row.session();
        assert_eq!(session.name, row.name);
        sound(&session, &text);
    }
    assert!(rows == 0 || screen::listing::is_list(&text));
    let _ = (screen::listing::failure(&output), screen::listing::too_old(&text));
    rows > 0
}
