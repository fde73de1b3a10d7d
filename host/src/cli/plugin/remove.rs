//! `kst plugin remove`

use std::path::Path;

use kst::session::Withdrawn;
use kst::text::{escape_controls, shown_path};
use serde_json::json;

use super::super::app::App;
use super::super::{ask, examples, values};

/// Take a backend out of your plugins folder
///
/// While sessions of it run it stays, unless --force says otherwise: nothing but the backend can
/// show or stop them by kst. Its approval stays too, unless you say yes to the question or --yes.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst plugin remove screen", "the file; asks whether to withdraw the approval"),
    ("kst plugin remove screen --yes", "both, without asking"),
]))]
pub struct Args {
    /// The backend's name
    #[arg(value_parser = values::word())]
    name: String,

    /// Withdraw its approvals too, without asking
    #[arg(short, long)]
    yes: bool,

    /// Remove it although sessions of it run
    #[arg(short, long)]
    force: bool,

    /// Print nothing but the question and errors
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host_to_manage()?;
    let done = host.uninstall(&args.name, args.force)?;
    let name = escape_controls(&args.name);
    let dry_run = app.globals.dry_run;
    let asks = !args.yes && !dry_run && !done.approved.is_empty() && ask::can_ask();
    let withdraw = args.yes
        || asks && ask::yes(&app.output, &format!("{name} is removed. Withdraw its approval too?"));
    let withdrawn: Vec<Withdrawn> = match withdraw && !done.approved.is_empty() {
        true => host.untrust(Path::new(&args.name))?,
        false => Vec::new(),
    };
    if app.globals.json {
        let files: Vec<_> = done.files.iter().map(|file| file.display().to_string()).collect();
        let withdrawn: Vec<&String> = withdrawn.iter().map(|one| &one.digest).collect();
        app.output.json(&json!({
            "name": args.name,
            "removed": !dry_run,
            "files": files,
            "withdrawn": withdrawn,
            "running": done.running,
        }))?;
        return Ok(0);
    }
    if args.quiet {
        return Ok(0);
    }
    let is = if dry_run { "would be" } else { "is" };
    let mut lines = String::new();
    for file in &done.files {
        lines.push_str(&format!("{} {is} removed.\n", shown_path(file)));
    }
    for one in &withdrawn {
        lines.push_str(&format!("The approval of {name} {} {is} withdrawn.\n", one.digest));
    }
    app.output.print(lines.as_bytes())?;
    if withdrawn.is_empty() && !done.approved.is_empty() {
        app.output.note(&format!("its approval stays: kst plugin untrust {name}"));
    }
    if !done.running.is_empty() {
        let running: Vec<String> = done.running.iter().map(|one| escape_controls(one)).collect();
        app.output.note(&format!(
            "these sessions run on, and kst does not reach them without it: {}",
            running.join(", ")
        ));
    }
    if let Some(file) = host.config().plugins().get(&args.name) {
        app.output.note(&format!("the config still names a {name}: {}", file.place()));
    }
    Ok(0)
}
