//! `kst status`

use kst::session::{Host, SessionStatus};

use super::app::App;
use super::select::Select;
use super::{examples, render, values};

/// Show what is known of a session
///
/// The state is `running`, `exited` (ended by itself), `stopped` (by kst), `defined` (in the
/// config, not started) or `unknown` (nobody recorded the end). `run` is how many-th run of its name
/// it is, since the last `kst remove`. With --json, what is not known is null.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst status api", "all that is known"),
    ("kst status api -q", "the state alone: `api: running`"),
    ("kst status api --json", "for programs"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

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
    let host = app.host_for(&args.name)?;
    let status = host.status(&args.name, &args.select.filter())?;
    if app.globals.json {
        app.output.json(&document(&host, &status))?;
    } else if args.quiet {
        app.output.print(render::status::short(&status).as_bytes())?;
    } else {
        let now = jiff::Timestamp::now();
        let definition = host.definition(&status);
        let here = host.runs_here(&status.backend);
        let text = render::status::full(&status, definition.as_ref(), here, now);
        app.output.print(text.as_bytes())?;
    }
    Ok(0)
}

/// The JSON document of one session, which `start` and `stop` print too.
pub fn document(host: &Host, status: &SessionStatus) -> serde_json::Value {
    let sockets = render::json::Sockets::of(host, std::slice::from_ref(status));
    render::json::status(status, host.definition(status).as_ref(), &sockets)
}
