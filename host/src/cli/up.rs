//! `kst up`

use std::time::Duration;

use kst::session::UpOptions;

use super::app::App;
use super::progress::{Progress, show_plan};
use super::{examples, render, values};

/// Start the sessions of the config, in the order in which they need each other
///
/// What runs is left as it is; everything else is started, as many at once as can be, each when what
/// its `depends_on` names is so far: started, `ready`, or ended with code 0. Returns when all are up.
/// One that fails keeps back those that need it and no others, and is shown with its last lines.
///
/// With names, of sessions or of `ops.groups`: those, and what they need.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst up", "every session of the config"),
    ("kst up api", "this one, and what it needs"),
    ("kst up --dry-run", "what would be started, and after what"),
    ("kst down", "stop them again"),
]))]
pub struct Args {
    /// Sessions or groups of the config [default: every session]
    #[arg(value_name = "NAME", value_parser = values::name())]
    pub names: Vec<String>,

    /// How long all of it may take: seconds, or 90s, 10m, 2h [default: as long as each session may]
    #[arg(short, long, value_name = "TIME", allow_negative_numbers = true)]
    #[arg(value_parser = values::duration())]
    pub timeout: Option<Duration>,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let host = app.host()?;
    let plan = host.plan_up(&args.names)?;
    if app.globals.dry_run {
        let listing = host.list(&kst::session::Filter::default())?;
        let planned = render::together::planned_up(&plan, &listing.sessions);
        return show_plan(&planned, app);
    }
    let options = UpOptions { timeout: args.timeout };
    host.ask_about(&plan);
    let progress = Progress::begin(app, plan.steps.iter().map(|step| step.name.as_str()));
    let stages = host.up(&plan, &options, &|name, stage| progress.reach(name, stage))?;
    progress.end(&host, &stages)
}
