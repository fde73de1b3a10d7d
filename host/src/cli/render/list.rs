//! Many sessions.

use std::borrow::Cow;

use jiff::Timestamp;
use kst::session::{SessionState, SessionStatus};
use kst::text::escape_controls;

use super::status::failed;
use super::table::{self, Cell, Column, Page, cut, whole};
use super::{style, time, words};

const COLUMNS: [Column; 8] = [
    cut("NAME"),
    whole("STATE"),
    whole("BACKEND"),
    cut("LOCATION"),
    whole("PID"),
    whole("AGE"),
    cut("EXIT"),
    cut("IMAGE"),
];

/// The table of sessions. The image's column is there where a session has one.
pub fn table(sessions: &[SessionStatus], now: Timestamp, page: Page) -> String {
    let images = sessions.iter().any(|session| session.image.is_some());
    let columns = if images { &COLUMNS[..] } else { &COLUMNS[..COLUMNS.len() - 1] };
    let rows: Vec<_> = sessions
        .iter()
        .map(|session| {
            let mut row = row(session, now);
            row.truncate(columns.len());
            row
        })
        .collect();
    table::render(columns, &rows, page)
}

fn row(session: &SessionStatus, now: Timestamp) -> Vec<Cell<'_>> {
    let state = style::state(session.state, failed(session));
    let name = match session.state {
        SessionState::Running => style::BOLD,
        _ => style::PLAIN,
    };
    let exit = match ending(session, now) {
        Some(exit) if failed(session) => Cell::new(exit, style::BAD),
        exit => Cell::or_dash(exit),
    };
    vec![
        Cell::new(&session.name, name),
        Cell::new(in_words(session, now), state),
        Cell::plain(&session.backend),
        Cell::or_dash(Some(&session.location)),
        Cell::or_dash(session.pid.map(|pid| pid.to_string())),
        Cell::or_dash(session.since().map(|since| time::age(since, now))),
        exit,
        Cell::or_dash(session.image.as_deref()),
    ]
}

/// How it ended and when: `3 (5m ago)`.
fn ending(session: &SessionStatus, now: Timestamp) -> Option<String> {
    let how = words::short_ending_of(session)?;
    Some(match session.ended_at {
        Some(at) => format!("{how} ({} ago)", time::age(at, now)),
        None => how,
    })
}

/// The state and, while it runs, what is known besides: `running (unhealthy, 3 restarts)`, `running
/// (restarting in 4 s, 3 restarts)`.
fn in_words(session: &SessionStatus, now: Timestamp) -> Cow<'static, str> {
    if session.state != SessionState::Running {
        return session.state.as_str().into();
    }
    let restarts = match session.restarts {
        None | Some(0) => None,
        Some(1) => Some("1 restart".to_owned()),
        Some(count) => Some(format!("{count} restarts")),
    };
    let health = session.health.clone().filter(|health| !health.is_empty());
    let restarting = words::restarting(session, now);
    let more: Vec<String> = health.into_iter().chain(restarting).chain(restarts).collect();
    if more.is_empty() {
        return session.state.as_str().into();
    }
    format!("{} ({})", session.state, more.join(", ")).into()
}

/// The names alone, a line each.
pub fn names(sessions: &[SessionStatus]) -> String {
    sessions.iter().map(|session| escape_controls(&session.name) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use kst::session::ExitStatus;

    use super::*;
    use crate::cli::render::sample;

    fn plain(text: &str) -> String {
        String::from_utf8(kst::text::plain(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_table() {
        let sessions = [sample::running(), sample::ended()];
        assert_eq!(
            plain(&table(&sessions, sample::now(), Page::COLOURED)),
            "NAME   STATE     BACKEND     LOCATION   PID    AGE   EXIT           IMAGE\n\
             api    running   tmux        default    4242   3h    -              -\n\
             db     exited    container   podman     -      3h    OOM (3h ago)   postgres:16\n"
        );
    }

    #[test]
    fn sixty_columns_are_enough() {
        let mut ended = sample::ended();
        ended.name = "a-session-with-a-long-name".into();
        ended.image = Some("registry.example.com/team/app:1.2.3".into());
        let text = plain(&table(
            &[sample::running(), ended.clone()],
            sample::now(),
            Page { width: Some(60), colours: true },
        ));
        for line in text.lines() {
            assert!(line.chars().count() <= 60, "{line:?}\n{text}");
        }
        assert!(text.contains("a-sess"), "{text}");
        assert!(text.contains(" OOM"), "{text}");
        // Into a pipe all of it goes.
        let text = plain(&table(&[ended], sample::now(), Page::COLOURED));
        assert!(text.contains("a-session-with-a-long-name"), "{text}");
        assert!(text.contains("registry.example.com/team/app:1.2.3"), "{text}");
    }

    #[test]
    fn no_images_no_column() {
        let text = plain(&table(&[sample::running()], sample::now(), Page::COLOURED));
        assert!(!text.contains("IMAGE"), "{text}");
    }

    #[test]
    fn health_stands_beside_running() {
        let mut session = sample::running();
        session.health = Some("starting".into());
        let text = |session: &SessionStatus| {
            plain(&table(std::slice::from_ref(session), sample::now(), Page::COLOURED))
        };
        assert!(text(&session).contains("running (starting)"));
        session.restarts = Some(3);
        assert!(text(&session).contains("running (starting, 3 restarts)"));
        session.health = None;
        session.restarts = Some(1);
        assert!(text(&session).contains("running (1 restart)"));
        session.restarting = true;
        assert!(text(&session).contains("running (restarting, 1 restart)"));
        session.restarting = false;
        session.restarts = Some(0);
        assert!(!text(&session).contains('('));
    }

    #[test]
    fn an_end_is_told_with_its_time() {
        let mut session = sample::ended();
        let text = |session: &SessionStatus| {
            plain(&table(std::slice::from_ref(session), sample::now(), Page::COLOURED))
        };
        session.out_of_memory = None;
        session.exit = Some(ExitStatus::Code(3));
        assert!(text(&session).contains("  3 (3h ago)  "), "{}", text(&session));
        (session.exit, session.ended_at) = (None, None);
        assert!(text(&session).contains("  unknown  "), "{}", text(&session));
    }

    #[test]
    fn colours_follow_the_state() {
        let text = table(&[sample::running(), sample::ended()], sample::now(), Page::COLOURED);
        assert!(text.contains("\u{1b}[32mrunning\u{1b}[0m"), "{text:?}");
        assert!(text.contains("\u{1b}[31mexited\u{1b}[0m"), "{text:?}");
    }

    #[test]
    fn a_hostile_name_stays_one_line() {
        let mut session = sample::running();
        session.name = "x\ny".into();
        assert_eq!(names(std::slice::from_ref(&session)), "x\\ny\n");
        assert_eq!(table(&[session], sample::now(), Page::COLOURED).lines().count(), 2);
    }
}
