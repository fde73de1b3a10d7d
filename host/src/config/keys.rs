//! The keys that the config knows, and what somebody may have meant.

use super::limits;
use super::problem::Problem;
use super::tree::Map;
use crate::session::validate::quoted;
use crate::text::nearest;

/// The keys of `ops`.
pub(super) const OPS: [&str; 8] = [
    "default_backend",
    "tmux_binary",
    "container_runtime",
    "history",
    "sessions",
    "groups",
    "plugins",
    limits::KEY,
];

/// The keys of a session that every backend has.
pub(super) const SESSION: [&str; 12] = [
    "backend",
    "command",
    "shell",
    "working_dir",
    "env",
    "env_file",
    "stop_signal",
    "stop_timeout",
    "restart",
    "depends_on",
    "ready",
    "history",
];

/// The keys of a session's `ready`.
pub(super) const READY: [&str; 4] = ["log", "tcp", "command", "timeout"];

/// The keys of a session's `restart`, written out.
pub(super) const RESTART: [&str; 4] = ["policy", "max", "backoff", "max_backoff"];

/// The options of kstlib's own backends.
pub(crate) const OPTIONS: [&str; 6] =
    ["image", "volumes", "ports", "runtime", "log_volume", "socket_name"];

/// The keys of an entry of `plugins`.
pub(super) const PLUGIN: [&str; 2] = ["path", "digest"];

/// Backends whose options have the meaning that kstlib gave them; what another backend's options
/// mean, its schema says.
pub(crate) const KSTLIB_BACKENDS: [&str; 2] = ["tmux", "container"];

/// The backend of a session where nothing says another.
pub(super) const DEFAULT_BACKEND: &str = "tmux";

/// What other tools call the same things.
const OTHER_NAMES: [(&str, &str); 33] = [
    ("cmd", "command"),
    ("args", "command"),
    ("run", "command"),
    ("cwd", "working_dir"),
    ("dir", "working_dir"),
    ("workdir", "working_dir"),
    ("directory", "working_dir"),
    ("environment", "env"),
    ("vars", "env"),
    ("env_files", "env_file"),
    ("depends", "depends_on"),
    ("needs", "depends_on"),
    ("healthcheck", "ready"),
    ("stop_grace_period", "stop_timeout"),
    ("kill_signal", "stop_signal"),
    ("restart_policy", "restart"),
    ("condition", "policy"),
    ("max_attempts", "max"),
    ("max_retries", "max"),
    ("delay", "backoff"),
    ("restart_sec", "backoff"),
    ("max_delay", "max_backoff"),
    ("log_size", "history"),
    ("max_size", "history"),
    ("image_name", "image"),
    ("mounts", "volumes"),
    ("mount", "volumes"),
    ("publish", "ports"),
    ("socket", "socket_name"),
    ("container_runtime", "runtime"),
    ("engine", "runtime"),
    ("type", "backend"),
    ("runner", "backend"),
];

/// That a mapping, which stands at `key` and is called `name`, has no keys but those known.
pub(super) fn check_below(
    map: &Map,
    key: &str,
    name: &str,
    known: &[&'static str],
) -> Result<(), Problem> {
    let Some(other) = map.iter().find(|below| !known.contains(&&*below.key)) else { return Ok(()) };
    let what = format!("`{name}` has no key {}", quoted(&other.key));
    let problem = Problem::at(&other.key_at, &format!("{key}.{}", other.key), what);
    Err(match (meant(&other.key, known.iter().copied()), known) {
        (Some(meant), _) => problem.advise(format!("did you mean '{meant}'?")),
        (None, [first @ .., last]) => {
            problem.advise(format!("it has {} and {last}", first.join(", ")))
        }
        (None, []) => problem,
    })
}

/// The known key that `key` was probably meant to be, if it is none itself.
pub(super) fn meant<'k>(key: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let known: Vec<&str> = known.into_iter().collect();
    let plain = key.to_lowercase().replace('-', "_");
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == plain);
    let other = other.and_then(|(_, other)| known.iter().copied().find(|known| known == other));
    match other {
        Some(_) if known.contains(&key) => None,
        Some(other) => Some(other),
        None => nearest(key, known),
    }
}
