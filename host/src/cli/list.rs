//! `kst list`

use std::ops::ControlFlow;
use std::time::Duration;

use kst::session::{BackendHealth, HealthState, Host, Seen};

use super::app::App;
use super::select::Select;
use super::{examples, render};

/// List all sessions, running or ended, whoever started them
///
/// AGE is how long ago a session was started, EXIT its exit code or signal
/// (`OOM`: it ran out of memory) and how long ago that was.
/// Sessions that the config defines are listed before they are started. A backend that does not
/// answer costs a warning and no more. An engine that does not run, and of which no session is known,
/// is told of by --health, by --verbose and with its --backend alone.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst list", "everything, everywhere"),
    ("kst list -b tmux", "one backend"),
    ("kst list --watch", "a table that follows what happens"),
    ("kst list -q", "the names, a line each"),
    ("kst list --json --health", "for programs, with how each backend is"),
]))]
pub struct Args {
    #[command(flatten)]
    pub select: Select,

    /// Show how each backend is, too
    ///
    /// With --json the result is then {"sessions": […], "health": […]}.
    #[arg(long)]
    pub health: bool,

    /// Show the table until Ctrl-C, and each change of it at once
    #[arg(short, long, conflicts_with_all = ["health", "quiet"])]
    pub watch: bool,

    /// Print the names alone, a line each
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let host = app.host()?;
    if args.watch {
        return watch(&args, &host, app);
    }
    let mut listing = host.list(&args.select.filter())?;
    if args.health {
        host.probe(&mut listing.health);
    }
    let output = &app.output;
    if app.globals.json {
        let sockets = render::json::Sockets::of(&host, &listing.sessions);
        output.json(&render::json::listing(&listing, args.health, &sockets))?;
    } else if args.quiet {
        output.print(render::list::names(&listing.sessions).as_bytes())?;
    } else {
        let now = jiff::Timestamp::now();
        if listing.sessions.is_empty() {
            // kstlib prints such a line on standard output, where a table would be.
            output.print(b"No sessions.\n")?;
        } else {
            let table = render::list::table(&listing.sessions, now, output.page());
            output.print(table.as_bytes())?;
        }
        if args.health {
            let table = render::health::table(&listing.health, output.page());
            output.print(format!("\n{table}").as_bytes())?;
        }
    }
    let alone = args.select.backend.as_deref();
    if !args.health {
        tell_of_backends(&listing.health, &host, alone, app)?;
    } else if let Some(backend) = alone {
        usable(backend, &listing.health)?;
    }
    Ok(0)
}

/// How often the times in a table that is watched are made new.
const TICK: Duration = Duration::from_secs(1);

/// Draw the table again and again in the same place of the terminal.
fn watch(args: &Args, host: &Host, app: &App) -> anyhow::Result<u8> {
    if app.globals.json || !app.output.terminal() {
        let what = "--watch draws on a terminal alone".to_owned();
        let advice = Some("for programs there is 'kst events --json'".to_owned());
        return Err(kst::Error::Invalid { what, advice }.into());
    }
    let mut drawn = String::new();
    let mut problem = None;
    host.watch(&args.select.filter(), TICK, &mut |seen: Seen<'_>| {
        let text = picture(seen, host, app);
        // What looks the same is not drawn again.
        if text != drawn {
            problem = app.output.print_raw(text.as_bytes()).err();
            drawn = text;
        }
        match problem.is_none() && super::events::is_read() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    problem.map_or(Ok(0), Err)
}

/// What makes the terminal show this table and nothing else, without a moment in between when it
/// shows less: each line ends what stood there, and so does the end.
fn picture(seen: Seen<'_>, host: &Host, app: &App) -> String {
    let now = jiff::Timestamp::now();
    let mut lines: Vec<String> = match seen.sessions {
        [] => vec!["No sessions.".to_owned()],
        sessions => {
            let table = render::list::table(sessions, now, app.output.page());
            table.lines().map(str::to_owned).collect()
        }
    };
    let warning = render::style::WARNING;
    let unwell = seen.health.iter().filter(|health| host.is_worth_a_word(health));
    let unwell: Vec<String> = unwell
        .map(|health| {
            let text = kst::text::escape_controls(&render::health::sentence(health));
            let width = app.output.width().unwrap_or(usize::MAX).saturating_sub("warning: ".len());
            format!("{warning}warning:{warning:#} {}", render::table::shortened(&text, width))
        })
        .collect();
    // One line less than there is room for: the cursor stands below.
    let room = app.output.height().unwrap_or(usize::MAX).saturating_sub(1 + unwell.len());
    if lines.len() > room {
        let more = lines.len() - room.saturating_sub(1);
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("… and {more} more"));
    }
    lines.extend(unwell);
    let mut text = String::from("\x1b[H");
    for line in lines {
        let line = match app.output.colours() {
            true => line,
            false => anstream::adapter::strip_str(&line).to_string(),
        };
        text.push_str(&format!("{line}\x1b[K\r\n"));
    }
    text.push_str("\x1b[J");
    text
}

/// Warn of the backends that could not be asked, as far as that matters; fail where the one that was
/// asked for, `alone`, cannot be.
pub fn tell_of_backends(
    health: &[BackendHealth],
    host: &Host,
    alone: Option<&str>,
    app: &App,
) -> kst::Result<()> {
    if let Some(backend) = alone {
        usable(backend, health)?;
    }
    for health in health {
        // Who asks for one backend wants to hear of each of its places.
        let asked_for = alone.is_some() && health.state == HealthState::Down;
        if asked_for || host.is_worth_a_word(health) {
            app.output.warn(&render::health::sentence(health));
        }
    }
    Ok(())
}

/// Fail where the one backend asked for cannot be asked: "none" would be a lie.
fn usable(backend: &str, health: &[BackendHealth]) -> kst::Result<()> {
    let asked: Vec<_> = health.iter().filter(|health| health.backend == backend).collect();
    if asked.is_empty() || asked.iter().any(|health| health.state == HealthState::Ok) {
        return Ok(());
    }
    let reasons: Vec<String> = asked.iter().map(|health| render::health::reason(health)).collect();
    let (reasons, backend, advice) = (reasons.join("; "), backend.to_owned(), None);
    let what = format!("{backend}: {reasons}");
    // That one place has no engine says less than that another one misbehaves.
    let codes = asked.iter().map(|health| health.code);
    Err(match codes.max_by_key(|code| *code != MISSING).unwrap_or(MISSING) {
        7 => kst::Error::Refused { what, advice },
        8 => kst::Error::TimedOut { what, advice },
        9 => kst::Error::PluginFault { backend, what: reasons },
        MISSING => kst::Error::Unavailable { backend, what: reasons, advice },
        _ => kst::Error::Failed { what, advice },
    })
}

/// The exit code of [`kst::Error::Unavailable`].
const MISSING: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn health(state: HealthState) -> BackendHealth {
        BackendHealth {
            backend: "container".into(),
            location: Some("docker".into()),
            state,
            version: None,
            lacks: Vec::new(),
            problem: Some("the daemon does not answer".into()),
            code: if state == HealthState::Ok { 0 } else { MISSING },
        }
    }

    #[test]
    fn a_backend_of_which_nothing_answers_is_an_error() {
        let (ok, broken) = (health(HealthState::Ok), health(HealthState::Broken));
        assert!(usable("container", &[ok.clone(), broken.clone()]).is_ok());
        assert!(usable("tmux", std::slice::from_ref(&broken)).is_ok());
        let error = usable("container", &[broken, health(HealthState::Absent)]).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains("docker: the daemon does not answer"), "{error}");
    }

    #[test]
    fn how_it_failed_is_in_the_exit_code() {
        for code in [1, 6, 7, 8, 9] {
            let absent = health(HealthState::Absent);
            let broken = BackendHealth { code, ..health(HealthState::Broken) };
            for both in [[absent.clone(), broken.clone()], [broken, absent]] {
                assert_eq!(usable("container", &both).unwrap_err().exit_code(), code);
            }
        }
    }
}
