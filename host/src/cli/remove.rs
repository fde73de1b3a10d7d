//! `kst remove`

use super::app::App;
use super::select::Select;
use super::{examples, values};

/// Remove an ended session that kst started, with its output
///
/// A running session has to be stopped first, and a session that kst did not start is never
/// removed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst remove api", "forget it and what it printed"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

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
    app.host_for(&args.name)?.remove(&args.name, &args.select.filter())?;
    if app.held_back() {
        return Ok(0);
    }
    if app.globals.dry_run {
        // Of a session that only the ledger still knows there is no command to show.
        app.output.note("dry run: it would be forgotten, with its output; nothing was changed");
        return Ok(0);
    }
    if app.globals.json {
        app.output.json(&serde_json::json!({ "name": args.name, "removed": true }))?;
    } else if !args.quiet {
        let name = kst::text::escape_controls(&args.name);
        app.output.print(format!("Session '{name}' removed.\n").as_bytes())?;
    }
    Ok(0)
}
