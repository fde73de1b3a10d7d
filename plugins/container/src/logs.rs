//! Output as the engines kept it.

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

/// Two streams of lines that begin with their times, as one in the order of the times and without
/// them.
pub fn merged(stdout: &str, stderr: &str) -> String {
    let mut lines: Vec<(String, &str)> =
        stdout.split_inclusive('\n').chain(stderr.split_inclusive('\n')).map(timed).collect();
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// A line's time, in a form that sorts, and the rest of it. podman leaves out the zeros at the end of
/// a fraction of a second. A line without a time sorts first.
fn timed(line: &str) -> (String, &str) {
    let Some((time, rest)) = line.split_once(' ') else { return (String::new(), line) };
    let (seconds, fraction) = match time.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => (time.get(..19).unwrap_or(time), ""),
    };
    let digits = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
    let mut key = [seconds, ".", fraction.get(..digits).unwrap_or_default()].concat();
    while key.len() < 29 {
        key.push('0');
    }
    (key, rest)
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
    fn streams_interleave_by_time() {
        let stdout = "2026-11-23T05:36:12.5Z out\n2026-11-23T05:36:12.53Z out two\n";
        let stderr = "2026-11-23T05:36:12.52Z err\n2026-11-23T05:36:13Z last\n";
        assert_eq!(merged(stdout, stderr), "out\nerr\nout two\nlast\n");
    }
}
