//! Typing into a session.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::host::Host;
use super::model::SessionStatus;
use super::serve::SessionProcesses;
use super::signal::not_running;
use super::survey::Filter;
use crate::door::Operation;
use crate::plugin::SendRequest;
use crate::private::random_name;
use crate::text::{escape_controls, nearest};
use crate::{Error, Result};

/// The longest text, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// How long another text that is being typed into the session may take.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// The keys that have names, and what a terminal sends for them.
const KEYS: [(&str, &str); 32] = [
    ("Enter", "\r"),
    ("Tab", "\t"),
    ("BTab", "\u{1b}[Z"),
    ("Escape", "\u{1b}"),
    ("Space", " "),
    ("BSpace", "\u{7f}"),
    ("Up", "\u{1b}[A"),
    ("Down", "\u{1b}[B"),
    ("Right", "\u{1b}[C"),
    ("Left", "\u{1b}[D"),
    ("Home", "\u{1b}[H"),
    ("End", "\u{1b}[F"),
    ("Insert", "\u{1b}[2~"),
    ("Delete", "\u{1b}[3~"),
    ("PageUp", "\u{1b}[5~"),
    ("PageDown", "\u{1b}[6~"),
    ("F1", "\u{1b}OP"),
    ("F2", "\u{1b}OQ"),
    ("F3", "\u{1b}OR"),
    ("F4", "\u{1b}OS"),
    ("F5", "\u{1b}[15~"),
    ("F6", "\u{1b}[17~"),
    ("F7", "\u{1b}[18~"),
    ("F8", "\u{1b}[19~"),
    ("F9", "\u{1b}[20~"),
    ("F10", "\u{1b}[21~"),
    ("F11", "\u{1b}[23~"),
    ("F12", "\u{1b}[24~"),
    ("Return", "\r"),
    ("Esc", "\u{1b}"),
    ("Backspace", "\u{7f}"),
    ("Del", "\u{1b}[3~"),
];

/// A key of a terminal, by its name: `Enter`, `C-c`, `M-x`, `Up`, `F5`.
///
/// ```
/// use kst::session::Key;
///
/// assert!("C-c".parse::<Key>().is_ok());
/// let error = "Entr".parse::<Key>().unwrap_err();
/// assert_eq!(error.advice(), Some("did you mean 'Enter'?"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl FromStr for Key {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if let Some((_, sent)) = KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(Key((*sent).to_owned()));
        }
        let after = |prefixes: [&str; 2]| {
            let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
            let mut chars = rest.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        if let Some(upper @ '@'..='_') = after(["C-", "^"]).map(|c| c.to_ascii_uppercase()) {
            return Ok(Key(char::from(upper as u8 - b'@').to_string()));
        }
        if let Some(c) = after(["M-", "A-"]).filter(|c| !c.is_control()) {
            return Ok(Key(format!("\u{1b}{c}")));
        }
        let shown: String = name.chars().take(40).collect();
        Err(Error::Invalid {
            what: format!("there is no key '{}'", escape_controls(&shown)),
            advice: Some(match nearest(name, KEYS.map(|(known, _)| known)) {
                Some(close) => format!("did you mean '{close}'?"),
                None => {
                    "keys are Enter, Tab, Escape, Space, BSpace, Up, Down, Left, Right, Home, End, \
                         PageUp, PageDown, Insert, Delete, F1 to F12, C-a and M-a"
                        .to_owned()
                }
            }),
        })
    }
}

/// What to type into a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text, literally. One of several lines, or with tabs, is pasted where the engine can do that.
    Text {
        /// Without control characters but line breaks and tabs.
        text: String,
        /// Whether Enter follows.
        enter: bool,
    },
    /// Keys, one after the other.
    Keys(Vec<Key>),
}

impl Input {
    /// What a terminal sends for it.
    fn keys(&self) -> Result<String> {
        match self {
            Input::Keys(keys) => Ok(keys.iter().map(|key| key.0.as_str()).collect()),
            Input::Text { text, enter } => {
                if text.len() > MAX_TEXT {
                    return Err(Error::invalid(format!("the text has more than {MAX_TEXT} bytes")));
                }
                let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
                if let Some(c) = lines(text).chars().find(|c| odd(*c)) {
                    return Err(Error::Invalid {
                        what: format!(
                            "the text holds the control character '{}', which a program would take for \
                             a key",
                            c.escape_debug()
                        ),
                        advice: Some("press keys by their names: --key C-c".into()),
                    });
                }
                Ok(lines(text).replace('\n', "\r") + if *enter { "\r" } else { "" })
            }
        }
    }

    /// The text to paste, where typing it would be more than that: each line an Enter, each tab a key.
    fn paste(&self) -> Option<(String, bool)> {
        match self {
            Input::Text { text, enter } if text.contains(['\n', '\t']) => {
                Some((lines(text), *enter))
            }
            _ => None,
        }
    }
}

/// A text whose lines end in a line feed alone.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

impl Host {
    /// Type into a running session, whoever started it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a text that cannot be typed; [`Error::NotFound`], [`Error::Ambiguous`];
    /// [`Error::NotRunning`]; [`Error::Unsupported`] where the backend types
    /// nothing.
    pub fn send(&self, name: &str, filter: &Filter, input: &Input) -> Result<SessionStatus> {
        let keys = input.keys()?;
        let found = self.find_reached(name, filter)?;
        let (true, true, Some(plugin)) = (found.is_running(), found.in_engine, &found.plugin)
        else {
            return Err(not_running(&found));
        };
        if !plugin.manifest().supports(Operation::Send) {
            return Err(Error::Unsupported {
                backend: found.status.backend.clone(),
                what: format!(
                    "nothing can be typed into session '{}' from outside: go there with 'kst attach', or \
                     run a command in it with 'kst exec'",
                    escape_controls(name)
                ),
            });
        }
        if keys.is_empty() {
            return Ok(found.status);
        }
        let ledger = self.ledger()?;
        // One text after the other: some engines have one place to keep what they paste.
        let _lock = ledger.lock_name(plugin.name(), name, LOCK_PATIENCE)?;
        let folder = ledger.tickets()?;
        let paste = input.paste();
        let keys_file = TextFile::write(&folder, &keys)?;
        let paste_file =
            paste.as_ref().map(|(text, _)| TextFile::write(&folder, text)).transpose()?;
        let mut request = found.request(Operation::Send);
        request.keys_file = Some(keys_file.0.clone());
        request.paste_file = paste_file.as_ref().map(|file| file.0.clone());
        request.enter = paste.as_ref().is_some_and(|(_, enter)| *enter);
        request.keys = Some(keys);
        let at = &found.location;
        let ask = SendRequest { name: name.to_owned(), paste: paste.is_some() };
        let none = SessionProcesses::none();
        let served = self.serve(plugin, request, none, |guest| guest.send(at, &ask));
        served.map_err(|trouble| trouble.error(name, &found.place()))?;
        Ok(found.status)
    }
}

/// A file that only its owner can read, gone with this.
struct TextFile(PathBuf);

impl TextFile {
    fn write(folder: &Path, text: &str) -> Result<Self> {
        // Engines read paths in languages of their own; none of these means the same in all.
        let plain = |c: char| c.is_alphanumeric() || "/._-+@:,=~".contains(c);
        if !folder.to_str().is_some_and(|folder| folder.chars().all(plain)) {
            return Err(Error::Failed {
                what: format!(
                    "the name of the state folder {} holds characters that an engine may take for \
                     something else",
                    crate::text::shown_path(folder)
                ),
                advice: Some("choose another one with XDG_STATE_HOME".into()),
            });
        }
        let cannot = |error: std::io::Error| {
            super::ledger::cannot_keep("what is to be typed cannot be handed over", &error)
        };
        let file = TextFile(folder.join(random_name().map_err(cannot)?));
        let mut options = OpenOptions::new();
        let mut opened =
            options.write(true).create_new(true).mode(0o600).open(&file.0).map_err(cannot)?;
        opened.write_all(text.as_bytes()).map_err(cannot)?;
        Ok(file)
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends() {
        for (name, sent) in [
            ("C-c", "\u{3}"),
            ("C-C", "\u{3}"),
            ("^d", "\u{4}"),
            ("C-@", "\0"),
            ("C-[", "\u{1b}"),
            ("M-x", "\u{1b}x"),
            ("enter", "\r"),
            ("Up", "\u{1b}[A"),
            ("F12", "\u{1b}[24~"),
        ] {
            assert_eq!(name.parse::<Key>().unwrap().0, sent, "{name}");
        }
        for name in ["", "C-", "C-cc", "C-1", "C-é", "M-", "F13", "x", "Nonsense", "C-c ", "\u{3}"]
        {
            assert!(matches!(name.parse::<Key>(), Err(Error::Invalid { .. })), "{name:?}");
        }
    }

    #[test]
    fn a_text_is_typed_or_pasted_and_never_a_key() {
        let text = |text: &str, enter| Input::Text { text: text.to_owned(), enter };
        assert_eq!(text("a -b;", true).keys().unwrap(), "a -b;\r");
        assert_eq!(text("C-c", false).keys().unwrap(), "C-c");
        assert_eq!(text("", true).keys().unwrap(), "\r");
        assert_eq!(text("", false).keys().unwrap(), "");
        assert_eq!(text("a", true).paste(), None);
        assert_eq!(text("a\r\nb", true).paste(), Some(("a\nb".to_owned(), true)));
        assert_eq!(text("a\r\nb", false).keys().unwrap(), "a\rb");
        for odd in ["\0", "a\u{3}", "\u{1b}[201~", "a\rb", "\u{9b}", "\u{7f}"] {
            assert!(matches!(text(odd, true).keys(), Err(Error::Invalid { .. })), "{odd:?}");
        }
    }
}
