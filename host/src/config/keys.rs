//! The keys that the config knows, and what somebody may have meant.

/// The keys of `ops`.
pub(super) const OPS: [&str; 5] =
    ["default_backend", "tmux_binary", "container_runtime", "sessions", "plugins"];

/// The keys of a session that every backend has.
pub(super) const SESSION: [&str; 5] = ["backend", "command", "shell", "working_dir", "env"];

/// The options of kstlib's own backends.
pub(crate) const OPTIONS: [&str; 6] =
    ["image", "volumes", "ports", "runtime", "log_volume", "socket_name"];

/// The keys of an entry of `plugins`.
pub(super) const PLUGIN: [&str; 1] = ["path"];

/// Backends whose options have the meaning that kstlib gave them; what another backend's options
/// mean, its schema says.
pub(crate) const KSTLIB_BACKENDS: [&str; 2] = ["tmux", "container"];

/// The backend of a session where nothing says another.
pub(super) const DEFAULT_BACKEND: &str = "tmux";

/// What other tools call the same things.
const OTHER_NAMES: [(&str, &str); 18] = [
    ("cmd", "command"),
    ("args", "command"),
    ("run", "command"),
    ("cwd", "working_dir"),
    ("dir", "working_dir"),
    ("workdir", "working_dir"),
    ("directory", "working_dir"),
    ("environment", "env"),
    ("vars", "env"),
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

/// The known key that `key` was probably meant to be, if it is none itself.
pub(super) fn meant<'k>(key: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // No slip makes a long key, and the comparison takes time and memory by the length.
    if key.len() > 32 {
        return None;
    }
    let plain = key.to_lowercase().replace('-', "_");
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == plain).map(|(_, known)| *known);
    // One slip for a short word, two for a longer one.
    let slips = if plain.chars().count() <= 4 { 1 } else { 2 };
    let mut best: Option<(usize, &'k str)> = None;
    for candidate in known {
        if candidate == key {
            return None;
        }
        let distance = if other == Some(candidate) {
            0
        } else {
            strsim::damerau_levenshtein(&plain, candidate)
        };
        if distance <= slips && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
