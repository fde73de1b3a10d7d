//! `kst status`

use kst::session::{Host, SessionState, SessionStatus};

use super::app::App;
use super::each::Lines;
use super::select::Select;
use super::{examples, list, render, values};

/// Show what is known of sessions
///
/// Without a name: of each session that the config defines and of every other one that runs,
/// whoever started it. Of several, one that cannot be found does not hide the others, and the exit
/// code is that of the first that failed. With --json one name is an object, anything else an array.
///
/// The state is `running`, `exited` (ended by itself), `stopped` (by kst), `defined` (in the
/// config, not started) or `unknown` (nobody recorded the end). `run` is how many-th run of its name
/// it is, since the last `kst remove`. With --json, what is not known is null.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst status api", "all that is known"),
    ("kst status", "all that runs or is defined"),
    ("kst status api worker -q", "a line each: `api: running`"),
    ("kst status api --json", "for programs"),
]))]
pub struct Args {
    /// The sessions' names
    #[arg(value_name = "NAME", value_parser = values::name())]
    pub names: Vec<String>,

    #[command(flatten)]
    pub select: Select,

    /// Print one line: name and state
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    match args.names.as_slice() {
        [name] => one(name, &args, app),
        [] => all(&args, app),
        _ => several(&args, app),
    }
}

fn one(name: &str, args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host_for(name)?;
    let status = host.status(name, &args.select.filter())?;
    if app.globals.json {
        app.output.json(&document(&host, &status))?;
    } else {
        app.output.print(text(&host, &status, args.quiet).as_bytes())?;
    }
    Ok(0)
}

/// Of each its status or why there is none, in the order in which they were named.
fn several(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host()?;
    let all = host.status_each(&args.names, &args.select.filter());
    let mut paragraphs = Paragraphs::new(app, args.quiet);
    for each in &all {
        match &each.result {
            Ok(status) => paragraphs.print(&host, status)?,
            Err(error) => drop(app.output.error_of(&each.name, error)),
        }
    }
    let lines = Lines::new(app);
    lines.finish(&all, |_, status| document(&host, status))
}

/// Every session that the config defines and every other one that runs.
fn all(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host()?;
    let filter = args.select.filter();
    let mut listing = host.list(&filter)?;
    listing.sessions.retain(|session| {
        session.state == SessionState::Running
            || host.config().session(&session.name).is_ok_and(|it| it.is_some())
    });
    if app.globals.json {
        let documents = listing.sessions.iter().map(|status| document(&host, status));
        app.output.json(&documents.collect())?;
    } else if listing.sessions.is_empty() {
        app.output.note(
            "no session runs, and the config defines none; 'kst list' shows those that have ended",
        );
    }
    let mut paragraphs = Paragraphs::new(app, args.quiet);
    for status in &listing.sessions {
        paragraphs.print(&host, status)?;
    }
    list::tell_of_backends(&listing.health, &host, args.select.backend.as_deref(), app)?;
    Ok(0)
}

/// What is told of several, with an empty line between two.
struct Paragraphs<'a> {
    app: &'a App,
    quiet: bool,
    first: bool,
}

impl<'a> Paragraphs<'a> {
    fn new(app: &'a App, quiet: bool) -> Self {
        Paragraphs { app, quiet, first: true }
    }

    fn print(&mut self, host: &Host, status: &SessionStatus) -> anyhow::Result<()> {
        if self.app.globals.json {
            return Ok(());
        }
        if !std::mem::take(&mut self.first) && !self.quiet {
            self.app.output.print(b"\n")?;
        }
        self.app.output.print(text(host, status, self.quiet).as_bytes())
    }
}

fn text(host: &Host, status: &SessionStatus, quiet: bool) -> String {
    if quiet {
        return render::status::short(status);
    }
    let definition = host.definition(status);
    let here = host.runs_here(&status.backend);
    render::status::full(status, definition.as_ref(), here, jiff::Timestamp::now())
}

/// The JSON document of one session, which `start` and `stop` print too.
pub fn document(host: &Host, status: &SessionStatus) -> serde_json::Value {
    let sockets = render::json::Sockets::of(host, std::slice::from_ref(status));
    render::json::status(status, host.definition(status).as_ref(), &sockets)
}
