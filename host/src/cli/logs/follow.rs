//! `kst logs --follow`

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kst::session::{ExitStatus, Follow, Followed, Heard, Host, Listener};
use kst::text::escape_controls;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::app::App;
use super::super::render::{style, words};
use super::{Args, Lines};

pub fn run(args: &Args, app: &App, host: &Host) -> anyhow::Result<u8> {
    let what = Follow {
        names: args.names.clone(),
        filter: args.select.filter(),
        lines: args.lines(),
        since: args.since,
        times: args.timestamps || args.until.is_some(),
    };
    let mut printer = Printer {
        app,
        lines: Lines::new(app, args.raw, args.no_prefix),
        several: !args.is_one(),
        followed: 0,
        until: args.until,
        began: Instant::now(),
        over: BTreeSet::new(),
        result: Ok(()),
        code: 0,
    };
    if args.timestamps {
        printer.lines.print_times();
    }
    if !printer.several && !args.raw && !app.globals.json && app.output.terminal() {
        printer.lines.print_at_once();
    }
    host.follow(&what, &mut printer)?;
    if args.until.is_some() && printer.result.is_ok() {
        // It was ended in the midst of what goes on.
        for number in 0..printer.followed {
            printer.lines.end(number)?;
        }
    }
    if args.all && printer.followed == 0 {
        app.output.note("there is no session to follow");
    }
    printer.result.map(|()| printer.code)
}

/// How long what was printed before the end is waited for, where more comes all the time.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// How long engines are given to tell what was printed before.
const ANSWERED: Duration = Duration::from_secs(3);

struct Printer<'a> {
    app: &'a App,
    lines: Lines<'a>,
    several: bool,
    followed: usize,
    /// When to end.
    until: Option<Timestamp>,
    began: Instant,
    /// Those that have come so far.
    over: BTreeSet<usize>,
    /// Why nothing can be printed any more.
    result: anyhow::Result<()>,
    /// What the troubles of sessions come to.
    code: u8,
}

impl Printer<'_> {
    fn print(
        &mut self,
        number: usize,
        session: &Followed,
        heard: Heard<'_>,
    ) -> anyhow::Result<bool> {
        let name = escape_controls(&session.name);
        match heard {
            Heard::Begins => {
                self.followed += 1;
                self.lines.add(session);
            }
            Heard::Time(time) => {
                self.lines.time(number, time);
                match self.is_over(time) {
                    true => self.over.insert(number),
                    false => self.over.remove(&number),
                };
            }
            Heard::Output(_) if self.over.contains(&number) => {
                return Ok(!self.is_over(Timestamp::now().checked_sub(LATE).ok()));
            }
            Heard::Output(bytes) => return self.lines.print(number, bytes),
            Heard::Again => {
                self.lines.end(number)?;
                self.say(&format!("session '{name}' was started again"));
            }
            Heard::Ended(exit) => {
                self.lines.end(number)?;
                self.say(&ended(&name, exit));
            }
            Heard::Missed => self.app.output.warn(&format!(
                "some output of '{name}' was thrown away before it could be read: its log is bounded"
            )),
            Heard::Unkept => self.app.output.warn(&format!(
                "nothing keeps what '{name}' prints any more: its engine has gone, and it runs on"
            )),
            Heard::Trouble(error) => {
                self.lines.end(number)?;
                self.code = self.app.output.error(&error.into());
            }
        }
        Ok(true)
    }

    /// Whether a time is not one of those that were asked for.
    fn is_over(&self, time: Option<Timestamp>) -> bool {
        self.until.zip(time).is_some_and(|(until, time)| time >= until)
    }

    /// By the way, to whoever looks on.
    fn say(&self, text: &str) {
        if self.several || self.app.output.terminal() {
            let dim = style::DIM;
            self.app.output.remark(&format!("{dim}{text}{dim:#}"));
        }
    }
}

impl Listener for Printer<'_> {
    fn hear(&mut self, number: usize, session: &Followed, heard: Heard<'_>) -> ControlFlow<()> {
        match self.print(number, session, heard) {
            Ok(true) => ControlFlow::Continue(()),
            // Whoever read it has gone: that is no error.
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                self.result = Err(error);
                ControlFlow::Break(())
            }
        }
    }

    fn goes_on(&mut self) -> bool {
        let stdout = io::stdout();
        let mut reader = [PollFd::new(&stdout, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let _ = poll(&mut reader, Some(&now));
        // What came before then was passed on, unless an engine has not answered yet.
        let over = self.is_over(Some(Timestamp::now())) && self.began.elapsed() >= ANSWERED;
        !over && !reader.iter().any(|fd| fd.revents().contains(PollFlags::ERR))
    }
}

fn ended(name: &str, exit: Option<ExitStatus>) -> String {
    match exit {
        Some(ExitStatus::Code(code)) => format!("session '{name}' has ended: exit code {code}"),
        Some(exit) => format!("session '{name}' has ended: {}", words::exit_in_words(exit)),
        None => format!("session '{name}' has ended"),
    }
}
