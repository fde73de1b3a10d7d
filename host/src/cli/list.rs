//! `kst list`

use kst::session::{BackendHealth, HealthState, Host};

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

    /// Print the names alone, a line each
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let host = app.host()?;
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
            let table = render::list::table(&listing.sessions, now, output.width());
            output.print(table.as_bytes())?;
        }
        if args.health {
            let table = render::health::table(&listing.health, output.width());
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
