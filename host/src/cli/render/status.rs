//! One session.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use kst::session::{
    Command, ExitStatus, RestartPolicy, SessionConfig, SessionState, SessionStatus, StopOutcome,
};
use kst::text::escape_controls;

use super::{style, time, words};

/// All that is known of a session, as lines of `key: value`. Of its definition its variables are
/// left out, which may be secrets.
pub fn full(
    status: &SessionStatus,
    definition: Option<&SessionConfig>,
    runs_here: bool,
    now: Timestamp,
) -> String {
    let at = |t: Timestamp| format!("{} ({})", time::rfc3339(t), time::ago(t, now));
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push((escape_controls(key), escape_controls(&value)));
        }
    };
    add("name", Some(status.name.clone()));
    add("state", Some(status.state.to_string()));
    add("backend", Some(status.backend.clone()));
    add("location", Some(status.location.clone()));
    add("command", definition.and_then(|definition| runs(definition, runs_here)));
    let defined_in = definition.and_then(|definition| definition.defined_in.as_ref());
    add("defined in", defined_in.map(|file| file.display().to_string()));
    add("pid", status.pid.map(|pid| pid.to_string()));
    add("run", status.run.map(|run| run.to_string()));
    add("created", status.created_at.filter(|&made| tells_more(made, status)).map(at));
    add("started", status.started_at.map(at));
    add("ready", status.ready_at.map(at));
    add("ended", status.ended_at.map(at));
    add("ran for", ran_for(status));
    add("exit", words::ending_of(status));
    let restarts = status.restarts.filter(|&count| count > 0);
    add("restarts", restarts.map(|count| count.to_string()));
    let policy = definition.and_then(|definition| definition.restart.as_ref());
    add("restarting", restarting(status, policy, now));
    add("last exit", last_exit(status, now));
    add("restart", policy.map(ToString::to_string));
    add("windows", status.window_count.map(|count| count.to_string()));
    add("image", status.image.clone());
    add("health", status.health.clone());
    // A session that is not there yet is nobody's.
    let started_by = if status.ours { "kst" } else { "others" };
    add("started by", (status.state != SessionState::Defined).then(|| started_by.to_owned()));
    for (key, value) in &status.details {
        add(key, Some(value.clone()));
    }
    let width = lines.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0) + 1;
    let mut out = String::new();
    for (key, value) in lines {
        let (label, style) = (style::BOLD, value_style(&key, status));
        let key = format!("{key}:");
        out.push_str(&format!("{label}{key:width$}{label:#}  {style}{value}{style:#}\n"));
    }
    out
}

/// When its program is started again: `in 4 s (3 of 5)`.
fn restarting(
    status: &SessionStatus,
    policy: Option<&RestartPolicy>,
    now: Timestamp,
) -> Option<String> {
    let words = words::restarting(status, now)?;
    let when = words.strip_prefix("restarting ").unwrap_or("now").to_owned();
    let next = status.restarts.map(|count| u64::from(count) + 1);
    Some(match next.zip(policy.and_then(|policy| policy.max)) {
        Some((next, max)) => format!("{when} ({next} of {max})"),
        None => when,
    })
}

/// How its program ended the last time, where it runs on.
fn last_exit(status: &SessionStatus, now: Timestamp) -> Option<String> {
    let exit = words::exit_in_words(status.last_exit?);
    Some(match status.last_ended_at {
        Some(at) => format!("{exit} ({})", time::ago(at, now)),
        None => exit,
    })
}

/// Whether the time when a session was made says more than when it was started.
fn tells_more(made: Timestamp, status: &SessionStatus) -> bool {
    status.started_at.is_none_or(|started| started.duration_since(made) > MAKING)
}

/// How long a session may take from being made to being started.
const MAKING: SignedDuration = SignedDuration::from_secs(5);

/// How long it ran, if it has ended and that is known.
fn ran_for(status: &SessionStatus) -> Option<String> {
    time::took(status.since()?, status.ended_at?)
}

fn value_style(key: &str, status: &SessionStatus) -> anstyle::Style {
    match key {
        "state" => style::state(status.state, failed(status)),
        _ => style::PLAIN,
    }
}

/// Whether it ended with anything but 0.
pub fn failed(status: &SessionStatus) -> bool {
    !matches!(status.exit, None | Some(ExitStatus::Code(0)))
}

/// `NAME: STATE`
pub fn short(status: &SessionStatus) -> String {
    let style = style::state(status.state, failed(status));
    format!("{}: {style}{}{style:#}\n", escape_controls(&status.name), status.state)
}

/// What a session of this definition runs, as it could be typed. `None` where that is its engine's
/// choice: what an image runs.
pub fn runs(definition: &SessionConfig, here: bool) -> Option<String> {
    Some(match &definition.command {
        Some(Command::Words(argv)) => words::line(argv),
        Some(Command::Text(text)) => text.clone(),
        Some(Command::Shell(text)) => words::line(&["sh", "-c", text]),
        None if here => "your shell".to_owned(),
        None => return None,
    })
}

/// What `kst start` did. `runs`: what runs now, where neither the command line nor the config said
/// it. `defined_in`: the config file that defines the session.
pub fn started(status: &SessionStatus, runs: Option<&str>, defined_in: Option<&Path>) -> String {
    begun("started", status, runs, defined_in)
}

/// What `kst restart` did.
pub fn restarted(status: &SessionStatus) -> String {
    begun("restarted", status, None, None)
}

fn begun(
    what: &str,
    status: &SessionStatus,
    runs: Option<&str>,
    defined_in: Option<&Path>,
) -> String {
    let name = escape_controls(&status.name);
    let mut facts = place(status);
    if let Some(pid) = status.pid {
        facts.push_str(&format!(", pid {pid}"));
    }
    if let Some(runs) = runs {
        facts.push_str(&format!(", runs {runs}"));
    }
    if let Some(file) = defined_in {
        facts.push_str(&format!(", defined in {}", escape_controls(&file.display().to_string())));
    }
    let end = match (status.state, status.exit) {
        (SessionState::Exited, Some(exit)) => {
            format!(" and has ended with {}", words::exit_in_words(exit))
        }
        (SessionState::Exited, None) => " and has ended".to_owned(),
        _ => String::new(),
    };
    format!("Session '{name}' {what} ({facts}){end}.\n")
}

/// What `kst stop` did.
pub fn stopped(outcome: &StopOutcome) -> String {
    let status = &outcome.status;
    let (name, place) = (escape_controls(&status.name), place(status));
    let exit = status.exit.map(words::exit_in_words);
    match (outcome.was_running, exit) {
        (true, Some(exit)) => format!("Session '{name}' stopped ({place}, {exit}).\n"),
        (true, None) => format!("Session '{name}' stopped ({place}).\n"),
        (false, Some(exit)) => {
            format!("Session '{name}' was not running ({place}): {}, {exit}.\n", status.state)
        }
        (false, None) => format!("Session '{name}' was not running ({place}): {}.\n", status.state),
    }
}

/// The backend, and the location where it says more: `tmux`, `tmux work`, `container podman`.
pub fn place(status: &SessionStatus) -> String {
    match status.location.as_str() {
        "default" | "" => escape_controls(&status.backend),
        location => escape_controls(&format!("{} {location}", status.backend)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::sample;

    fn plain(text: &str) -> String {
        String::from_utf8(kst::text::plain(text.as_bytes())).unwrap()
    }

    #[test]
    fn status_is_lines_of_key_and_value() {
        let text = plain(&full(&sample::ended(), None, false, sample::now()));
        assert_eq!(
            text,
            "name:        db\n\
             state:       exited\n\
             backend:     container\n\
             location:    podman\n\
             run:         2\n\
             started:     2026-11-23T05:31:13Z (3 hours 11 minutes ago)\n\
             ended:       2026-11-23T05:41:13Z (3 hours 1 minute ago)\n\
             ran for:     10 minutes\n\
             exit:        signal 9 (SIGKILL): out of memory\n\
             restarts:    1\n\
             image:       postgres:16\n\
             health:      unhealthy\n\
             started by:  kst\n\
             status:      dead\n"
        );
    }

    #[test]
    fn what_is_not_known_is_said_to_be_unknown() {
        let mut status = sample::ended();
        (status.exit, status.ended_at, status.out_of_memory) = (None, None, None);
        let text = |status: &SessionStatus| plain(&full(status, None, true, sample::now()));
        assert!(text(&status).contains("\nexit:        unknown\n"), "{}", text(&status));
        for absent in ["ended:", "ran for:", "memory"] {
            assert!(!text(&status).contains(absent), "{}", text(&status));
        }
        // One that never ran has not ended either.
        status.started_at = None;
        assert!(text(&status).contains("\ncreated:     2026-11-23T05:31:13Z"));
        assert!(!text(&status).contains("exit:"), "{}", text(&status));
        assert!(!text(&sample::running()).contains("exit:"));
    }

    #[test]
    fn a_session_that_was_started_again_tells_both_times() {
        let mut status = sample::running();
        status.started_at = Timestamp::from_second(1_795_411_873 + 3_600).ok();
        let text = plain(&full(&status, None, true, sample::now()));
        assert!(text.contains("\ncreated:     2026-11-23T05:31:13Z (3 hours 11 minutes ago)\n"));
        assert!(text.contains("\nstarted:     2026-11-23T06:31:13Z (2 hours 11 minutes ago)\n"));
    }

    #[test]
    fn a_program_that_is_started_again_tells_of_that() {
        let at = |seconds| Some(sample::now() + SignedDuration::from_secs(seconds));
        let mut status = sample::running();
        let mut definition =
            SessionConfig { restart: "on-failure:5".parse().ok(), ..SessionConfig::default() };
        let text = |status: &SessionStatus, definition: &SessionConfig| {
            plain(&full(status, Some(definition), true, sample::now()))
        };
        assert!(text(&status, &definition).contains("\nrestart:     on-failure:5\n"));
        (status.restarts, status.last_exit) = (Some(2), Some(ExitStatus::Code(1)));
        status.last_ended_at = at(-10);
        let told = text(&status, &definition);
        assert!(
            told.contains("\nrestarts:    2\nlast exit:   code 1 (10 seconds ago)\n"),
            "{told}"
        );
        (status.restarting, status.restarting_at) = (true, at(4));
        let told = text(&status, &definition);
        assert!(told.contains("\nrestarting:  in 4 s (3 of 5)\n"), "{told}");
        definition.restart = "always".parse().ok();
        status.restarting_at = None;
        assert!(text(&status, &definition).contains("\nrestarting:  now\n"));
    }

    #[test]
    fn what_defines_a_session_is_told_without_its_variables() {
        let mut definition = SessionConfig {
            command: Some(Command::Words(vec!["sh".into(), "-c".into(), "a\n\u{1b}[2J".into()])),
            env: [("TOKEN".to_owned(), "s3cret".to_owned())].into(),
            defined_in: Some("/srv/kstlib.conf.yml".into()),
            ..SessionConfig::default()
        };
        let text = |definition: &SessionConfig, here| {
            plain(&full(&sample::running(), Some(definition), here, sample::now()))
        };
        let told = text(&definition, true);
        assert!(told.contains("\ncommand:     sh -c 'a\\n\\x1b[2J'\n"), "{told}");
        assert!(told.contains("\ndefined in:  /srv/kstlib.conf.yml\n"), "{told}");
        assert!(!told.contains("TOKEN") && !told.contains("s3cret"), "{told}");
        definition.command = Some(Command::Shell("a && b".into()));
        assert!(text(&definition, true).contains("command:     sh -c 'a && b'\n"));
        definition.command = None;
        assert!(text(&definition, true).contains("command:     your shell\n"));
        // An image's own command is not known.
        assert!(!text(&definition, false).contains("command:"));
    }

    #[test]
    fn hostile_values_stay_on_their_line() {
        let mut status = sample::running();
        status.name = "a\nstate: exited".into();
        status.details = vec![("k\u{1b}[2J".into(), "v\r\n\u{9b}2J".into())];
        let text = plain(&full(&status, None, true, sample::now()));
        assert!(text.starts_with("name:"), "{text}");
        assert!(text.contains("a\\nstate: exited\n"), "{text}");
        assert!(text.contains("k\\x1b[2J:"), "{text}");
        assert!(text.contains("v\\r\\n\\x9b2J\n"), "{text}");
    }

    #[test]
    fn the_short_form_is_name_and_state() {
        assert_eq!(plain(&short(&sample::running())), "api: running\n");
    }

    #[test]
    fn start_and_stop_tell_what_came_of_it() {
        let (running, ended) = (sample::running(), sample::ended());
        assert_eq!(started(&running, None, None), "Session 'api' started (tmux, pid 4242).\n");
        assert_eq!(
            started(&running, None, Some(Path::new("/c\n.yml"))),
            "Session 'api' started (tmux, pid 4242, defined in /c\\n.yml).\n"
        );
        assert_eq!(
            started(&running, Some("your shell"), None),
            "Session 'api' started (tmux, pid 4242, runs your shell).\n"
        );
        assert_eq!(
            started(&ended, None, None),
            "Session 'db' started (container podman) and has ended with signal 9 (SIGKILL).\n"
        );
        let stop = |was_running| StopOutcome { status: ended.clone(), was_running };
        assert_eq!(
            stopped(&stop(true)),
            "Session 'db' stopped (container podman, signal 9 (SIGKILL)).\n"
        );
        assert_eq!(
            stopped(&stop(false)),
            "Session 'db' was not running (container podman): exited, signal 9 (SIGKILL).\n"
        );
    }
}
