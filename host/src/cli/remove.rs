//! `kst remove`

use kst::session::Each;
use kst::text::escape_controls;
use serde_json::{Value, json};

use super::app::App;
use super::each::Lines;
use super::select::Select;
use super::{examples, values};

/// Remove ended sessions that kst started, with their output
///
/// A running session has to be stopped first, and a session that kst did not start is never
/// removed. Of several, one that fails does not keep the others from it, and the exit code is that
/// of the first that failed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst remove api", "forget it and what it printed"),
    ("kst remove api worker", "both"),
    ("kst remove --exited", "all that kst started and that has ended"),
]))]
pub struct Args {
    /// The sessions' names
    #[arg(value_name = "NAME", value_parser = values::name(), required_unless_present = "exited")]
    pub names: Vec<String>,

    /// Remove every session that kst started and that has ended, by itself or by `kst stop`
    #[arg(long, conflicts_with = "names")]
    pub exited: bool,

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
    match args.names.as_slice() {
        [name] => one(name, &args, app),
        _ => several(&args, app),
    }
}

fn one(name: &str, args: &Args, app: &App) -> anyhow::Result<u8> {
    app.host_for(name)?.remove(name, &args.select.filter())?;
    if app.held_back() {
        return Ok(0);
    }
    if app.globals.dry_run {
        // Of a session that only the ledger still knows there is no command to show.
        app.output.note("dry run: it would be forgotten, with its output; nothing was changed");
        return Ok(0);
    }
    if app.globals.json {
        app.output.json(&document(name, false))?;
    } else if !args.quiet {
        app.output.print(line(name, false).as_bytes())?;
    }
    Ok(0)
}

fn several(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host()?;
    let filter = args.select.filter();
    let dry = app.globals.dry_run;
    let lines = Lines::new(app);
    let told = |each: &Each<()>| lines.tell(each, |()| line(&each.name, dry));
    let all = match args.exited {
        true => host.remove_exited(&filter, &told)?,
        false => host.remove_each(&args.names, &filter, &told),
    };
    if all.is_empty() && !app.globals.json {
        app.output.note("nothing that kst started has ended");
    } else if dry && !app.held_back() {
        app.output.note("dry run: nothing was changed");
    }
    lines.finish(&all, |name, ()| document(name, dry))
}

fn line(name: &str, dry: bool) -> String {
    let what = if dry { "would be forgotten, with its output" } else { "removed" };
    format!("Session '{}' {what}.\n", escape_controls(name))
}

fn document(name: &str, dry: bool) -> Value {
    json!({ "name": name, "removed": !dry })
}
