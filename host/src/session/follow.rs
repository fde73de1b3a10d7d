//! What sessions print, as they print it.
//!
//! The output of each comes on a thread that reads it: one for all that the host keeps in files
//! ([`files`]), one for each that an engine's client tells ([`client`]). They hand it to whoever called
//! through one narrow channel; a caller that takes nothing makes them wait, and no session.

mod client;
mod files;
mod lines;
#[cfg(test)]
mod targets;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Scope;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::{EventfdFlags, eventfd};

use self::client::{Begin, Client};
pub use self::lines::{FollowOptions, LineHeard};
use super::host::Host;
use super::kept::Kept;
use super::ledger::Entry;
use super::model::{ExitStatus, SessionState, SessionStatus};
use super::sighting::{Sighting, place};
use super::survey::Filter;
use crate::door::{Operation, Placement};
use crate::{Error, Result};

/// How many pieces of output, of 64 KiB at most, wait for the caller.
const WAITING: usize = 16;
/// How often the caller is asked whether it still listens.
const ASKING: Duration = Duration::from_millis(500);

/// What to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Follow {
    /// These sessions; all where none is named, those too that kst starts meanwhile.
    pub names: Vec<String>,
    /// Where they are looked for.
    pub filter: Filter,
    /// How many lines that were printed before to begin with.
    pub lines: u32,
    /// With those of them alone that ended at this time or later.
    pub since: Option<Timestamp>,
    /// Whether to tell when it was printed, by [`Heard::Time`].
    pub times: bool,
}

impl Follow {
    /// Whether the times of what was printed must be known.
    fn needs_times(&self) -> bool {
        self.times || self.since.is_some()
    }
}

/// A session that is followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Followed {
    /// Its name.
    pub name: String,
    /// Its backend.
    pub backend: String,
    /// Where it is in the backend.
    pub location: String,
}

impl From<&SessionStatus> for Followed {
    fn from(status: &SessionStatus) -> Self {
        Followed {
            name: status.name.clone(),
            backend: status.backend.clone(),
            location: status.location.clone(),
        }
    }
}

/// What is heard of a session that is followed.
#[derive(Debug)]
pub enum Heard<'a> {
    /// It is one of those that are followed. This comes first; those that were there when following
    /// began come before any output.
    Begins,
    /// When it printed what comes next; none where that is not known. Told where it was asked for, at
    /// first and whenever it is another time.
    Time(Option<Timestamp>),
    /// It printed this. Lines end in a line feed.
    Output(&'a [u8]),
    /// It was started again.
    Again,
    /// It has ended, with all that it printed told; how, where that is known.
    Ended(Option<ExitStatus>),
    /// Some of its output was thrown away, to keep its log within bounds, before it could be read.
    Missed,
    /// It runs on, and nothing keeps what it prints any more: its engine has gone.
    Unkept,
    /// It can be followed no more.
    Trouble(Error),
}

/// Who hears of what is followed.
pub trait Listener {
    /// Something of a session, which has the same number each time.
    fn hear(&mut self, number: usize, session: &Followed, heard: Heard<'_>) -> ControlFlow<()>;

    /// Asked now and then: whether to go on.
    fn goes_on(&mut self) -> bool {
        true
    }
}

impl<F: FnMut(usize, &Followed, Heard<'_>) -> ControlFlow<()>> Listener for F {
    fn hear(&mut self, number: usize, session: &Followed, heard: Heard<'_>) -> ControlFlow<()> {
        self(number, session, heard)
    }
}

/// What the reading threads send.
enum Message {
    /// A session joins those that are followed: by its number the next.
    Joins(Followed),
    Time(usize, Option<Timestamp>),
    Output(usize, Vec<u8>),
    Again(usize),
    Ended(usize, Option<ExitStatus>),
    Missed(usize),
    Unkept(usize),
    Trouble(usize, Error),
    /// kst has started this one anew, and an engine's client is to tell of it.
    Run(usize, Arc<Entry>),
}

/// One that is followed, to the thread that reads it.
struct Source {
    number: usize,
    session: Followed,
    /// The run, of one that kst started.
    entry: Option<Arc<Entry>>,
}

impl Host {
    /// Follow sessions: the last lines of each, and what it prints from then on, until all have
    /// ended or `listener` has heard enough. One that is started again while others are followed is
    /// followed on.
    ///
    /// # Errors
    ///
    /// For a session that is named: [`Error::NotFound`], [`Error::Ambiguous`], or
    /// [`Error::Unsupported`] where nobody keeps what it prints, or the times that are asked for. What goes wrong with one later is
    /// told as [`Heard::Trouble`].
    pub fn follow(&self, what: &Follow, listener: &mut dyn Listener) -> Result<()> {
        let found = match what.names.is_empty() {
            true => self.all_to_follow(what)?,
            false => self.named_to_follow(what)?,
        };
        self.warn_if_not_kept(&found);
        let (mut kept, mut told, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
        for (number, found) in found.into_iter().enumerate() {
            let session = Followed::from(&found.status);
            sessions.push(session.clone());
            let source = Source { number, session, entry: found.entry.clone() };
            match is_kept(&found) {
                true => kept.push(source),
                false => told.push((source, found)),
            }
        }
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| Error::failed(format!("nothing can be followed: {error}")))?;
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::scope(|scope| {
            // Also where the listener panics: the scope waits for all who read.
            let _stopping = Stopping(&stop);
            let watched = told.iter().map(|(source, _)| source.again()).collect();
            let files = files::Files::new(self, what, kept, watched, sender.clone());
            let stopped = &stop;
            scope.spawn(move || files.read(stopped));
            let mut following = Following {
                host: self,
                sessions,
                live: BTreeSet::new(),
                what,
                sender,
                stop: stopped,
            };
            let ended = following.begin(scope, told, listener);
            if ended.is_continue() {
                following.listen(scope, &receiver, listener);
            }
            // Whoever waits to hand something over, or for more, goes.
            drop(receiver);
        });
        Ok(())
    }

    fn named_to_follow(&self, what: &Follow) -> Result<Vec<Sighting>> {
        let mut all: Vec<Sighting> = Vec::new();
        for name in &what.names {
            let found = self.afresh().find_reached(name, &what.filter)?;
            if found.status.state == SessionState::Defined {
                return Err(super::logs::not_started(name));
            }
            self.can_be_followed(&found, what)?;
            if !all.iter().any(|other| other.status.name == *name) {
                all.push(found);
            }
        }
        Ok(all)
    }

    fn all_to_follow(&self, what: &Follow) -> Result<Vec<Sighting>> {
        let filter = &what.filter;
        let mut survey = self.survey(filter)?;
        self.warn_of(&survey, filter);
        survey.seen.retain(|seen| seen.status.state != SessionState::Defined);
        let (mut all, left): (Vec<_>, Vec<_>) =
            survey.seen.into_iter().partition(|seen| self.can_be_followed(seen, what).is_ok());
        if !left.is_empty() {
            let names: Vec<String> =
                left.iter().map(|one| format!("'{}'", one.status.name)).collect();
            let names = names.join(", ");
            let times = if what.needs_times() { ", or when" } else { "" };
            self.warn(&format!("not followed, for nothing keeps what they print{times}: {names}"));
        }
        all.sort_by(|one, other| one.status.name.cmp(&other.status.name));
        Ok(all)
    }

    /// Whether anybody tells what it prints, and when if that is asked for.
    fn can_be_followed(&self, found: &Sighting, what: &Follow) -> Result<()> {
        can_be_followed(found)?;
        if !what.needs_times() {
            return Ok(());
        }
        let unknown = || super::logs::times_unknown(&found.status.backend, &found.status.name);
        let Some(entry) = found.entry.as_ref().filter(|_| is_kept(found)) else {
            // The component answers with a form, and that says whether it tells times.
            let tells = found.plugin.as_ref().is_none_or(|plugin| plugin.manifest().tells_times());
            return if tells { Ok(()) } else { Err(unknown()) };
        };
        let Some(ledger) = self.known_ledger() else { return Ok(()) };
        let known = Kept::whole(Arc::new(ledger), &entry.run).and_then(|mut log| log.knows_times());
        // What cannot be read is told of as it is followed.
        if known.unwrap_or(true) { Ok(()) } else { Err(unknown()) }
    }
}

/// Whether the host keeps what it prints.
fn is_kept(found: &Sighting) -> bool {
    let here = found
        .plugin
        .as_ref()
        .is_some_and(|plugin| plugin.manifest().manifest().placement == Placement::Here);
    here && found.entry.is_some()
}

/// Whether anybody tells what it prints.
fn can_be_followed(found: &Sighting) -> Result<()> {
    let Some(plugin) = &found.plugin else { return Ok(()) };
    if is_kept(found) || plugin.manifest().supports(Operation::Follow) {
        return Ok(());
    }
    let name = &found.status.name;
    let what = match plugin.manifest().manifest().placement {
        Placement::Here => format!("nothing keeps the output of '{name}', which kst did not start"),
        Placement::Elsewhere => "it cannot follow what a session prints".to_owned(),
    };
    Err(Error::Unsupported { backend: plugin.name().to_owned(), what })
}

impl Source {
    /// The same one, for another thread.
    fn again(&self) -> Source {
        Source { number: self.number, session: self.session.clone(), entry: self.entry.clone() }
    }

    fn filter(&self) -> Filter {
        Filter {
            backend: Some(self.session.backend.clone()),
            location: Some(self.session.location.clone()),
        }
    }
}

/// Tells those who read to stop when it goes.
struct Stopping<'s>(&'s OwnedFd);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        let _ = rustix::io::write(self.0, &1_u64.to_ne_bytes());
    }
}

/// The caller's side.
struct Following<'h> {
    host: &'h Host,
    sessions: Vec<Followed>,
    /// Those that have not ended.
    live: BTreeSet<usize>,
    what: &'h Follow,
    sender: SyncSender<Message>,
    stop: &'h OwnedFd,
}

impl<'h> Following<'h> {
    fn begin<'s>(
        &mut self,
        scope: &'s Scope<'s, 'h>,
        told: Vec<(Source, Sighting)>,
        listener: &mut dyn Listener,
    ) -> ControlFlow<()> {
        for (number, session) in self.sessions.iter().enumerate() {
            self.live.insert(number);
            listener.hear(number, session, Heard::Begins)?;
        }
        for (source, found) in told {
            let client = self.client(source);
            let begin = Begin { lines: Some(self.what.lines), since: self.what.since };
            scope.spawn(move || client.read(found, begin));
        }
        ControlFlow::Continue(())
    }

    fn listen<'s>(
        &mut self,
        scope: &'s Scope<'s, 'h>,
        receiver: &Receiver<Message>,
        listener: &mut dyn Listener,
    ) {
        while !self.live.is_empty() {
            let message = match receiver.recv_timeout(ASKING) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) if listener.goes_on() => continue,
                Err(_) => return,
            };
            if self.take(scope, message, listener).is_break() {
                return;
            }
        }
    }

    fn take<'s>(
        &mut self,
        scope: &'s Scope<'s, 'h>,
        message: Message,
        listener: &mut dyn Listener,
    ) -> ControlFlow<()> {
        let bytes;
        let (number, heard) = match message {
            Message::Joins(session) => {
                self.sessions.push(session);
                (self.sessions.len() - 1, Heard::Begins)
            }
            Message::Output(number, output) => {
                bytes = output;
                (number, Heard::Output(&bytes))
            }
            Message::Time(number, time) => (number, Heard::Time(time)),
            Message::Again(number) => (number, Heard::Again),
            Message::Ended(number, exit) => (number, Heard::Ended(exit)),
            Message::Missed(number) => (number, Heard::Missed),
            Message::Unkept(number) => (number, Heard::Unkept),
            Message::Trouble(number, error) => (number, Heard::Trouble(error)),
            Message::Run(number, entry) => {
                self.read_run(scope, number, &entry);
                return ControlFlow::Continue(());
            }
        };
        match heard {
            Heard::Begins | Heard::Again => drop(self.live.insert(number)),
            Heard::Ended(_) | Heard::Trouble(_) => drop(self.live.remove(&number)),
            Heard::Time(_) | Heard::Output(_) | Heard::Missed | Heard::Unkept => {}
        }
        match self.sessions.get(number) {
            Some(session) => listener.hear(number, session, heard),
            None => ControlFlow::Continue(()),
        }
    }

    /// Have a client tell of a session that was started anew.
    fn read_run<'s>(&mut self, scope: &'s Scope<'s, 'h>, number: usize, entry: &Arc<Entry>) {
        let Some(session) = self.sessions.get(number).cloned() else { return };
        self.live.insert(number);
        let source = Source { number, session, entry: Some(Arc::clone(entry)) };
        let client = self.client(source);
        scope.spawn(move || client.read_again());
    }

    fn client(&self, source: Source) -> Client<'h> {
        Client {
            host: self.host,
            source,
            needs_times: self.what.needs_times(),
            tells_times: self.what.times,
            sender: self.sender.clone(),
            stop: self.stop,
        }
    }
}

/// Terminals end lines in CR LF; here they end in LF, however the output is cut.
#[derive(Default)]
pub(super) struct LineFeeds {
    /// Carriage returns that may belong to the end of a line.
    returns: usize,
}

impl LineFeeds {
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + self.returns);
        for &byte in bytes {
            match byte {
                b'\r' => self.returns += 1,
                b'\n' => {
                    self.returns = 0;
                    out.push(byte);
                }
                _ => {
                    out.extend(std::iter::repeat_n(b'\r', std::mem::take(&mut self.returns)));
                    out.push(byte);
                }
            }
        }
        out
    }

    /// What is left at the end.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        vec![b'\r'; std::mem::take(&mut self.returns)]
    }
}

/// A session's place, for messages.
pub(super) fn shown(session: &Followed) -> String {
    let location = crate::door::Location {
        name: session.location.clone(),
        is_default: session.location == super::locations::DEFAULT,
        inside: false,
    };
    place(&session.backend, &location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_that_are_cut_in_two_are_one() {
        let mut feeds = LineFeeds::default();
        let parts: [&[u8]; 6] = [b"a\r", b"\nb\r", b"\r", b"\nc\r", b"d\r", b"\r"];
        let mut out: Vec<u8> = parts.iter().flat_map(|part| feeds.feed(part)).collect();
        assert_eq!(out, b"a\nb\nc\rd");
        out.extend(feeds.rest());
        assert_eq!(out, b"a\nb\nc\rd\r\r");
    }
}
