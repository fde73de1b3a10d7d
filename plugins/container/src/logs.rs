//! Output as the engines kept it.

use std::borrow::Cow;

/// The last `lines` lines. A terminal ends them in CR LF; they come out with LF.
pub fn tail(text: &[u8], lines: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            None => out.extend_from_slice(line),
        }
    }
    let body = out.strip_suffix(b"\n").unwrap_or(&out);
    let breaks = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let start = match (lines as usize).checked_sub(1) {
        None => out.len(),
        Some(before) => breaks.map(|(at, _)| at + 1).nth(before).unwrap_or(0),
    };
    out.split_off(start)
}

/// Whether a line of a terminal's, which ends in CR LF, may stand before another in one line. A program
/// that returns to the beginning of its line looks the same.
pub fn has_lines_in_one(text: &[u8]) -> bool {
    let followed = |at: usize| !matches!(text.get(at + 1), None | Some(b'\r' | b'\n'));
    text.iter().enumerate().any(|(at, &byte)| byte == b'\r' && followed(at))
}

/// Two streams of lines that begin with their times, as one in the order of the times and without
/// them.
pub fn merged(stdout: &str, stderr: &str) -> String {
    let mut lines: Vec<(String, &str)> =
        stdout.split_inclusive('\n').chain(stderr.split_inclusive('\n')).map(parted).collect();
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// A line's time, in a form that sorts, and the rest of it. podman leaves out the zeros at the end of
/// a fraction of a second. A line without a time sorts first.
fn parted(line: &str) -> (String, &str) {
    line.split_once(' ').map_or((String::new(), line), |(time, rest)| (key(time), rest))
}

/// A time in a form that sorts.
fn key(time: &str) -> String {
    let (seconds, fraction) = match time.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => (time.get(..19).unwrap_or(time), ""),
    };
    let digits = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
    let mut key = [seconds, ".", fraction.get(..digits).unwrap_or_default()].concat();
    while key.len() < 29 {
        key.push('0');
    }
    key
}

/// A line and the time at which it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<'a> {
    /// As the engine writes it; empty where there is none.
    time: &'a [u8],
    /// With its end.
    text: Cow<'a, [u8]>,
}

/// The lines of output that begin with their times, `plain` the same without times: where a line was
/// kept in pieces, and each has its time before it, `plain` tells what the program printed.
pub fn timed<'a>(timed: &'a [u8], plain: Option<&'a [u8]>) -> Vec<Timed<'a>> {
    let first_alone = || lines(timed).map(first).collect();
    let Some(plain) = plain else { return first_alone() };
    let count = lines(timed).count();
    let last = count.saturating_sub(1);
    let both = lines(timed).zip(lines(plain)).enumerate();
    let lines: Option<Vec<Timed<'_>>> = both
        .map(|(number, (line, plain))| {
            let (time, text) = parts(line);
            // It may have grown since.
            let time = ended(time, text, plain, number == last)?;
            Some(Timed { time, text: Cow::Borrowed(plain) })
        })
        .collect();
    // Otherwise they are not of the same lines: some have been thrown away meanwhile.
    lines.filter(|lines| lines.len() == count).unwrap_or_else(first_alone)
}

/// Whether any line of output that begins with its times seems to have a second one.
pub fn has_pieces(timed: &[u8]) -> bool {
    lines(timed).any(|line| {
        let text = first(line).text;
        (0..text.len()).any(|at| text.get(at..).and_then(stamp).is_some())
    })
}

/// Two streams of lines, as one in the order of the times: each line after its time and a space.
pub fn together<'a>(mut lines: Vec<Timed<'a>>, others: Vec<Timed<'a>>) -> Vec<u8> {
    if !others.is_empty() {
        lines.extend(others);
        lines.sort_by_cached_key(|line| key(&String::from_utf8_lossy(line.time)));
    }
    let mut out = Vec::new();
    for Timed { time, text } in &lines {
        if !out.is_empty() && !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        out.extend_from_slice(time);
        out.push(b' ');
        out.extend_from_slice(text);
    }
    out
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}

/// A line and the time that it begins with. docker puts that before each piece of a line, and no program
/// can have printed it.
fn first(line: &[u8]) -> Timed<'_> {
    let (time, mut rest) = parts(line);
    let again = line.get(..line.len() - rest.len()).unwrap_or_default();
    let mut text = Cow::Borrowed(rest);
    while !again.is_empty()
        && let Some(at) = rest.windows(again.len()).position(|part| part == again)
        && let Some((before, after)) = rest.split_at_checked(at)
    {
        if let Cow::Borrowed(_) = text {
            text = Cow::Owned(Vec::with_capacity(rest.len()));
        }
        text.to_mut().extend_from_slice(before);
        rest = after.get(again.len()..).unwrap_or_default();
    }
    if let Cow::Owned(text) = &mut text {
        text.extend_from_slice(rest);
    }
    Timed { time, text }
}

/// The time that a line begins with, and what follows.
fn parts(line: &[u8]) -> (&[u8], &[u8]) {
    let parts = stamp(line).and_then(|end| line.split_at_checked(end));
    parts.map_or((b"", line), |(time, text)| (time.trim_ascii_end(), text))
}

/// The time of the last piece of a line, in whose text the times of further pieces stand; `None` where
/// it is not the line `plain`.
fn ended<'a>(mut time: &'a [u8], text: &'a [u8], plain: &[u8], grows: bool) -> Option<&'a [u8]> {
    let (mut rest, mut left) = (text, plain);
    loop {
        if let Some(end) = stamp(rest)
            && let Some((found, after)) = rest.split_at_checked(end)
            && !left.starts_with(found)
        {
            (time, rest) = (found.trim_ascii_end(), after);
            continue;
        }
        match (rest.split_first(), left.split_first()) {
            (Some((one, after)), Some((other, later))) if one == other => {
                (rest, left) = (after, later);
            }
            (None, None) => return Some(time),
            (None, Some(_)) if grows => return Some(time),
            _ => return None,
        }
    }
}

/// How long the time at the beginning is, with the space after it:
/// `2026-11-23T05:36:12.284730582+01:00 `.
fn stamp(text: &[u8]) -> Option<usize> {
    let shape = |text: &[u8], shape: &[u8]| {
        text.len() >= shape.len()
            && text.iter().zip(shape).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte == wanted,
            })
    };
    let seconds = b"0000-00-00T00:00:00";
    if !shape(text, seconds) {
        return None;
    }
    let mut at = seconds.len();
    if text.get(at) == Some(&b'.') {
        at += 1;
        let digits =
            text.get(at..)?.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        at += digits;
    }
    at += match text.get(at)? {
        b'Z' => 1,
        b'+' | b'-' if shape(text.get(at + 1..)?, b"00:00") => 6,
        _ => return None,
    };
    (text.get(at) == Some(&b' ')).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(text: &str, lines: u32) -> String {
        String::from_utf8(tail(text.as_bytes(), lines)).unwrap()
    }

    #[test]
    fn lines_end_in_lf() {
        assert_eq!(tail_of("a\r\nb\rc\r\n", 5), "a\nb\rc\n");
    }

    #[test]
    fn no_more_lines_than_asked_for() {
        assert_eq!(tail_of("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(tail_of("a\nb\nc", 2), "b\nc");
        assert_eq!(tail_of("a\n\n", 1), "\n");
        assert_eq!(tail_of("a\n", 0), "");
        assert_eq!(tail_of("", 3), "");
    }

    #[test]
    fn two_lines_in_one_are_told_by_their_return() {
        for text in ["", "a\r\nb\r\n", "a\r\r\n", "a\nb", "a\r"] {
            assert!(!has_lines_in_one(text.as_bytes()), "{text}");
        }
        assert!(has_lines_in_one(b"a\r\nb\rc d\r\n \r\n"));
    }

    #[test]
    fn streams_interleave_by_time() {
        let stdout = "2026-11-23T05:36:12.5Z out\n2026-11-23T05:36:12.53Z out two\n";
        let stderr = "2026-11-23T05:36:12.52Z err\n2026-11-23T05:36:13Z last\n";
        assert_eq!(merged(stdout, stderr), "out\nerr\nout two\nlast\n");
    }
    const AT: [&str; 3] = [
        "2026-11-23T05:36:12.284730582Z ",
        "2026-11-23T05:36:13.000000001+01:00 ",
        "2026-11-23T05:36:14-05:30 ",
    ];

    fn shown(lines: Vec<Timed<'_>>) -> String {
        String::from_utf8(together(lines, Vec::new())).unwrap()
    }

    #[test]
    fn a_line_has_the_time_of_its_last_piece() {
        let [one, two, three] = AT;
        let kept = format!("{one}a\r\n{one}name? {two}bob{three}\r\n{two}b\n{three}$ ");
        assert!(has_pieces(kept.as_bytes()));
        let plain = "a\r\nname? bob\r\nb\n$ ";
        let expected = format!("{one}a\r\n{three}name? bob\r\n{two}b\n{three}$ ");
        assert_eq!(shown(timed(kept.as_bytes(), Some(plain.as_bytes()))), expected);
        // What came since, to the last line and after it.
        let later = format!("{plain}more\nand more\n");
        let grown = shown(timed(kept.as_bytes(), Some(later.as_bytes())));
        assert_eq!(grown, format!("{expected}more\n"));
    }

    #[test]
    fn the_programs_own_times_stay() {
        let [one, two, three] = AT;
        let plain = format!("next {two}at\n{two}\n");
        let kept = format!("{one}next {two}at\n{one}{two}\n");
        assert!(has_pieces(kept.as_bytes()));
        assert_eq!(shown(timed(kept.as_bytes(), Some(plain.as_bytes()))), kept);
        let pieces = format!("{one}next {three}{two}at\n{one}{two}\n");
        let expected = format!("{three}next {two}at\n{one}{two}\n");
        assert_eq!(shown(timed(pieces.as_bytes(), Some(plain.as_bytes()))), expected);
        // Of other lines it tells nothing; and nothing is lost.
        assert_eq!(shown(timed(kept.as_bytes(), Some(b"other\n"))), kept);
        assert!(!has_pieces(format!("{one}a\n{one}b 2026-11-23 05:36:12 c\n").as_bytes()));
    }

    #[test]
    fn pieces_with_one_time_are_joined() {
        let [one, two, _] = AT;
        let kept = format!("{one}{one}a{one}b{one}\n{two}{one}c\n");
        assert!(!has_pieces(format!("{one}a{one}b\n{two}c\n").as_bytes()));
        assert_eq!(shown(timed(kept.as_bytes(), None)), format!("{one}ab\n{two}{one}c\n"));
    }

    #[test]
    fn streams_with_times_are_one() {
        let out = b"2026-11-23T05:36:12.5Z out\n2026-11-23T05:36:12.53Z unended";
        let err = b"2026-11-23T05:36:12.52Z err\n2026-11-23T05:36:13Z last\n";
        let lines = String::from_utf8(together(timed(out, None), timed(err, None))).unwrap();
        let words: Vec<&str> = lines.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(words, ["out", "err", "unended", "last"]);
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "2026-11-23T05:36:12Z",
            "2026-11-23 05:36:12Z ",
            "x",
            "2026-11-23T05:36:12.1 ",
            "2026-11-23T05:36:12.1234567891Z ",
            "2026-11-23T05:36:12+1:00 ",
        ] {
            assert_eq!(stamp(text.as_bytes()), None, "{text}");
            assert_eq!(&*first(text.as_bytes()).text, text.as_bytes());
        }
        assert!(AT.iter().all(|time| stamp(time.as_bytes()) == Some(time.len())));
    }
}
