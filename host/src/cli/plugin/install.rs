//! `kst plugin install`

use std::path::PathBuf;

use kst::text::shown_path;
use serde_json::json;

use super::super::app::App;
use super::super::{ask, examples, render, values};
use super::Consent;

/// Copy a backend into your plugins folder, approving it if need be
///
/// It takes the place of an older one of its name, after what changed was shown. The file that it is
/// copied from is not needed any more.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst plugin install ./screen.wasm", "read its commands, then say yes or no"),
    ("kst plugin install ./screen.wasm --yes", "approve and install it in a script"),
]))]
pub struct Args {
    /// A component's file
    #[arg(value_parser = values::path())]
    file: PathBuf,

    /// Approve without asking
    #[arg(short, long)]
    yes: bool,

    /// Print nothing but the question and errors
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host_to_manage()?;
    let mut consent = Consent::new(app, args.yes, args.quiet);
    let result = host.install(&args.file, &mut |review, needs_approval| {
        if needs_approval {
            return consent
                .given(review, "Install it, and trust it to run these commands, as you?");
        }
        if let Some(before) = review.before.as_ref().filter(|_| !args.quiet) {
            ask::show(&app.output, &render::review::changes(before));
        }
        true
    });
    let done = consent.or_nobody_to_ask(&args.file, result)?;
    let name = render::plugin::name(&done.plugin);
    if app.globals.dry_run {
        app.output.note("dry run: nothing was approved or installed");
    }
    if app.globals.json {
        app.output.json(&json!({
            "name": done.plugin.name,
            "digest": done.plugin.digest,
            "file": done.file.display().to_string(),
            "replaced": done.replaced,
            "installed": !app.globals.dry_run,
        }))?;
    } else if !args.quiet && !app.globals.dry_run {
        let line = format!("{name} is installed: {}\n", shown_path(&done.file));
        app.output.print(line.as_bytes())?;
        if let Some(old) = &done.replaced {
            app.output.note(&format!("it took the place of {old}, which stays approved if it was"));
        }
    }
    Ok(0)
}
