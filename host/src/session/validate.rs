//! The rules that names, paths, images, volumes, ports and variables keep.
//!
//! Each function takes a value as its user wrote it and gives [`Error::Invalid`] with a sentence
//! that says which rule is broken, and an advice where the repair is obvious. Lengths are counted
//! in characters, as kstlib counts them. Nothing here looks at the file system.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::text::escape_controls;
use crate::{Error, Result};

/// The longest session name.
pub const MAX_NAME: usize = 64;
/// The longest image reference.
pub const MAX_IMAGE: usize = 256;
/// The most volumes of a session.
pub const MAX_VOLUMES: usize = 20;
/// The most ports of a session.
pub const MAX_PORTS: usize = 50;
/// The most variables that a session is given besides the caller's environment.
pub const MAX_ENV: usize = 100;
/// The longest name of a variable.
pub const MAX_ENV_KEY: usize = 128;
/// The longest value of a variable.
pub const MAX_ENV_VALUE: usize = 32_768;
/// The longest command given as one text.
pub const MAX_COMMAND: usize = 4_096;
/// The longest path, in bytes: Linux takes no longer one.
pub const MAX_PATH: usize = 4_095;

/// Variables that make programs load foreign code; a session is not given them by its definition.
pub const REFUSED_ENV_KEYS: [&str; 9] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "NODE_OPTIONS",
    "PERL5OPT",
    "RUBYOPT",
];

/// What may stand after the second colon of a volume, as podman and docker have it.
const VOLUME_MODES: [&str; 28] = [
    "ro",
    "rw",
    "z",
    "Z",
    "O",
    "U",
    "copy",
    "nocopy",
    "cached",
    "delegated",
    "consistent",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "private",
    "rprivate",
    "unbindable",
    "runbindable",
    "bind",
    "rbind",
    "exec",
    "noexec",
    "dev",
    "nodev",
    "suid",
    "nosuid",
    "idmap",
];

/// The longest name, in bytes, that a session of somebody else's can have here. Engines allow less.
pub const LONGEST_FOREIGN_NAME: usize = 1024;

/// The name of a session that need not be one of kst's: whatever its engine allows.
///
/// # Errors
///
/// [`Error::Invalid`] for what no engine can have: nothing, control characters, over 1,024 bytes.
pub fn foreign_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid("a session's name cannot be empty"));
    }
    if name.len() > LONGEST_FOREIGN_NAME {
        return Err(Error::invalid(format!(
            "the session name is {} bytes long; at most {LONGEST_FOREIGN_NAME} are possible",
            name.len()
        )));
    }
    if let Some(c) = name.chars().find(|c| c.is_control()) {
        return Err(Error::invalid(format!(
            "the session name {} holds {}; no session can be called so",
            quoted(name),
            character(c)
        )));
    }
    Ok(())
}

/// A session's name: an ASCII letter, then ASCII letters, digits, `_` or `-`, at most
/// [`MAX_NAME`] in all.
///
/// ```
/// use kst::session::validate::session_name;
///
/// assert!(session_name("web-1").is_ok());
/// let error = session_name("web 1").unwrap_err();
/// assert_eq!(error.exit_code(), 2);
/// ```
pub fn session_name(name: &str) -> Result<()> {
    let what = if name.is_empty() {
        return Err(Error::invalid("a session's name cannot be empty"));
    } else if name.chars().count() > MAX_NAME {
        return Err(invalid(
            format!(
                "the session name {} has {} characters; at most {MAX_NAME} are possible",
                quoted(name),
                name.chars().count()
            ),
            None,
        ));
    } else if name.ends_with(['\n', '\r']) {
        format!("the session name {} ends in a line break", quoted(name))
    } else if let Some(c) = name.chars().find(|c| !name_character(*c)) {
        format!(
            "the session name {} holds {}; only the letters a to z and A to Z, digits, '_' and '-' \
             can be in it",
            quoted(name),
            character(c)
        )
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        format!("the session name {} does not begin with a letter", quoted(name))
    } else {
        return Ok(());
    };
    Err(invalid(what, repaired_name(name).map(|name| format!("'{name}' would do"))))
}

fn name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A valid name that is `name` but for separators and what hangs on at its ends.
fn repaired_name(name: &str) -> Option<String> {
    let trimmed = name.trim().trim_start_matches(['_', '-', '.']);
    let repaired: String = trimmed
        .chars()
        .map(|c| if matches!(c, ' ' | '.' | ':' | '/' | '+' | '@') { '-' } else { c })
        .collect();
    (repaired != name && session_name(&repaired).is_ok()).then_some(repaired)
}

/// The name of a backend: like a session's.
pub fn backend_name(name: &str) -> Result<()> {
    session_name(name).map_err(|_| {
        Error::invalid(format!(
            "{} cannot be a backend's name: that is a letter, then letters, digits, '_' or '-', at \
             most {MAX_NAME} in all",
            quoted(name)
        ))
    })
}

/// A path of this machine or of a container: not empty, at most [`MAX_PATH`] bytes, without
/// control characters.
pub fn path(path: &str) -> Result<()> {
    if path.is_empty() {
        return Err(Error::invalid("a path cannot be empty"));
    }
    if path.len() > MAX_PATH {
        return Err(Error::invalid(format!(
            "the path {} has {} bytes; at most {MAX_PATH} are possible",
            quoted(path),
            path.len()
        )));
    }
    no_controls("path", path)
}

/// A reference to an OCI image, at most [`MAX_IMAGE`] characters:
/// `[HOST[:PORT]/]NAME[/NAME…][:TAG][@DIGEST]`.
pub fn image(image: &str) -> Result<()> {
    if image.is_empty() {
        return Err(Error::invalid("an image's name cannot be empty"));
    }
    let length = image.chars().count();
    if length > MAX_IMAGE {
        return Err(Error::invalid(format!(
            "the image name {} has {length} characters; at most {MAX_IMAGE} are possible",
            quoted(image)
        )));
    }
    let wrong = |why: String, advice: Option<String>| {
        invalid(format!("{} is not an image's name: {why}", quoted(image)), advice)
    };
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    if let Some(digest) = digest {
        image_digest(digest).map_err(|why| wrong(why, None))?;
    }
    // A colon after the last slash begins a tag; one before it belongs to the registry's port.
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest.get(last..).and_then(|end| end.find(':')) {
        Some(colon) => {
            let (name, tag) = rest.split_at(last + colon);
            (name, tag.get(1..))
        }
        None => (rest, None),
    };
    if let Some(tag) = tag {
        let begins = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let all = tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !begins || !all || tag.len() > 128 {
            return Err(wrong(
                format!(
                    "the tag {} is not up to 128 letters, digits, '_', '.' and '-' that do not \
                     begin with '.' or '-'",
                    quoted(tag)
                ),
                None,
            ));
        }
    }
    let (registry, path) = match name.split_once('/') {
        Some((first, path))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.contains(|c: char| c.is_ascii_uppercase()) =>
        {
            (Some(first), path)
        }
        _ => (None, name),
    };
    if let Some(registry) = registry {
        image_registry(registry).map_err(|why| wrong(why, None))?;
    }
    for part in path.split('/') {
        if let Err(why) = image_part(part) {
            let lower = part.to_ascii_lowercase();
            let advice = (lower != part && image_part(&lower).is_ok())
                .then(|| "image names are written in small letters".to_owned());
            return Err(wrong(why, advice));
        }
    }
    Ok(())
}

/// `HOST[:PORT]`.
fn image_registry(registry: &str) -> Result<(), String> {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !registry.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    if let Some(port) = port {
        port_number(port)?;
    }
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fine = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        }),
    };
    if fine { Ok(()) } else { Err(format!("{} is not the name of a registry", quoted(host))) }
}

/// One part of an image's path: small letters and digits, joined by `.`, `_`, `__` or dashes.
fn image_part(part: &str) -> Result<(), String> {
    if part.is_empty() {
        return Err("a part of it is empty".to_owned());
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(c) = part.chars().find(|c| !plain(*c) && !matches!(c, '.' | '_' | '-')) {
        return Err(format!("{} cannot be in it", character(c)));
    }
    if !part.starts_with(plain) || !part.ends_with(plain) {
        return Err(format!("{} does not begin and end in a letter or digit", quoted(part)));
    }
    let joined = part
        .split(plain)
        .filter(|joint| !joint.is_empty())
        .all(|joint| matches!(joint, "." | "_" | "__") || joint.chars().all(|c| c == '-'));
    if joined {
        Ok(())
    } else {
        Err(format!("the separators in {} are not '.', '_', '__' or dashes", quoted(part)))
    }
}

/// `ALGORITHM:HEX`.
fn image_digest(digest: &str) -> Result<(), String> {
    let hex = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let fine = match digest.split_once(':') {
        Some(("sha256", value)) => value.len() == 64 && hex(value),
        Some(("sha512", value)) => value.len() == 128 && hex(value),
        _ => false,
    };
    if fine {
        return Ok(());
    }
    Err(format!(
        "the digest {} is neither sha256 with 64 nor sha512 with 128 small hexadecimal digits",
        quoted(digest)
    ))
}

/// A volume: `SOURCE:TARGET[:MODE]`, SOURCE a path of this machine or the name of a volume, TARGET
/// an absolute path in the container, MODE words joined by commas (`ro`, `rw`, `z`, `Z`, …).
/// Neither path may have a part `..`.
pub fn volume(volume: &str) -> Result<()> {
    split_volume(volume).map(drop)
}

/// The parts of a valid volume: source, target, mode.
fn split_volume(volume: &str) -> Result<(&str, &str, Option<&str>)> {
    let wrong = |why: &str, advice: Option<String>| {
        invalid(format!("the volume {} is not possible: {why}", quoted(volume)), advice)
    };
    no_controls("volume", volume)?;
    let mut parts = volume.split(':');
    let (source, target, mode) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(source), Some(target), mode, None) => (source, target, mode),
        (_, None, ..) => {
            return Err(wrong(
                "it has no ':' between a path here and a path in the container",
                Some("write SOURCE:TARGET, such as ./data:/data".to_owned()),
            ));
        }
        _ => return Err(wrong("it has more than SOURCE:TARGET:MODE", None)),
    };
    if source.is_empty() {
        return Err(wrong("its source is empty", None));
    }
    if source.len() > MAX_PATH || target.len() > MAX_PATH {
        return Err(wrong("a path in it is too long", None));
    }
    for (path, which) in [(source, "source"), (target, "target")] {
        if path.split('/').any(|part| part == "..") {
            return Err(wrong(
                &format!("its {which} goes up by '..'"),
                Some("write the path without '..', absolute if need be".to_owned()),
            ));
        }
    }
    if source.starts_with('~') {
        return Err(wrong("'~' is not a path of its own", Some("write the whole path".to_owned())));
    }
    if !is_path(source) && !is_volume_name(source) {
        return Err(wrong(
            &format!(
                "{} is neither a path nor a volume's name (a letter or digit, then letters, \
                 digits, '_', '.' or '-')",
                quoted(source)
            ),
            Some(format!("write ./{source} for a folder of that name")),
        ));
    }
    if !target.starts_with('/') {
        return Err(wrong(
            &format!("its target {} is not an absolute path in the container", quoted(target)),
            None,
        ));
    }
    if let Some(mode) = mode
        && let Some(word) = mode.split(',').find(|word| !VOLUME_MODES.contains(word))
    {
        return Err(wrong(
            &format!("{} is not a mode of a volume", quoted(word)),
            Some("the usual modes are ro, rw, z and Z, joined by commas".to_owned()),
        ));
    }
    Ok((source, target, mode))
}

/// Whether the source of a volume is a path, and not the name of a volume.
fn is_path(source: &str) -> bool {
    source.contains('/') || source == "."
}

fn is_volume_name(source: &str) -> bool {
    source.starts_with(|c: char| c.is_ascii_alphanumeric())
        && source.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A valid volume with its source made absolute: a relative path counts from `base`, which is
/// absolute; the name of a volume stays.
pub fn absolute_volume(volume: &str, base: &Path) -> Result<String> {
    let (source, target, mode) = split_volume(volume)?;
    if !is_path(source) || source.starts_with('/') {
        return Ok(volume.to_owned());
    }
    let full: std::path::PathBuf = base.join(source).components().collect();
    // A colon in the folder's own name would move the borders of the three parts.
    let full = full.to_str().filter(|full| !full.contains(':')).ok_or_else(|| {
        invalid(
            format!(
                "the volume {} is not possible: the folder {} has a ':' or is not UTF-8, and a \
                 volume cannot say that",
                quoted(volume),
                base.display()
            ),
            Some("name a folder whose whole path has neither".to_owned()),
        )
    })?;
    Ok(match mode {
        Some(mode) => format!("{full}:{target}:{mode}"),
        None => format!("{full}:{target}"),
    })
}

/// The volumes of a session, at most [`MAX_VOLUMES`].
pub fn volumes<S: AsRef<str>>(list: &[S]) -> Result<()> {
    at_most(list.len(), MAX_VOLUMES, "volumes")?;
    list.iter().try_for_each(|item| volume(item.as_ref()))
}

/// A port: `[[ADDRESS:]PORT:]PORT[/tcp|/udp|/sctp]`, each PORT a number from 1 to 65535 or a range
/// `FIRST-LAST`, ADDRESS an IPv4 address or an IPv6 address in brackets. PORT after ADDRESS may be
/// empty: any free one.
pub fn port(port: &str) -> Result<()> {
    let wrong = |why: String, advice: Option<String>| {
        invalid(format!("the port {} is not possible: {why}", quoted(port)), advice)
    };
    if port.is_empty() {
        return Err(Error::invalid("a port cannot be empty"));
    }
    no_controls("port", port)?;
    let (ports, protocol) = match port.split_once('/') {
        Some((ports, protocol)) => (ports, Some(protocol)),
        None => (port, None),
    };
    if let Some(protocol) = protocol
        && !matches!(protocol, "tcp" | "udp" | "sctp")
    {
        let lower = protocol.to_ascii_lowercase();
        let advice = matches!(&*lower, "tcp" | "udp" | "sctp").then(|| format!("write /{lower}"));
        let why = format!("the protocol {} is not tcp, udp or sctp", quoted(protocol));
        return Err(wrong(why, advice));
    }
    let (host, inside) = match ports.rsplit_once(':') {
        Some((host, inside)) => (Some(host), inside),
        None => (None, ports),
    };
    let inside = port_range(inside).map_err(|why| wrong(why, None))?;
    let Some(host) = host else { return Ok(()) };
    let (address, outside) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once("]:") {
            Some((address, outside)) => {
                address.parse::<Ipv6Addr>().map_err(|_| {
                    wrong(format!("{} is not an IPv6 address", quoted(address)), None)
                })?;
                (true, outside)
            }
            None => {
                return Err(wrong(
                    "after an address in brackets stands ':' and a port".to_owned(),
                    None,
                ));
            }
        },
        None => match host.rsplit_once(':') {
            Some((address, outside)) => {
                ipv4(address).map_err(|(why, advice)| wrong(why, advice))?;
                (true, outside)
            }
            None => (false, host),
        },
    };
    if address && outside.is_empty() {
        return Ok(());
    }
    if outside.contains('.') {
        return Err(wrong(
            format!(
                "between the address {} and the container's port stands a port",
                quoted(outside)
            ),
            Some(format!("write {outside}:PORT:{}", ports.rsplit(':').next().unwrap_or_default())),
        ));
    }
    let outside = port_range(outside).map_err(|why| wrong(why, None))?;
    let length = |(first, last): (u16, u16)| last - first;
    if length(inside) != length(outside) && length(inside) != 0 {
        return Err(wrong("its two ranges are not of the same length".to_owned(), None));
    }
    Ok(())
}

/// An IPv4 address, or why not and what to write.
fn ipv4(address: &str) -> Result<(), (String, Option<String>)> {
    if address.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    let why = format!("{} is not an IP address", quoted(address));
    let advice = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => Some(format!("write an IPv6 address in brackets: [{address}]")),
        _ if address == "localhost" => Some("write 127.0.0.1".to_owned()),
        _ if address == "*" => Some("write 0.0.0.0".to_owned()),
        _ => None,
    };
    Err((why, advice))
}

/// `PORT` or `FIRST-LAST`.
fn port_range(text: &str) -> Result<(u16, u16), String> {
    let Some((first, last)) = text.split_once('-') else {
        let port = port_number(text)?;
        return Ok((port, port));
    };
    let (first, last) = (port_number(first)?, port_number(last)?);
    if first > last {
        return Err(format!("the range {} ends before it begins", quoted(text)));
    }
    Ok((first, last))
}

fn port_number(text: &str) -> Result<u16, String> {
    if text.is_empty() {
        return Err("a port's number is missing".to_owned());
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_digit()) {
        return Err(format!("{} in {} is not a digit", character(c), quoted(text)));
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{} is not between 1 and 65535", quoted(text))),
    }
}

/// The ports of a session, at most [`MAX_PORTS`].
pub fn ports<S: AsRef<str>>(list: &[S]) -> Result<()> {
    at_most(list.len(), MAX_PORTS, "ports")?;
    list.iter().try_for_each(|item| port(item.as_ref()))
}

/// The name of a variable: an ASCII letter or `_`, then ASCII letters, digits or `_`, at most
/// [`MAX_ENV_KEY`] in all, and none of [`REFUSED_ENV_KEYS`].
pub fn env_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::invalid("a variable's name cannot be empty"));
    }
    let length = key.chars().count();
    if length > MAX_ENV_KEY {
        return Err(Error::invalid(format!(
            "the variable name {} has {length} characters; at most {MAX_ENV_KEY} are possible",
            quoted(key)
        )));
    }
    if let Some(c) = key.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        let repaired = key.trim().replace('-', "_");
        let advice = (repaired != key && env_key(&repaired).is_ok())
            .then(|| format!("'{repaired}' would do"));
        return Err(invalid(
            format!(
                "the variable name {} holds {}; only the letters a to z and A to Z, digits and \
                 '_' can be in it",
                quoted(key),
                character(c)
            ),
            advice,
        ));
    }
    if key.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Error::invalid(format!(
            "the variable name {} begins with a digit",
            quoted(key)
        )));
    }
    if REFUSED_ENV_KEYS.contains(&key) {
        return Err(invalid(
            format!("the variable {key} is refused: it makes programs load foreign code"),
            Some(format!(
                "set it in the command itself, with `env {key}=… PROGRAM`, if that is what you want"
            )),
        ));
    }
    Ok(())
}

/// The value of a variable: at most [`MAX_ENV_VALUE`] characters, without NUL. The value is not in
/// the error's text; `key` is.
pub fn env_value(key: &str, value: &str) -> Result<()> {
    let length = value.chars().count();
    if length > MAX_ENV_VALUE {
        return Err(Error::invalid(format!(
            "the value of the variable {} has {length} characters; at most {MAX_ENV_VALUE} are \
             possible",
            quoted(key)
        )));
    }
    if value.contains('\0') {
        return Err(Error::invalid(format!(
            "the value of the variable {} holds a NUL character, which no variable can",
            quoted(key)
        )));
    }
    Ok(())
}

/// The variables that a session is given besides the caller's environment: at most [`MAX_ENV`].
pub fn env(env: &BTreeMap<String, String>) -> Result<()> {
    at_most(env.len(), MAX_ENV, "variables")?;
    env.iter().try_for_each(|(key, value)| {
        env_key(key)?;
        env_value(key, value)
    })
}

/// A word that means yes or no: `true`, `yes`, `on`, `false`, `no`, `off`, in any case, as YAML 1.1
/// has them.
pub fn yes_or_no(text: &str) -> Option<bool> {
    match &*text.to_ascii_lowercase() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn at_most(count: usize, limit: usize, what: &str) -> Result<()> {
    if count > limit {
        return Err(Error::invalid(format!("{count} {what}: a session can have at most {limit}")));
    }
    Ok(())
}

/// No control characters; a line break that hangs on at the end gets a sentence of its own, as it
/// is hard to see.
fn no_controls(what: &str, value: &str) -> Result<()> {
    let why = match value.chars().find(|c| c.is_control()) {
        None => return Ok(()),
        Some(_) if !value.trim_end_matches(['\n', '\r']).contains(char::is_control) => {
            "ends in a line break".to_owned()
        }
        Some(c) => format!("holds {}", character(c)),
    };
    Err(Error::invalid(format!("the {what} {} {why}", quoted(value))))
}

fn invalid(what: impl Into<String>, advice: Option<String>) -> Error {
    Error::Invalid { what: what.into(), advice }
}

/// A value in quotes, shortened, with nothing in it that a terminal would act on.
pub(crate) fn quoted(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut text: String = value.chars().take(SHOWN).collect();
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    format!("'{}'", escape_controls(&text))
}

/// A character as it is called in a sentence.
pub(crate) fn character(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\t' => "a tab".to_owned(),
        '\n' | '\r' => "a line break".to_owned(),
        '\0' => "a NUL character".to_owned(),
        '\'' => "a quote".to_owned(),
        c if c.is_control() => "a control character".to_owned(),
        c => format!("'{}'", escape_controls(&c.to_string())),
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
