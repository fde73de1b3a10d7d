//! Text from strangers, made safe to show; and words that somebody may have meant.

mod nearest;
mod neutralise;

use std::fmt::Write;
use std::path::Path;

pub use nearest::nearest;
pub use neutralise::{Cleaning, neutralise, plain};

use crate::guard::Guard;

/// `text` with every character escaped that a terminal would act on or that changes how its
/// neighbours look: control characters (C0, DEL, C1), line separators, and the invisible and
/// direction-changing ones (zero-width, bidi).
///
/// ```
/// assert_eq!(kst::text::escape_controls("a\u{1b}[31mb\n"), "a\\x1b[31mb\\n");
/// assert_eq!(kst::text::escape_controls("Grüße 日本"), "Grüße 日本");
/// assert_eq!(kst::text::escape_controls("a\u{202e}b"), "a\\u{202e}b");
/// ```
pub fn escape_controls(text: &str) -> String {
    if !Guard::ShownPlain.holds() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// A path for a message, on one line whatever is in it.
///
/// ```
/// assert_eq!(kst::text::shown_path("/tmp/a\nb".as_ref()), "/tmp/a\\nb");
/// ```
pub fn shown_path(path: &Path) -> String {
    escape_controls(&path.to_string_lossy())
}

/// Characters without a shape of their own that hide or reorder others.
fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
