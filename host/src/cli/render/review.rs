//! What nobody approved, as the person reads it who is asked: all of it, and no line of it is the
//! author's alone.

use kst::door::{self, Changes};
use kst::session::{Before, ProgramReview, Review};
use kst::text::{escape_controls, shown_path};

use super::plugin;

/// What begins the rest of a line that is longer than the screen is wide.
const GOES_ON: &str = "    > ";

/// The narrowest screen for which lines are folded.
const NARROWEST: usize = 10;

/// A component: what it amounts to and what changed, then everything that it declares.
pub fn component(review: &Review) -> String {
    let info = &review.plugin;
    let mut out = format!("Nobody approved this backend: {}\n", plugin::origin(&info.origin));
    if let Some(before) = &review.before {
        out.push('\n');
        out.push_str(&changes(before));
    }
    out.push_str("\nWhat it amounts to:\n");
    for line in &review.amounts.beware {
        out.push_str(&format!("  (!) {line}\n"));
    }
    for line in &review.amounts.can {
        out.push_str(&format!("  {line}\n"));
    }
    out.push('\n');
    // Without styles: what is folded is counted by characters.
    let facts = plugin::facts(info, true);
    out.push_str(&String::from_utf8_lossy(&kst::text::plain(facts.as_bytes())));
    out.push_str("\nIts programs on this machine:\n");
    for (id, path) in &review.programs {
        let file = match path {
            Ok(path) => shown_path(path),
            Err(why) => escape_controls(why),
        };
        out.push_str(&format!("  {}: {file}\n", escape_controls(id)));
    }
    if let Some(checked) = &info.manifest {
        out.push_str("\nEvery command that it could have run:\n\n");
        out.push_str(&door::render(checked.manifest()));
    }
    out
}

/// What has to be seen last, since the rest may have left the screen.
pub fn reminder(review: &Review) -> String {
    let beware = review.amounts.beware.iter().map(|line| format!("(!) {line}\n"));
    let same = review.before.iter().filter(|before| before.changes.is_empty()).map(same);
    beware.chain(same).collect()
}

/// How a component differs from the one that was approved before.
pub fn changes(before: &Before) -> String {
    let Changes { new, changed, gone } = &before.changes;
    if before.changes.is_empty() {
        return same(before);
    }
    let mut out = format!(
        "You approved another backend of this name on {} ({}). Since then:\n",
        escape_controls(&before.approved_at),
        escape_controls(&before.digest)
    );
    for line in new {
        out.push_str(&format!("  new:      {line}\n"));
    }
    for (old, line) in changed {
        out.push_str(&format!("  changed:  {old}\n  it is:    {line}\n"));
    }
    for line in gone {
        out.push_str(&format!("  gone:     {line}\n"));
    }
    out
}

fn same(before: &Before) -> String {
    format!(
        "only its code changed since you approved it on {}; its commands are the same\n",
        escape_controls(&before.approved_at)
    )
}

/// A program that a directory's config chose.
pub fn program(review: &ProgramReview) -> String {
    let choice = &review.choice;
    let instead = match &review.instead_of {
        Some(path) => shown_path(path),
        None => "none: it is not on your PATH".to_owned(),
    };
    let mut out = format!(
        "The config of this directory chooses a program, which can then do anything as you.\n\n\
         set in:   {}\nsays:     {}_binary: {}\nprogram:  {}\ndigest:   {}\nelse:     {instead}\n",
        escape_controls(&review.place),
        escape_controls(&choice.program),
        escape_controls(&review.value),
        shown_path(&choice.path),
        choice.digest,
    );
    if review.changed {
        out.push_str("\nIt is not what you approved for this setting before.\n");
    }
    out.push('\n');
    out
}

/// `text` for a screen of that width: what goes on in another line says so, and cannot pass for a
/// line of kst's.
pub fn folded(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| *width >= NARROWEST) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut column = 0;
        for c in line.chars() {
            // What may take two columns is counted as if it did.
            let wide = if c.is_ascii() { 1 } else { 2 };
            if column + wide > width {
                out.push('\n');
                out.push_str(GOES_ON);
                column = GOES_ON.len();
            }
            out.push(c);
            column += wide;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_screen_line_begins_with_what_was_pushed_there() {
        let text = format!("summary: {}May it be used?\nnext", "x".repeat(31));
        assert_eq!(
            folded(&text, Some(40)),
            format!("summary: {}\n    > May it be used?\nnext\n", "x".repeat(31))
        );
        assert_eq!(
            folded(&"日".repeat(12), Some(20)),
            format!("{}\n    > 日日\n", "日".repeat(10))
        );
        assert_eq!(folded("as it is", None), "as it is");
        let all = folded(&"abc".repeat(1000), Some(33));
        assert!(all.lines().all(|line| line.len() <= 33));
        assert_eq!(all.replace("\n    > ", "").trim_end(), "abc".repeat(1000), "nothing is lost");
    }

    #[test]
    fn a_rebuilt_component_says_so() {
        let changes = Changes::default();
        let mut before = Before {
            digest: "sha256:1".into(),
            approved_at: "2026-01-01T00:00:00Z".into(),
            changes,
        };
        let text = super::changes(&before);
        assert!(text.starts_with(
            "only its code changed since you approved it on 2026-01-01T00:00:00Z; its commands are"
        ));
        before.changes.new.push("a line".into());
        before.changes.changed.push(("one".into(), "other".into()));
        before.changes.gone.push("the last".into());
        let text = super::changes(&before);
        for line in
            ["new:      a line\n", "changed:  one\n", "it is:    other\n", "gone:     the last\n"]
        {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("only its code"));
    }
}
