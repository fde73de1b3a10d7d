//! `kst plugin untrust`

use std::path::PathBuf;

use serde_json::json;

use super::super::app::App;
use super::super::{examples, values};

/// Withdraw approvals, so that a backend is refused until it is approved again
///
/// By a name, all components of that name; by a digest or its beginning, that one; by a file, what
/// is in it and what was approved there before. Sessions go on; only kst does not reach them by this
/// backend any more.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst plugin untrust screen", "every component that calls itself so"),
    ("kst plugin untrust sha256:1f0c3a9b8d77", "one of them"),
    ("kst plugin untrust ./screen.wasm", "what is, or was, in this file"),
]))]
pub struct Args {
    /// A backend's name, a digest (12 digits are enough), or a component's file
    #[arg(value_name = "NAME|DIGEST|FILE", value_parser = values::path())]
    what: PathBuf,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: &Args, app: &App) -> anyhow::Result<u8> {
    let gone = app.host_to_manage()?.untrust(&args.what)?;
    if app.globals.json {
        let list: Vec<_> = gone
            .iter()
            .map(|one| json!({ "name": one.name, "digest": one.digest, "withdrawn": !app.globals.dry_run }))
            .collect();
        app.output.json(&list.into())?;
    } else if !args.quiet {
        let is = if app.globals.dry_run { "would be" } else { "is" };
        let lines: Vec<String> = gone
            .iter()
            .map(|one| format!("The approval of {} {} {is} withdrawn.\n", one.name, one.digest))
            .collect();
        app.output.print(lines.concat().as_bytes())?;
    }
    Ok(0)
}
