//! How the config's sessions come up together: which after which, and when one is ready.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use super::check::Sessions;
use super::keys;
use super::problem::Problem;
use super::tree::{Entry, Map, Node, Place, Value};
use crate::limits::Unit;
use crate::session::validate::{self, quoted};
use crate::session::{Command, Restart};
use crate::text::nearest;

/// How long a session gets to be ready where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest that it can be given.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How much text a line of the log is compared with, in bytes.
const MAX_TEXT: usize = 4096;

/// When a session that another one needs is far enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Its command was started.
    Started,
    /// It is ready, as its [`Ready`] says.
    Ready,
    /// It has ended by itself with code 0.
    Succeeded,
}

impl Condition {
    const ALL: [Condition; 3] = [Condition::Started, Condition::Ready, Condition::Succeeded];

    /// The word used in the config and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Started => "started",
            Condition::Ready => "ready",
            Condition::Succeeded => "succeeded",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What docker compose calls the same.
const OF_COMPOSE: [(&str, Condition); 3] = [
    ("service_started", Condition::Started),
    ("service_healthy", Condition::Ready),
    ("service_completed_successfully", Condition::Succeeded),
];

/// A session that must be so far before another is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// How far.
    pub condition: Condition,
}

/// How it is seen that a session is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// A line of its output holds this text.
    Log(String),
    /// Something listens on this port.
    Tcp {
        /// The host's name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// This command, run again and again in its directory and with its variables, succeeds.
    Command(Command),
}

/// When a session is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// What shows it.
    pub sign: Sign,
    /// How long it may take, from the start on.
    pub timeout: Duration,
}

/// How a session comes up with the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Startup {
    /// What it needs, in the order of the file.
    pub depends_on: Vec<Dependency>,
    /// When it is ready; without it, once it was started.
    pub ready: Option<Ready>,
}

/// A dependency as it stands in the file: with no condition where the file says none.
struct Wanted {
    name: String,
    condition: Option<Condition>,
    at: Place,
    key: String,
}

/// What [`check`] finds out.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) startups: BTreeMap<String, Startup>,
    pub(super) groups: BTreeMap<String, Vec<String>>,
}

/// Check `depends_on` and `ready` of all sessions, and the groups. A session with a mistake here is
/// one that cannot be used, like any other.
pub(super) fn check(
    ops: &Map,
    sessions: &mut Sessions,
    filled: &HashMap<String, Entry>,
    problems: &mut Vec<Problem>,
) -> Checked {
    let mut checked = Checked::default();
    let mut wanted: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    let written = match ops.get("sessions").map(|entry| &entry.node.value) {
        Some(Value::Map(map)) => map.iter().collect(),
        _ => Vec::new(),
    };
    for entry in &written {
        let entry = filled.get(&entry.key).unwrap_or(entry);
        checked.startups.insert(entry.key.clone(), Startup::default());
        let Value::Map(map) = &entry.node.value else { continue };
        let path = format!("ops.sessions.{}", entry.key);
        let ready = map.get("ready").map(|ready| check_ready(ready, &format!("{path}.ready")));
        let ready = match ready.transpose() {
            Ok(ready) => ready.flatten(),
            Err(problem) => {
                spoil(sessions, &entry.key, problem, problems);
                None
            }
        };
        checked.startups.insert(entry.key.clone(), Startup { depends_on: Vec::new(), ready });
        if let Some(depends) = map.get("depends_on") {
            match dependencies(depends, &format!("{path}.depends_on")) {
                Ok(some) => {
                    wanted.insert(entry.key.clone(), some);
                }
                Err(problem) => spoil(sessions, &entry.key, problem, problems),
            }
        }
    }
    for (name, wanted) in wanted {
        let mut depends_on = Vec::new();
        for one in wanted {
            let (at, key) = (one.at.clone(), one.key.clone());
            let resolved = resolve(&name, one, &checked.startups);
            match resolved.and_then(|one| can_succeed(one, sessions, &at, &key)) {
                Ok(dependency) => depends_on.push(dependency),
                Err(problem) => spoil(sessions, &name, problem, problems),
            }
        }
        if let Some(startup) = checked.startups.get_mut(&name) {
            startup.depends_on = depends_on;
        }
    }
    for entry in &written {
        if let Some(circle) = circle(&entry.key, &checked.startups) {
            let Value::Map(map) = &entry.node.value else { continue };
            let Some(depends) = map.get("depends_on") else { continue };
            let what = format!("they wait for each other: {}", circle.join(" → "));
            let key = format!("ops.sessions.{}.depends_on", entry.key);
            let problem = Problem::at(&depends.key_at, &key, what);
            let problem = problem.advise("take one of them out of the circle");
            spoil(sessions, &entry.key, problem, problems);
        }
    }
    if let Some(groups) = ops.get("groups") {
        checked.groups = check_groups(groups, sessions, problems);
    }
    checked
}

/// A session is not as it should be: note why.
fn spoil(sessions: &mut Sessions, name: &str, problem: Problem, problems: &mut Vec<Problem>) {
    if let Some((_, session)) = sessions.iter_mut().find(|(key, _)| key == name)
        && session.is_ok()
    {
        *session = Err(problem.clone());
    }
    problems.push(problem);
}

fn dependencies(entry: &Entry, key: &str) -> Result<Vec<Wanted>, Problem> {
    let node = &entry.node;
    match &node.value {
        Value::Null => Ok(Vec::new()),
        Value::Scalar(_) => Ok(vec![bare(node, key)?]),
        Value::List(items) => items.iter().map(|item| bare(item, key)).collect(),
        Value::Map(map) => map.iter().map(|below| conditional(below, key)).collect(),
    }
}

fn bare(node: &Node, key: &str) -> Result<Wanted, Problem> {
    let name = super::check::text(node, key, "the name of a session")?;
    let Some(name) = name else {
        return Err(Problem::at(&node.at, key, "nothing stands where a session's name belongs"));
    };
    Ok(Wanted { name: name.to_owned(), condition: None, at: node.at.clone(), key: key.to_owned() })
}

/// `NAME: CONDITION`, or as docker compose writes it, `NAME: {condition: CONDITION}`.
fn conditional(entry: &Entry, key: &str) -> Result<Wanted, Problem> {
    let key = format!("{key}.{}", entry.key);
    let node = match &entry.node.value {
        Value::Map(map) => {
            if let Some(other) = map.iter().find(|below| below.key != "condition") {
                let what = format!("{} is not known here", quoted(&other.key));
                let problem = Problem::at(&other.key_at, &key, what);
                return Err(problem.advise(format!("write `{}: ready`", entry.key)));
            }
            map.get("condition").map_or(&entry.node, |below| &below.node)
        }
        _ => &entry.node,
    };
    let word = super::check::text(node, &key, "started, ready or succeeded")?;
    let condition = word.map(|word| condition(word, &node.at, &key)).transpose()?;
    Ok(Wanted { name: entry.key.clone(), condition, at: entry.key_at.clone(), key })
}

fn condition(word: &str, at: &Place, key: &str) -> Result<Condition, Problem> {
    if let Some(known) = Condition::ALL.into_iter().find(|one| one.as_str() == word) {
        return Ok(known);
    }
    let meant = OF_COMPOSE.iter().find(|(name, _)| *name == word).map(|(_, one)| one.as_str());
    let meant = meant.or_else(|| nearest(word, Condition::ALL.map(Condition::as_str)));
    let what = format!("{} is none of started, ready, succeeded", quoted(word));
    let problem = Problem::at(at, key, what);
    Err(match meant {
        Some(meant) => problem.advise(format!("did you mean '{meant}'?")),
        None => problem,
    })
}

/// A dependency on a session that there is, with its condition.
fn resolve(
    session: &str,
    wanted: Wanted,
    all: &BTreeMap<String, Startup>,
) -> Result<Dependency, Problem> {
    let Wanted { name, condition, at, key } = wanted;
    let Some(other) = all.get(&name) else {
        let problem =
            Problem::at(&at, &key, format!("no session {} is in the config", quoted(&name)));
        return Err(match nearest(&name, all.keys().map(String::as_str)) {
            Some(meant) => problem.advise(format!("did you mean '{meant}'?")),
            None => problem.advise("define it below ops.sessions"),
        });
    };
    if name == session {
        return Err(Problem::at(&at, &key, "it waits for itself"));
    }
    if condition == Some(Condition::Ready) && other.ready.is_none() {
        let what = format!("nothing says when {} is ready", quoted(&name));
        let advice = format!("add `ready:` to {name}, or write `{name}: started`");
        return Err(Problem::at(&at, &key, what).advise(advice));
    }
    let usual = if other.ready.is_some() { Condition::Ready } else { Condition::Started };
    Ok(Dependency { name, condition: condition.unwrap_or(usual) })
}

/// One that is started again after each end never has succeeded.
fn can_succeed(
    dependency: Dependency,
    sessions: &Sessions,
    at: &Place,
    key: &str,
) -> Result<Dependency, Problem> {
    let other = sessions.iter().find(|(name, _)| *name == dependency.name);
    let policy = other.and_then(|(_, session)| session.as_ref().ok()?.restart.as_ref());
    let always =
        policy.is_some_and(|policy| policy.when == Restart::Always && policy.max.is_none());
    if dependency.condition != Condition::Succeeded || !always {
        return Ok(dependency);
    }
    let name = quoted(&dependency.name);
    let what = format!("{name} never succeeds: it is started again after each end");
    let advice = format!("write `restart: on-failure` for {}", dependency.name);
    Err(Problem::at(at, key, what).advise(advice))
}

/// The way from a session back to itself, if there is one.
fn circle(start: &str, all: &BTreeMap<String, Startup>) -> Option<Vec<String>> {
    // Each is looked at once, so this ends; the way is kept by where each was reached from.
    let mut from: HashMap<&str, &str> = HashMap::new();
    let mut next = vec![start];
    while let Some(name) = next.pop() {
        for dependency in all.get(name).map(|one| &one.depends_on[..]).unwrap_or_default() {
            let other = dependency.name.as_str();
            if other == start {
                let mut way = vec![name];
                let mut at = name;
                while let Some(before) = from.get(at).filter(|_| at != start) {
                    way.push(before);
                    at = before;
                }
                way.reverse();
                way.push(start);
                return Some(way.into_iter().map(str::to_owned).collect());
            }
            if !from.contains_key(other) {
                from.insert(other, name);
                next.push(other);
            }
        }
    }
    None
}

fn check_ready(entry: &Entry, key: &str) -> Result<Option<Ready>, Problem> {
    let map = match &entry.node.value {
        Value::Null => return Ok(None),
        Value::Map(map) => map,
        other => {
            let what = format!("{} stands where log, tcp or command belongs", other.kind());
            let advice = "write one of `log: TEXT`, `tcp: PORT`, `command: COMMAND` below it";
            return Err(Problem::at(&entry.node.at, key, what).advise(advice));
        }
    };
    keys::check_below(map, key, "ready", &keys::READY)?;
    let signs: Vec<&Entry> =
        ["log", "tcp", "command"].into_iter().filter_map(|sign| map.get(sign)).collect();
    let [sign] = signs[..] else {
        let what = match signs.len() {
            0 => "nothing says when it is ready",
            _ => "more than one of log, tcp and command says when it is ready",
        };
        return Err(Problem::at(&entry.key_at, key, what)
            .advise("write one of `log: TEXT`, `tcp: PORT`, `command: COMMAND` below it"));
    };
    let below = format!("{key}.{}", sign.key);
    let sign = match &*sign.key {
        "log" => log(&sign.node, &below)?,
        "tcp" => tcp(&sign.node, &below)?,
        _ => command(&sign.node, &below)?,
    };
    let timeout = map.get("timeout").map(|entry| time(&entry.node, &format!("{key}.timeout")));
    let timeout = timeout.transpose()?.flatten().unwrap_or(TIMEOUT);
    Ok(Some(Ready { sign, timeout }))
}

fn log(node: &Node, key: &str) -> Result<Sign, Problem> {
    let text = super::check::text(node, key, "a text")?.unwrap_or_default();
    if text.is_empty() || text.len() > MAX_TEXT || text.contains(char::is_control) {
        let what = "what a line must hold is 1 to 4096 bytes without control characters";
        return Err(Problem::at(&node.at, key, what));
    }
    Ok(Sign::Log(text.to_owned()))
}

/// `PORT` or `HOST:PORT`.
fn tcp(node: &Node, key: &str) -> Result<Sign, Problem> {
    let text = super::check::text(node, key, "a port")?.unwrap_or_default();
    let (host, port) = text.rsplit_once(':').unwrap_or(("localhost", text));
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let fine =
        !host.is_empty() && host.len() <= 253 && !host.contains(|c: char| !c.is_ascii_graphic());
    match port.parse() {
        Ok(port @ 1..) if fine => Ok(Sign::Tcp { host: host.to_owned(), port }),
        _ => Err(Problem::at(&node.at, key, format!("{} is no port", quoted(text)))
            .advise("write PORT or HOST:PORT, PORT from 1 to 65535")),
    }
}

fn command(node: &Node, key: &str) -> Result<Sign, Problem> {
    let command = match &node.value {
        Value::List(items) => Command::Words(super::check::texts(items, key)?),
        _ => match super::check::text(node, key, "a command")? {
            Some(text) => Command::Text(text.to_owned()),
            None => return Err(Problem::at(&node.at, key, "there is no command")),
        },
    };
    crate::session::command::resolve(&command, true)
        .map_err(|error| Problem::from_error(&node.at, key, &error))?;
    Ok(Sign::Command(command))
}

/// A time, in whole seconds.
fn time(node: &Node, key: &str) -> Result<Option<Duration>, Problem> {
    let Some(text) = super::check::text(node, key, "a time")? else { return Ok(None) };
    let wrong = |wanted: &str| {
        let what = format!("{} is not {wanted}", quoted(text));
        Problem::at(&node.at, key, what).advise("write seconds (90) or a time such as 90s or 5min")
    };
    let time = Duration::from_secs(Unit::Time.read(text).map_err(wrong)?);
    match time.is_zero() || time > LONGEST {
        true => Err(wrong("from a second to a day")),
        false => Ok(Some(time)),
    }
}

fn check_groups(
    entry: &Entry,
    sessions: &Sessions,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::new();
    let Some(map) = super::check::mapping(entry, "ops.groups", problems) else { return groups };
    for group in map.iter() {
        let key = format!("ops.groups.{}", group.key);
        match members(group, &key, sessions) {
            Ok(members) => {
                groups.insert(group.key.clone(), members);
            }
            Err(problem) => problems.push(problem),
        }
    }
    groups
}

fn members(group: &Entry, key: &str, sessions: &Sessions) -> Result<Vec<String>, Problem> {
    validate::session_name(&group.key)
        .map_err(|error| Problem::from_error(&group.key_at, key, &error))?;
    let known = || sessions.iter().map(|(name, _)| name.as_str());
    if known().any(|name| name == group.key) {
        return Err(Problem::at(&group.key_at, key, "a session has the same name")
            .advise("give the group another name"));
    }
    if let Value::Map(_) = &group.node.value {
        return Err(Problem::at(&group.node.at, key, "a mapping stands where a list belongs")
            .advise("write the names of sessions, each on a line of its own after `- `"));
    }
    let wanted = dependencies(group, key)?;
    let unknown = wanted.iter().find(|one| !known().any(|name| name == one.name));
    if let Some(one) = unknown {
        let what = format!("no session {} is in the config", quoted(&one.name));
        let problem = Problem::at(&one.at, key, what);
        return Err(match nearest(&one.name, known()) {
            Some(meant) => problem.advise(format!("did you mean '{meant}'?")),
            None => problem,
        });
    }
    Ok(wanted.into_iter().map(|one| one.name).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};
    use super::*;

    fn load(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kstlib.conf.yml");
        std::fs::write(&file, text).unwrap();
        Config::load(&Sources { explicit: Some(file), ..Sources::default() }).unwrap()
    }

    fn problems(config: &Config) -> Vec<String> {
        config
            .problems()
            .iter()
            .map(|one| {
                let advice = one.advice.as_deref().unwrap_or_default();
                format!("{}: {} ({advice})", one.key.replace("ops.", ""), one.what)
            })
            .collect()
    }

    #[test]
    fn conditions_are_those_said_or_as_far_as_can_be_told() {
        let config = load(
            "ops:
  sessions:
    db: {command: db, ready: {log: up}}
    migrate: {command: m, depends_on: db}
    cache:
    api:
      depends_on: {db: , cache: started, migrate: {condition: succeeded}}
    web: {depends_on: [api, db]}
  groups: {back: [db, cache], one: web}
",
        );
        assert_eq!(problems(&config), Vec::<String>::new());
        let of = |name| -> Vec<String> {
            let startup = config.startup(name).unwrap();
            startup.depends_on.iter().map(|one| format!("{} {}", one.name, one.condition)).collect()
        };
        assert_eq!(of("migrate"), ["db ready"]);
        assert_eq!(of("api"), ["db ready", "cache started", "migrate succeeded"]);
        assert_eq!(of("web"), ["api started", "db ready"]);
        assert_eq!(config.startup("db").unwrap().ready.as_ref().unwrap().timeout, TIMEOUT);
        assert_eq!(config.groups()["back"], ["db", "cache"]);
        assert_eq!(config.groups()["one"], ["web"]);
    }

    #[test]
    fn signs_and_times_are_read() {
        let sign = |text: &str| {
            let config = load(&format!("ops: {{sessions: {{a: {{ready: {{{text}}}}}}}}}"));
            let problems = problems(&config);
            let ready = config.startup("a").and_then(|one| one.ready.clone());
            ready.map(|ready| (ready.sign, ready.timeout)).ok_or(problems)
        };
        let tcp = |host: &str, port| Sign::Tcp { host: host.into(), port };
        let second = Duration::from_secs(1);
        for (text, wanted) in [
            ("tcp: 80", (tcp("localhost", 80), TIMEOUT)),
            ("tcp: '[::1]:80', timeout: 90", (tcp("::1", 80), 90 * second)),
            ("tcp: 'db.local:5432', timeout: 2min", (tcp("db.local", 5432), 120 * second)),
            ("log: 'it is: up', timeout: 1m 1s", (Sign::Log("it is: up".into()), 61 * second)),
            (
                "command: [a, b c]",
                (Sign::Command(Command::Words(vec!["a".into(), "b c".into()])), TIMEOUT),
            ),
            ("command: a b", (Sign::Command(Command::Text("a b".into())), TIMEOUT)),
        ] {
            assert_eq!(sign(text), Ok(wanted), "{text}");
        }
        for text in [
            "",
            "timeout: 3",
            "log: a, tcp: 3",
            "log: ''",
            "log: \"a\\tb\"",
            "tcp: 0",
            "tcp: 65536",
            "tcp: 'a b:80'",
            "tcp: ':80'",
            "tcp: http",
            "command: a | b",
            "command: []",
            "lag: a",
            "log: a, timeout: 0",
            "log: a, timeout: 3d",
            "log: a, timeout: 99999999999999999999",
            "log: a, timeout: 25h",
            "log: [a]",
        ] {
            let problems = sign(text).unwrap_err();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].starts_with("sessions.a.ready"), "{problems:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_and_costs_its_own_session_alone() {
        let config = load(
            "ops:
  sessions:
    fine: {command: a}
    typo: {depends_on: fin}
    self: {depends_on: self}
    never: {depends_on: {fine: ready}}
    word: {depends_on: {fine: service_healthy}}
    one: {depends_on: two}
    two: {depends_on: [fine, three]}
    three: {depends_on: one}
    behind: {depends_on: one}
  groups: {fine: [one], some: [nobody], map: {fine: started}}
",
        );
        assert_eq!(
            problems(&config),
            [
                "sessions.word.depends_on.fine: 'service_healthy' is none of started, ready, succeeded \
                 (did you mean 'ready'?)",
                "sessions.never.depends_on.fine: nothing says when 'fine' is ready (add `ready:` to \
                 fine, or write `fine: started`)",
                "sessions.self.depends_on: it waits for itself ()",
                "sessions.typo.depends_on: no session 'fin' is in the config (did you mean 'fine'?)",
                "sessions.one.depends_on: they wait for each other: one → two → three → one (take one \
                 of them out of the circle)",
                "sessions.two.depends_on: they wait for each other: two → three → one → two (take one \
                 of them out of the circle)",
                "sessions.three.depends_on: they wait for each other: three → one → two → three (take \
                 one of them out of the circle)",
                "groups.fine: a session has the same name (give the group another name)",
                "groups.some: no session 'nobody' is in the config ()",
                "groups.map: a mapping stands where a list belongs (write the names of sessions, each \
                 on a line of its own after `- `)",
            ]
        );
        let fine: Vec<&str> =
            config.sessions().filter(|(_, one)| one.is_ok()).map(|(name, _)| name).collect();
        assert_eq!(fine, ["fine", "behind"]);
    }
}
