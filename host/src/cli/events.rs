//! `kst events`

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use kst::session::{Change, Happening, Seen};
use kst::text::escape_controls;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::app::App;
use super::select::Select;
use super::{examples, render};

/// Tell what happens to sessions from now on, until Ctrl-C
///
/// A line for each session that is started (also again by itself), becomes ready (as `kst up` finds it, or
/// its engine where that looks after it), exits or is removed, on every backend and whoever did it. What kst did and each end of its sessions is
/// told at once, and so is what podman, docker and tmux tell of; other sessions are looked at every few
/// seconds, and one that came and went between two looks is missed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst events", "everything, everywhere"),
    ("kst events -b tmux", "one backend"),
    ("kst events --json", "for programs: an object a line"),
]))]
pub struct Args {
    #[command(flatten)]
    pub select: Select,
}

/// How often is looked whether somebody still reads.
const TICK: Duration = Duration::from_secs(1);

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    let host = app.host()?;
    let mut first = true;
    let mut problem = None;
    host.watch(&args.select.filter(), TICK, &mut |seen: Seen<'_>| {
        if std::mem::take(&mut first) {
            for health in seen.health.iter().filter(|health| host.is_worth_a_word(health)) {
                app.output.warn(&render::health::sentence(health));
            }
        }
        for change in seen.changes {
            let line = match app.globals.json {
                true => render::json::change(change, &host).to_string() + "\n",
                false => line(change),
            };
            match print(&line, app) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return ControlFlow::Break(());
                }
                Err(error) => {
                    problem = Some(error);
                    return ControlFlow::Break(());
                }
            }
        }
        match is_read() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    match problem {
        Some(error) => Err(anyhow::Error::from(error).context("cannot write to standard output")),
        None => Ok(0),
    }
}

/// At once, for whoever reads along.
fn print(line: &str, app: &App) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match app.output.colours() {
        true => stdout.write_all(line.as_bytes())?,
        false => stdout.write_all(&anstream::adapter::strip_bytes(line.as_bytes()).into_vec())?,
    }
    stdout.flush()
}

/// Whether standard output leads anywhere still.
pub fn is_read() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::ERR | PollFlags::HUP;
    !matches!(poll(&mut fds, Some(&now)), Ok(1..)) || !fds[0].revents().intersects(gone)
}

/// `2026-11-23T07:07:18Z  exited   api  tmux, code 3`
fn line(change: &Change) -> String {
    let session = &change.session;
    let style = match change.what {
        Happening::Started | Happening::Ready => render::style::GOOD,
        Happening::Exited => match render::status::failed(session) {
            true => render::style::BAD,
            false => render::style::PLAIN,
        },
        Happening::Removed => render::style::DIM,
    };
    let mut facts = vec![render::status::place(session)];
    match change.what {
        Happening::Started => {
            facts.extend(session.run.map(|run| format!("run {run}")));
            let again = session.restarts.filter(|count| *count > 0);
            facts.extend(again.map(|count| format!("restart {count}")));
        }
        Happening::Exited => {
            let how = render::words::ending_of(session);
            facts.push(how.unwrap_or_else(|| "nobody knows how".to_owned()));
            facts.extend(render::words::restarting(session, change.at));
        }
        Happening::Ready | Happening::Removed => {}
    }
    let (at, what) = (render::time::rfc3339(change.at), change.what.as_str());
    let name = escape_controls(&session.name);
    format!("{at}  {style}{what:<7}{style:#}  {name}  ({})\n", facts.join(", "))
}
