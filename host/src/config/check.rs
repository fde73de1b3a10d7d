//! From the merged tree to settings and session definitions.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use super::interpolate::{self, own};
use super::keys;
use super::problem::Problem;
use super::read::twice;
use super::tree::{Entry, Kind, Map, Node, Place, Scalar, Value};
use super::{Severity, Sourced, limits, restart, startup};
use crate::limits::{Limits, Unit};
use crate::plugin::{Digest, canonical};
use crate::session::validate::{self, quoted};
use crate::session::{Command, LEAST_HISTORY, OptionValue, SessionConfig, SignalName};

/// The most files of variables that a session can have.
const MAX_ENV_FILES: usize = 20;

/// The most sessions that a config can define.
pub const MAX_SESSIONS: usize = 50;

/// The sessions in the order of the files, each with its first problem where it cannot be used.
pub(super) type Sessions = Vec<(String, Result<SessionConfig, Problem>)>;

/// The longest time that a session can be given to end, in seconds: a day.
pub const MAX_STOP_TIMEOUT: u32 = 86_400;

/// What the config says, checked.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) default_backend: Option<Sourced<String>>,
    pub(super) programs: BTreeMap<String, Sourced<String>>,
    pub(super) locations: BTreeMap<String, Sourced<String>>,
    pub(super) plugins: BTreeMap<String, Sourced<PathBuf>>,
    pub(super) plugin_digests: BTreeMap<String, Sourced<Digest>>,
    pub(super) limits: Limits,
    pub(super) history: Option<u64>,
    pub(super) sessions: Sessions,
    pub(super) startup: startup::Checked,
}

/// Check the merged `ops`, and note what is wrong.
pub(super) fn check(ops: &Map, home: Option<&Path>, problems: &mut Vec<Problem>) -> Checked {
    let mut checked = Checked::default();
    duplicates(ops, "ops", problems);
    for entry in ops.iter() {
        let key = format!("ops.{}", entry.key);
        let done = match &*entry.key {
            "default_backend" => text_setting(entry, &key).map(|value| {
                checked.default_backend = value;
            }),
            "container_runtime" => runtime(entry, &key).map(|value| {
                checked.locations.extend(value.map(|value| ("container".to_owned(), value)));
            }),
            "history" => history(entry, &key).map(|value| checked.history = value),
            "sessions" | "groups" | "plugins" | limits::KEY => Ok(()),
            other => match program_key(other) {
                Some(program) => program_setting(entry, &key, home).map(|value| {
                    checked.programs.extend(value.map(|value| (program.to_owned(), value)));
                }),
                None => {
                    problems.push(unknown(entry, &key, keys::OPS, "ops"));
                    Ok(())
                }
            },
        };
        problems.extend(done.err());
    }
    if let Some(plugins) = ops.get("plugins") {
        (checked.plugins, checked.plugin_digests) = check_plugins(plugins, home, problems);
    }
    if let Some(section) = ops.get(limits::KEY) {
        checked.limits = limits::check(section, problems);
    }
    if let Some(sessions) = ops.get("sessions") {
        let default = checked.default_backend.as_ref().map(|backend| backend.value.as_str());
        let default = default.unwrap_or(keys::DEFAULT_BACKEND);
        let filled;
        (checked.sessions, filled) = check_sessions(sessions, default, home, problems);
        checked.startup = startup::check(ops, &mut checked.sessions, &filled, problems);
    }
    checked
}

/// How much of a session's output is kept.
fn history(entry: &Entry, key: &str) -> Result<Option<u64>, Problem> {
    let Some(text) = text(&entry.node, key, "a size")? else { return Ok(None) };
    let problem = |what: String| Problem::at(&entry.node.at, key, what);
    let size = Unit::Bytes
        .read(text)
        .map_err(|wanted| problem(format!("{} is not {wanted}", quoted(text))))?;
    if size < LEAST_HISTORY {
        let least = Unit::Bytes.shown(LEAST_HISTORY);
        let what = format!("{} is less than {least}", quoted(text));
        return Err(problem(what).advise(format!("write {least} or more")));
    }
    Ok(Some(size))
}

fn kept_by_engine(entry: &Entry, key: &str) -> Problem {
    let what = "the output of a container is kept by its engine, which this does not bound";
    Problem::at(&entry.key_at, key, what)
        .advise("leave it out, and set the engine's own log options (max-size)")
}

/// The program that a key such as `tmux_binary` is about. One letter off the known one is a slip.
fn program_key(key: &str) -> Option<&str> {
    let program = key.strip_suffix("_binary").filter(|program| !program.is_empty())?;
    let fine = program.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (fine && keys::meant(key, ["tmux_binary"]).is_none()).then_some(program)
}

/// A key that nothing knows.
pub(super) fn unknown<'k>(
    entry: &Entry,
    key: &str,
    known: impl IntoIterator<Item = &'k str>,
    place: &str,
) -> Problem {
    let name = quoted(&entry.key);
    let problem = Problem::at(&entry.key_at, key, format!("{place} has no key {name}")).warning();
    match keys::meant(&entry.key, known) {
        Some(meant) => problem.advise(format!("did you mean '{meant}'?")),
        None => problem,
    }
}

/// Keys written twice, here and below. The last one counts, but hardly anybody means that.
fn duplicates(map: &Map, path: &str, problems: &mut Vec<Problem>) {
    for (key, first, place) in &map.duplicates {
        problems.push(twice(&format!("{path}.{key}"), *first, place));
    }
    for entry in map.iter() {
        // Sessions look after their own.
        if path != "ops" || entry.key != "sessions" {
            below(&entry.node, &format!("{path}.{}", entry.key), problems);
        }
    }
}

fn below(node: &Node, path: &str, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Map(map) => duplicates(map, path, problems),
        Value::List(items) => items.iter().for_each(|item| below(item, path, problems)),
        Value::Null | Value::Scalar(_) => {}
    }
}

pub(super) fn sourced<T>(value: T, at: &Place) -> Sourced<T> {
    Sourced {
        value,
        file: at.source.path.clone(),
        line: Some(at.line),
        from_working_dir: at.source.from_working_dir,
    }
}

/// A single value, or none.
fn scalar<'n>(node: &'n Node, key: &str, wanted: &str) -> Result<Option<&'n Scalar>, Problem> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Scalar(scalar) => Ok(Some(scalar)),
        other => Err(Problem::at(
            &node.at,
            key,
            format!("{} stands where {wanted} belongs", other.kind()),
        )),
    }
}

pub(super) fn text<'n>(
    node: &'n Node,
    key: &str,
    wanted: &str,
) -> Result<Option<&'n str>, Problem> {
    Ok(scalar(node, key, wanted)?.map(|scalar| scalar.text.as_str()))
}

fn text_setting(entry: &Entry, key: &str) -> Result<Option<Sourced<String>>, Problem> {
    let node = &entry.node;
    let Some(name) = text(node, key, "the name of a backend")? else { return Ok(None) };
    validate::backend_name(name).map_err(|error| Problem::from_error(&node.at, key, &error))?;
    Ok(Some(sourced(canonical(name).to_owned(), &node.at)))
}

/// The name of a signal, without SIG.
fn stop_signal(entry: &Entry, key: &str) -> Result<Option<String>, Problem> {
    let node = &entry.node;
    let Some(name) = text(node, key, "the name of a signal")? else { return Ok(None) };
    let signal: SignalName =
        name.parse().map_err(|error| Problem::from_error(&node.at, key, &error))?;
    Ok(Some(signal.name().to_owned()))
}

/// A time in whole seconds, a day at most.
fn stop_timeout(entry: &Entry, key: &str) -> Result<Option<u32>, Problem> {
    let node = &entry.node;
    let Some(time) = text(node, key, "a time")? else { return Ok(None) };
    let seconds = Unit::Time.read(time).ok().and_then(|seconds| u32::try_from(seconds).ok());
    match seconds.filter(|seconds| *seconds <= MAX_STOP_TIMEOUT) {
        Some(seconds) => Ok(Some(seconds)),
        None => {
            let what = format!("{} is not a time of at most a day", quoted(time));
            Err(Problem::at(&node.at, key, what).advise("write seconds, or 10s, 5min, 1h"))
        }
    }
}

fn runtime(entry: &Entry, key: &str) -> Result<Option<Sourced<String>>, Problem> {
    let node = &entry.node;
    let Some(name) = text(node, key, "podman or docker")? else { return Ok(None) };
    check_runtime(name, &node.at, key)?;
    Ok(Some(sourced(name.to_owned(), &node.at)))
}

fn check_runtime(name: &str, at: &Place, key: &str) -> Result<(), Problem> {
    if matches!(name, "podman" | "docker") {
        return Ok(());
    }
    let what = format!("{} is neither podman nor docker", quoted(name));
    Err(Problem::at(at, key, what).advise("leave it out to use podman, else docker"))
}

fn program_setting(
    entry: &Entry,
    key: &str,
    home: Option<&Path>,
) -> Result<Option<Sourced<String>>, Problem> {
    let node = &entry.node;
    let Some(program) = text(node, key, "a program's name or path")? else { return Ok(None) };
    validate::path(program).map_err(|error| Problem::from_error(&node.at, key, &error))?;
    let program = if program.contains('/') {
        utf8(absolute(program, &node.at, home, key)?, &node.at, key)?
    } else {
        program.to_owned()
    };
    Ok(Some(sourced(program, &node.at)))
}

/// A path of this machine, counted from the file that holds it.
fn absolute(path: &str, at: &Place, home: Option<&Path>, key: &str) -> Result<PathBuf, Problem> {
    let error = |error| Problem::from_error(at, key, &error);
    validate::path(path).map_err(error)?;
    let path = from_home(path, at, home, key)?;
    Ok(at
        .source
        .folder()
        .join(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect())
}

/// `~` and `~/…` from the home.
fn from_home(path: &str, at: &Place, home: Option<&Path>, key: &str) -> Result<PathBuf, Problem> {
    let Some(rest) = path.strip_prefix('~') else { return Ok(PathBuf::from(path)) };
    match (rest.strip_prefix('/'), home) {
        (Some(rest), Some(home)) => Ok(home.join(rest.trim_start_matches('/'))),
        (None, Some(home)) if rest.is_empty() => Ok(home.to_owned()),
        (_, None) => Err(Problem::at(at, key, "'~' stands for your home, and HOME is not set")),
        (None, Some(_)) => Err(Problem::at(at, key, "'~' stands for your own home only")
            .advise("write the whole path, or ./~… for a file of that name")),
    }
}

fn utf8(path: PathBuf, at: &Place, key: &str) -> Result<String, Problem> {
    path.into_os_string().into_string().map_err(|path| {
        let what = format!("the path {} is not UTF-8", quoted(&path.to_string_lossy()));
        Problem::at(at, key, what)
    })
}

/// The files of plugins, and the digests that they are to have, both by name.
type Plugins = (BTreeMap<String, Sourced<PathBuf>>, BTreeMap<String, Sourced<Digest>>);

fn check_plugins(entry: &Entry, home: Option<&Path>, problems: &mut Vec<Problem>) -> Plugins {
    let mut plugins = Plugins::default();
    let Some(map) = mapping(entry, "ops.plugins", problems) else { return plugins };
    for plugin in map.iter() {
        let key = format!("ops.plugins.{}", plugin.key);
        match check_plugin(plugin, &key, home, problems) {
            Ok(Some((path, digest))) => {
                plugins.0.insert(plugin.key.clone(), path);
                plugins.1.extend(digest.map(|digest| (plugin.key.clone(), digest)));
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    plugins
}

/// The file of a plugin, and the digest that it is to have.
type PluginEntry = (Sourced<PathBuf>, Option<Sourced<Digest>>);

fn check_plugin(
    plugin: &Entry,
    key: &str,
    home: Option<&Path>,
    problems: &mut Vec<Problem>,
) -> Result<Option<PluginEntry>, Problem> {
    validate::backend_name(&plugin.key)
        .map_err(|error| Problem::from_error(&plugin.key_at, key, &error))?;
    let map = match &plugin.node.value {
        Value::Map(map) => map,
        Value::Null => return Ok(None),
        other => {
            let what = format!("{} stands where `path: FILE.wasm` belongs", other.kind());
            let advice = format!("write {}: {{path: FILE.wasm}}", plugin.key);
            return Err(Problem::at(&plugin.node.at, key, what).advise(advice));
        }
    };
    for other in map.iter().filter(|entry| !keys::PLUGIN.contains(&&*entry.key)) {
        let key = format!("{key}.{}", other.key);
        problems.push(unknown(other, &key, keys::PLUGIN, "a plugin"));
    }
    let Some(path) = map.get("path") else {
        return Err(Problem::at(&plugin.key_at, key, "the plugin has no path")
            .advise("write `path: FILE.wasm` below its name"));
    };
    // A digest that cannot be read must not count as none: then the plugin is not there.
    let digest = map.get("digest").map(|entry| check_digest(entry, key)).transpose()?.flatten();
    let key = format!("{key}.path");
    let Some(text) = text(&path.node, &key, "a path")? else { return Ok(None) };
    let path = sourced(absolute(text, &path.node.at, home, &key)?, &path.node.at);
    Ok(Some((path, digest)))
}

fn check_digest(entry: &Entry, plugin: &str) -> Result<Option<Sourced<Digest>>, Problem> {
    let (node, key) = (&entry.node, format!("{plugin}.digest"));
    let Some(text) = text(node, &key, "a digest")? else { return Ok(None) };
    let digest = text.starts_with("sha256:").then(|| text.parse().ok()).flatten();
    let digest = digest.ok_or_else(|| {
        let what = format!("{} is not 'sha256:' and 64 hexadecimal digits", quoted(text));
        Problem::at(&node.at, &key, what).advise("`kst plugin inspect FILE` shows a file's digest")
    })?;
    Ok(Some(sourced(digest, &node.at)))
}

/// The mapping that a section is; an empty section says nothing.
pub(super) fn mapping<'e>(
    entry: &'e Entry,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<&'e Map> {
    match &entry.node.value {
        Value::Map(map) => Some(map),
        Value::Null => None,
        other => {
            let what = format!("{} stands where a mapping of names belongs", other.kind());
            problems.push(Problem::at(&entry.key_at, key, what));
            None
        }
    }
}

fn check_sessions(
    entry: &Entry,
    default_backend: &str,
    home: Option<&Path>,
    problems: &mut Vec<Problem>,
) -> (Sessions, HashMap<String, Entry>) {
    let mut all_filled = HashMap::new();
    let Some(map) = mapping(entry, "ops.sessions", problems) else {
        return (Vec::new(), all_filled);
    };
    let twice_written: HashMap<&str, (u64, &Place)> =
        map.duplicates.iter().map(|(key, first, place)| (key.as_str(), (*first, place))).collect();
    let mut sessions = Vec::new();
    for (number, entry) in map.iter().enumerate() {
        let mut checker = SessionCheck {
            path: format!("ops.sessions.{}", entry.key),
            home,
            problems: Vec::new(),
        };
        if let Some((first, place)) = twice_written.get(&*entry.key) {
            checker.problems.push(twice(&checker.path, *first, place));
        }
        if number >= MAX_SESSIONS {
            let what =
                format!("this is session {}: a config can define {MAX_SESSIONS}", number + 1);
            checker.problems.push(Problem::at(&entry.key_at, &checker.path, what));
        }
        let filled = interpolate::session(entry, &checker.path, &own, &mut checker.problems);
        let session = checker.session(filled.as_ref().unwrap_or(entry), default_backend);
        let broken = checker.problems.iter().find(|problem| problem.severity == Severity::Error);
        let result = match broken {
            Some(problem) => Err(problem.clone()),
            None => Ok(session),
        };
        sessions.push((entry.key.clone(), result));
        problems.append(&mut checker.problems);
        all_filled.extend(filled.map(|filled| (entry.key.clone(), filled)));
    }
    (sessions, all_filled)
}

/// Checks one session entry.
struct SessionCheck<'a> {
    path: String,
    home: Option<&'a Path>,
    problems: Vec<Problem>,
}

impl SessionCheck<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// The value of a check, or its problem noted.
    fn noted<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// The definition, as far as it is right.
    fn session(&mut self, entry: &Entry, default_backend: &str) -> SessionConfig {
        let mut session = SessionConfig {
            name: entry.key.clone(),
            defined_in: Some(entry.key_at.source.path.clone()),
            ..SessionConfig::default()
        };
        if let Err(error) = validate::session_name(&entry.key) {
            self.problems.push(Problem::from_error(&entry.key_at, &self.path, &error));
        }
        let map = match &entry.node.value {
            Value::Map(map) => map,
            Value::Null => return session,
            other => {
                let what = format!("{} stands where a session's keys belong", other.kind());
                let mut problem = Problem::at(&entry.node.at, &self.path, what);
                if matches!(other, Value::Scalar(_)) {
                    problem =
                        problem.advise("write `command:` and the text, indented, below the name");
                }
                self.problems.push(problem);
                return session;
            }
        };
        duplicates(map, &self.path, &mut self.problems);

        session.backend = map.get("backend").and_then(|entry| {
            let result = text_setting(entry, &self.key("backend"));
            self.noted(result).flatten().map(|backend| backend.value)
        });
        let backend = session.backend.as_deref().unwrap_or(default_backend);
        let known = keys::KSTLIB_BACKENDS.contains(&backend);
        let contained = backend == "container";

        session.command = self.command(map);
        session.working_dir = map.get("working_dir").and_then(|entry| {
            let result = self.working_dir(entry, contained);
            self.noted(result).flatten()
        });
        if let Some(entry) = map.get("env") {
            self.env(entry, &mut session.env);
        }
        if let Some(entry) = map.get("env_file") {
            let result = self.env_files(entry);
            session.env_files = self.noted(result).unwrap_or_default();
        }
        session.stop_signal = map.get("stop_signal").and_then(|entry| {
            let result = stop_signal(entry, &self.key("stop_signal"));
            self.noted(result).flatten()
        });
        session.stop_timeout = map.get("stop_timeout").and_then(|entry| {
            let result = stop_timeout(entry, &self.key("stop_timeout"));
            self.noted(result).flatten()
        });
        if let Some(entry) = map.get("restart") {
            let result = restart::check(entry, &self.key("restart"), contained);
            session.restart = self.noted(result).flatten();
        }
        if let Some(entry) = map.get("history") {
            let result = match contained {
                true => Err(kept_by_engine(entry, &self.key("history"))),
                false => history(entry, &self.key("history")),
            };
            session.history = self.noted(result).flatten();
        }
        for entry in map.iter().filter(|entry| !keys::SESSION.contains(&&*entry.key)) {
            self.near_miss(entry, known);
            let result = if known && keys::OPTIONS.contains(&&*entry.key) {
                self.kstlib_option(entry)
            } else {
                option(&entry.node, &self.key(&entry.key))
            };
            if let Some(Some(value)) = self.noted(result) {
                session.options.insert(entry.key.clone(), value);
            }
        }
        session
    }

    /// A key that looks like one that is known.
    fn near_miss(&mut self, entry: &Entry, known_backend: bool) {
        let options: &[&str] = if known_backend { &keys::OPTIONS } else { &[] };
        let known = keys::SESSION.iter().chain(options).copied();
        if let Some(meant) = keys::meant(&entry.key, known) {
            let what = format!("{} is not a key that every session has", quoted(&entry.key));
            let problem =
                Problem::at(&entry.key_at, &self.key(&entry.key), what).warning().of_option();
            self.problems.push(problem.advise(format!("did you mean '{meant}'?")));
        }
    }

    fn command(&mut self, map: &Map) -> Option<Command> {
        let shell = map.get("shell").and_then(|entry| {
            let result = yes_or_no(&entry.node, &self.key("shell"));
            self.noted(result).flatten()
        });
        let shell = shell.unwrap_or(false);
        let key = self.key("command");
        let Some(entry) = map.get("command") else {
            if shell && let Some(entry) = map.get("shell") {
                let what = "there is no command for the shell";
                let problem = Problem::at(&entry.key_at, &self.key("shell"), what);
                self.problems.push(problem.warning());
            }
            return None;
        };
        let node = &entry.node;
        let command = match &node.value {
            Value::Null => return None,
            Value::Scalar(scalar) if shell => Command::Shell(scalar.text.clone()),
            Value::Scalar(scalar) => Command::Text(scalar.text.clone()),
            Value::List(_) if shell => {
                let what = "a list runs as it is, without a shell, and `shell` asks for one";
                let problem = Problem::at(&node.at, &key, what);
                self.problems
                    .push(problem.advise("write the command as one text, or leave `shell` out"));
                return None;
            }
            Value::List(items) => {
                let words = texts(items, &key);
                Command::Words(self.noted(words)?)
            }
            Value::Map(_) => {
                let what = "a mapping stands where a text or a list of words belongs";
                let problem = Problem::at(&node.at, &key, what);
                self.problems.push(problem.advise("put the command in quotes if it holds ': '"));
                return None;
            }
        };
        // What is refused is so wherever the session runs; the words themselves are made at start.
        match crate::session::command::resolve(&command, true) {
            Ok(_) => Some(command),
            Err(error) => {
                self.problems.push(Problem::from_error(&node.at, &key, &error));
                None
            }
        }
    }

    fn working_dir(&self, entry: &Entry, contained: bool) -> Result<Option<PathBuf>, Problem> {
        let (key, node) = (self.key("working_dir"), &entry.node);
        let Some(path) = text(node, &key, "a path")? else { return Ok(None) };
        if !contained {
            return absolute(path, &node.at, self.home, &key).map(Some);
        }
        validate::path(path).map_err(|error| Problem::from_error(&node.at, &key, &error))?;
        if path.starts_with('/') {
            return Ok(Some(PathBuf::from(path)));
        }
        let what = format!("{} is not an absolute path in the container", quoted(path));
        Err(Problem::at(&node.at, &key, what).advise("write the whole path, such as /app"))
    }

    fn env(&mut self, entry: &Entry, env: &mut BTreeMap<String, String>) {
        let (path, node) = (self.key("env"), &entry.node);
        let map = match &node.value {
            Value::Map(map) => map,
            Value::Null => return,
            other => {
                let what = format!("{} stands where a mapping of variables belongs", other.kind());
                let problem = Problem::at(&node.at, &path, what);
                self.problems.push(problem.advise("write each variable as `NAME: value`"));
                return;
            }
        };
        let count = map.iter().count();
        if count > validate::MAX_ENV {
            let what =
                format!("{count} variables: a session can have at most {}", validate::MAX_ENV);
            self.problems.push(Problem::at(&entry.key_at, &path, what));
            return;
        }
        for variable in map.iter() {
            let key = format!("{path}.{}", variable.key);
            let result = env_value(variable, &key);
            if let Some(Some(value)) = self.noted(result) {
                env.insert(variable.key.clone(), value);
            }
        }
    }

    fn env_files(&self, entry: &Entry) -> Result<Vec<PathBuf>, Problem> {
        let key = self.key("env_file");
        let Some(items) = list(&entry.node, &key)? else { return Ok(Vec::new()) };
        at_most(items.len(), MAX_ENV_FILES, "files", entry, &key)?;
        let files = scalars(items, &key)?.into_iter();
        files.map(|(file, at)| absolute(file, at, self.home, &key)).collect()
    }

    /// An option with the meaning that kstlib gave it.
    fn kstlib_option(&self, entry: &Entry) -> Result<Option<OptionValue>, Problem> {
        let (key, node) = (self.key(&entry.key), &entry.node);
        let one = |check: fn(&str) -> crate::Result<()>, wanted| {
            let Some(value) = text(node, &key, wanted)? else { return Ok(None) };
            check(value).map_err(|error| Problem::from_error(&node.at, &key, &error))?;
            Ok(Some(value.to_owned()))
        };
        Ok(match &*entry.key {
            "image" => one(validate::image, "an image's name")?.map(OptionValue::Text),
            "socket_name" => one(validate::path, "a socket's name")?.map(OptionValue::Text),
            "runtime" => {
                let name = text(node, &key, "podman or docker")?;
                name.map(|name| check_runtime(name, &node.at, &key)).transpose()?;
                name.map(|name| OptionValue::Text(name.to_owned()))
            }
            "log_volume" => text(node, &key, "a volume")?
                .map(|volume| self.volume(volume, &node.at, &key))
                .transpose()?
                .map(OptionValue::Text),
            "volumes" => list(node, &key)?
                .map(|items| {
                    at_most(items.len(), validate::MAX_VOLUMES, "volumes", entry, &key)?;
                    let volumes = scalars(items, &key)?
                        .into_iter()
                        .map(|(volume, at)| self.volume(volume, at, &key));
                    volumes.collect::<Result<Vec<_>, _>>()
                })
                .transpose()?
                .map(OptionValue::List),
            "ports" => list(node, &key)?
                .map(|items| {
                    at_most(items.len(), validate::MAX_PORTS, "ports", entry, &key)?;
                    let ports = scalars(items, &key)?.into_iter().map(|(port, at)| {
                        validate::port(port)
                            .map_err(|error| Problem::from_error(at, &key, &error))?;
                        Ok(port.to_owned())
                    });
                    ports.collect::<Result<Vec<_>, _>>()
                })
                .transpose()?
                .map(OptionValue::List),
            _ => option(node, &key)?,
        })
    }

    /// A volume with its source made absolute.
    fn volume(&self, volume: &str, at: &Place, key: &str) -> Result<String, Problem> {
        let error = |error| Problem::from_error(at, key, &error);
        let (source, rest) = match volume.split_once(':') {
            Some((source, rest)) if source.starts_with('~') => (source, rest),
            _ => return validate::absolute_volume(volume, at.source.folder()).map_err(error),
        };
        let source = utf8(from_home(source, at, self.home, key)?, at, key)?;
        validate::absolute_volume(&format!("{source}:{rest}"), at.source.folder()).map_err(error)
    }
}

fn env_value(variable: &Entry, key: &str) -> Result<Option<String>, Problem> {
    let name = variable.key.as_str();
    validate::env_key(name).map_err(|error| Problem::from_error(&variable.key_at, key, &error))?;
    let node = &variable.node;
    let value = match scalar(node, key, "a text")? {
        Some(scalar) => scalar.text.clone(),
        // Without a value: the one that kst itself has been given.
        None => match own(name) {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(None),
            Err(what) => return Err(Problem::at(&node.at, key, what)),
        },
    };
    validate::env_value(name, &value)
        .map_err(|error| Problem::from_error(&variable.key_at, key, &error))?;
    Ok(Some(value))
}

fn yes_or_no(node: &Node, key: &str) -> Result<Option<bool>, Problem> {
    let Some(word) = text(node, key, "true or false")? else { return Ok(None) };
    let what = || format!("{} is neither true nor false", quoted(word));
    validate::yes_or_no(word).map(Some).ok_or_else(|| Problem::at(&node.at, key, what()))
}

/// The items of a list; a single value is a list of one.
fn list<'n>(node: &'n Node, key: &str) -> Result<Option<&'n [Node]>, Problem> {
    match &node.value {
        Value::Null => Ok(None),
        Value::List(items) => Ok(Some(items)),
        Value::Scalar(_) => Ok(Some(std::slice::from_ref(node))),
        Value::Map(_) => Err(Problem::at(&node.at, key, "a mapping stands where a list belongs")
            .advise("write each item on a line of its own, after `- `")),
    }
}

/// The items of a list as written, each with its place.
fn scalars<'n>(items: &'n [Node], key: &str) -> Result<Vec<(&'n str, &'n Place)>, Problem> {
    let one = |item: &'n Node| match &item.value {
        Value::Scalar(scalar) => Ok((scalar.text.as_str(), &item.at)),
        other => {
            let what = format!("{} stands in the list where a text belongs", other.kind());
            let problem = Problem::at(&item.at, key, what);
            Err(match other {
                Value::Map(_) => problem.advise("put the text in quotes if it holds ': '"),
                _ => problem,
            })
        }
    };
    items.iter().map(one).collect()
}

pub(super) fn texts(items: &[Node], key: &str) -> Result<Vec<String>, Problem> {
    Ok(scalars(items, key)?.into_iter().map(|(text, _)| text.to_owned()).collect())
}

fn at_most(
    count: usize,
    limit: usize,
    what: &str,
    entry: &Entry,
    key: &str,
) -> Result<(), Problem> {
    if count > limit {
        let what = format!("{count} {what}: a session can have at most {limit}");
        return Err(Problem::at(&entry.key_at, key, what));
    }
    Ok(())
}

/// An option whose meaning only its backend knows.
fn option(node: &Node, key: &str) -> Result<Option<OptionValue>, Problem> {
    match &node.value {
        Value::Null => Ok(None),
        Value::Scalar(scalar) => Ok(Some(option_value(scalar))),
        Value::List(items) => Ok(Some(OptionValue::List(texts(items, key)?))),
        Value::Map(_) => {
            let what = "a mapping stands where an option's value belongs: that is a text, a number, \
                        true or false, or a list of texts";
            Err(Problem::at(&node.at, key, what))
        }
    }
}

/// Numbers and flags only where their text can be had back from them.
fn option_value(scalar: &Scalar) -> OptionValue {
    match (scalar.kind, &*scalar.text) {
        (Kind::Bool, "true") => OptionValue::Flag(true),
        (Kind::Bool, "false") => OptionValue::Flag(false),
        (Kind::Number, text) => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => OptionValue::Number(number),
            _ => OptionValue::Text(text.to_owned()),
        },
        (_, text) => OptionValue::Text(text.to_owned()),
    }
}
