//! One session that is followed, line by line: what programs that use the library mostly want.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::{Follow, Followed, Heard, Listener};
use crate::session::host::Host;
use crate::session::model::ExitStatus;
use crate::session::survey::Filter;
use crate::{Error, Result};

/// The longest line that is waited for, in bytes.
const LONGEST: usize = 1 << 20;

/// What [`SessionManager::follow`] begins with, and whether times are told.
///
/// [`SessionManager::follow`]: crate::session::SessionManager::follow
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowOptions {
    /// How many of the lines that were printed before come first: by default none, all that are kept
    /// with `u32::MAX`.
    pub lines: u32,
    /// With those of them alone that ended at this time or later.
    pub since: Option<Timestamp>,
    /// With the time of each line, which must be known then.
    pub times: bool,
}

/// What is heard of a session that is followed line by line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineHeard<'a> {
    /// It printed this line.
    Line {
        /// The line with its line feed, escape sequences included. Only what the program printed last
        /// may have none, and so has a piece of a line of more than a mebibyte.
        text: &'a [u8],
        /// When the line ended; none where that was not asked for.
        time: Option<Timestamp>,
    },
    /// It has printed nothing for half a second: a moment to look at other things, or to stop.
    Quiet,
    /// It was started again, and is followed on.
    Again,
    /// It has ended, with all that it printed told; how, where that is known. Nothing comes after this.
    Ended(Option<ExitStatus>),
    /// Some of its output was thrown away, to keep its log within bounds, before it could be read.
    Missed,
    /// It runs on, and nothing keeps what it prints any more: its engine has gone.
    Unkept,
}

/// Makes lines of output.
struct Lines<'f> {
    hear: &'f mut dyn FnMut(LineHeard<'_>) -> ControlFlow<()>,
    /// A line that has no end yet.
    begun: Vec<u8>,
    time: Option<Timestamp>,
    trouble: Option<Error>,
}

impl Host {
    /// [`Host::follow`] for one session, line by line.
    pub(in crate::session) fn follow_lines(
        &self,
        name: &str,
        filter: Filter,
        options: &FollowOptions,
        hear: &mut dyn FnMut(LineHeard<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let what = Follow {
            names: vec![name.to_owned()],
            filter,
            lines: options.lines,
            since: options.since,
            times: options.times,
        };
        let mut lines = Lines { hear, begun: Vec::new(), time: None, trouble: None };
        self.follow(&what, &mut lines)?;
        lines.trouble.map_or(Ok(()), Err)
    }
}

impl Lines<'_> {
    fn output(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.begun.is_empty() && part.ends_with(b"\n") {
                (self.hear)(LineHeard::Line { text: part, time: self.time })?;
                continue;
            }
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") || self.begun.len() >= LONGEST {
                self.rest()?;
            }
        }
        ControlFlow::Continue(())
    }

    /// What has no end yet, and gets none.
    fn rest(&mut self) -> ControlFlow<()> {
        if self.begun.is_empty() {
            return ControlFlow::Continue(());
        }
        let text = std::mem::take(&mut self.begun);
        (self.hear)(LineHeard::Line { text: &text, time: self.time })
    }
}

impl Listener for Lines<'_> {
    fn hear(&mut self, _: usize, _: &Followed, heard: Heard<'_>) -> ControlFlow<()> {
        let told = match heard {
            Heard::Begins => return ControlFlow::Continue(()),
            Heard::Time(time) => {
                self.time = time;
                return ControlFlow::Continue(());
            }
            Heard::Output(bytes) => return self.output(bytes),
            Heard::Unkept => LineHeard::Unkept,
            Heard::Again => LineHeard::Again,
            Heard::Ended(exit) => LineHeard::Ended(exit),
            Heard::Missed => LineHeard::Missed,
            Heard::Trouble(error) => {
                self.trouble = Some(error);
                self.rest()?;
                return ControlFlow::Break(());
            }
        };
        if told != LineHeard::Unkept {
            self.rest()?;
        }
        (self.hear)(told)
    }

    fn goes_on(&mut self) -> bool {
        (self.hear)(LineHeard::Quiet).is_continue()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of output that comes in these pieces, and of the end.
    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let mut all = Vec::new();
        let mut hear = |heard: LineHeard<'_>| {
            all.push(match heard {
                LineHeard::Line { text, .. } if text.len() > 100 => text.len().to_string(),
                LineHeard::Line { text, .. } => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            });
            ControlFlow::Continue(())
        };
        let mut lines = Lines { hear: &mut hear, begun: Vec::new(), time: None, trouble: None };
        let of = Followed::default();
        for piece in pieces {
            assert!(lines.hear(0, &of, Heard::Output(piece)).is_continue());
        }
        assert!(lines.hear(0, &of, Heard::Ended(None)).is_continue());
        all
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(told(&[b"a\nb", b"", b"c\n", b"d"]), ["a\n", "bc\n", "d", "Ended(None)"]);
        assert_eq!(told(&[b"\n\n"]), ["\n", "\n", "Ended(None)"]);
        assert_eq!(told(&[]), ["Ended(None)"]);
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_than_its_share_of_memory() {
        let piece = vec![b'x'; LONGEST / 2];
        let all = told(&[&piece, &piece, b"y\n"]);
        assert_eq!(all, [LONGEST.to_string().as_str(), "y\n", "Ended(None)"]);
    }
}
