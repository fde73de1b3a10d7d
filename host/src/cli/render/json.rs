//! JSON for programs: kstlib's keys first, in its order, then ours.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kst::session::{
    BackendHealth, Change, Command, ExitStatus, Host, Listing, SessionConfig, SessionStatus,
};
use serde_json::{Map, Value, json};

use super::time;

/// The backends whose locations are sockets: only theirs are a `socket_name`.
#[derive(Debug, Default)]
pub struct Sockets(BTreeSet<String>);

impl Sockets {
    /// Of these sessions' backends. The host is asked only where the answer matters.
    pub fn of(host: &Host, sessions: &[SessionStatus]) -> Self {
        let named = sessions.iter().filter(|session| session.location != "default");
        let backends: BTreeSet<String> = named.map(|session| session.backend.clone()).collect();
        Sockets(backends.into_iter().filter(|backend| host.has_sockets(backend)).collect())
    }

    /// kstlib's `socket_name`: null for the default socket, and where there are no sockets.
    fn name(&self, status: &SessionStatus) -> Value {
        let named = status.location != "default" && self.0.contains(&status.backend);
        if named { status.location.as_str().into() } else { Value::Null }
    }
}

/// One session: the keys of `kstlib ops status --json`, then ours. Of its definition, its variables
/// are left out.
pub fn status(
    status: &SessionStatus,
    definition: Option<&SessionConfig>,
    sockets: &Sockets,
) -> Value {
    let command = definition.and_then(|definition| definition.command.as_ref());
    let defined_in = definition.and_then(|definition| definition.defined_in.as_ref());
    let (code, signal) = exit(status.exit);
    let (last_code, last_signal) = exit(status.last_exit);
    json!({
        "name": status.name,
        "state": status.state.as_str(),
        "backend": status.backend,
        "pid": status.pid,
        "created_at": at(status.created_at),
        "window_count": status.window_count,
        "socket_name": sockets.name(status),
        "image": status.image,
        "exit_code": code,
        "signal": signal,
        "started_at": at(status.started_at),
        "ready_at": at(status.ready_at),
        "ended_at": at(status.ended_at),
        "out_of_memory": status.out_of_memory,
        "run": status.run,
        "restarts": status.restarts,
        "restarting": status.restarting,
        "restarting_at": at(status.restarting_at),
        "last_exit_code": last_code,
        "last_signal": last_signal,
        "last_ended_at": at(status.last_ended_at),
        "health": status.health,
        "details": details(status),
        "location": status.location,
        "ours": status.ours,
        "command": command.map(words),
        "restart": definition.map(policy),
        "defined_in": defined_in.map(|file| file.display().to_string()),
    })
}

/// When it is started again by itself, as `kst start --restart` takes it.
fn policy(definition: &SessionConfig) -> String {
    definition.restart.as_ref().map_or_else(|| "never".to_owned(), ToString::to_string)
}

/// A command as the config has it: a list of words, or a text to be split. One for the shell is a
/// list too.
fn words(command: &Command) -> Value {
    match command {
        Command::Words(argv) => argv.as_slice().into(),
        Command::Text(text) => text.as_str().into(),
        Command::Shell(text) => ["sh", "-c", text].as_slice().into(),
    }
}

/// One session of a list: the keys of `kstlib ops list --json`, then ours.
fn row(status: &SessionStatus, sockets: &Sockets) -> Value {
    let (code, signal) = exit(status.exit);
    let (last_code, last_signal) = exit(status.last_exit);
    json!({
        "name": status.name,
        "state": status.state.as_str(),
        "backend": status.backend,
        "pid": status.pid,
        "image": status.image,
        "socket_name": sockets.name(status),
        "exit_code": code,
        "signal": signal,
        "created_at": at(status.created_at),
        "started_at": at(status.started_at),
        "ready_at": at(status.ready_at),
        "ended_at": at(status.ended_at),
        "out_of_memory": status.out_of_memory,
        "run": status.run,
        "restarts": status.restarts,
        "restarting": status.restarting,
        "restarting_at": at(status.restarting_at),
        "last_exit_code": last_code,
        "last_signal": last_signal,
        "last_ended_at": at(status.last_ended_at),
        "window_count": status.window_count,
        "health": status.health,
        "location": status.location,
        "ours": status.ours,
    })
}

/// The array of sessions; with `health`, an object of sessions and health.
pub fn listing(listing: &Listing, health: bool, sockets: &Sockets) -> Value {
    let sessions = listing.sessions.iter().map(|session| row(session, sockets)).collect();
    if !health {
        return Value::Array(sessions);
    }
    let health: Vec<Value> = listing.health.iter().map(backend).collect();
    json!({ "sessions": sessions, "health": health })
}

/// What happened to a session, and the session as `list` has it.
pub fn change(change: &Change, host: &Host) -> Value {
    let sockets = Sockets::of(host, std::slice::from_ref(&change.session));
    let mut document = json!({ "event": change.what.as_str(), "at": time::exact(change.at) });
    if let (Value::Object(document), Value::Object(session)) =
        (&mut document, row(&change.session, &sockets))
    {
        document.extend(session);
    }
    document
}

fn backend(health: &BackendHealth) -> Value {
    json!({
        "backend": health.backend,
        "location": health.location,
        "state": health.state.as_str(),
        "version": health.version,
        "lacks": health.lacks,
        "problem": health.problem,
    })
}

/// Exit code and signal; at most one of them is known.
fn exit(exit: Option<ExitStatus>) -> (Option<i32>, Option<i32>) {
    match exit {
        Some(ExitStatus::Code(code)) => (Some(code), None),
        Some(ExitStatus::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    }
}

fn at(time: Option<Timestamp>) -> Option<String> {
    time.map(time::exact)
}

fn details(status: &SessionStatus) -> Value {
    let pairs = status.details.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
    Value::Object(pairs.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use kst::session::HealthState;

    use super::*;
    use crate::cli::render::sample;

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn status_has_the_keys_of_kstlib_in_its_order_then_ours() {
        let value = status(&sample::ended(), None, &Sockets::default());
        assert_eq!(
            keys(&value),
            [
                "name",
                "state",
                "backend",
                "pid",
                "created_at",
                "window_count",
                "socket_name",
                "image",
                "exit_code",
                "signal",
                "started_at",
                "ready_at",
                "ended_at",
                "out_of_memory",
                "run",
                "restarts",
                "restarting",
                "restarting_at",
                "last_exit_code",
                "last_signal",
                "last_ended_at",
                "health",
                "details",
                "location",
                "ours",
                "command",
                "restart",
                "defined_in",
            ]
        );
        assert_eq!(value["created_at"], "2026-11-23T05:31:13Z");
        assert_eq!(value["exit_code"], Value::Null);
        assert_eq!(value["signal"], 9);
        assert_eq!(value["started_at"], "2026-11-23T05:31:13.250Z");
        assert_eq!((&value["out_of_memory"], &value["run"]), (&json!(true), &json!(2)));
        assert_eq!(value["details"], json!({ "status": "dead" }));
        let definition = SessionConfig {
            command: Some(Command::Shell("a | b".into())),
            env: [("TOKEN".to_owned(), "s3cret".to_owned())].into(),
            defined_in: Some("/c.yml".into()),
            ..SessionConfig::default()
        };
        let value = status(&sample::ended(), Some(&definition), &Sockets::default());
        assert_eq!(value["command"], json!(["sh", "-c", "a | b"]));
        assert_eq!(value["defined_in"], "/c.yml");
        assert!(!value.to_string().contains("TOKEN"), "{value}");
    }

    #[test]
    fn a_list_is_a_bare_array_with_the_keys_of_kstlib_first() {
        let both = Listing {
            sessions: vec![sample::running()],
            health: vec![BackendHealth {
                backend: "tmux".into(),
                location: None,
                state: HealthState::Ok,
                lacks: Vec::new(),
                version: Some("3.3a".into()),
                problem: None,
                code: 0,
            }],
        };
        let value = listing(&both, false, &Sockets::default());
        assert_eq!(
            keys(&value[0])[..6],
            ["name", "state", "backend", "pid", "image", "socket_name"]
        );
        assert_eq!(listing(&Listing::default(), false, &Sockets::default()), json!([]));
        let value = listing(&both, true, &Sockets::default());
        assert_eq!(keys(&value), ["sessions", "health"]);
        assert_eq!(value["health"][0]["state"], "ok");
    }

    #[test]
    fn only_a_named_socket_is_a_socket_name() {
        let sockets = Sockets(BTreeSet::from(["tmux".to_owned()]));
        let mut session = sample::running();
        assert_eq!(status(&session, None, &sockets)["socket_name"], Value::Null);
        session.location = "work".into();
        assert_eq!(status(&session, None, &sockets)["socket_name"], "work");
        let container = status(&sample::ended(), None, &sockets);
        assert_eq!(container["socket_name"], Value::Null);
        assert_eq!(container["location"], "podman");
    }
}
