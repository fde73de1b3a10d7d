//! `kst signal`

use kst::session::SignalName;
use kst::text::escape_controls;

use super::app::App;
use super::select::Select;
use super::status::document;
use super::{examples, values};

/// Send a signal to a session's program
///
/// To the program itself, and to nothing that it started. `kst stop` is what ends a session with all
/// that belongs to it.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst signal api HUP", "have it read its config again"),
    ("kst signal api SIGUSR1", "the same names as kill(1) has"),
    ("kst signal api 15", "by its number"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

    /// The signal: HUP, SIGHUP or 1
    #[arg(value_parser = values::word())]
    pub signal: String,

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
    let signal: SignalName = args.signal.parse()?;
    let host = app.host_for(&args.name)?;
    let status = host.signal(&args.name, &args.select.filter(), signal)?;
    if app.held_back() {
        return Ok(0);
    }
    if app.globals.json {
        let status = host.status(&args.name, &args.select.filter()).unwrap_or(status);
        app.output.json(&document(&host, &status))?;
    } else if !args.quiet {
        let name = escape_controls(&args.name);
        app.output.print(format!("Sent {signal} to session '{name}'.\n").as_bytes())?;
    }
    Ok(0)
}
