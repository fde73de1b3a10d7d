//! Several sessions on their way up or down.

use std::time::{Duration, Instant};

use kst::config::Dependency;
use kst::session::{Plan, SessionState, SessionStatus, Stage};
use kst::text::{escape_controls, plain};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{style, table};

/// What would be done about a session.
pub struct Planned {
    name: String,
    action: &'static str,
    after: Vec<String>,
    ready: bool,
}

fn running<'s>(name: &str, sessions: &'s [SessionStatus]) -> Option<&'s SessionStatus> {
    let runs = |one: &&SessionStatus| one.name == name && one.state == SessionState::Running;
    sessions.iter().find(runs)
}

/// What `kst up` would do.
pub fn planned_up(plan: &Plan, sessions: &[SessionStatus]) -> Vec<Planned> {
    let of = |step: &kst::session::Step| Planned {
        name: step.name.clone(),
        action: match running(&step.name, sessions) {
            _ if step.is_broken => "broken",
            Some(_) => "runs",
            None => "start",
        },
        after: step.depends_on.iter().map(needed).collect(),
        ready: step.ready.is_some(),
    };
    plan.steps.iter().map(of).collect()
}

/// What `kst down` would do.
pub fn planned_down(plan: &Plan, sessions: &[SessionStatus]) -> Vec<Planned> {
    let of = |step: &kst::session::Step| {
        let needing = plan
            .steps
            .iter()
            .filter(|other| other.depends_on.iter().any(|one| one.name == step.name));
        Planned {
            name: step.name.clone(),
            action: match running(&step.name, sessions) {
                Some(status) if status.ours => "stop",
                Some(_) => "leave alone",
                None => "not running",
            },
            after: needing.map(|other| other.name.clone()).collect(),
            ready: false,
        }
    };
    plan.steps.iter().rev().map(of).collect()
}

fn needed(one: &Dependency) -> String {
    format!("{} {}", one.name, one.condition)
}

/// What would be done, as a table.
pub fn plan(planned: &[Planned], page: table::Page) -> String {
    let columns =
        [table::whole("NAME"), table::whole("ACTION"), table::cut("AFTER"), table::whole("READY")];
    let rows = planned.iter().map(|one| {
        let action = match one.action {
            "start" | "stop" => table::Cell::plain(one.action),
            "broken" => table::Cell::new(one.action, style::BAD),
            other => table::Cell::new(other, style::DIM),
        };
        let after = (!one.after.is_empty()).then(|| one.after.join(", "));
        let ready = one.ready.then_some("is waited for");
        vec![
            table::Cell::plain(one.name.as_str()),
            action,
            table::Cell::or_dash(after),
            table::Cell::or_dash(ready),
        ]
    });
    table::render(&columns, &rows.collect::<Vec<_>>(), page)
}

/// What would be done, for programs.
pub fn plan_json(planned: &[Planned]) -> Value {
    let one = |one: &Planned| json!({ "name": one.name, "action": one.action, "after": one.after });
    planned.iter().map(one).collect()
}

/// A step that a session has taken, as a line; nothing for one that only passes by.
pub fn step(name: &str, stage: &Stage) -> Option<String> {
    let name = escape_controls(name);
    let text = words(stage)?;
    let style = colour(stage);
    Some(format!("{name}: {style}{text}{style:#}\n"))
}

fn words(stage: &Stage) -> Option<String> {
    Some(match stage {
        Stage::Waiting
        | Stage::Starting
        | Stage::GettingReady
        | Stage::AtWork
        | Stage::Stopping => return None,
        Stage::Started(status) => format!("started ({})", place(status)),
        Stage::Running(status) if status.ours => format!("runs already ({})", place(status)),
        Stage::Running(status) => {
            format!("runs already ({}), not started by kst", place(status))
        }
        Stage::Ready { after } if after.is_zero() => "ready".to_owned(),
        Stage::Ready { after } => format!("ready after {}", seconds(*after)),
        Stage::Succeeded => "done (code 0)".to_owned(),
        Stage::Failed { .. } => "failed".to_owned(),
        Stage::Skipped { because } => {
            format!("left as it is, because of {}", escape_controls(because))
        }
        Stage::Stopped(status) => match status.exit {
            Some(exit) => format!("stopped ({})", super::words::exit_in_words(exit)),
            None => "stopped".to_owned(),
        },
        Stage::NotRunning => "not running".to_owned(),
        Stage::LeftAlone => "left alone: kst did not start it".to_owned(),
    })
}

fn colour(stage: &Stage) -> anstyle::Style {
    match stage {
        Stage::Waiting | Stage::NotRunning | Stage::LeftAlone | Stage::Running(_) => style::DIM,
        Stage::Starting | Stage::GettingReady | Stage::AtWork | Stage::Stopping => style::PLAIN,
        Stage::Started(_) | Stage::Ready { .. } | Stage::Succeeded | Stage::Stopped(_) => {
            style::GOOD
        }
        Stage::Failed { .. } | Stage::Skipped { .. } => style::BAD,
    }
}

fn place(status: &SessionStatus) -> String {
    let pid = status.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    match &*status.location {
        "default" => format!("{}{pid}", escape_controls(&status.backend)),
        location => {
            format!("{} {}{pid}", escape_controls(&status.backend), escape_controls(location))
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A session's line on a terminal.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    text: String,
    style: anstyle::Style,
    /// Since when it is at what takes its time.
    since: Option<Instant>,
}

impl Line {
    pub fn new(name: &str, now: Instant) -> Self {
        let text = "waiting".to_owned();
        Line { name: name.to_owned(), text, style: style::DIM, since: Some(now) }
    }

    pub fn reach(&mut self, stage: &Stage, now: Instant) {
        self.text = words(stage).unwrap_or_else(|| stage.as_str().to_owned());
        self.style = colour(stage);
        self.since = words(stage).is_none().then_some(now);
    }
}

/// The lines of all, no longer than the terminal is wide.
pub fn live(lines: &[Line], width: usize, now: Instant) -> String {
    let column = lines.iter().map(|line| escape_controls(&line.name).width()).max().unwrap_or(0);
    let mut out = String::new();
    for Line { name, text, style, since } in lines {
        let name = escape_controls(name);
        let pad = " ".repeat(column.saturating_sub(name.width()));
        let mut text = text.clone();
        if let Some(since) = since {
            let passed = now.saturating_duration_since(*since);
            if passed >= Duration::from_secs(1) {
                text.push_str(&format!(" {} s", passed.as_secs()));
            }
        }
        let left = width.saturating_sub(column + 3);
        let text = table::shortened(&text, left);
        out.push_str(&format!("{name}{pad}  {style}{text}{style:#}\n"));
    }
    out
}

/// What a session printed last, below its error.
pub fn last_lines(name: &str, last: &[u8]) -> Vec<String> {
    let text = plain(last);
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> =
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let name = escape_controls(name);
    lines.into_iter().map(|line| format!("{name} | {}", escape_controls(&line))).collect()
}

/// What came of each. `document` is a session's own.
pub fn json(stages: &[(String, Stage)], document: impl Fn(&SessionStatus) -> Value) -> Value {
    let one = |(name, stage): &(String, Stage)| {
        let mut value = json!({ "name": name, "result": stage.as_str() });
        match stage {
            Stage::Failed { error, last } => {
                value["error"] = json!(error.to_string());
                value["exit_code"] = json!(error.exit_code());
                value["last_output"] = json!(String::from_utf8_lossy(&plain(last)));
            }
            Stage::Skipped { because } => value["because"] = json!(because),
            Stage::Ready { after } => value["after_seconds"] = json!(after.as_secs_f64()),
            Stage::Started(status) | Stage::Running(status) | Stage::Stopped(status) => {
                value["session"] = document(status);
            }
            _ => {}
        }
        value
    };
    stages.iter().map(one).collect()
}
