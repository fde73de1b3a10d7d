//! `kst attach`

use std::time::Duration;

use kst::session::{ExitStatus, Filter, Host, SessionState, SessionStatus};
use kst::text::escape_controls;

use super::app::App;
use super::render::{style, words};
use super::select::Select;
use super::{examples, values};

/// Go to a session: connect this terminal to it
///
/// The session goes on when you leave it. How to leave is the backend's: `Ctrl-b d` in tmux,
/// `Ctrl-p Ctrl-q` in containers, unless you have given it other keys; the first time that is told.
/// Where the session ended meanwhile, how it did is told.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst attach api", "go there"),
    ("kst attach api -b container", "the container of that name, not the tmux session"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

    #[command(flatten)]
    pub select: Select,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    go(&app.host_for(&args.name)?, &args.name, &args.select.filter(), app)?;
    Ok(0)
}

/// How long what is told before the first time stays, in case the engine then takes all of the screen.
const TO_BE_READ: Duration = Duration::from_secs(1);

/// Connect the terminal to a session, and tell how it has ended if it has when the user is back. How
/// to leave is told once for all sessions that are left alike.
pub fn go(host: &Host, name: &str, filter: &Filter, app: &App) -> kst::Result<()> {
    let dim = style::DIM;
    let tell = |keys: &str| {
        if !host.first_time(&format!("detach-{keys}")) {
            return;
        }
        // Whether the user has changed them only the engine knows.
        let keys = escape_controls(keys);
        let text = "leaves the session running, unless you have changed its keys.";
        app.output.say(&format!("{dim}{keys} {text}{dim:#}"));
        std::thread::sleep(TO_BE_READ);
    };
    let status = host.attach(name, filter, &tell)?;
    if !app.globals.dry_run {
        tell_of_end(&status, app);
    }
    Ok(())
}

/// Tell how a session has ended, if it has and that is known.
pub fn tell_of_end(status: &SessionStatus, app: &App) {
    if let Some(text) = left(status) {
        let dim = style::DIM;
        app.output.say(&format!("{dim}{text}{dim:#}"));
    }
}

/// How the session has ended that the terminal was in, if it has and that is known.
fn left(status: &SessionStatus) -> Option<String> {
    let name = escape_controls(&status.name);
    match (status.state, status.exit) {
        (SessionState::Running | SessionState::Unknown | SessionState::Defined, _) => None,
        (_, Some(ExitStatus::Code(code))) => {
            Some(format!("session '{name}' has ended: exit code {code}"))
        }
        (_, Some(exit)) => {
            Some(format!("session '{name}' has ended: {}", words::exit_in_words(exit)))
        }
        (_, None) => Some(format!("session '{name}' has ended")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::sample;

    #[test]
    fn what_was_left_is_told() {
        let mut status = sample::running();
        assert_eq!(left(&status), None);
        status.state = SessionState::Exited;
        assert_eq!(left(&status).as_deref(), Some("session 'api' has ended"));
        status.exit = Some(ExitStatus::Code(3));
        assert_eq!(left(&status).as_deref(), Some("session 'api' has ended: exit code 3"));
        let killed = left(&sample::ended());
        assert_eq!(killed.as_deref(), Some("session 'db' has ended: signal 9 (SIGKILL)"));
        status.state = SessionState::Unknown;
        assert_eq!(left(&status), None);
    }
}
