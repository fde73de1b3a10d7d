//! `kst attach`

use kst::text::escape_controls;

use super::app::App;
use super::render::style;
use super::select::Select;
use super::{examples, values};

/// Go to a session: connect this terminal to it
///
/// The session goes on when you leave it. How to leave is the backend's: `Ctrl-b d` in tmux,
/// `Ctrl-p Ctrl-q` in containers.
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
    let tell = |keys: &str| {
        let dim = style::DIM;
        app.output
            .say(&format!("{dim}{} leaves the session running.{dim:#}", escape_controls(keys)));
    };
    app.host_for(&args.name)?.attach(&args.name, &args.select.filter(), &tell)?;
    Ok(0)
}
