//! The last lines of what `capture-pane` printed.

/// How many colour sequences from before the first line are kept, to colour it as it was.
const COLOURS_KEPT: usize = 32;

const RESET: &[u8] = b"\x1b[0m";

/// The last `wanted` lines, without the padding of the screen, with their colours, and with a reset
/// at the end where there are any.
///
/// `None` where `text` may begin in the middle of a line that is wanted, or does not hold enough of
/// them; never if it is `whole`, the pane from its very beginning.
pub fn tail(text: &[u8], wanted: usize, whole: bool) -> Option<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = text.split(|&byte| byte == b'\n').map(trimmed).collect();
    while lines.last().is_some_and(|line| is_blank(line)) {
        lines.pop();
    }
    if lines.len() <= wanted && !whole {
        return None;
    }
    let (before, kept) = lines.split_at(lines.len().saturating_sub(wanted));
    let mut out = Vec::with_capacity(text.len());
    if !kept.is_empty() {
        out.extend(colours(before));
    }
    for line in kept {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    if out.contains(&0x1b) {
        let end = out.len().saturating_sub(1);
        out.splice(end..end, RESET.iter().copied());
    }
    Some(out)
}

/// The line without the blanks at its end; colour sequences among them stay.
fn trimmed(line: &[u8]) -> Vec<u8> {
    let mut end = line.len();
    let mut kept: Vec<&[u8]> = Vec::new();
    loop {
        let head = line.get(..end).unwrap_or_default().trim_ascii_end();
        end = head.len();
        let Some(start) = sequence_at_end(head) else { break };
        kept.push(head.get(start..).unwrap_or_default());
        end = start;
    }
    let mut out = line.get(..end).unwrap_or_default().to_vec();
    for sequence in kept.into_iter().rev() {
        out.extend_from_slice(sequence);
    }
    out
}

/// Where the colour sequence begins that `text` ends with.
fn sequence_at_end(text: &[u8]) -> Option<usize> {
    let body = text.strip_suffix(b"m")?;
    let digits = body.iter().rev().take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'));
    let start = body.len() - digits.count();
    let head = body.get(..start)?;
    head.ends_with(b"\x1b[").then(|| start - 2)
}

/// Whether a trimmed line shows nothing.
fn is_blank(line: &[u8]) -> bool {
    let mut rest = line;
    while let Some(start) = sequence_at_end(rest) {
        rest = rest.get(..start).unwrap_or_default();
    }
    rest.is_empty()
}

/// The colours in force after these lines: the sequences since the last reset.
fn colours(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut force: Vec<&[u8]> = Vec::new();
    for line in lines {
        for (at, _) in line.iter().enumerate().filter(|(_, byte)| **byte == 0x1b) {
            let sequence = line.get(at..).unwrap_or_default();
            let Some(length) = sequence.iter().position(|&byte| byte == b'm') else { continue };
            let sequence = sequence.get(..=length).unwrap_or_default();
            if sequence_at_end(sequence) != Some(0) {
                continue;
            }
            let is_reset = sequence == RESET || sequence == b"\x1b[m";
            if is_reset || sequence.starts_with(b"\x1b[0;") || force.len() == COLOURS_KEPT {
                force.clear();
            }
            if !is_reset {
                force.push(sequence);
            }
        }
    }
    force.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, wanted: usize) -> String {
        String::from_utf8(tail(text.as_bytes(), wanted, true).unwrap()).unwrap()
    }

    #[test]
    fn padding_of_the_screen_is_no_output() {
        assert_eq!(whole("a  \nb\n\n\n\n", 10), "a\nb\n");
        assert_eq!(whole("a\n\nb\n", 2), "\nb\n");
        assert_eq!(whole("\n\n", 5), "");
        assert_eq!(whole("a\nb\n", 0), "");
    }

    #[test]
    fn colours_stay_and_end() {
        // Printed by tmux 3.3a: a red line, lines that stay red, and a plain one.
        let text = "\x1b[31mred\nl1\nl2\n\x1b[39mplain   \n\n";
        assert_eq!(whole(text, 2), "\x1b[31ml2\n\x1b[39mplain\x1b[0m\n");
        assert_eq!(whole(text, 4), "\x1b[31mred\nl1\nl2\n\x1b[39mplain\x1b[0m\n");
        assert_eq!(whole("\x1b[31mred\x1b[0m\nplain\n", 1), "plain\n");
        assert_eq!(whole("\x1b[1;32mx\x1b[0;33my\nz\n", 1), "\x1b[0;33mz\x1b[0m\n");
    }

    #[test]
    fn blanks_before_a_colour_at_the_end_go() {
        assert_eq!(whole("a \x1b[31m \x1b[39m  \n", 1), "a\x1b[31m\x1b[39m\x1b[0m\n");
        assert_eq!(whole("a\n   \x1b[0m  \n", 3), "a\n");
    }

    #[test]
    fn a_part_is_enough_only_where_it_holds_a_line_more() {
        assert_eq!(tail(b"half\na\nb\n", 2, false).as_deref(), Some(&b"a\nb\n"[..]));
        assert_eq!(tail(b"half\na\nb\n", 3, false), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_left_alone() {
        assert_eq!(tail(b"\xff \n\x1b[\n", 2, true).as_deref(), Some(&b"\xff\n\x1b[\x1b[0m\n"[..]));
    }
}
