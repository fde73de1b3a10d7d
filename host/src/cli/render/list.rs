//! Many sessions.

use std::borrow::Cow;

use jiff::Timestamp;
use kst::session::{SessionState, SessionStatus};
use kst::text::escape_controls;

use super::status::failed;
use super::table::{self, Cell, Column, cut, whole};
use super::{style, time, words};

const COLUMNS: [Column; 8] = [
    cut("NAME"),
    whole("STATE"),
    whole("BACKEND"),
    cut("LOCATION"),
    whole("PID"),
    whole("AGE"),
    whole("EXIT"),
    cut("IMAGE"),
];

/// The table of sessions. The image's column is there where a session has one.
pub fn table(sessions: &[SessionStatus], now: Timestamp, width: Option<usize>) -> String {
    let images = sessions.iter().any(|session| session.image.is_some());
    let columns = if images { &COLUMNS[..] } else { &COLUMNS[..COLUMNS.len() - 1] };
    let rows = sessions
        .iter()
        .map(|session| {
            let mut row = row(session, now);
            row.truncate(columns.len());
            row
        })
        .collect();
    table::render(columns, rows, width)
}

fn row(session: &SessionStatus, now: Timestamp) -> Vec<Cell<'_>> {
    let state = style::state(session.state, failed(session));
    let name = match session.state {
        SessionState::Running => style::BOLD,
        _ => style::PLAIN,
    };
    let exit = match session.exit {
        Some(exit) if failed(session) => Cell::new(words::exit(exit), style::BAD),
        exit => Cell::or_dash(exit.map(words::exit)),
    };
    vec![
        Cell::new(&session.name, name),
        Cell::new(in_words(session), state),
        Cell::plain(&session.backend),
        Cell::or_dash(Some(&session.location)),
        Cell::or_dash(session.pid.map(|pid| pid.to_string())),
        Cell::or_dash(session.created_at.map(|created| time::age(created, now))),
        exit,
        Cell::or_dash(session.image.as_deref()),
    ]
}

/// The state, with the engine's word on its health while it runs: `running (unhealthy)`.
fn in_words(session: &SessionStatus) -> Cow<'static, str> {
    match &session.health {
        Some(health) if session.state == SessionState::Running && !health.is_empty() => {
            format!("{} ({health})", session.state).into()
        }
        _ => session.state.as_str().into(),
    }
}

/// The names alone, a line each.
pub fn names(sessions: &[SessionStatus]) -> String {
    sessions.iter().map(|session| escape_controls(&session.name) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::sample;

    fn plain(text: &str) -> String {
        String::from_utf8(kst::text::plain(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_table() {
        let sessions = [sample::running(), sample::ended()];
        assert_eq!(
            plain(&table(&sessions, sample::now(), None)),
            "NAME   STATE     BACKEND     LOCATION   PID    AGE   EXIT      IMAGE\n\
             api    running   tmux        default    4242   3h    -         -\n\
             db     exited    container   podman     -      3h    SIGKILL   postgres:16\n"
        );
    }

    #[test]
    fn sixty_columns_are_enough() {
        let mut ended = sample::ended();
        ended.name = "a-session-with-a-long-name".into();
        ended.image = Some("registry.example.com/team/app:1.2.3".into());
        let text = plain(&table(&[sample::running(), ended.clone()], sample::now(), Some(60)));
        for line in text.lines() {
            assert!(line.chars().count() <= 60, "{line:?}\n{text}");
        }
        assert!(text.contains("a-session-… exited"), "{text}");
        // Into a pipe all of it goes.
        let text = plain(&table(&[ended], sample::now(), None));
        assert!(text.contains("a-session-with-a-long-name"), "{text}");
        assert!(text.contains("registry.example.com/team/app:1.2.3"), "{text}");
    }

    #[test]
    fn no_images_no_column() {
        let text = plain(&table(&[sample::running()], sample::now(), None));
        assert!(!text.contains("IMAGE"), "{text}");
    }

    #[test]
    fn health_stands_beside_running() {
        let mut session = sample::running();
        session.health = Some("starting".into());
        assert!(plain(&table(&[session], sample::now(), None)).contains("running (starting)"));
    }

    #[test]
    fn colours_follow_the_state() {
        let text = table(&[sample::running(), sample::ended()], sample::now(), None);
        assert!(text.contains("\u{1b}[32mrunning\u{1b}[0m"), "{text:?}");
        assert!(text.contains("\u{1b}[31mexited\u{1b}[0m"), "{text:?}");
    }

    #[test]
    fn a_hostile_name_stays_one_line() {
        let mut session = sample::running();
        session.name = "x\ny".into();
        assert_eq!(names(std::slice::from_ref(&session)), "x\\ny\n");
        assert_eq!(table(&[session], sample::now(), None).lines().count(), 2);
    }
}
