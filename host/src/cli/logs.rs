//! `kst logs`

mod follow;
mod lines;

use jiff::Timestamp;
use kst::session::{Filter, Followed, Host, LogOptions, Logs, SessionState};
use kst::text;

use super::app::App;
use super::select::Select;
use super::{examples, render, values};
use lines::Lines;

/// Show what sessions print
///
/// The last lines, of an ended session too, until it is removed or started again; with --follow
/// what it prints from then on, until it has ended. On a terminal its colours stay,
/// and every other control sequence is taken out, so that old output cannot act on your terminal;
/// elsewhere the colours are taken out too, unless --color always is given. Of a line that was written
/// over, what was written last is shown. --raw passes all of it. Of several sessions each
/// line has its session's name before it; they are followed until all have ended, and one that is
/// started again meanwhile is followed on. With --since or --until it shows all lines of that time,
/// or the last -n of them. The time of a line is that of its end. Where output could not be kept, because
/// a disk was full, a line `[kst: …]` says so.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst logs api", "the last 100 lines"),
    ("kst logs api -n 20", "the last 20"),
    ("kst logs -f api", "and what it prints from now on"),
    ("kst logs -f api worker", "of both, as it comes"),
    ("kst logs -f --all -b tmux", "of all sessions in tmux"),
    ("kst logs api --since 10m", "of the last ten minutes"),
    ("kst logs api -t --since 2026-01-31T08:00", "since then, with the time of each line"),
    ("kst logs --previous api", "what it printed before it was started again"),
    ("kst logs api --raw > api.log", "the bytes as they were printed"),
]))]
pub struct Args {
    /// The sessions' names
    #[arg(value_name = "NAME", value_parser = values::name(), required_unless_present = "all")]
    pub names: Vec<String>,

    /// Of all sessions; with --follow also of those that kst starts meanwhile
    #[arg(short, long, conflicts_with = "names")]
    pub all: bool,

    /// Go on with what is printed from now on
    #[arg(short, long)]
    pub follow: bool,

    /// How many lines; by default 100, 10 of each where there are several, and all of a time
    #[arg(short = 'n', long, allow_negative_numbers = true)]
    #[arg(value_parser = values::number(1_000_000))]
    pub lines: Option<u32>,

    /// Only what was printed since then: `30s`, `10m`, `1h30m`, `7d` ago, or a time as 2026-01-31,
    /// 2026-01-31T08:00 (local time) or 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = values::time(), allow_hyphen_values = true)]
    pub since: Option<Timestamp>,

    /// Only what was printed before then; --follow ends then
    #[arg(long, value_name = "TIME", value_parser = values::time(), allow_hyphen_values = true)]
    pub until: Option<Timestamp>,

    /// Put before each line when it was printed, in UTC; `-` where that is not known
    #[arg(short, long)]
    pub timestamps: bool,

    /// Of the run before the last one: it is kept when a session is started again
    #[arg(short, long, conflicts_with_all = ["follow", "all"])]
    pub previous: bool,

    /// Pass every byte through, control sequences too
    #[arg(long)]
    pub raw: bool,

    /// Leave out the names before the lines of several sessions
    #[arg(long)]
    pub no_prefix: bool,

    #[command(flatten)]
    pub select: Select,
}

impl Args {
    /// Whether there is one session alone, and no other is to be told from it.
    fn is_one(&self) -> bool {
        !self.all && self.names.iter().all(|name| Some(name) == self.names.first())
    }

    fn lines(&self) -> u32 {
        match (self.lines, self.since.or(self.until)) {
            (Some(lines), _) => lines,
            (None, Some(_)) => u32::MAX,
            (None, None) if self.is_one() => 100,
            (None, None) => 10,
        }
    }

    fn options(&self) -> LogOptions {
        LogOptions {
            lines: Some(self.lines()),
            since: self.since,
            until: self.until,
            times: self.timestamps,
            previous: self.previous,
        }
    }
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    values::in_order(args.since, args.until)?;
    let host = match args.names.as_slice() {
        [name] => app.host_for(name)?,
        _ => app.host()?,
    };
    // Of a time that is over nothing more comes.
    if args.follow && args.until.is_none_or(|until| until > Timestamp::now()) {
        return follow::run(&args, app, &host);
    }
    if !args.is_one() || args.follow {
        return several(&args, app, &host);
    }
    let name = args.names.first().map_or("", String::as_str);
    let logs = host.logs_with(name, &args.select.filter(), &args.options())?;
    let (output, bytes) = (&app.output, logs.text().to_vec());
    if app.globals.json {
        output.json(&document(name, &logs, &args))?;
    } else if bytes.is_empty() && output.terminal() && !args.raw {
        let then = if args.since.or(args.until).is_some() { " at that time" } else { "" };
        output.note(&format!("'{name}' has printed nothing{then}"));
    } else if args.timestamps {
        let mut lines = Lines::new(app, args.raw, args.no_prefix);
        lines.print_times();
        lines.add(&Followed::default());
        print(&mut lines, 0, &logs)?;
    } else if args.raw {
        output.print_raw(&bytes)?;
    } else {
        let shown = if output.colours() { text::neutralise(&bytes) } else { text::plain(&bytes) };
        output.print_raw(&shown)?;
        if output.terminal() && !bytes.ends_with(b"\n") {
            output.print_raw(b"\n")?;
        }
    }
    Ok(0)
}

/// The last lines of several sessions, one after the other.
fn several(args: &Args, app: &App, host: &Host) -> anyhow::Result<u8> {
    let filter = args.select.filter();
    let (mut sessions, mut code) = (Vec::new(), 0);
    match args.all {
        true => {
            let listed = host.list(&filter)?.sessions.into_iter();
            for one in listed.filter(|one| one.state != SessionState::Defined) {
                let only = Filter {
                    backend: Some(one.backend.clone()),
                    location: Some(one.location.clone()),
                };
                sessions.push((Followed::from(&one), only));
            }
        }
        false => {
            for name in &args.names {
                let one = match host.status(name, &filter) {
                    Ok(status) => Followed::from(&status),
                    Err(error) => {
                        code = app.output.error(&error.into());
                        continue;
                    }
                };
                if !sessions.iter().any(|(other, _)| *other == one) {
                    sessions.push((one, filter.clone()));
                }
            }
        }
    }
    let mut lines = Lines::new(app, args.raw, args.no_prefix);
    if args.timestamps {
        lines.print_times();
    }
    for (session, _) in &sessions {
        lines.add(session);
    }
    let mut documents = Vec::new();
    for (number, (session, only)) in sessions.iter().enumerate() {
        match host.logs_with(&session.name, only, &args.options()) {
            Ok(logs) if app.globals.json && !args.follow => {
                documents.push(document(&session.name, &logs, args))
            }
            Ok(logs) => print(&mut lines, number, &logs)?,
            // What nobody keeps is nothing that went wrong where all are asked for.
            Err(error @ kst::Error::Unsupported { .. }) if args.all => {
                app.output.warn(&error.to_string());
            }
            Err(error) => code = app.output.error(&error.into()),
        }
    }
    if app.globals.json && !args.follow {
        app.output.json(&documents.into())?;
    }
    Ok(code)
}

/// Print the lines of a session.
fn print(lines: &mut Lines<'_>, number: usize, logs: &Logs) -> anyhow::Result<()> {
    // As many at once as have the same time.
    let (mut text, mut from) = (logs.text(), None);
    let mut length = 0;
    for (time, line) in logs.lines() {
        if from != Some(time) {
            let (before, after) = text.split_at(length);
            lines.print(number, before)?;
            lines.time(number, time);
            (text, from, length) = (after, Some(time), 0);
        }
        length += line.len();
    }
    lines.print(number, text)?;
    lines.end(number)?;
    Ok(())
}

/// `{"name": …, "lines": […]}`, and with the times of the lines `"times": […]`.
fn document(name: &str, logs: &Logs, args: &Args) -> serde_json::Value {
    let plain = if args.raw { None } else { Some(text::plain(logs.text())) };
    let mut document = lines_of(name, plain.as_deref().unwrap_or(logs.text()));
    if let (true, Some(fields)) = (args.timestamps, document.as_object_mut()) {
        let times = logs.lines().map(|(time, _)| time.map(render::time::exact).into());
        let count = fields.get("lines").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
        fields.insert("times".to_owned(), serde_json::Value::Array(times.take(count).collect()));
    }
    document
}

fn lines_of(name: &str, text: &[u8]) -> serde_json::Value {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    serde_json::json!({ "name": name, "lines": lines })
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_has_a_string_for_each_line() {
        let document = super::lines_of("api", b"one\n\ntwo \x1b[1m\xff");
        assert_eq!(
            document.to_string(),
            r#"{"name":"api","lines":["one","","two \u001b[1m"#.to_owned() + "\u{fffd}\"]}"
        );
    }
}
