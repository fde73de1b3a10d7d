//! `kst plugin`

mod install;
mod remove;
mod untrust;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use kst::session::{Review, Trust};
use kst::text::shown_path;

use super::app::App;
use super::{ask, examples, render, values};

/// See, approve and install backends
///
/// A backend is a WebAssembly component that can do nothing but ask for the commands it declares.
/// Those that came with kst just run; any other is approved once, by its content.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Inspect(Inspect),
    Trust(TrustArgs),
    Untrust(untrust::Args),
    Install(install::Args),
    Remove(remove::Args),
}

/// List the backends: those that came with kst, installed ones, and --plugin
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[("kst plugin list", "what there is, and whether it is trusted")]))]
struct List {
    /// Print the names alone, a line each
    #[arg(short, long)]
    quiet: bool,
}

/// Show what a backend is and every command it could ever run
///
/// A WASI that it imports is one line, for there is nothing in the one that it gets; --verbose lists
/// the interfaces.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst plugin inspect ./screen.wasm", "a component's file"),
    ("kst plugin inspect tmux", "a backend by its name"),
]))]
struct Inspect {
    /// A component's file, or the name of a backend
    #[arg(value_name = "FILE", value_parser = values::path())]
    file: PathBuf,
}

/// Approve a backend, once you have read the commands it could run
///
/// The approval is for this very content: a changed file asks again. Where its commands are the same as
/// before, the new approval takes the old one's place.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst plugin trust ./screen.wasm", "read its commands, then say yes or no"),
    ("kst plugin trust ./screen.wasm --yes", "approve it in a script"),
]))]
struct TrustArgs {
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

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    match args.command {
        Command::List(args) => list(&args, app),
        Command::Inspect(args) => inspect(&args.file, app),
        Command::Trust(args) => trust(&args, app),
        Command::Untrust(args) => untrust::run(&args, app),
        Command::Install(args) => install::run(&args, app),
        Command::Remove(args) => remove::run(&args, app),
    }
}

fn list(args: &List, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let host = app.host_to_manage()?;
    let plugins = host.plugins();
    if app.globals.json {
        let list: Vec<_> = plugins.iter().map(render::plugin::json).collect();
        app.output.json(&list.into())?;
    } else if args.quiet {
        let names: Vec<String> =
            plugins.iter().map(|plugin| render::plugin::name(plugin) + "\n").collect();
        app.output.print(names.concat().as_bytes())?;
    } else {
        app.output.print(render::plugin::table(&plugins, app.output.page()).as_bytes())?;
        for plugin in &plugins {
            if let Some(problem) = &plugin.problem {
                app.output.warn(&format!("{}: {problem}", render::plugin::name(plugin)));
                if let Some(advice) = &plugin.advice {
                    app.output.hint(advice);
                }
            }
        }
        for (name, count) in host.approved_besides(&plugins)? {
            let (are, other) = if count == 1 { ("is", "component") } else { ("are", "components") };
            app.output.note(&format!(
                "there {are} {count} approved {other} named {name} besides these; 'kst plugin \
                 untrust {name}' withdraws every approval of that name"
            ));
        }
    }
    Ok(0)
}

fn inspect(file: &Path, app: &App) -> anyhow::Result<u8> {
    let host = app.host_to_manage()?;
    let by_name = (!file.exists())
        .then(|| host.plugins().into_iter().find(|p| Path::new(&render::plugin::name(p)) == file));
    let plugin = match by_name.flatten() {
        Some(plugin) => plugin,
        None => host.inspect(file)?,
    };
    if app.globals.json {
        app.output.json(&render::plugin::json(&plugin))?;
    } else {
        app.output.print(render::plugin::full(&plugin, app.globals.verbose).as_bytes())?;
    }
    Ok(0)
}

fn trust(args: &TrustArgs, app: &App) -> anyhow::Result<u8> {
    let host = app.host_to_manage()?;
    let mut consent = Consent::new(app, args.yes, args.quiet);
    let result = host.trust(&args.file, &mut |review| {
        consent.given(review, "Trust it to run these commands, as you?")
    });
    let plugin = consent.or_nobody_to_ask(&args.file, result)?;
    if app.globals.dry_run {
        app.output.note("dry run: nothing was approved");
    }
    if app.globals.json {
        app.output.json(&render::plugin::json(&plugin))?;
    } else if !args.quiet && !app.globals.dry_run && plugin.trusted != Trust::No {
        let line = format!("{} {} is trusted.\n", render::plugin::name(&plugin), plugin.digest);
        app.output.print(line.as_bytes())?;
    }
    Ok(if plugin.trusted == Trust::No { 7 } else { 0 })
}

/// The user's word on a component that nobody approved: by --yes, or by the answer to a question.
struct Consent<'a> {
    app: &'a App,
    yes: bool,
    quiet: bool,
    /// There was nobody to ask.
    unasked: bool,
}

impl<'a> Consent<'a> {
    fn new(app: &'a App, yes: bool, quiet: bool) -> Self {
        Consent { app, yes, quiet, unasked: false }
    }

    /// Shows the component and asks, where that is needed.
    fn given(&mut self, review: &Review, question: &str) -> bool {
        self.unasked = !self.yes && !ask::can_ask();
        if self.unasked {
            return false;
        }
        if !self.yes || !self.quiet {
            ask::show_component(&self.app.output, review);
        }
        self.yes || ask::yes(&self.app.output, question)
    }

    /// What came of it. A question that could not be asked was not answered by no.
    fn or_nobody_to_ask<T>(&self, file: &Path, result: kst::Result<T>) -> kst::Result<T> {
        if !self.unasked {
            return result;
        }
        Err(kst::Error::Refused {
            what: format!("{} is not approved: no terminal to ask on", shown_path(file)),
            advice: Some("read what `kst plugin inspect` shows of it, then add --yes".into()),
        })
    }
}
