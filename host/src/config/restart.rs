//! When a session is started again by itself: `restart`.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::check::text;
use super::keys;
use super::problem::Problem;
use super::tree::{Entry, Map, Node, Value};
use crate::limits::{self, Unit};
use crate::session::validate::quoted;
use crate::session::{BACKOFF, MAX_BACKOFF, Restart, RestartPolicy};

/// `restart: on-failure:5`, or a mapping with more. `engine`: whether its engine looks after that, which
/// has a backoff of its own and a limit for `on-failure` alone.
pub(super) fn check(
    entry: &Entry,
    key: &str,
    engine: bool,
) -> Result<Option<RestartPolicy>, Problem> {
    let node = &entry.node;
    let map = match &node.value {
        Value::Map(map) => map,
        _ => {
            let Some(word) = text(node, key, "never, on-failure or always")? else {
                return Ok(None);
            };
            let policy = parse(word, node, key)?;
            return can_be(&policy, engine, node, key).map(|()| Some(policy));
        }
    };
    keys::check_below(map, key, "restart", &keys::RESTART)?;
    let below = |name: &str| format!("{key}.{name}");
    let word = map.get("policy").map(|entry| text(&entry.node, &below("policy"), "a policy"));
    let Some((word, at)) = word.transpose()?.flatten().zip(map.get("policy")) else {
        let problem = Problem::at(&entry.key_at, key, "nothing says when it is started again");
        return Err(problem.advise("write `policy: on-failure` or `policy: always` below it"));
    };
    let mut policy = parse(word, &at.node, &below("policy"))?;
    if let Some(max) = map.get("max") {
        if policy.max.is_some() {
            let problem = Problem::at(&max.key_at, &below("max"), "the limit is given twice");
            return Err(problem.advise("leave it out here, or behind the policy"));
        }
        policy.max = count(&max.node, &below("max"))?;
    }
    policy.backoff = time(map, "backoff", &below("backoff"))?;
    policy.max_backoff = time(map, "max_backoff", &below("max_backoff"))?;
    policy.check().map_err(|error| Problem::from_error(&node.at, key, &error))?;
    can_be(&policy, engine, node, key)?;
    Ok(Some(policy))
}

fn parse(word: &str, node: &Node, key: &str) -> Result<RestartPolicy, Problem> {
    word.parse().map_err(|error| Problem::from_error(&node.at, key, &error))
}

fn count(node: &Node, key: &str) -> Result<Option<u32>, Problem> {
    let Some(text) = text(node, key, "a number")? else { return Ok(None) };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => {
            let what = format!("{} is no number of restarts", quoted(text));
            Err(Problem::at(&node.at, key, what).advise("write a whole number from 1"))
        }
    }
}

fn time(map: &Map, name: &str, key: &str) -> Result<Option<Duration>, Problem> {
    let Some(entry) = map.get(name) else { return Ok(None) };
    let Some(text) = text(&entry.node, key, "a time")? else { return Ok(None) };
    limits::time(text).map(Some).ok_or_else(|| {
        let what = format!("{} is not a time", quoted(text));
        Problem::at(&entry.node.at, key, what).advise("write seconds, or 100ms, 1s, 5min")
    })
}

/// What the engine of a container cannot be asked for.
fn can_be(policy: &RestartPolicy, engine: bool, node: &Node, key: &str) -> Result<(), Problem> {
    if !engine {
        return Ok(());
    }
    let (what, advice) = match policy {
        RestartPolicy { backoff: None, max_backoff: None, when, max } => match (when, max) {
            (Restart::Always, Some(_)) => (
                "the engines of containers have a limit for on-failure alone",
                "write on-failure, or leave the limit out",
            ),
            _ => return Ok(()),
        },
        _ => (
            "how long the engine of a container waits before it starts it again is its own choice",
            "leave backoff and max_backoff out",
        ),
    };
    Err(Problem::at(&node.at, key, what).advise(advice))
}

/// Its JSON Schema.
pub(super) fn schema() -> Json {
    let word = "^(never|no|always|unless-stopped|on-failure(:[1-9][0-9]*)?|always:[1-9][0-9]*)$";
    let time = |description: &str, default: Duration| {
        json!({
            "description": description,
            "type": ["integer", "string", "null"],
            "minimum": 0,
            "pattern": Unit::Time.pattern(),
            "default": format!("{}ms", default.as_millis())
        })
    };
    json!({
        "description": "When it is started again by itself: never, on-failure, on-failure:5 (so often at most), always; or a mapping.",
        "anyOf": [
            { "type": ["string", "null"], "pattern": word },
            {
                "type": "object",
                "properties": {
                    "policy": { "type": "string", "pattern": word },
                    "max": {
                        "description": "How often at most; without it, without a limit.",
                        "type": ["integer", "null"],
                        "minimum": 1
                    },
                    "backoff": time(
                        "How long it waits before the first time, which doubles with each (not of a container).",
                        BACKOFF
                    ),
                    "max_backoff": time("The longest that it waits (not of a container).", MAX_BACKOFF)
                },
                "required": ["policy"],
                "additionalProperties": false
            }
        ],
        "default": "never",
        "examples": ["on-failure:5"]
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};
    use super::*;

    fn load(session: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kstlib.conf.yml");
        let text = format!("ops: {{sessions: {{a: {{command: x, {session}}}}}}}");
        std::fs::write(&file, text).unwrap();
        Config::load(&Sources { explicit: Some(file), ..Sources::default() }).unwrap()
    }

    fn policy(session: &str) -> Option<RestartPolicy> {
        let config = load(session);
        let all = config.session("a").unwrap_or_else(|error| panic!("{session}: {error}"));
        all.unwrap().restart.clone()
    }

    #[test]
    fn a_word_or_a_mapping() {
        assert_eq!(policy("shell: false"), None);
        assert_eq!(policy("restart: "), None);
        let of = |text: &str| Some(text.parse::<RestartPolicy>().unwrap());
        for word in ["never", "on-failure", "on-failure:5", "always", "no", "unless-stopped"] {
            assert_eq!(policy(&format!("restart: '{word}'")), of(word), "{word}");
            assert_eq!(policy(&format!("restart: {{policy: {word}}}")), of(word), "{word}");
        }
        assert_eq!(policy("restart: no"), of("never"));
        assert_eq!(policy("restart: {policy: always, max: 3}"), of("always:3"));
        let all = policy("restart: {policy: on-failure:2, backoff: 250ms, max_backoff: 5min}");
        let all = all.unwrap();
        assert_eq!((all.when, all.max), (Restart::OnFailure, Some(2)));
        assert_eq!(all.waits(), (Duration::from_millis(250), Duration::from_secs(300)));
        let all = policy("restart: {policy: always, backoff: 2}").unwrap();
        assert_eq!(all.backoff, Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (session, says) in [
            ("restart: sometimes", "there is no restart policy 'sometimes'"),
            ("restart: on_failure", "did you mean 'on-failure'?"),
            ("restart: on-failure:0", "0 times"),
            ("restart: [always]", "never, on-failure or always"),
            ("restart: {max: 3}", "nothing says when"),
            ("restart: {policy: on-failure:3, max: 3}", "twice"),
            ("restart: {policy: on-failure, max: many}", "no number of restarts"),
            ("restart: {policy: on-failure, max: 0}", "0 times"),
            ("restart: {policy: on-failure, max: -1}", "no number of restarts"),
            ("restart: {policy: never, backoff: 1s}", "no backoff"),
            ("restart: {policy: always, backoff: soon}", "is not a time"),
            ("restart: {policy: always, backoff: -1s}", "is not a time"),
            ("restart: {policy: always, backoff: 1ms}", "from 10 ms to a day"),
            ("restart: {policy: always, backoff: 2s, max_backoff: 1s}", "shorter"),
            ("restart: {condition: always}", "did you mean 'policy'?"),
            ("restart: {policy: always, delay: 1s}", "did you mean 'backoff'?"),
            ("backend: container, restart: {policy: always, backoff: 1s}", "its own choice"),
            ("backend: container, restart: 'always:3'", "for on-failure alone"),
        ] {
            let error = load(session).session("a").err().unwrap_or_else(|| panic!("{session}"));
            let text = format!("{error} {:?}", error.advice());
            assert!(text.contains(says), "{session}: {text}");
        }
        let text = "backend: container, restart: on-failure:3";
        assert_eq!(policy(text).unwrap().to_string(), "on-failure:3");
    }
}
