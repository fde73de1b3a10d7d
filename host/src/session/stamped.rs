//! A client's output in which times stand before the lines.

use jiff::{SignedDuration, Timestamp};

/// The longest time, with its space.
const LONGEST: usize = "2026-11-23T05:31:13.284730582+01:00 ".len();
/// How much later than it was printed a piece of a line is expected, and how far two clocks may be apart.
const LATE: SignedDuration = SignedDuration::from_secs(2);

/// Takes the times out of output, piece by piece.
///
/// An engine may keep a line in pieces and put a time before each. In the midst of a line the program may
/// have printed a time itself; that stays. It is earlier than that of its own piece, or it is not the
/// present: a piece that was put behind the beginning of a line is passed on as it comes.
#[derive(Default)]
pub(super) struct Stamped {
    /// What may be the beginning of a time.
    held: Vec<u8>,
    /// Whether a line has begun.
    within: bool,
    /// The time that its line begins with, as it is written.
    first: Vec<u8>,
    /// The time of what comes now.
    time: Option<Timestamp>,
}

/// What stands at a place.
enum Stands {
    /// A time of so many bytes, with its space.
    Time(usize, Timestamp),
    /// Perhaps the beginning of one.
    Begun,
    /// None.
    None,
}

impl Stamped {
    /// Take in what came at `now`; what it is, each with its time.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        now: Timestamp,
    ) -> Vec<(Option<Timestamp>, Vec<u8>)> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let mut out = Vec::new();
        let (mut from, mut at) = (0, 0);
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let stands = match self.within && !rest.starts_with(b"1") && !rest.starts_with(b"2") {
                true => Stands::None,
                false => look(rest),
            };
            match stands {
                Stands::Begun => {
                    self.held = rest.to_vec();
                    break;
                }
                Stands::Time(length, time) => {
                    let written = rest.get(..length).unwrap_or_default();
                    if !self.within {
                        (self.within, self.time) = (true, Some(time));
                        written.clone_into(&mut self.first);
                        (from, at) = (at + length, at + length);
                        continue;
                    }
                    if self.is_of_a_piece(written, time, now) {
                        self.give(&mut out, text.get(from..at).unwrap_or_default());
                        self.time = Some(time);
                        (from, at) = (at + length, at + length);
                        continue;
                    }
                }
                Stands::None if !self.within => {
                    (self.within, self.time) = (true, None);
                    self.first.clear();
                }
                Stands::None => {}
            }
            if rest.first() == Some(&b'\n') {
                self.give(&mut out, text.get(from..=at).unwrap_or_default());
                self.within = false;
                from = at + 1;
            }
            at += 1;
        }
        self.give(&mut out, text.get(from..at).unwrap_or_default());
        out
    }

    /// Whether the beginning of what may be a time is waited for.
    pub(super) fn waits(&self) -> bool {
        self.within && !self.held.is_empty()
    }

    /// It did not go on: it is no time.
    pub(super) fn rest(&mut self) -> (Option<Timestamp>, Vec<u8>) {
        (self.time, std::mem::take(&mut self.held))
    }

    fn is_of_a_piece(&self, written: &[u8], time: Timestamp, now: Timestamp) -> bool {
        let Some(before) = self.time else { return false };
        let present = time >= before && time.duration_since(now).abs() <= LATE;
        written == self.first || written.len() == self.first.len() && present
    }

    fn give(&self, out: &mut Vec<(Option<Timestamp>, Vec<u8>)>, text: &[u8]) {
        match out.last_mut() {
            _ if text.is_empty() => {}
            Some((time, last)) if *time == self.time => last.extend_from_slice(text),
            _ => out.push((self.time, text.to_vec())),
        }
    }
}

/// The time that a text begins with, and how long it is with its space.
pub(super) fn time_at(text: &[u8]) -> Option<(usize, Timestamp)> {
    match look(text) {
        Stands::Time(length, time) => Some((length, time)),
        Stands::Begun | Stands::None => None,
    }
}

fn look(text: &[u8]) -> Stands {
    const SECONDS: &[u8] = b"0000-00-00T00:00:00";
    let fits = text.iter().zip(SECONDS).all(|(byte, wanted)| match wanted {
        b'0' => byte.is_ascii_digit(),
        wanted => byte == wanted,
    });
    if !fits {
        return Stands::None;
    }
    let longest = text.get(..LONGEST).unwrap_or(text);
    match memchr::memchr2(b' ', b'\n', longest) {
        Some(end) if longest.get(end) == Some(&b' ') => {
            let written = longest.get(..end).and_then(|time| std::str::from_utf8(time).ok());
            match written.and_then(|time| time.parse().ok()) {
                Some(time) => Stands::Time(end + 1, time),
                None => Stands::None,
            }
        }
        None if text.len() < LONGEST => Stands::Begun,
        _ => Stands::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23T10:00:05Z";

    /// Fed in parts of this size.
    fn fed(text: &str, size: usize) -> Vec<(Option<String>, String)> {
        let mut stamped = Stamped::default();
        let mut out: Vec<(Option<Timestamp>, Vec<u8>)> = Vec::new();
        let mut pieces: Vec<_> = text
            .as_bytes()
            .chunks(size)
            .flat_map(|part| stamped.feed(part, NOW.parse().unwrap()))
            .collect();
        pieces.push(stamped.rest());
        for (time, text) in pieces {
            match out.last_mut() {
                _ if text.is_empty() => {}
                Some((last, before)) if *last == time => before.extend(text),
                _ => out.push((time, text)),
            }
        }
        let shown = |(time, text): (Option<Timestamp>, Vec<u8>)| {
            (time.map(|time| time.to_string()), String::from_utf8(text).unwrap())
        };
        out.into_iter().map(shown).collect()
    }

    #[track_caller]
    fn gives(text: &str, expected: &[(&str, &str)]) {
        for size in [1, 2, 7, 31, text.len().max(1)] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(time, text)| {
                    let time = (!time.is_empty()).then(|| (*time).to_owned());
                    (time, (*text).to_owned())
                })
                .collect();
            assert_eq!(fed(text, size), expected, "in parts of {size}");
        }
    }

    #[test]
    fn times_before_lines_are_taken_out() {
        gives(
            "2026-11-23T09:00:00.000000001Z a\n2026-11-23T09:00:00.5Z b 2\n2026-11-23T11:00:00.5+01:00 c",
            &[
                ("2026-11-23T09:00:00.000000001Z", "a\n"),
                ("2026-11-23T09:00:00.5Z", "b 2\n"),
                ("2026-11-23T10:00:00.5Z", "c"),
            ],
        );
        gives("", &[]);
        gives("2026-11-23T09:00:00Z \n\n2026-", &[("2026-11-23T09:00:00Z", "\n"), ("", "\n2026-")]);
    }

    #[test]
    fn times_before_pieces_are_taken_out_and_the_programs_own_stay() {
        let (first, late) = ("2026-11-23T10:00:01.000000000Z ", "2026-11-23T10:00:04.500000000Z ");
        gives(
            &format!("{first}name? {late}bob\n"),
            &[("2026-11-23T10:00:01Z", "name? "), ("2026-11-23T10:00:04.5Z", "bob\n")],
        );
        gives(&format!("{first}a{first}b\n"), &[("2026-11-23T10:00:01Z", "ab\n")]);
        for own in [
            // Earlier than the line, not the present, in another form, or no time.
            "2026-11-23T10:00:00.000000000Z ",
            "2026-11-23T10:00:02.000000000Z ",
            "2027-11-23T10:00:00.000000000Z ",
            "2026-11-23T10:00:04Z ",
            "2026-13-23T10:00:04.500000000Z ",
            "2026-11-23T10:00:04.500000000Z\n",
        ] {
            let text = format!("at {own}x");
            let given = fed(&format!("{first}{text}"), 5);
            let all: String = given.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(all, text);
        }
    }
}
