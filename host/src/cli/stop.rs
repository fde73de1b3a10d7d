//! `kst stop`

use kst::session::{Each, StopOptions, StopOutcome};

use super::app::App;
use super::each::Lines;
use super::select::Select;
use super::status::document;
use super::stopping::Stopping;
use super::{examples, render, values};

/// Stop sessions
///
/// Asks their processes to end, waits, then kills them, and returns when they are gone. What a
/// session printed, and how it ended, stay readable until `kst remove` or the next start.
///
/// Several sessions are stopped at the same time. One that fails does not keep the others from it,
/// and the exit code is that of the first that failed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst stop api", "give it 10 seconds to end"),
    ("kst stop api -t 60", "give it a minute"),
    ("kst stop api --force", "kill it and all that it started"),
    ("kst stop api worker", "both, at the same time"),
    ("kst stop --all -b tmux", "all that kst started in tmux"),
]))]
pub struct Args {
    /// The sessions' names
    #[arg(value_name = "NAME", value_parser = values::name(), required_unless_present = "all")]
    pub names: Vec<String>,

    /// Stop every session that kst started and that runs, never one that it did not start
    #[arg(long, conflicts_with = "names")]
    pub all: bool,

    #[command(flatten)]
    pub stopping: Stopping,

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
    let options = args.stopping.options();
    match args.names.as_slice() {
        [name] => one(name, &args, options, app),
        _ => several(&args, options, app),
    }
}

fn one(name: &str, args: &Args, options: StopOptions, app: &App) -> anyhow::Result<u8> {
    let host = app.host_for(name)?;
    let outcome = host.stop(name, &args.select.filter(), options)?;
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

fn several(args: &Args, options: StopOptions, app: &App) -> anyhow::Result<u8> {
    let host = app.host()?;
    let filter = args.select.filter();
    let lines = Lines::new(app);
    let told = |each: &Each<StopOutcome>| lines.tell(each, render::status::stopped);
    let all = match args.all {
        true => host.stop_all(&filter, options, &told)?,
        false => host.stop_each(&args.names, &filter, options, &told),
    };
    if all.is_empty() && !app.globals.json {
        app.output.note("nothing that kst started is running");
    }
    lines.finish(&all, |_, outcome| document(&host, &outcome.status))
}
