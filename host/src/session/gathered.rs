//! What a session printed, line by line, with the times of the lines.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::logs::{MOST, with_line_feeds};

/// Which of the lines that a session printed are wanted, and what of them.
///
/// ```
/// use jiff::{SignedDuration, Timestamp};
/// use kst::session::LogOptions;
///
/// let hour = SignedDuration::from_hours(1);
/// let options = LogOptions {
///     since: Some(Timestamp::now() - hour),
///     times: true,
///     ..LogOptions::default()
/// };
/// assert_eq!(options.lines, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The last so many of them; where it is `None`, all that are kept.
    pub lines: Option<u32>,
    /// Those alone that ended at this time or later.
    pub since: Option<Timestamp>,
    /// Those alone that ended before this time.
    pub until: Option<Timestamp>,
    /// With their times.
    pub times: bool,
    /// Of the run before the last one.
    pub previous: bool,
}

impl LogOptions {
    /// Whether the times of the lines must be known.
    pub(super) fn needs_times(&self) -> bool {
        self.times || self.since.is_some() || self.until.is_some()
    }

    pub(super) fn most(&self) -> u32 {
        self.lines.unwrap_or(u32::MAX)
    }

    fn wants(&self, time: Option<Timestamp>) -> bool {
        match time {
            Some(time) => {
                self.since.is_none_or(|since| time >= since)
                    && self.until.is_none_or(|until| time < until)
            }
            None => self.since.is_none() && self.until.is_none(),
        }
    }
}

/// The lines that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    text: Vec<u8>,
    /// Of each line; empty where they were not asked for.
    times: VecDeque<Option<Timestamp>>,
}

impl Logs {
    /// Lines whose times were not asked for.
    pub(super) fn untimed(text: Vec<u8>) -> Self {
        Logs { text, times: VecDeque::new() }
    }

    /// All of it. Lines end in a line feed, the last one perhaps not; whatever else the program printed
    /// is there as it was.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Those of them that have ended and are asked for.
    pub(super) fn ended_lines(&self, options: &LogOptions) -> Logs {
        let mut gathering = Gathering::new(options);
        for (time, line) in self.lines().filter(|(_, line)| line.ends_with(b"\n")) {
            gathering.take(line, time);
        }
        gathering.end().logs
    }

    /// Where lines begin whose times are known, and those, of the text after so many bytes.
    pub(super) fn places_after(&self, from: usize) -> Vec<(u64, i64)> {
        let (mut places, mut at) = (Vec::new(), 0);
        for (time, line) in self.lines() {
            // With one missing, its line would have the time of another.
            let Some(time) = time else { return Vec::new() };
            if at + line.len() > from {
                places.push((at.saturating_sub(from) as u64, time.as_millisecond()));
            }
            at += line.len();
        }
        places
    }

    /// The lines, their ends included, each with the time at which it ended: none where that is not
    /// known, or the times were not asked for.
    pub fn lines(&self) -> impl Iterator<Item = (Option<Timestamp>, &[u8])> {
        let times = self.times.iter().copied().chain(std::iter::repeat(None));
        times.zip(self.text.split_inclusive(|&byte| byte == b'\n'))
    }
}

/// What came of gathering.
pub(super) struct Gathered {
    pub logs: Logs,
    /// Some lines were left out because their times are not known.
    pub unknown: bool,
    /// The first of those that are asked for were left out: there are too many.
    pub cut: bool,
}

/// Gathers lines from pieces of output whose times are known.
pub(super) struct Gathering<'o> {
    options: &'o LogOptions,
    logs: Logs,
    /// The line that has not ended.
    line: Vec<u8>,
    /// When the last of it came.
    time: Option<Timestamp>,
    /// Whether lines were left out whose times are not known.
    unknown: bool,
    /// How many lines that are asked for were thrown away.
    gone: usize,
}

impl<'o> Gathering<'o> {
    pub(super) fn new(options: &'o LogOptions) -> Self {
        let (logs, line) = (Logs::default(), Vec::new());
        Gathering { options, logs, line, time: None, unknown: false, gone: 0 }
    }

    /// Take in what came next, all of it at this time.
    pub(super) fn take(&mut self, bytes: &[u8], time: Option<Timestamp>) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(part);
            self.time = time;
            if part.ends_with(b"\n") {
                self.end_line();
            }
            if self.line.len() > 2 * MOST {
                self.line.drain(..self.line.len() - MOST);
            }
        }
        if self.logs.text.len() > 2 * MOST {
            self.let_go(self.logs.text.len() - MOST);
        }
    }

    /// The lines that are asked for.
    pub(super) fn end(mut self) -> Gathered {
        if !self.line.is_empty() {
            self.end_line();
        }
        let lines = self.logs.times.len();
        let most = usize::try_from(self.options.most()).unwrap_or(usize::MAX);
        let more = lines.saturating_sub(most);
        if more == lines {
            return Gathered { logs: Logs::default(), unknown: self.unknown, cut: false };
        }
        if let Some(last) = more.checked_sub(1) {
            let end = memchr::memchr_iter(b'\n', &self.logs.text).nth(last);
            self.logs.text.drain(..end.map_or(0, |end| end + 1));
            self.logs.times.drain(..more);
        }
        self.let_go(self.logs.text.len().saturating_sub(MOST));
        let cut = self.gone > 0 && self.logs.times.len() < most;
        if !self.options.times {
            self.logs.times.clear();
        }
        Gathered { logs: self.logs, unknown: self.unknown, cut }
    }

    fn end_line(&mut self) {
        let line = with_line_feeds(&std::mem::take(&mut self.line));
        if self.options.wants(self.time) {
            self.logs.text.extend_from_slice(&line);
            self.logs.times.push_back(self.time);
        } else {
            self.unknown |= self.time.is_none();
        }
    }

    /// Forget the first lines: as many as hold so many bytes.
    fn let_go(&mut self, bytes: usize) {
        let mut from = 0;
        while from < bytes {
            let rest = self.logs.text.get(from..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', rest) else { break };
            from += end + 1;
            self.logs.times.pop_front();
            self.gone += 1;
        }
        self.logs.text.drain(..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    fn gather(options: &LogOptions) -> (Vec<(Option<i64>, String)>, bool) {
        let mut gathering = Gathering::new(options);
        for (bytes, time) in
            [("a", at(1)), ("b\r\ncc\nd", at(2)), ("\n", None), ("e\nf\n", at(4)), ("g", at(3))]
        {
            gathering.take(bytes.as_bytes(), time);
        }
        let Gathered { logs, unknown, .. } = gathering.end();
        let line = |(time, line): (Option<Timestamp>, &[u8])| {
            (time.map(Timestamp::as_second), String::from_utf8(line.to_vec()).unwrap())
        };
        (logs.lines().map(line).collect(), unknown)
    }

    fn lines(of: &[(i64, &str)]) -> Vec<(Option<i64>, String)> {
        of.iter().map(|(time, line)| (Some(*time), (*line).to_owned())).collect()
    }

    #[test]
    fn a_line_has_the_time_of_its_end() {
        let all = LogOptions { times: true, ..LogOptions::default() };
        let (mut found, unknown) = gather(&all);
        assert_eq!(found.remove(2), (None, "d\n".to_owned()));
        assert_eq!(found, lines(&[(2, "ab\n"), (2, "cc\n"), (4, "e\n"), (4, "f\n"), (3, "g")]));
        assert!(!unknown);
        let last = LogOptions { lines: Some(2), ..all.clone() };
        assert_eq!(gather(&last).0, lines(&[(4, "f\n"), (3, "g")]));
        assert_eq!(gather(&LogOptions { lines: Some(0), ..all }).0, []);
    }

    #[test]
    fn lines_are_chosen_by_their_times() {
        let since = LogOptions { since: at(3), times: true, ..LogOptions::default() };
        assert_eq!(gather(&since), (lines(&[(4, "e\n"), (4, "f\n"), (3, "g")]), true));
        let until = LogOptions { until: at(4), ..since.clone() };
        assert_eq!(gather(&until).0, lines(&[(3, "g")]));
        let last =
            LogOptions { until: at(4), times: true, lines: Some(2), ..LogOptions::default() };
        assert_eq!(gather(&last).0, lines(&[(2, "cc\n"), (3, "g")]));
        let untimed = LogOptions { times: false, ..since };
        assert_eq!(gather(&untimed).0.last(), Some(&(None, "g".to_owned())));
    }
}
