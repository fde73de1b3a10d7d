//! `kst restart`

use kst::session::{Each, SessionStatus};

use super::app::App;
use super::each::Lines;
use super::select::Select;
use super::status::document;
use super::stopping::Stopping;
use super::{examples, render, values};

/// Stop sessions and start them again
///
/// A session that kst started is started again as it was: the same command, directory, variables
/// and options, as a new run; what the config says now counts for `kst start`. A container of kst's
/// is made anew, with its volumes as they are. One that does not run is started.
///
/// A container that kst did not start is stopped and started as it is. How another session of
/// somebody else was started is not known, so it is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst restart api", "give it 10 seconds to end, and start it again"),
    ("kst restart api worker -t 60", "both, at the same time"),
    ("kst restart api --force", "kill it first"),
]))]
pub struct Args {
    /// The sessions' names
    #[arg(value_name = "NAME", value_parser = values::name(), required = true)]
    pub names: Vec<String>,

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
    let filter = args.select.filter();
    if let [name] = args.names.as_slice() {
        let host = app.host_for(name)?;
        let result = host.restart(name, &filter, options);
        if app.held_back() {
            tell_of_start(app);
            return Ok(0);
        }
        let status = result?;
        if app.globals.json {
            app.output.json(&document(&host, &status))?;
        } else if !args.quiet {
            app.output.print(render::status::restarted(&status).as_bytes())?;
        }
        return Ok(0);
    }
    let host = app.host()?;
    let lines = Lines::new(app);
    let told = |each: &Each<SessionStatus>| lines.tell(each, render::status::restarted);
    let all = host.restart_each(&args.names, &filter, options, &told);
    if app.held_back() {
        tell_of_start(app);
    }
    lines.finish(&all, |_, status| document(&host, status))
}

/// What comes after the stop cannot be tried while the session is there.
fn tell_of_start(app: &App) {
    app.output.note("dry run: what was running would then be started again as it was");
}
