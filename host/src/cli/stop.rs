//! `kst stop`

use std::time::Duration;

use kst::session::StopOptions;

use super::app::App;
use super::select::Select;
use super::status::document;
use super::{examples, render, values};

/// Stop a session
///
/// Asks its processes to end, waits, then kills them, and returns when they are gone. What the
/// session printed, and how it ended, stay readable until `kst remove` or the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst stop api", "give it 10 seconds to end"),
    ("kst stop api -t 60", "give it a minute"),
    ("kst stop api --force", "kill it and all that it started"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

    /// Kill at once, without asking first
    #[arg(short, long)]
    pub force: bool,

    /// How long to wait for it to end, in seconds, before it is killed
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    #[arg(value_parser = values::number(86_400))]
    pub timeout: u32,

    #[command(flatten)]
    pub select: Select,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let options =
        StopOptions { graceful: !args.force, timeout: Duration::from_secs(args.timeout.into()) };
    let host = app.host_for(&args.name)?;
    let outcome = host.stop(&args.name, &args.select.filter(), options)?;
    if app.held_back() {
        return Ok(0);
    }
    if app.globals.json {
        app.output.json(&document(&host, &outcome.status))?;
    } else if !args.quiet {
        app.output.print(render::status::stopped(&outcome).as_bytes())?;
    }
    Ok(0)
}
