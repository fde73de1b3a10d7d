//! `kst down`

use kst::session::DownOptions;

use super::app::App;
use super::progress::{Progress, show_plan};
use super::stopping::Stopping;
use super::{examples, render, values};

/// Stop the sessions of the config, in the reverse of the order in which they need each other
///
/// Stops what runs and what kst started, each when those that need it are gone. What they printed and
/// how they ended stay readable until `kst remove` or the next start.
///
/// With names, of sessions or of `ops.groups`: those, and what needs them.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst down", "every session of the config"),
    ("kst down db", "this one, and what needs it"),
    ("kst down --dry-run", "what would be stopped, in which order"),
]))]
pub struct Args {
    /// Sessions or groups of the config [default: every session]
    #[arg(value_name = "NAME", value_parser = values::name())]
    pub names: Vec<String>,

    #[command(flatten)]
    pub stopping: Stopping,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let host = app.host()?;
    let plan = host.plan_down(&args.names)?;
    if app.globals.dry_run {
        let listing = host.list(&kst::session::Filter::default())?;
        let planned = render::together::planned_down(&plan, &listing.sessions);
        return show_plan(&planned, app);
    }
    host.ask_about(&plan);
    let progress = Progress::begin(app, plan.steps.iter().rev().map(|step| step.name.as_str()));
    let options = DownOptions { stop: args.stopping.options() };
    let stages = host.down(&plan, &options, &|name, stage| progress.reach(name, stage));
    progress.end(&host, &stages)
}
