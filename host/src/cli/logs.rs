//! `kst logs`

mod follow;
mod lines;

use kst::session::{Filter, Followed, Host, SessionState};
use kst::text;

use super::app::App;
use super::select::Select;
use super::{examples, values};
use lines::Lines;

/// Show what sessions print
///
/// The last lines, of an ended session too, until it is removed or started again; with --follow
/// what it prints from then on, until it has ended. On a terminal its colours stay,
/// and every other control sequence is taken out, so that old output cannot act on your terminal;
/// elsewhere the colours are taken out too, unless --color always is given. Of several sessions each
/// line has its session's name before it; they are followed until all have ended, and one that is
/// started again meanwhile is followed on.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst logs api", "the last 100 lines"),
    ("kst logs api -n 20", "the last 20"),
    ("kst logs -f api", "and what it prints from now on"),
    ("kst logs -f api worker", "of both, as it comes"),
    ("kst logs -f --all -b tmux", "of all sessions in tmux"),
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

    /// How many lines; by default 100, and 10 of each where there are several
    #[arg(short = 'n', long, allow_negative_numbers = true)]
    #[arg(value_parser = values::number(1_000_000))]
    pub lines: Option<u32>,

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
        self.lines.unwrap_or(if self.is_one() { 100 } else { 10 })
    }
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    let host = match args.names.as_slice() {
        [name] => app.host_for(name)?,
        _ => app.host()?,
    };
    if args.follow {
        return follow::run(&args, app, &host);
    }
    if !args.is_one() {
        return several(&args, app, &host);
    }
    let name = args.names.first().map_or("", String::as_str);
    let bytes = match args.previous {
        true => host.previous_logs(name, &args.select.filter(), args.lines())?,
        false => host.logs(name, &args.select.filter(), args.lines())?,
    };
    let output = &app.output;
    if app.globals.json {
        let text = if args.raw { bytes } else { text::plain(&bytes) };
        output.json(&document(name, &text))?;
    } else if args.raw {
        output.print_raw(&bytes)?;
    } else if bytes.is_empty() && output.terminal() {
        output.note(&format!("'{name}' has printed nothing"));
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
    let mut sessions = Vec::new();
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
                let one = Followed::from(&host.status(name, &filter)?);
                if !sessions.iter().any(|(other, _)| *other == one) {
                    sessions.push((one, filter.clone()));
                }
            }
        }
    }
    let mut lines = Lines::new(app, args.raw, args.no_prefix);
    for (session, _) in &sessions {
        lines.add(session);
    }
    let (mut code, mut documents) = (0, Vec::new());
    for (number, (session, only)) in sessions.iter().enumerate() {
        let logs = match args.previous {
            true => host.previous_logs(&session.name, only, args.lines()),
            false => host.logs(&session.name, only, args.lines()),
        };
        match logs {
            Ok(bytes) if app.globals.json => {
                let text = if args.raw { bytes } else { text::plain(&bytes) };
                documents.push(document(&session.name, &text));
            }
            Ok(bytes) => {
                lines.print(number, &bytes)?;
                lines.end(number)?;
            }
            // What nobody keeps is nothing that went wrong where all are asked for.
            Err(error @ kst::Error::Unsupported { .. }) if args.all => {
                app.output.warn(&error.to_string());
            }
            Err(error) => code = app.output.error(&error.into()),
        }
    }
    if app.globals.json {
        app.output.json(&documents.into())?;
    }
    Ok(code)
}

/// `{"name": …, "lines": […]}`
fn document(name: &str, text: &[u8]) -> serde_json::Value {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    serde_json::json!({ "name": name, "lines": lines })
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_has_a_string_for_each_line() {
        let document = super::document("api", b"one\n\ntwo \x1b[1m\xff");
        assert_eq!(
            document.to_string(),
            r#"{"name":"api","lines":["one","","two \u001b[1m"#.to_owned() + "\u{fffd}\"]}"
        );
    }
}
