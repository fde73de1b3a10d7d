//! Signals, as people write them.

use std::fmt;
use std::str::FromStr;

use nix::sys::signal::Signal;

use crate::text::{escape_controls, nearest};
use crate::{Error, Result};

/// A signal, by its name or its number: `TERM`, `sigterm` and `15` are the same.
///
/// ```
/// use kst::session::SignalName;
///
/// let signal: SignalName = "sigusr1".parse()?;
/// assert_eq!((signal.name(), signal), ("USR1", "10".parse()?));
/// let error = "TREM".parse::<SignalName>().unwrap_err();
/// assert_eq!(error.advice(), Some("did you mean 'TERM'?"));
/// # Ok::<(), kst::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalName(Signal);

impl SignalName {
    /// Its name, without SIG.
    pub fn name(self) -> &'static str {
        let name = self.0.as_str();
        name.strip_prefix("SIG").unwrap_or(name)
    }

    /// The number that it has on this machine.
    pub fn number(self) -> i32 {
        self.0 as i32
    }

    pub(super) fn raw(self) -> Option<rustix::process::Signal> {
        rustix::process::Signal::from_named_raw(self.number())
    }
}

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SignalName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let upper = text.to_ascii_uppercase();
        let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
        let known = || Signal::iterator().map(SignalName);
        let found = known().find(|signal| match plain.parse::<i32>() {
            Ok(number) => signal.number() == number && upper == plain,
            Err(_) => signal.name() == plain,
        });
        found.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let names: Vec<&str> = known().map(SignalName::name).collect();
            Error::Invalid {
                what: format!("there is no signal '{}'", escape_controls(&shown)),
                advice: Some(match nearest(plain, names) {
                    Some(close) => format!("did you mean '{close}'?"),
                    None => {
                        "TERM, INT, HUP, QUIT, KILL, USR1 and USR2 are some that there are".into()
                    }
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same() {
        for text in ["TERM", "term", "SIGTERM", "SigTerm", "15"] {
            assert_eq!(text.parse::<SignalName>().unwrap().name(), "TERM", "{text}");
        }
        for signal in Signal::iterator().map(SignalName) {
            assert_eq!(signal.name().parse::<SignalName>().unwrap(), signal);
            assert_eq!(signal.number().to_string().parse::<SignalName>().unwrap(), signal);
        }
        for text in ["", "SIG", "0", "-1", "99", "SIG15", "SIGSIGTERM", "TERM ", "RTMIN", "\u{1b}"]
        {
            let error = text.parse::<SignalName>().unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{text}: {error}");
        }
    }
}
