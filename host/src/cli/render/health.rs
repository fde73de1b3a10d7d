//! How the backends are.

use anstyle::Style;
use kst::session::{BackendHealth, HealthState};

use super::style;
use super::table::{self, Cell, Column, Page, cut, whole};

const COLUMNS: [Column; 5] =
    [whole("BACKEND"), whole("LOCATION"), whole("HEALTH"), whole("VERSION"), cut("PROBLEM")];

/// The table of `kst list --health`.
pub fn table(health: &[BackendHealth], page: Page) -> String {
    let rows: Vec<_> = health
        .iter()
        .map(|health| {
            vec![
                Cell::plain(&health.backend),
                Cell::or_dash(health.location.as_deref()),
                Cell::new(health.state.as_str(), colour(health.state)),
                Cell::or_dash(health.version.as_deref()),
                Cell::or_dash(health.problem.as_deref()),
            ]
        })
        .collect();
    table::render(&COLUMNS, &rows, page)
}

fn colour(state: HealthState) -> Style {
    match state {
        HealthState::Ok => style::GOOD,
        HealthState::Absent | HealthState::Down => style::DIM,
        HealthState::Broken => style::BAD,
    }
}

/// `container (docker): the daemon does not answer`
pub fn sentence(health: &BackendHealth) -> String {
    match health.location.as_deref() {
        Some(location) if location != "default" => {
            format!("{} ({location}): {}", health.backend, what(health))
        }
        _ => format!("{}: {}", health.backend, what(health)),
    }
}

/// What is wrong at this place, after the place's name where it has one.
pub fn reason(health: &BackendHealth) -> String {
    match health.location.as_deref() {
        Some(location) => format!("{location}: {}", what(health)),
        None => what(health).to_owned(),
    }
}

fn what(health: &BackendHealth) -> &str {
    match (&health.problem, health.state) {
        (Some(problem), _) => problem,
        (None, HealthState::Ok) => "all is well",
        (None, HealthState::Absent) => "it is not installed",
        (None, HealthState::Down) => "it does not run",
        (None, HealthState::Broken) => "it does not answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_place_is_told_with_its_reason() {
        let mut health = BackendHealth {
            backend: "container".into(),
            location: Some("docker".into()),
            state: HealthState::Broken,
            version: None,
            lacks: Vec::new(),
            problem: Some("the daemon is down".into()),
            code: 6,
        };
        assert_eq!(sentence(&health), "container (docker): the daemon is down");
        let text = table(std::slice::from_ref(&health), Page::COLOURED);
        let text = String::from_utf8(kst::text::plain(text.as_bytes())).unwrap();
        assert_eq!(
            text,
            "BACKEND     LOCATION   HEALTH   VERSION   PROBLEM\n\
             container   docker     broken   -         the daemon is down\n"
        );
        health.location = None;
        health.problem = None;
        assert_eq!(sentence(&health), "container: it does not answer");
    }
}
