//! Filling a form: a form and a request make an argv.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use jiff::Timestamp;

use super::bind::Binding;
use super::error::DoorError;
use super::escape;
use super::form::{Condition, Flag, Form, Group, Item, Part, Placeholder, Value, Word};
use super::request::Request;
use crate::guard::Guard;
use crate::session::OptionValue;
use crate::text::escape_controls;

/// The longest word, in bytes: Linux takes no longer one.
const WORD_BYTES: usize = 128 * 1024 - 1;
/// The most bytes of a whole argv; the environment has to fit into the kernel's 2 MiB, too.
const ARGV_BYTES: usize = 1024 * 1024;
/// A word of these alone separates or groups what stands around it, to one program or another.
const SEPARATORS: &str = ";&|(){}[]<>!+:,";
/// The most words of a whole argv.
const ARGV_WORDS: usize = 65_536;

/// Where the manifest's constant files are.
pub trait ConstFiles: Sync {
    /// The path of the file of this name, absolute, written and read-only. The error is a sentence.
    fn path(&self, name: &str) -> Result<PathBuf, String>;
}

impl<F: Fn(&str) -> Result<PathBuf, String> + Sync> ConstFiles for F {
    fn path(&self, name: &str) -> Result<PathBuf, String> {
        self(name)
    }
}

/// For manifests without constant files.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl ConstFiles for NoFiles {
    fn path(&self, name: &str) -> Result<PathBuf, String> {
        Err(format!("the constant file '{}' is not there", escape_controls(name)))
    }
}

/// What a form is filled from.
pub(super) struct Source<'a> {
    pub request: &'a Request,
    /// Whether the engine has several places, so that each is named.
    pub has_locations: bool,
    pub bound: &'a Binding,
    pub files: &'a dyn ConstFiles,
    /// The path of the env file, where the request has values for one.
    pub env_file: Option<&'a str>,
}

/// A filled form.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// The words after the program.
    pub words: Vec<OsString>,
    pub placed: Placed,
}

/// What of the request stands in the words.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub values: BTreeSet<Placeholder>,
    /// Flag options that decided about a group.
    pub flags: BTreeSet<String>,
    /// Whether words stand that are there only to start a session as it is.
    pub resumes: bool,
    /// Whether words stand that are there only to have Enter follow.
    pub enters: bool,
}

/// The value of a placeholder.
enum Filling<'a> {
    None,
    One(Cow<'a, [u8]>),
    /// Several words.
    Words(Vec<Cow<'a, [u8]>>),
    /// One item at a time, for a repeated group.
    List(Vec<&'a str>),
}

/// Fill `form` from `source`, its parameters from `parameters`.
pub(super) fn fill(
    form: &Form,
    parameters: &[String],
    source: &Source<'_>,
) -> Result<Filled, DoorError> {
    let mut filler = Filler {
        form,
        source,
        parameters: parameters.iter(),
        filled: Filled::default(),
        bytes: 0,
        dashes: false,
    };
    if form.first == super::form::FirstWord::Location {
        filler.filled.placed.values.insert(Placeholder::Location);
    }
    for item in &form.items {
        match item {
            Item::Word(word) => filler.word(word, None)?,
            Item::Group(group) => filler.group(group)?,
            Item::Rest => filler.rest(true)?,
            Item::Anything => filler.rest(false)?,
        }
    }
    match filler.parameters.next() {
        Some(_) => Err(filler.bad("was given more parameters than it takes")),
        None => Ok(filler.filled),
    }
}

struct Filler<'a> {
    form: &'a Form,
    source: &'a Source<'a>,
    parameters: std::slice::Iter<'a, String>,
    filled: Filled,
    bytes: usize,
    /// Whether a literal `--` stands before: what follows is no option.
    dashes: bool,
}

impl<'a> Filler<'a> {
    fn refused(&self, what: &str) -> DoorError {
        DoorError::Refused(format!(
            "the form '{}' {what}: `{}`",
            self.form.name(),
            self.form.usage()
        ))
    }

    fn bad(&self, what: &str) -> DoorError {
        DoorError::BadParameter(format!(
            "the form '{}' {what}: `{}`",
            self.form.name(),
            self.form.usage()
        ))
    }

    fn group(&mut self, group: &'a Group) -> Result<(), DoorError> {
        self.note_flags(group)?;
        if !group.conditions.iter().all(|condition| self.stands(condition)) {
            return Ok(());
        }
        let mut list = None;
        for part in group.words.iter().flat_map(|word| &word.parts) {
            let Part::Value(value) = part else { continue };
            match self.value(&value.placeholder)? {
                Filling::None => return Ok(()),
                Filling::List(items) => list = Some(items),
                Filling::One(_) | Filling::Words(_) => {}
            }
        }
        let resume = Condition { flag: Flag::Resume, wanted: true };
        self.filled.placed.resumes |= group.conditions.contains(&resume);
        let enter = Condition { flag: Flag::Enter, wanted: true };
        self.filled.placed.enters |= group.conditions.contains(&enter);
        match list {
            None => {
                for word in &group.words {
                    self.word(word, None)?;
                }
            }
            Some(items) => {
                for item in items {
                    for word in &group.words {
                        self.word(word, Some(item))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn stands(&self, condition: &Condition) -> bool {
        let request = self.source.request;
        let is = match &condition.flag {
            Flag::Terminal => request.terminal,
            Flag::Inside => request.location.inside,
            Flag::Force => request.force,
            Flag::Resume => request.resume,
            Flag::Enter => request.enter,
            Flag::Times => request.times,
            Flag::Option(name) => match request.options.get(name) {
                None | Some(OptionValue::Flag(false)) => false,
                Some(OptionValue::List(list)) => !list.is_empty(),
                Some(_) => true,
            },
        };
        is == condition.wanted
    }

    /// Flag options are carried by a group that hangs on them, unless something else than the flag
    /// keeps the group away.
    fn note_flags(&mut self, group: &Group) -> Result<(), DoorError> {
        for condition in &group.conditions {
            let Flag::Option(name) = &condition.flag else { continue };
            let mut decided = group
                .conditions
                .iter()
                .filter(|other| *other != condition)
                .all(|other| self.stands(other));
            for part in group.words.iter().flat_map(|word| &word.parts) {
                if let Part::Value(value) = part {
                    decided &= match self.value(&value.placeholder)? {
                        Filling::None => false,
                        Filling::List(items) => !items.is_empty(),
                        Filling::One(_) | Filling::Words(_) => true,
                    };
                }
            }
            if decided {
                self.filled.placed.flags.insert(name.clone());
            }
        }
        Ok(())
    }

    /// Fill one word; `item` is the current item of a repeated group's list.
    fn word(&mut self, word: &Word, item: Option<&str>) -> Result<(), DoorError> {
        if let [Part::Value(value)] = word.parts.as_slice()
            && let Filling::Words(words) = self.value(&value.placeholder)?
            && !value.encodings.contains(&super::form::Encoding::Sh)
        {
            let words: Vec<Vec<u8>> = words.into_iter().map(Cow::into_owned).collect();
            for word in words {
                self.no_controls(&value.placeholder, &word)?;
                self.push(encoded(word, &value.encodings))?;
            }
            self.filled.placed.values.insert(value.placeholder.clone());
            return Ok(());
        }
        let mut out = Vec::new();
        let mut from_value = None;
        for part in &word.parts {
            let (text, placeholder) = match part {
                Part::Literal(text) => (text.clone().into_bytes(), None),
                Part::Int => (self.int()?.into_bytes(), None),
                Part::Text => {
                    let text = self.parameter()?;
                    self.check_parameter(text)?;
                    (text.clone().into_bytes(), None)
                }
                Part::Value(value) => (self.encoded(value, item)?, Some(&value.placeholder)),
            };
            if out.is_empty() && from_value.is_none() && !text.is_empty() {
                from_value = Some(placeholder);
            }
            out.extend_from_slice(&text);
        }
        if let Some(Some(placeholder)) = from_value
            && out.first() == Some(&b'-')
            && !self.dashes
            && !placeholder.is_words()
            && Guard::Dashes.holds()
        {
            return Err(self.dash(placeholder, &out));
        }
        if let [Part::Literal(text)] = word.parts.as_slice() {
            match text.as_str() {
                "--" => self.dashes = true,
                // Where programs chain commands in one argv, each has its own options.
                ";" => self.dashes = false,
                _ => {}
            }
        }
        self.push(out)
    }

    fn dash(&self, placeholder: &Placeholder, value: &[u8]) -> DoorError {
        let value = escape_controls(&String::from_utf8_lossy(value));
        self.refused(&format!(
            "would place {placeholder} with the value '{value}', which begins with a dash and would \
             be read as an option"
        ))
    }

    /// A value as a part of a word.
    fn encoded(&mut self, value: &Value, item: Option<&str>) -> Result<Vec<u8>, DoorError> {
        let placeholder = &value.placeholder;
        let sh = value.encodings.contains(&super::form::Encoding::Sh);
        let (text, rest) = match self.value(placeholder)? {
            Filling::None => return Err(self.none(placeholder)),
            Filling::One(text) => (text.into_owned(), value.encodings.as_slice()),
            Filling::List(_) => match item {
                Some(item) => (item.as_bytes().to_vec(), value.encodings.as_slice()),
                None => {
                    return Err(self.refused(&format!(
                        "places the list {placeholder} outside a repeated group"
                    )));
                }
            },
            Filling::Words(words) => {
                let words: Vec<Vec<u8>> = words.into_iter().map(Cow::into_owned).collect();
                for word in &words {
                    self.no_controls(placeholder, word)?;
                }
                // `sh` is the first encoding of a value of several words: the parser sees to it.
                (escape::sh_words(&words), value.encodings.get(1..).unwrap_or_default())
            }
        };
        self.no_controls(placeholder, &text)?;
        if sh && text.first() == Some(&b'-') && !placeholder.is_words() {
            return Err(self.dash(placeholder, &text));
        }
        self.filled.placed.values.insert(placeholder.clone());
        Ok(encoded(text, rest))
    }

    /// Values are printable, but for what the user typed or runs, which is the user's.
    fn no_controls(&self, placeholder: &Placeholder, value: &[u8]) -> Result<(), DoorError> {
        let free = placeholder.is_words() || *placeholder == Placeholder::Keys;
        let bad = match free {
            true => value.contains(&0),
            false => match std::str::from_utf8(value) {
                Ok(text) => text.contains(char::is_control),
                Err(_) => value.iter().any(u8::is_ascii_control),
            },
        };
        match bad {
            true => Err(self.refused(&format!(
                "cannot place {placeholder}: its value holds a control character"
            ))),
            false => Ok(()),
        }
    }

    fn none(&self, placeholder: &Placeholder) -> DoorError {
        match placeholder {
            Placeholder::Id => DoorError::Unbound(format!(
                "the form '{}' needs {{id}}, and no output line has named this session yet: `{}`",
                self.form.name(),
                self.form.usage()
            )),
            _ => self.refused(&format!(
                "needs {placeholder}, and this {} has no such value",
                self.source.request.operation
            )),
        }
    }

    fn value(&self, placeholder: &Placeholder) -> Result<Filling<'a>, DoorError> {
        let request = self.source.request;
        let text = |text: &'a Option<String>| match text {
            Some(text) => Filling::One(Cow::Borrowed(text.as_bytes())),
            None => Filling::None,
        };
        let path = |path: &'a Option<PathBuf>| match path {
            Some(path) => Filling::One(Cow::Borrowed(path.as_os_str().as_bytes())),
            None => Filling::None,
        };
        let number = |number: Option<u32>| match number {
            Some(number) => Filling::One(Cow::Owned(number.to_string().into_bytes())),
            None => Filling::None,
        };
        // RFC 3339 in UTC, with all digits: every engine reads that, whatever its zone and locale.
        let time = |time: Option<Timestamp>| match time {
            Some(time) => Filling::One(Cow::Owned(format!("{time:.9}").into_bytes())),
            None => Filling::None,
        };
        let words = |words: &'a Option<Vec<OsString>>| match words {
            Some(words) => {
                Filling::Words(words.iter().map(|word| Cow::Borrowed(word.as_bytes())).collect())
            }
            None => Filling::None,
        };
        Ok(match placeholder {
            Placeholder::Name => text(&request.name),
            Placeholder::Location => {
                if self.source.has_locations {
                    Filling::One(Cow::Borrowed(request.location.name.as_bytes()))
                } else {
                    Filling::None
                }
            }
            Placeholder::Launch => words(&request.launch),
            Placeholder::Recorder => words(&request.recorder),
            Placeholder::Log => path(&request.log),
            Placeholder::Command => match &request.command {
                Some(command) if !command.is_empty() => Filling::Words(
                    command.iter().map(|word| Cow::Borrowed(word.as_bytes())).collect(),
                ),
                _ => Filling::None,
            },
            Placeholder::EnvFile => match self.source.env_file {
                Some(path) => Filling::One(Cow::Borrowed(path.as_bytes())),
                None => Filling::None,
            },
            Placeholder::EnvInherited => {
                let keys: Vec<&str> =
                    request.env_inherited().map(|(key, _)| key.as_str()).collect();
                for key in &keys {
                    if steers_clients(key) && Guard::ClientVariables.holds() {
                        return Err(DoorError::Refused(format!(
                            "the value of the variable {} holds a newline, so it would have to \
                             pass through the engine's own client, which it would steer",
                            escape_controls(key)
                        )));
                    }
                }
                Filling::List(keys)
            }
            Placeholder::Workdir => text(&request.workdir),
            Placeholder::Option(name) => match request.options.get(name) {
                None => Filling::None,
                Some(OptionValue::Text(text)) => Filling::One(Cow::Borrowed(text.as_bytes())),
                Some(OptionValue::Number(number)) => {
                    Filling::One(Cow::Owned(number.to_string().into_bytes()))
                }
                Some(OptionValue::List(list)) => {
                    Filling::List(list.iter().map(String::as_str).collect())
                }
                Some(OptionValue::Flag(_)) => {
                    return Err(self.refused(&format!(
                        "places {placeholder}, but the value of this option is yes or no"
                    )));
                }
            },
            Placeholder::Run => text(&request.run),
            Placeholder::Lines => number(request.lines),
            Placeholder::Since => time(request.since),
            Placeholder::Until => time(request.until),
            Placeholder::Timeout => number(request.timeout),
            Placeholder::Keys => text(&request.keys),
            Placeholder::KeysFile => path(&request.keys_file),
            Placeholder::PasteFile => path(&request.paste_file),
            Placeholder::Signal => text(&request.signal),
            Placeholder::Restart => text(&request.restart),
            Placeholder::Id => match self.source.bound {
                Binding::None => Filling::None,
                Binding::One { row, .. } => match &row.id {
                    Some(id) => Filling::One(Cow::Owned(id.clone().into_bytes())),
                    None => Filling::None,
                },
                Binding::Several(why) => return Err(DoorError::Unbound(why.clone())),
            },
            Placeholder::File(name) => {
                let path = self.source.files.path(name).map_err(DoorError::Failed)?;
                Filling::One(Cow::Owned(path.into_os_string().into_vec()))
            }
        })
    }

    fn parameter(&mut self) -> Result<&'a String, DoorError> {
        self.parameters.next().ok_or_else(|| self.bad("was given fewer parameters than it takes"))
    }

    /// The parameter of `<int>`: digits, as many as fit 32 bits.
    fn int(&mut self) -> Result<String, DoorError> {
        let text = self.parameter()?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if digits => Ok(number.to_string()),
            _ => Err(self.bad(&format!(
                "takes a whole number of at most {}, not '{}'",
                u32::MAX,
                shorten(text)
            ))),
        }
    }

    fn check_parameter(&self, text: &str) -> Result<(), DoorError> {
        let wrong = if !Guard::Parameters.holds() {
            return Ok(());
        } else if text.is_empty() {
            "an empty parameter".to_owned()
        } else if text.starts_with('-') {
            format!("the parameter '{}', which begins with a dash", shorten(text))
        } else if text.ends_with(';') {
            // What comes after it would be another command to tmux.
            format!("the parameter '{}', which ends in a semicolon", shorten(text))
        } else if text.chars().all(|c| SEPARATORS.contains(c)) {
            format!("the parameter '{}', which programs read as a separator", shorten(text))
        } else if text.contains(char::is_control) {
            format!("the parameter '{}', which holds control characters", shorten(text))
        } else {
            return Ok(());
        };
        Err(self.bad(&format!("was given {wrong}")))
    }

    fn rest(&mut self, checked: bool) -> Result<(), DoorError> {
        let rest = self.parameters.as_slice();
        self.parameters = [].iter();
        if checked && rest.is_empty() {
            return Err(self.bad("was given fewer parameters than it takes"));
        }
        for text in rest {
            if checked {
                self.check_parameter(text)?;
            } else if text.contains('\0') {
                return Err(self.bad("was given a parameter that holds NUL"));
            }
            self.push(text.clone().into_bytes())?;
        }
        Ok(())
    }

    fn push(&mut self, word: Vec<u8>) -> Result<(), DoorError> {
        self.bytes += word.len() + 1;
        let too_long = match () {
            () if word.len() > Guard::CommandSize.limit(WORD_BYTES) => {
                format!("a word of more than {WORD_BYTES} bytes")
            }
            () if self.bytes > Guard::CommandSize.limit(ARGV_BYTES) => {
                format!("more than {ARGV_BYTES} bytes")
            }
            () if self.filled.words.len() >= ARGV_WORDS => format!("more than {ARGV_WORDS} words"),
            () => {
                self.filled.words.push(OsString::from_vec(word));
                return Ok(());
            }
        };
        Err(self.refused(&format!("would become a command of {too_long}, which cannot be run")))
    }
}

/// `text` through `encodings`, left to right.
fn encoded(text: Vec<u8>, encodings: &[super::form::Encoding]) -> Vec<u8> {
    encodings.iter().fold(text, |text, encoding| escape::escape(*encoding, &text))
}

/// A guest's text for a message: escaped, and not longer than a line.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    escape_controls(&short)
}

/// Whether a variable in its own environment changes what a client of an engine does: where it
/// connects, which files it reads, what it loads. The session is meant to get it, not the client.
fn steers_clients(key: &str) -> bool {
    const EXACT: &[&str] = &[
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "TMPDIR",
        "TMP",
        "TEMP",
        "TERM",
        "IFS",
        "ENV",
        "BASH_ENV",
        "TMUX",
        "STY",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TZDIR",
        "NOTIFY_SOCKET",
        "SSH_AUTH_SOCK",
        "GODEBUG",
        "GOGC",
        "GOMAXPROCS",
        "GOMEMLIMIT",
        "GOTRACEBACK",
        "MALLOC_TRACE",
        "REGISTRY_AUTH_FILE",
        "BUILDKIT_HOST",
        "STORAGE_DRIVER",
        "STORAGE_OPTS",
        "NO_PROXY",
        "HOSTALIASES",
        "LOCALDOMAIN",
        "RES_OPTIONS",
        "GCONV_PATH",
        "LOCPATH",
        "NLSPATH",
        "RESOLV_HOST_CONF",
        "GETCONF_DIR",
    ];
    const PREFIXES: &[&str] = &[
        "DOCKER_",
        "CONTAINER",
        "PODMAN",
        "BUILDX_",
        "COMPOSE_",
        "BUILDAH_",
        "LD_",
        "XDG_",
        "DBUS_",
        "SSL_",
        "LC_",
        "LISTEN_",
        "SYSTEMD_",
        "TMUX_",
        "SCREEN",
        "KST_",
        "KSTLIB_",
        "GLIBC_",
        "MALLOC_",
        "PYTHON",
        "_CONTAINERS",
        "_PODMAN",
    ];
    let upper = key.to_ascii_uppercase();
    EXACT.contains(&upper.as_str())
        || upper.ends_with("_PROXY")
        || PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

#[cfg(test)]
mod tests;
