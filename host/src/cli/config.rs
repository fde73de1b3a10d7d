//! `kst config`

mod trust;

use clap::Subcommand;
use kst::config::Severity;

use super::app::App;
use super::{examples, render};

/// Check, show and approve the config
///
/// The config is `kstlib.conf.yml`: of the system, in ~/.config, in ~ and in the working directory,
/// later ones winning, or the file of --config alone.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Show(Show),
    Schema(Schema),
    Trust(trust::Args),
    Untrust(trust::UntrustArgs),
}

/// Report each problem of the config, with its file, its line and what to do
///
/// Sessions are held against what their backends declare; no engine is asked.
///
/// Ends with 2 where something is wrong, with 0 where there are warnings alone.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst config check", "the config of all its layers"),
    ("kst config check --json", "for programs"),
]))]
struct Check {}

/// Show the merged config, and where each value came from
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[("kst config show", "what applies here")]))]
struct Show {}

/// Print a JSON Schema of the config, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[("kst config schema > kst.schema.json", "keep it in a file")]))]
struct Schema {}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    match args.command {
        Command::Check(_) => check(app),
        Command::Show(_) => show(app),
        Command::Trust(args) => trust::run(&args, app),
        Command::Untrust(args) => trust::withdraw(&args, app),
        Command::Schema(_) => {
            app.output.json(&kst::config::schema())?;
            Ok(0)
        }
    }
}

fn check(app: &App) -> anyhow::Result<u8> {
    let config = app.config()?;
    let own = config.problems().to_vec();
    let files = config.files().to_vec();
    // A setting that nothing can be run with, such as a program chosen by this directory, is told
    // after what is wrong in the files.
    let host = app.host_to_check(config);
    let problems = host.as_ref().map_or(own, kst::session::Host::check_config);
    if app.globals.json {
        app.output.json(&serde_json::to_value(&problems)?)?;
    } else if !problems.is_empty() {
        let text: Vec<String> = problems.iter().map(render::problem::full).collect();
        app.output.print(text.join("\n").as_bytes())?;
    } else if host.is_ok() {
        app.output.print(render::problem::none(&files).as_bytes())?;
    }
    host?;
    let wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if wrong { 2 } else { 0 })
}

fn show(app: &App) -> anyhow::Result<u8> {
    let config = app.config()?;
    for problem in config.unread() {
        app.output.warn(&format!("not read: {problem}"));
    }
    let shown = config.show();
    if app.globals.json {
        app.output.json(&render::settings::json(&shown))?;
    } else {
        app.output.print(render::settings::full(&shown).as_bytes())?;
    }
    Ok(0)
}
