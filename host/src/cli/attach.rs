//! `kst attach`

use kst::session::{ExitStatus, SessionState, SessionStatus};
use kst::text::escape_controls;

use super::app::App;
use super::render::{style, words};
use super::select::Select;
use super::{examples, values};

/// Go to a session: connect this terminal to it
///
/// The session goes on when you leave it. How to leave is the backend's: `Ctrl-b d` in tmux,
/// `Ctrl-p Ctrl-q` in containers, unless you have given it other keys. Where the session ended
/// meanwhile, how it did is told.
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
    let dim = style::DIM;
    let tell = |keys: &str| {
        // Whether the user has changed them only the engine knows.
        let keys = escape_controls(keys);
        let text = "leaves the session running, unless you have changed its keys.";
        app.output.say(&format!("{dim}{keys} {text}{dim:#}"));
    };
    let status = app.host_for(&args.name)?.attach(&args.name, &args.select.filter(), &tell)?;
    if let Some(text) = left(&status).filter(|_| !app.globals.dry_run) {
        app.output.say(&format!("{dim}{text}{dim:#}"));
    }
    Ok(0)
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
