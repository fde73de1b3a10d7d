//! When the program of a session is started again by itself.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::ExitStatus;
use crate::text::{escape_controls, nearest};
use crate::{Error, Result};

/// How long is waited before a program is started again for the first time, where nobody says.
pub const BACKOFF: Duration = Duration::from_millis(100);
/// The longest that is waited, where nobody says.
pub const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// The shortest and the longest wait that can be asked for: a program that ends at once must not take
/// the whole machine.
pub const BACKOFF_BOUNDS: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_secs(24 * 3600));

/// After which ends a program is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// After none.
    Never,
    /// Where it returned another code than 0, or a signal ended it.
    OnFailure,
    /// After each.
    Always,
}

impl Restart {
    /// The word used in the config, on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Restart::Never => "never",
            Restart::OnFailure => "on-failure",
            Restart::Always => "always",
        }
    }
}

/// What other tools call the same: a session that was stopped is never started again by itself.
const OTHER_WORDS: [(&str, Restart); 2] =
    [("no", Restart::Never), ("unless-stopped", Restart::Always)];

/// When the program of a session is started again by itself, after it has ended by itself. A stop goes
/// before it.
///
/// ```
/// use kst::session::{Restart, RestartPolicy};
///
/// let policy: RestartPolicy = "on-failure:5".parse()?;
/// assert_eq!((policy.when, policy.max), (Restart::OnFailure, Some(5)));
/// assert_eq!(policy.to_string(), "on-failure:5");
/// # Ok::<(), kst::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// After which ends.
    pub when: Restart,
    /// How often at most; `None`: without a limit.
    pub max: Option<u32>,
    /// How long is waited before the first time, which doubles with each time; `None`: [`BACKOFF`].
    pub backoff: Option<Duration>,
    /// The longest that is waited; `None`: [`MAX_BACKOFF`], or `backoff` where that is longer.
    pub max_backoff: Option<Duration>,
}

impl RestartPolicy {
    /// This one, with nothing else said.
    pub fn new(when: Restart) -> Self {
        RestartPolicy { when, max: None, backoff: None, max_backoff: None }
    }

    /// Whether a program that has ended so, and was started again so often, is started once more.
    pub fn restarts(&self, exit: ExitStatus, so_often: u32) -> bool {
        let wanted = match self.when {
            Restart::Never => false,
            Restart::OnFailure => exit != ExitStatus::Code(0),
            Restart::Always => true,
        };
        wanted && self.max.is_none_or(|max| so_often < max)
    }

    /// The first and the longest wait.
    pub fn waits(&self) -> (Duration, Duration) {
        let first = self.backoff.unwrap_or(BACKOFF);
        (first, self.max_backoff.unwrap_or(MAX_BACKOFF).max(first))
    }

    /// Check what the text of a policy cannot get wrong.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a limit of 0, a wait out of its bounds, or anything at all for `never`.
    pub fn check(&self) -> Result<()> {
        let invalid = |what: &str, advice: &str| {
            Err(Error::Invalid { what: what.to_owned(), advice: Some(advice.to_owned()) })
        };
        let waits = [self.backoff, self.max_backoff];
        let more = self.max.is_some() || waits.iter().any(Option::is_some);
        if self.when == Restart::Never && more {
            return invalid(
                "what is never started again has no limit and no backoff",
                "write on-failure or always, or leave them out",
            );
        }
        if self.max == Some(0) {
            return invalid("it would be started again 0 times", "write never, or a number from 1");
        }
        let (least, most) = BACKOFF_BOUNDS;
        if waits.into_iter().flatten().any(|wait| wait < least || wait > most) {
            return invalid("a backoff is from 10 ms to a day", "write 100ms, 1s, 5min");
        }
        match (self.backoff, self.max_backoff) {
            (first, Some(longest)) if first.unwrap_or(BACKOFF) > longest => {
                invalid("the longest backoff is shorter than the first", "write a longer one")
            }
            _ => Ok(()),
        }
    }
}

/// `on-failure`, `on-failure:5`, `always`.
impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.when.as_str())?;
        match self.max {
            Some(max) => write!(f, ":{max}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RestartPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (word, max) = match text.split_once(':') {
            Some((word, max)) => (word, Some(max)),
            None => (text, None),
        };
        let all = [Restart::Never, Restart::OnFailure, Restart::Always];
        let words = || all.map(|one| (one.as_str(), one)).into_iter().chain(OTHER_WORDS);
        let Some((_, when)) = words().find(|(known, _)| *known == word) else {
            let shown: String = word.chars().take(40).collect();
            let plain = word.to_lowercase().replace('_', "-");
            let known = || words().map(|(known, _)| known);
            let meant = known().find(|known| *known == plain).or_else(|| nearest(&plain, known()));
            return Err(Error::Invalid {
                what: format!("there is no restart policy '{}'", escape_controls(&shown)),
                advice: Some(match meant {
                    Some(meant) => format!("did you mean '{meant}'?"),
                    None => "write never, on-failure, on-failure:5 or always".to_owned(),
                }),
            });
        };
        let digits = |max: &&str| max.bytes().all(|byte| byte.is_ascii_digit());
        let max = max
            .map(|max| {
                max.parse().ok().filter(|_| digits(&max)).ok_or_else(|| Error::Invalid {
                    what: format!("'{}' is no number of restarts", {
                        let shown: String = max.chars().take(40).collect();
                        escape_controls(&shown)
                    }),
                    advice: Some("write it as in on-failure:5".to_owned()),
                })
            })
            .transpose()?;
        let policy = RestartPolicy { max, ..RestartPolicy::new(when) };
        policy.check()?;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [ExitStatus; 4] =
        [ExitStatus::Code(0), ExitStatus::Code(1), ExitStatus::Code(255), ExitStatus::Signal(15)];

    fn of(text: &str) -> RestartPolicy {
        text.parse().unwrap()
    }

    #[test]
    fn which_ends_count() {
        let after = |text: &str| CODES.map(|exit| of(text).restarts(exit, 0));
        assert_eq!(after("never"), [false; 4]);
        assert_eq!(after("on-failure"), [false, true, true, true]);
        assert_eq!(after("always"), [true; 4]);
        let failed = ExitStatus::Code(1);
        let so_often = |text: &str| [0, 1, 2, 3, u32::MAX].map(|n| of(text).restarts(failed, n));
        assert_eq!(so_often("on-failure:2"), [true, true, false, false, false]);
        assert_eq!(so_often("always"), [true; 5]);
    }

    #[test]
    fn texts_are_read_and_written() {
        for text in ["never", "on-failure", "on-failure:1", "on-failure:4294967295", "always"] {
            assert_eq!(of(text).to_string(), text);
        }
        assert_eq!(of("no").to_string(), "never");
        assert_eq!(of("unless-stopped").to_string(), "always");
        for text in [
            "",
            "ON-FAILURE",
            "on_failure",
            "onfailure",
            "on-failure:",
            "on-failure:0",
            "always:-1",
            "on-failure:+1",
            "on-failure:4294967296",
            "on-failure:1:2",
            "never:3",
            "no:1",
            " always",
            "\u{1b}[2J",
            "on-failure:\u{1b}[2J",
        ] {
            let error = text.parse::<RestartPolicy>().unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{text}: {error}");
            assert!(!error.to_string().contains('\u{1b}') && error.advice().is_some(), "{text}");
        }
        let advice = |text: &str| text.parse::<RestartPolicy>().unwrap_err();
        assert_eq!(advice("on_failure").advice(), Some("did you mean 'on-failure'?"));
        assert_eq!(advice("alwys").advice(), Some("did you mean 'always'?"));
    }

    #[test]
    fn waits_are_bounded() {
        let second = Duration::from_secs(1);
        let of = |backoff, max_backoff| RestartPolicy {
            backoff,
            max_backoff,
            ..RestartPolicy::new(Restart::Always)
        };
        assert_eq!(of(None, None).waits(), (BACKOFF, MAX_BACKOFF));
        assert_eq!(of(Some(second), None).waits(), (second, MAX_BACKOFF));
        assert_eq!(of(Some(second * 90), None).waits(), (second * 90, second * 90));
        for fine in [of(None, Some(BACKOFF)), of(Some(second), Some(second))] {
            assert!(fine.check().is_ok(), "{fine:?}");
        }
        for wrong in [
            of(Some(Duration::from_millis(9)), None),
            of(None, Some(Duration::from_millis(99))),
            of(Some(second * 2), Some(second)),
            of(None, Some(BACKOFF_BOUNDS.1 + second)),
            RestartPolicy { max: Some(0), ..RestartPolicy::new(Restart::Always) },
            RestartPolicy { backoff: Some(second), ..RestartPolicy::new(Restart::Never) },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
