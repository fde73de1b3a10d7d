//! `kst exec`

use std::collections::BTreeMap;
use std::ffi::OsString;

use kst::session::{ExecRequest, ExitStatus};

use super::app::App;
use super::select::Select;
use super::start::variable;
use super::{examples, values};

/// The exit code where kst itself failed: the others are the command's.
const FAILED: u8 = 125;

/// Run a command in a running session
///
/// In a container, beside what it runs. The command has kst's input and output, and a terminal where
/// both are one. kst ends with the command's exit code; with 126 or 127 where the engine could not run
/// it, and with 125 where kst or the engine's client itself failed.
///
/// A session in tmux or screen runs on this machine, where a second command is run as any other.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst exec db -- psql -U me", "go there"),
    ("kst exec db -w /tmp -e LEVEL=9 -- ls -l", "in a directory, with a variable"),
    ("kst exec db -- psql -U me < dump.sql", "with an input of its own"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

    /// The command, word for word
    #[arg(last = true, required = true, value_name = "CMD", value_parser = values::command_word())]
    pub words: Vec<String>,

    /// The directory to run it in
    #[arg(short, long, value_name = "DIR", value_parser = values::text(), allow_hyphen_values = true)]
    pub workdir: Option<String>,

    /// A variable: KEY=VALUE, or KEY to pass on yours. Can be repeated
    // Any parser here would print the value, which may be a secret, in its error.
    #[arg(short, long, value_name = "KEY[=VALUE]", allow_hyphen_values = true)]
    pub env: Vec<OsString>,

    #[command(flatten)]
    pub select: Select,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    exec(args, app).or_else(|error| {
        if !app.held_back() {
            app.output.error(&error);
        }
        Ok(FAILED)
    })
}

fn exec(args: Args, app: &App) -> anyhow::Result<u8> {
    let env: kst::Result<BTreeMap<String, String>> =
        args.env.into_iter().map(|given| variable(given, &|key| std::env::var_os(key))).collect();
    let request = ExecRequest { words: args.words, working_dir: args.workdir, env: env? };
    let host = app.host_for(&args.name)?;
    Ok(match host.exec(&args.name, &args.select.filter(), &request)? {
        ExitStatus::Code(code) => u8::try_from(code).unwrap_or(FAILED),
        ExitStatus::Signal(signal) => u8::try_from(128 + signal).unwrap_or(FAILED),
    })
}
