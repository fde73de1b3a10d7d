//! `kst config trust` and `kst config untrust`

use std::path::PathBuf;

use kst::session::{ProgramReview, Trust};
use kst::text::{escape_controls, shown_path};
use serde_json::json;

use super::super::app::App;
use super::super::{ask, examples, render};

/// Approve the programs and plugins that this directory's config chooses
///
/// A directory that you merely enter chooses nothing: a program of its config (`tmux_binary`) is
/// run once you have approved that very file for that setting. Another path, or another content,
/// asks again. Such a program can do anything as you.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst config trust", "see what it chooses, then say yes or no to each"),
    ("kst config trust --yes", "approve all of it in a script"),
]))]
pub struct Args {
    /// Approve without asking
    #[arg(short, long)]
    yes: bool,

    /// Print nothing but the questions and errors
    #[arg(short, long)]
    quiet: bool,
}

/// Withdraw the approvals of programs that this directory's config chooses
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[("kst config untrust", "those of the working directory")]))]
pub struct UntrustArgs {
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub fn run(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host_to_manage()?;
    let reviews = host.unapproved_programs().into_iter().collect::<kst::Result<Vec<_>>>()?;
    let plugins: Vec<PathBuf> = host
        .config()
        .plugins()
        .values()
        .filter(|file| file.from_working_dir)
        .map(|file| file.value.clone())
        .collect();
    let mut programs = Vec::new();
    for review in &reviews {
        may_ask(args, &review.place)?;
        if !args.yes || !args.quiet {
            ask::show(&app.output, &render::review::program(review));
        }
        if !args.yes && !ask::yes(&app.output, "Trust it to be run, as you?") {
            return Err(kst::Error::Refused {
                what: format!("{} was not approved", shown_path(&review.choice.path)),
                advice: None,
            }
            .into());
        }
        host.trust_program(review)?;
        programs.push(review);
    }
    let mut components = Vec::new();
    for file in &plugins {
        let mut asked = false;
        let mut unasked = Ok(());
        let result = host.trust(file, &mut |review| {
            asked = true;
            unasked = may_ask(args, &shown_path(file));
            if unasked.is_err() {
                return false;
            }
            if !args.yes || !args.quiet {
                ask::show_component(&app.output, review);
            }
            args.yes || ask::yes(&app.output, "Trust it to run these commands, as you?")
        });
        unasked?;
        let plugin = result?;
        if asked && plugin.trusted == Trust::Approved {
            components.push(plugin);
        }
    }
    if app.globals.json {
        let programs: Vec<_> = programs.iter().map(|review| program_json(review)).collect();
        let components: Vec<_> = components.iter().map(render::plugin::json).collect();
        app.output.json(&json!({ "programs": programs, "plugins": components }))?;
    } else if !args.quiet {
        let is = if app.globals.dry_run { "would be" } else { "is" };
        let mut lines = String::new();
        for review in &programs {
            let choice = &review.choice;
            let (path, program) = (shown_path(&choice.path), escape_controls(&choice.program));
            lines.push_str(&format!("{path} {is} trusted to be run as {program}.\n"));
        }
        for plugin in &components {
            let name = render::plugin::name(plugin);
            lines.push_str(&format!("{name} {} {is} trusted.\n", plugin.digest));
        }
        if lines.is_empty() {
            lines.push_str("This directory's config chooses nothing that is not approved.\n");
        }
        app.output.print(lines.as_bytes())?;
    }
    Ok(0)
}

pub fn withdraw(args: &UntrustArgs, app: &App) -> anyhow::Result<u8> {
    let folder = std::env::current_dir()?;
    let gone = app.host_to_manage()?.untrust_programs(&folder)?;
    if app.globals.json {
        app.output.json(&serde_json::to_value(&gone)?)?;
    } else if !args.quiet {
        let is = if app.globals.dry_run { "would be" } else { "is" };
        let mut lines: String = gone
            .iter()
            .map(|one| format!("The approval of {} {is} withdrawn.\n", shown_path(&one.path)))
            .collect();
        if lines.is_empty() {
            lines.push_str("No program of this directory's config is approved.\n");
        }
        app.output.print(lines.as_bytes())?;
    }
    Ok(0)
}

fn may_ask(args: &Args, what: &str) -> kst::Result<()> {
    if args.yes || ask::can_ask() {
        return Ok(());
    }
    Err(kst::Error::Refused {
        what: format!("{what} is not approved: no terminal to ask on"),
        advice: Some("read what it chooses (kst config show), then add --yes".into()),
    })
}

fn program_json(review: &ProgramReview) -> serde_json::Value {
    let choice = &review.choice;
    json!({
        "program": choice.program,
        "path": choice.path.display().to_string(),
        "digest": choice.digest,
        "config": choice.config.display().to_string(),
    })
}
