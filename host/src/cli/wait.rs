//! `kst wait`

use std::time::Duration;

use kst::session::{Each, ExitStatus, SessionStatus};
use kst::text::escape_controls;
use serde_json::{Value, json};

use super::app::App;
use super::select::Select;
use super::status::document;
use super::{examples, values};

/// The exit code where kst itself failed: the others are the session's.
const FAILED: u8 = 125;
/// The exit code where the time was up, as that of timeout(1).
const TIMED_OUT: u8 = 124;

/// Wait until sessions have ended
///
/// Prints the session's exit code, and ends with it: 128 and the signal's number where a signal ended
/// the session, 124 where --timeout was up, 125 where kst itself failed or nobody knows how the
/// session ended. One that has ended already is told of at once.
///
/// Of several sessions it prints each with its name as it ends, and ends with the first code in the
/// order of their names that is not 0.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst wait job && echo fine", "when it has ended, and well"),
    ("kst wait job --timeout 10m", "no longer than that"),
    ("kst wait one two", "until both have ended"),
    ("kst wait --any one two", "until one of them has"),
]))]
pub struct Args {
    /// The sessions' names
    #[arg(value_name = "NAME", value_parser = values::name(), required = true)]
    pub names: Vec<String>,

    /// Wait for the first of them only
    #[arg(long)]
    pub any: bool,

    /// How long to wait at most: seconds, or 90s, 10m, 2h
    #[arg(short, long, value_name = "TIME", allow_negative_numbers = true)]
    #[arg(value_parser = values::duration())]
    pub timeout: Option<Duration>,

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
    // Whatever goes wrong before a session's end is none of its codes.
    wait(&args, app).or_else(|error| {
        app.output.error(&error);
        Ok(FAILED)
    })
}

fn wait(args: &Args, app: &App) -> anyhow::Result<u8> {
    let host = match args.names.as_slice() {
        [name] => app.host_for(name)?,
        _ => app.host()?,
    };
    let filter = args.select.filter();
    let several = args.names.len() > 1;
    let told = |each: &Each<SessionStatus>| tell(each, several, app);
    let all = if args.any {
        let first = host.wait_any(&args.names, &filter, args.timeout)?;
        told(&first);
        vec![first]
    } else {
        host.wait_each(&args.names, &filter, args.timeout, &told)?
    };
    if app.globals.dry_run {
        if !app.held_back() {
            app.output.note("dry run: it would be waited for; nothing is ever changed by that");
        }
        return Ok(0);
    }
    if app.globals.json {
        let mut documents: Vec<Value> = all
            .iter()
            .map(|each| match &each.result {
                Ok(status) => document(&host, status),
                Err(error) => json!({
                    "name": each.name,
                    "error": error.to_string(),
                    "error_code": code(&each.result),
                }),
            })
            .collect();
        match (documents.as_mut_slice(), all.as_slice()) {
            // As of every command about one session that fails, there is none.
            ([_], [one]) if one.result.is_err() => {}
            ([one], _) => app.output.json(one)?,
            _ => app.output.json(&Value::Array(documents))?,
        }
    }
    Ok(all.iter().map(|each| code(&each.result)).find(|code| *code != 0).unwrap_or(0))
}

/// A line about one session that has ended.
fn tell(each: &Each<SessionStatus>, several: bool, app: &App) {
    let name = escape_controls(&each.name);
    match &each.result {
        Err(error) => {
            app.output.error_of(&each.name, error);
        }
        Ok(_) if app.globals.dry_run => {}
        Ok(status) if status.exit.is_none() => {
            let what = format!("how session '{name}' ended is not known: {}", status.state);
            app.output.error(&anyhow::anyhow!(what));
        }
        Ok(_) if app.globals.json || app.output.is_quiet() => {}
        Ok(_) => {
            let code = code(&each.result);
            let line = if several { format!("{name} {code}\n") } else { format!("{code}\n") };
            // Whoever does not read it may still want the exit code.
            let _ = app.output.print(line.as_bytes());
        }
    }
}

fn code(result: &kst::Result<SessionStatus>) -> u8 {
    match result {
        Err(kst::Error::TimedOut { .. }) => TIMED_OUT,
        Err(_) => FAILED,
        Ok(status) => match status.exit {
            Some(ExitStatus::Code(code)) => u8::try_from(code).unwrap_or(FAILED),
            Some(ExitStatus::Signal(signal)) => u8::try_from(128 + signal).unwrap_or(FAILED),
            None => FAILED,
        },
    }
}
