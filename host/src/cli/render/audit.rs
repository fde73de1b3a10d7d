//! The audit log as a table.

use std::time::Duration;

use jiff::Timestamp;
use kst::door::{Record, What};
use kst::session::ExitStatus;

use super::table::{self, Cell, Column, Page, cut, whole};
use super::{style, words};

const COLUMNS: [Column; 7] = [
    whole("TIME"),
    whole("BACKEND"),
    whole("OPERATION"),
    cut("SESSION"),
    whole("TOOK"),
    cut("RESULT"),
    cut("COMMAND"),
];

/// The table, a line each.
pub fn table(records: &[Record], page: Page) -> String {
    table::render(&COLUMNS, &records.iter().map(row).collect::<Vec<_>>(), page)
}

fn row(record: &Record) -> Vec<Cell<'_>> {
    let took = record.duration_ms.map(|milliseconds| {
        words::milliseconds(Duration::from_secs_f64((milliseconds / 1e3).clamp(0.0, 1e9)))
    });
    let command = match record.argv.as_slice() {
        [] => record.form.as_ref().map(|form| format!("form '{form}'")),
        argv if record.what == What::Signalled => Some(argv.join(" ")),
        argv => Some(words::line(argv)),
    };
    vec![
        Cell::plain(time(record.time)),
        Cell::plain(&record.backend),
        Cell::plain(record.operation.as_str()),
        Cell::or_dash(record.session.as_deref()),
        Cell::or_dash(took),
        result(record),
        Cell::or_dash(command),
    ]
}

/// RFC 3339 in UTC, to the second.
fn time(time: Timestamp) -> String {
    super::time::rfc3339(time)
}

fn result(record: &Record) -> Cell<'_> {
    let ended =
        record.exit_code.map(ExitStatus::Code).or_else(|| record.signal.map(ExitStatus::Signal));
    match (record.what, ended, &record.error) {
        (What::Begun, ..) => Cell::new("not known", style::WARNING),
        (What::Refused, _, why) => {
            let why = why.as_deref().unwrap_or_default();
            Cell::new(format!("refused: {why}"), style::BAD)
        }
        (What::Signalled, ..) => Cell::plain("sent"),
        (What::Ran, Some(ended), _) => {
            let good = ended == ExitStatus::Code(0);
            Cell::new(
                words::ending::<&str>(&Ok(ended)),
                if good { style::PLAIN } else { style::BAD },
            )
        }
        (What::Ran, None, why) => Cell::new(why.as_deref().unwrap_or("not known"), style::BAD),
    }
}

#[cfg(test)]
mod tests {
    use kst::door::{Effect, Operation};

    use super::*;

    fn record(what: What) -> Record {
        Record {
            time: "2026-11-23T05:31:13.25Z".parse().unwrap(),
            id: "1-2-3".into(),
            what,
            backend: "tmux".into(),
            digest: "sha256:00".into(),
            operation: Operation::Stop,
            location: "default".into(),
            session: Some("api".into()),
            form: Some("end".into()),
            effect: Some(Effect::Changes),
            argv: ["/usr/bin/tmux", "kill-session", "-t", "$1"].map(Into::into).into(),
            exit_code: Some(0),
            signal: None,
            duration_ms: Some(3.25),
            error: None,
        }
    }

    fn lines(records: &[Record]) -> String {
        String::from_utf8(kst::text::plain(table(records, Page::COLOURED).as_bytes())).unwrap()
    }

    #[test]
    fn the_table() {
        let mut refused = record(What::Refused);
        refused.argv.clear();
        refused.form = Some("a\u{1b}b".into());
        (refused.exit_code, refused.duration_ms) = (None, None);
        refused.error = Some("it is\nnot for you".into());
        let mut begun = record(What::Begun);
        (begun.exit_code, begun.duration_ms) = (None, None);
        let shown = lines(&[record(What::Ran), refused, begun]);
        let rows: Vec<&str> = shown.lines().collect();
        let ran = "2026-11-23T05:31:13Z   tmux      stop        api       3.2 ms   exit 0";
        assert!(rows[1].starts_with(ran), "{shown}");
        assert!(rows[1].ends_with("/usr/bin/tmux kill-session -t '$1'"), "{shown}");
        assert!(rows[2].contains("refused: it is\\nnot for you   form 'a\\x1bb'"), "{shown}");
        assert!(rows[3].contains("not known"), "{shown}");
        assert_eq!(rows.len(), 4);
    }
}
