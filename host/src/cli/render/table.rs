//! Aligned columns without boxes, like those of `docker ps` and `systemctl`.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::Style;
use kst::text::escape_controls;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style;

/// How many blanks stand between two columns, and at least where the terminal is too narrow.
const GAP: usize = 3;
const NARROWEST_GAP: usize = 1;

/// How narrow a column may be cut, and where even that is too wide.
const NARROW: usize = 12;
const NARROWEST: usize = 6;

/// What a table is drawn on.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// How wide the terminal is: longer lines are cut to it as far as can be. Without one nothing is cut.
    pub width: Option<usize>,
    /// Whether it takes colours. Styles that are not written need not be taken out again, which for
    /// hundreds of sessions takes longer than drawing them.
    pub colours: bool,
}

#[cfg(test)]
impl Page {
    /// A file that takes colours.
    pub const COLOURED: Page = Page { width: None, colours: true };
}

/// A cell: text of one line, in one style. What needs no escaping is not copied: of a list of hundreds
/// of sessions that would be thousands of copies.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    text: Cow<'a, str>,
    /// How many columns of a terminal it takes.
    width: usize,
    style: Style,
}

impl<'a> Cell<'a> {
    /// `text` with its control characters escaped; nothing for `None`.
    pub fn new(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        let mut text = text.into();
        let mut width = text.len();
        if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
            text = Cow::Owned(escape_controls(&text));
            width = text.width();
        }
        Cell { text, width, style }
    }

    /// The same in no style.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Cell::new(text, style::PLAIN)
    }

    /// Text, or a dim dash where there is none.
    pub fn or_dash(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        match text.map(Into::into) {
            Some(text) if !text.is_empty() => Cell::plain(text),
            _ => Cell::new("-", style::DIM),
        }
    }
}

/// A column: its header and whether it may be cut to fit a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub header: &'static str,
    pub may_be_cut: bool,
}

/// A column that is shown whole.
pub const fn whole(header: &'static str) -> Column {
    Column { header, may_be_cut: false }
}

/// A column that may be cut, with an ellipsis, where the terminal is too narrow.
pub const fn cut(header: &'static str) -> Column {
    Column { header, may_be_cut: true }
}

/// The table, a line each.
pub fn render(columns: &[Column], rows: &[Vec<Cell<'_>>], page: Page) -> String {
    let header: Vec<Cell<'_>> =
        columns.iter().map(|column| Cell::new(column.header, style::BOLD)).collect();
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.width).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width.max(*width);
        }
    }
    let gap = page.width.map_or(GAP, |width| fit(columns, &mut widths, width));
    let longest = widths.iter().sum::<usize>() + gap * columns.len();
    let mut out = String::with_capacity(longest.saturating_mul(rows.len() + 1));
    for row in std::iter::once(&header).chain(rows) {
        line(&mut out, row, &widths, gap, page.colours);
    }
    out
}

/// Narrow the columns that may be cut, the last ones first, until the table fits; then what stands
/// between them, which is returned; then the columns still more.
fn fit(columns: &[Column], widths: &mut [usize], width: usize) -> usize {
    let between = columns.len().saturating_sub(1);
    let over = |widths: &[usize], gap: usize| {
        (widths.iter().sum::<usize>() + gap * between).saturating_sub(width)
    };
    let cut = |widths: &mut [usize], gap: usize, narrowest: usize| {
        let mut over = over(widths, gap);
        for (column, wide) in columns.iter().zip(widths.iter_mut()).rev() {
            if column.may_be_cut {
                let less = over.min(wide.saturating_sub(narrowest));
                *wide -= less;
                over -= less;
            }
        }
    };
    cut(widths, GAP, NARROW);
    let mut gap = GAP;
    while gap > NARROWEST_GAP && over(widths, gap) > 0 {
        gap -= 1;
    }
    cut(widths, gap, NARROWEST);
    gap
}

fn line(out: &mut String, row: &[Cell<'_>], widths: &[usize], gap: usize, colours: bool) {
    for (at, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let (text, wide) = match cell.width <= width {
            true => (Cow::Borrowed(&*cell.text), cell.width),
            false => {
                let short = shortened(&cell.text, width);
                let wide = short.width();
                (short, wide)
            }
        };
        if at > 0 {
            blanks(out, gap);
        }
        let style = cell.style;
        if !colours || style == style::PLAIN {
            out.push_str(&text);
        } else {
            let _ = write!(out, "{style}{text}{style:#}");
        }
        // No blanks at the end of a line.
        if at + 1 < row.len() {
            blanks(out, width.saturating_sub(wide));
        }
    }
    out.push('\n');
}

fn blanks(out: &mut String, mut count: usize) {
    const SOME: &str = "                                ";
    while let Some(rest) = count.checked_sub(SOME.len()) {
        out.push_str(SOME);
        count = rest;
    }
    out.push_str(SOME.get(..count).unwrap_or(SOME));
}

/// `text` in at most `width` columns.
pub fn shortened(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        short.push(c);
    }
    short.push('…');
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(columns: &[Column], rows: &[&[&'static str]], width: Option<usize>) -> String {
        let cells = |row: &&[&'static str]| row.iter().map(|&text| Cell::plain(text)).collect();
        let rows: Vec<Vec<Cell<'_>>> = rows.iter().map(cells).collect();
        let coloured = render(columns, &rows, Page { width, colours: true });
        let plain = render(columns, &rows, Page { width, colours: false });
        assert_eq!(String::from_utf8(kst::text::plain(coloured.as_bytes())).unwrap(), plain);
        plain
    }

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        let text = plain(&[whole("NAME"), whole("PID")], &[&["a", "1"], &["longer", "22"]], None);
        assert_eq!(text, "NAME     PID\na        1\nlonger   22\n");
    }

    #[test]
    fn styles_are_for_pages_with_colours() {
        let rows = [vec![Cell::new("a", style::BAD), Cell::plain("b")]];
        let columns = [whole("X"), whole("Y")];
        let plain = render(&columns, &rows, Page { width: None, colours: false });
        assert_eq!(plain, "X   Y\na   b\n");
        let coloured = render(&columns, &rows, Page::COLOURED);
        assert!(coloured.ends_with("\u{1b}[31ma\u{1b}[0m   b\n"), "{coloured:?}");
    }

    #[test]
    fn a_column_may_be_wider_than_any_row_of_blanks() {
        let wide = "x".repeat(100);
        let text =
            plain(&[whole("N"), whole("X")], &[&[Box::leak(wide.clone().into()), "y"]], None);
        assert_eq!(text, format!("N{}X\n{wide}   y\n", " ".repeat(102)));
    }

    #[test]
    fn wide_characters_count_twice() {
        let text = plain(&[whole("NAME"), whole("X")], &[&["日本", "x"], &["ab", "y"]], None);
        assert_eq!(text, "NAME   X\n日本   x\nab     y\n");
    }

    #[test]
    fn strangers_cannot_break_out_of_their_cell() {
        let text = plain(&[whole("N"), whole("X")], &[&["a\n\u{1b}[2J\u{202e}", "x"]], None);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("a\\n\\x1b[2J\\u{202e}   x"), "{text}");
    }

    #[test]
    fn only_a_terminal_cuts() {
        let long = "registry.example.com/team/app:1.2.3";
        let columns = [whole("NAME"), cut("IMAGE")];
        assert!(plain(&columns, &[&["a", long]], None).contains(long));
        let cut = plain(&columns, &[&["a", long]], Some(27));
        assert_eq!(cut.lines().nth(1), Some("a      registry.example.co…"));
        // Before more is cut, the columns move together.
        let tight = plain(&columns, &[&["a-longer-name", long]], Some(26));
        assert_eq!(tight.lines().nth(1), Some("a-longer-name registry.ex…"), "{tight}");
        let tighter = plain(&columns, &[&["a-longer-name", long]], Some(21));
        assert_eq!(tighter.lines().nth(1), Some("a-longer-name regist…"), "{tighter}");
        // What may not be cut stays, however narrow it gets.
        assert!(plain(&columns, &[&["name-of-length", long]], Some(5)).contains("name-of-length"));
    }

    #[test]
    fn wide_characters_are_not_cut_in_two() {
        assert_eq!(shortened("日本語", 4), "日…");
        assert_eq!(shortened("日本", 4), "日本");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(Cell::or_dash(None::<&str>).text, "-");
        assert_eq!(Cell::or_dash(Some("")).text, "-");
        assert_eq!(Cell::or_dash(Some("x")).text, "x");
    }
}
