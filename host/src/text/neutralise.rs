//! What a program printed, made safe to print again.

use crate::guard::Guard;

/// `bytes` with nothing left in it that acts on a terminal but colours and text attributes (SGR).
///
/// - Every other control sequence is removed whole: cursor movement, titles, the clipboard, links,
///   bracketed paste, mouse modes, character sets, in their 7-bit and their 8-bit form. A string
///   sequence (a title) that is not ended ends with its line, so that it cannot swallow the rest.
/// - Tabs and line ends stay. A line that was written over (a progress bar, by a carriage return)
///   shows what was last written. Other control characters are removed.
/// - Characters that change the direction of their neighbours are escaped: `\u{202e}`.
/// - Bytes that are not UTF-8 become U+FFFD.
/// - Colours that are still on at the end are switched off there.
///
/// ```
/// let shown = kst::text::neutralise(b"\x1b]0;title\x07\x1b[2J\x1b[31mred\n");
/// assert_eq!(shown, b"\x1b[31mred\n\x1b[0m");
/// ```
pub fn neutralise(bytes: &[u8]) -> Vec<u8> {
    if !Guard::ShownPlain.holds() {
        return bytes.to_vec();
    }
    clean(bytes, true)
}

/// Like [`neutralise`], without the colours: text alone.
///
/// ```
/// assert_eq!(kst::text::plain(b"\x1b[31mred\x1b[0m\r\n"), b"red\n");
/// ```
pub fn plain(bytes: &[u8]) -> Vec<u8> {
    clean(bytes, false)
}

fn clean(bytes: &[u8], colours: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut cleaner = Cleaner::new(colours, text.len());
    text.chars().for_each(|c| cleaner.push(c));
    cleaner.finish()
}

/// [`neutralise`] and [`plain`] for output that comes bit by bit: it is given out line by line.
///
/// ```
/// let mut cleaning = kst::text::Cleaning::new(true);
/// cleaning.feed(b"\x1b[31mred\x1b[2J\nstill ");
/// assert_eq!(cleaning.lines(), ["\x1b[31mred\x1b[0m"]);
/// assert_eq!(cleaning.unended(), "\x1b[31mstill \x1b[0m");
/// cleaning.feed(b"red\r\n");
/// assert_eq!(cleaning.lines(), ["\x1b[31mstill red\x1b[0m"]);
/// ```
pub struct Cleaning {
    cleaner: Cleaner,
    /// The first bytes of a character whose last are still to come.
    begun: Vec<u8>,
    /// The colours that were on where the current line begins.
    before: String,
}

impl Cleaning {
    /// With the colours kept, or without.
    pub fn new(colours: bool) -> Self {
        Cleaning { cleaner: Cleaner::new(colours, 0), begun: Vec::new(), before: String::new() }
    }

    /// Take in what was printed next.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
        let whole = self.begun.len() - unended_character(&self.begun);
        let rest = self.begun.split_off(whole);
        let text = std::mem::replace(&mut self.begun, rest);
        let text = String::from_utf8_lossy(&text);
        if !Guard::ShownPlain.holds() {
            self.cleaner.out.push_str(&text);
            self.cleaner.line = self.cleaner.out.rfind('\n').map_or(0, |end| end + 1);
            return;
        }
        text.chars().for_each(|c| self.cleaner.push(c));
    }

    /// The lines that have ended since this was last asked, without their ends. Each has its own
    /// colours, and leaves none on.
    pub fn lines(&mut self) -> Vec<String> {
        let ended: String = self.cleaner.out.drain(..self.cleaner.line).collect();
        self.cleaner.line = 0;
        let lines = ended.split_terminator('\n');
        lines.map(|line| closed(&mut self.before, line)).collect()
    }

    /// The line that has not ended yet, as it is now.
    pub fn unended(&self) -> String {
        let line = self.cleaner.out.get(self.cleaner.line..).unwrap_or_default();
        match line.is_empty() {
            true => String::new(),
            false => closed(&mut self.before.clone(), line),
        }
    }
}

/// A line with the colours that were on `before` it, all switched off at its end. Afterwards `before`
/// holds those that are on for the next one.
fn closed(before: &mut String, line: &str) -> String {
    let mut closed = format!("{before}{line}");
    for part in line.split('\u{1b}').skip(1) {
        // Nothing else is left of control sequences.
        let Some((parameters, _)) = part.strip_prefix('[').and_then(|part| part.split_once('m'))
        else {
            continue;
        };
        if parameters.bytes().all(|byte| byte == b'0') {
            before.clear();
            continue;
        }
        if before.len() + parameters.len() > MOST_CARRIED {
            before.clear();
        }
        before.push_str(&format!("\u{1b}[{parameters}m"));
    }
    if !before.is_empty() {
        closed.push_str("\u{1b}[0m");
    }
    closed
}

/// How many bytes at the end are the beginning of a character that has not ended.
fn unended_character(bytes: &[u8]) -> usize {
    // A character has four bytes at most.
    let from = bytes.len().saturating_sub(3);
    let tail = bytes.get(from..).unwrap_or_default();
    for (at, byte) in tail.iter().enumerate().rev() {
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        let there = tail.len() - at;
        return if there < length { there } else { 0 };
    }
    0
}

/// The longest parameters of a colour sequence that are kept; real ones have some 20 characters.
const LONGEST_SGR: usize = 64;

/// How much of a line's colours is carried over when the line is written over.
const MOST_CARRIED: usize = 256;

/// Where in a control sequence the text is.
enum State {
    /// In none.
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte (`ESC ( B`).
    Intermediate,
    /// In a CSI sequence; its parameters so far. `None` once it cannot be a colour any more.
    Csi(Option<String>),
    /// In a string sequence (OSC, DCS, SOS, PM, APC), up to its end.
    Str,
}

struct Cleaner {
    out: String,
    state: State,
    colours: bool,
    /// Where the current line begins in `out`.
    line: usize,
    /// The colour sequences of the current line.
    carried: String,
    /// A carriage return came: what comes next replaces the line.
    returned: bool,
    /// A colour may be on.
    coloured: bool,
}

impl Cleaner {
    fn new(colours: bool, size: usize) -> Self {
        Cleaner {
            out: String::with_capacity(size + 4),
            state: State::Text,
            colours,
            line: 0,
            carried: String::new(),
            returned: false,
            coloured: false,
        }
    }

    fn push(&mut self, c: char) {
        // A control character ends any sequence that it stands in, and then counts itself.
        if c < ' ' || ('\u{7f}'..'\u{a0}').contains(&c) {
            return self.control(c);
        }
        match &mut self.state {
            State::Text => self.text(c),
            State::Escape => {
                self.state = match c {
                    '[' => State::Csi(Some(String::new())),
                    ']' | 'P' | 'X' | '^' | '_' => State::Str,
                    ' '..='/' => State::Intermediate,
                    '0'..='~' => State::Text,
                    _ => return self.leave(c),
                };
            }
            State::Intermediate => match c {
                ' '..='/' => {}
                '0'..='~' => self.state = State::Text,
                _ => self.leave(c),
            },
            State::Csi(parameters) => match c {
                '0'..=';' => {
                    if let Some(text) = parameters {
                        text.push(c);
                        if text.len() > LONGEST_SGR {
                            *parameters = None;
                        }
                    }
                }
                // A private marker or an intermediate byte: `CSI > 4 ; 1 m` is no colour.
                ' '..='/' | '<'..='?' => *parameters = None,
                '@'..='~' => {
                    let colour = parameters.take().filter(|_| c == 'm');
                    self.state = State::Text;
                    if let Some(parameters) = colour {
                        self.sgr(&parameters);
                    }
                }
                _ => self.leave(c),
            },
            State::Str => {}
        }
    }

    /// Text where a sequence should have gone on: the sequence is given up.
    fn leave(&mut self, c: char) {
        self.state = State::Text;
        self.text(c);
    }

    fn control(&mut self, c: char) {
        self.state = match c {
            '\u{1b}' => State::Escape,
            '\u{9b}' => State::Csi(Some(String::new())),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => State::Str,
            _ => State::Text,
        };
        match c {
            '\n' => {
                self.out.push('\n');
                self.line = self.out.len();
                self.carried.clear();
                self.returned = false;
            }
            '\r' => self.returned = true,
            '\t' => self.text('\t'),
            _ => {}
        }
    }

    fn text(&mut self, c: char) {
        if self.returned {
            self.returned = false;
            self.out.truncate(self.line);
            self.out.push_str(&self.carried);
        }
        if misleading(c) {
            self.out.extend(c.escape_unicode());
        } else {
            self.out.push(c);
        }
    }

    fn sgr(&mut self, parameters: &str) {
        if !self.colours {
            return;
        }
        let off = parameters.bytes().all(|b| b == b'0');
        if off {
            self.carried.clear();
        }
        self.coloured = !off;
        let sequence = format!("\u{1b}[{parameters}m");
        if self.carried.len() + sequence.len() <= MOST_CARRIED {
            self.carried.push_str(&sequence);
        }
        self.out.push_str(&sequence);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.coloured {
            self.out.push_str("\u{1b}[0m");
        }
        self.out.into_bytes()
    }
}

/// Characters that make text read otherwise than it is: direction, line breaks of their own.
/// Zero-width joiners and variation selectors stay: emoji are made of them.
fn misleading(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8(neutralise(text.as_bytes())).unwrap()
    }

    #[test]
    fn colours_stay_and_are_switched_off() {
        assert_eq!(shown("\x1b[1;38;5;208mhi\x1b[0m\n"), "\x1b[1;38;5;208mhi\x1b[0m\n");
        assert_eq!(shown("\x1b[38:2::1:2:3mhi"), "\x1b[38:2::1:2:3mhi\x1b[0m");
        assert_eq!(shown("\x1b[31ma\nb"), "\x1b[31ma\nb\x1b[0m");
        assert_eq!(shown("\x1b[31ma\x1b[m\n"), "\x1b[31ma\x1b[m\n");
        assert_eq!(shown("\u{9b}32mgreen"), "\x1b[32mgreen\x1b[0m");
    }

    #[test]
    fn every_other_sequence_goes() {
        for sequence in [
            "\x1b[2J",
            "\x1b[H",
            "\x1b[10;20H",
            "\x1b[?2004h",
            "\x1b[?1049h",
            "\x1b[>4;1m",
            "\x1b[1 q",
            "\x1b[6n",
            "\x1b[c",
            "\x1bc",
            "\x1b7",
            "\x1b(0",
            "\x1b#8",
            "\x1b]0;title\x07",
            "\x1b]0;title\x1b\\",
            "\x1b]52;c;cm0gLXJm\x07",
            "\x1b]8;;http://x\x1b\\",
            "\x1bP$q\"p\x1b\\",
            "\x1b_apc\x1b\\",
            "\x1b^pm\x1b\\",
            "\x1bXsos\x1b\\",
            "\u{9d}0;title\u{9c}",
            "\u{9b}2J",
            "\u{90}dcs\u{9c}",
            "\u{85}",
            "\x07",
            "\x08",
            "\x0b",
            "\x0c",
            "\x0e",
            "\0",
            "\x7f",
        ] {
            assert_eq!(shown(&format!("a{sequence}b\n")), "ab\n", "{sequence:?}");
        }
    }

    #[test]
    fn broken_sequences_hide_nothing_beyond_their_line() {
        assert_eq!(shown("a\x1b]0;never ended\nb\n"), "a\nb\n");
        assert_eq!(shown("a\x1b[31\nb\n"), "a\nb\n");
        assert_eq!(shown("a\x1b"), "a");
        assert_eq!(shown("a\x1b[é"), "aé");
        assert_eq!(shown(&format!("\x1b[{}mx", "1;".repeat(100))), "x");
    }

    #[test]
    fn a_sequence_inside_a_sequence_is_not_put_together() {
        // Removing the inner one must not leave an outer one whole.
        assert_eq!(shown("\x1b[\x1b[2J2J"), "2J");
        assert_eq!(shown("\x1b\x1b]0;x\x07]0;y\x07"), "]0;y");
        assert_eq!(shown("\x1b]0;x\x1b]0;y\x07z"), "z");
    }

    #[test]
    fn overwritten_lines_show_their_last_state() {
        assert_eq!(shown("one\r\ntwo\r\n"), "one\ntwo\n");
        assert_eq!(shown("one\r\r\ntwo\n"), "one\ntwo\n");
        assert_eq!(shown("10%\r20%\r\x1b[K30%\n"), "30%\n");
        assert_eq!(shown("before\n10%\r20%"), "before\n20%");
        assert_eq!(shown("kept\r"), "kept");
        assert_eq!(shown("\x1b[31mred\rstill red\x1b[0m\n"), "\x1b[31mstill red\x1b[0m\n");
    }

    #[test]
    fn direction_is_shown_and_emoji_stay() {
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown("👩\u{200d}💻 ✔\u{fe0f} 日本\tx"), "👩\u{200d}💻 ✔\u{fe0f} 日本\tx");
    }

    /// However it is cut, and whatever it is.
    #[test]
    fn bit_by_bit_is_the_same_as_at_once() {
        let texts: [&[u8]; 6] = [
            "Grüße 日本 👩\u{200d}💻\nnext\n".as_bytes(),
            b"\x1b[31mred\x1b[2J\nstill red\x1b[0m\n\x1b]0;title\x07plain\n",
            b"10%\r20%\r\x1b[K30%\r\ndone\n",
            b"a\xffb\xe2\x82c\xf0\x9f\n\x9b2Jx\n",
            b"\x1b[1;32mok\n\n\n\x1b[mend\n",
            b"one\r\r\ntwo\x1b[",
        ];
        for text in texts {
            let mut at_once = Cleaning::new(true);
            at_once.feed(text);
            let whole = at_once.lines();
            for size in 1..6 {
                let mut cleaning = Cleaning::new(true);
                let mut lines = Vec::new();
                for part in text.chunks(size) {
                    cleaning.feed(part);
                    lines.extend(cleaning.lines());
                }
                assert_eq!(lines, whole, "{text:?} by {size}");
            }
            let colourless = |lines: &[String]| plain(lines.join("\n").as_bytes());
            let all = plain(text);
            let shown = all.get(..colourless(&whole).len()).unwrap_or_default();
            assert_eq!(colourless(&whole), shown, "{text:?}");
        }
    }

    #[test]
    fn each_line_has_its_colours_to_itself() {
        let mut cleaning = Cleaning::new(true);
        cleaning.feed(b"a \x1b[1mb\x1b[31mc\nd\n\x1b[0me\nf\x1b[32m");
        let bold = "\x1b[1m\x1b[31m";
        let lines =
            ["a \x1b[1mb\x1b[31mc\x1b[0m", &format!("{bold}d\x1b[0m"), &format!("{bold}\x1b[0me")];
        assert_eq!(cleaning.lines(), lines);
        assert_eq!(cleaning.unended(), "f\x1b[32m\x1b[0m");
        // However many there are, they stay few.
        for _ in 0..1000 {
            cleaning.feed(b"\x1b[38;5;208mx\n");
        }
        assert!(cleaning.lines().iter().all(|line| line.len() < 400));
        let mut plain = Cleaning::new(false);
        plain.feed(b"\x1b[1mb\x1b]0;x\x07\n");
        assert_eq!(plain.lines(), ["b"]);
    }

    #[test]
    fn bytes_that_are_not_utf8_cannot_act() {
        assert_eq!(neutralise(b"a\x9b2Jb\xffc"), "a\u{fffd}2Jb\u{fffd}c".as_bytes());
    }

    #[test]
    fn plain_has_no_colours() {
        assert_eq!(plain(b"\x1b[1mbold\x1b[0m\x1b]0;t\x07 x"), b"bold x");
    }

    #[test]
    fn no_input_leaves_an_escape_but_colours() {
        // Every sequence of up to four of the bytes that matter.
        let bytes = b"\x1b[]m?;1\\\x07\r\n\x9b\xc2a";
        let mut input = Vec::new();
        for n in 0..bytes.len().pow(4) {
            input.clear();
            let mut rest = n;
            for _ in 0..4 {
                input.push(bytes[rest % bytes.len()]);
                rest /= bytes.len();
            }
            let text = String::from_utf8(neutralise(&input)).unwrap();
            for part in text.split('\x1b').skip(1) {
                let end = part.find(|c: char| !c.is_ascii_digit() && !"[;:".contains(c));
                assert_eq!(end.and_then(|at| part.as_bytes().get(at)), Some(&b'm'), "{input:?}");
            }
            assert!(!text.contains(|c: char| c.is_control() && !"\x1b\n\t".contains(c)));
        }
    }
}
