//! What the fuzzers call: the times that an engine's client puts before lines. See `tests/fuzz`.

use jiff::{SignedDuration, Timestamp};

use crate::session::stamped::Stamped;

/// The time of the first line of what a program is made to have printed.
const FIRST: Timestamp = Timestamp::constant(1_800_000_000, 123_456_789);

/// A client's output, and behind NUL what a program printed. The first byte says how it is cut into
/// pieces. Returns whether any time was found.
///
/// # Panics
///
/// Where what is told of it was not printed, something of it is missing, or it hangs on how it was cut.
pub fn times(data: &[u8]) -> bool {
    let Some((&how, rest)) = data.split_first() else { return false };
    let mut parts = rest.splitn(2, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (stream, program) = (next(), next());
    let size = usize::from(how).max(1);

    let told = fed(stream, size, FIRST);
    assert_eq!(told, fed(stream, stream.len().max(1), FIRST), "cut at {size}");
    let text: Vec<u8> = told.iter().flat_map(|(_, text)| text.iter().copied()).collect();
    assert!(is_left_of(&text, stream), "{text:?} of {stream:?}");
    let breaks = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
    assert_eq!(breaks(&text), breaks(stream));

    // With a time before each line, as docker writes it, all of it comes back with its times.
    let mut stamped = Vec::new();
    let mut expected: Vec<(Option<Timestamp>, Vec<u8>)> = Vec::new();
    for (number, line) in program.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let later = SignedDuration::from_nanos(i64::try_from(number).unwrap_or(i64::MAX));
        let time = FIRST.saturating_add(later).unwrap_or(FIRST);
        let written = format!("{time:.9} ");
        // None of the program's own is taken for that of a piece, unless it is the very same.
        if memchr::memmem::find(line, written.as_bytes()).is_some() {
            return false;
        }
        stamped.extend_from_slice(written.as_bytes());
        stamped.extend_from_slice(line);
        expected.push((Some(time), line.to_vec()));
    }
    // Nothing is after its line and yet the present.
    let earlier = FIRST.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(FIRST);
    assert_eq!(fed(&stamped, size, earlier), expected);
    told.iter().any(|(time, _)| time.is_some())
}

/// What is told of a stream that comes in pieces of this size.
fn fed(stream: &[u8], size: usize, now: Timestamp) -> Vec<(Option<Timestamp>, Vec<u8>)> {
    let mut stamped = Stamped::default();
    let mut told: Vec<(Option<Timestamp>, Vec<u8>)> = Vec::new();
    let mut pieces: Vec<_> =
        stream.chunks(size).flat_map(|piece| stamped.feed(piece, now)).collect();
    pieces.push(stamped.rest());
    for (time, text) in pieces {
        match told.last_mut() {
            _ if text.is_empty() => {}
            Some((last, before)) if *last == time => before.extend(text),
            _ => told.push((time, text)),
        }
    }
    told
}

/// Whether it is what is left of `all` where parts of that are taken out.
fn is_left_of(text: &[u8], all: &[u8]) -> bool {
    let mut all = all.iter();
    text.iter().all(|byte| all.any(|other| other == byte))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::steady;

    #[test]
    fn times_made_up() {
        let found = Cell::new(0_u32);
        let seeds = steady::files("tests/fuzz/seeds/times", "");
        steady::run(&seeds, 10_000, |data| found.set(found.get() + u32::from(times(data))));
        assert!(found.get() > 1000, "only {}", found.get());
    }
}
