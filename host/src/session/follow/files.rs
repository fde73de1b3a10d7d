//! The sessions whose output the host keeps in files, and the ledger, which tells of new runs.

use std::collections::HashSet;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::{Follow, Followed, LineFeeds, Message, Source};
use crate::Error;
use crate::session::host::Host;
use crate::session::kept::{Kept, is_written};
use crate::session::ledger::{Entry, Ledger};
use crate::session::logs::WRITER_PATIENCE;
use crate::session::processes;
use crate::session::survey::Filter;

/// How much is read at once.
const CHUNK: usize = 64 << 10;
/// How many pieces of one log are passed on before the others have their turn.
const TURN: usize = 16;
/// How often is looked without being told to: for a shim that was killed, and for what the kernel may
/// not tell.
const TICK: Duration = Duration::from_millis(500);
/// The same where the kernel tells nothing.
const BLIND: Duration = Duration::from_millis(40);
/// The same while a session that has ended may still have something to say.
const ENDING: Duration = Duration::from_millis(20);
/// What comes within so short a time is read at once.
const TOGETHER: Duration = Duration::from_millis(2);
/// How long nothing more must have come of a session that has ended.
const QUIET: Duration = Duration::from_millis(100);
/// How long a start may take to come to something.
const STARTING: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct Files {
    ledger: Option<Arc<Ledger>>,
    logs: Vec<Log>,
    /// Those that an engine's client tells of, and the last run of each that is known.
    told: Vec<(Source, u32)>,
    /// Where all that kst starts is followed.
    all: Option<Filter>,
    /// The runs that were there when following began.
    before: HashSet<String>,
    /// The number of the next session.
    next: usize,
    lines: u32,
    since: Option<Timestamp>,
    /// Whether the times are told.
    times: bool,
    sender: SyncSender<Message>,
}

/// One log, as it is read.
struct Log {
    number: usize,
    session: Followed,
    entry: Arc<Entry>,
    /// `None` once all is read, until there is another run.
    kept: Option<Kept>,
    feeds: LineFeeds,
    /// When what was told last had been printed, where that is told.
    time: Option<Option<Timestamp>>,
    /// The file that the kernel watches for it.
    watched: Option<((u64, u64), i32)>,
    /// When its session was first seen to have ended.
    ended: Option<Instant>,
    /// When something was last read.
    heard: Instant,
    /// Whether somebody was seen to write it.
    written: bool,
}

/// Nobody listens any more.
struct Unheard;

/// What the kernel tells of.
struct Watch {
    inotify: OwnedFd,
    /// The state folder, with the ledger in it.
    state: i32,
}

impl Files {
    pub(super) fn new(
        host: &Host,
        what: &Follow,
        kept: Vec<Source>,
        told: Vec<Source>,
        sender: SyncSender<Message>,
    ) -> Self {
        let next = kept.len() + told.len();
        let log = |source: Source| {
            let entry = source.entry?;
            Some(Log::new(source.number, source.session, entry))
        };
        let number = |source: &Source| source.entry.as_ref().map_or(0, |entry| entry.number);
        Files {
            ledger: host.known_ledger().map(Arc::new),
            logs: kept.into_iter().filter_map(log).collect(),
            told: told.into_iter().map(|source| (source.again(), number(&source))).collect(),
            all: what.names.is_empty().then(|| what.filter.clone()),
            before: host.entries().iter().map(|entry| entry.run.clone()).collect(),
            next,
            lines: what.lines,
            since: what.since,
            times: what.times,
            sender,
        }
    }

    /// Read, until nobody listens or `stop` can be read.
    pub(super) fn read(mut self, stop: &OwnedFd) {
        let _ = self.read_on(stop);
    }

    fn read_on(&mut self, stop: &OwnedFd) -> Result<(), Unheard> {
        let Some(ledger) = self.ledger.clone() else { return Ok(()) };
        // Watched first and read then: nothing can come in between.
        let watch = Watch::new(&ledger).ok();
        for at in 0..self.logs.len() {
            self.open(at, &ledger, true)?;
        }
        let mut buffer = vec![0; CHUNK];
        let (mut known, mut looked) = (false, Instant::now());
        loop {
            let mut more = false;
            for at in 0..self.logs.len() {
                more |= self.pass_on(at, &mut buffer, watch.as_ref())?;
            }
            let tick = looked.elapsed() >= TICK;
            if !known || tick {
                known = true;
                looked = Instant::now();
                // Looked at first: a shim writes the end down before the writer of its log can end.
                let unwritten = self.unwritten(&ledger);
                self.learn(&ledger)?;
                self.tell_unkept(&unwritten)?;
            }
            if more {
                continue;
            }
            self.settle(&ledger, &mut buffer, watch.as_ref())?;
            let ending = self.logs.iter().any(|log| log.kept.is_some() && log.ended.is_some());
            let pause = match &watch {
                _ if ending => ENDING,
                None => BLIND,
                Some(_) => TICK,
            };
            let mut fds = vec![PollFd::new(stop, PollFlags::IN)];
            if let Some(watch) = &watch {
                fds.push(PollFd::new(&watch.inotify, PollFlags::IN));
            }
            let timeout = Timespec::try_from(pause).ok();
            let _ = poll(&mut fds, timeout.as_ref());
            if fds.first().is_some_and(|stop| !stop.revents().is_empty()) {
                return Err(Unheard);
            }
            if let Some(watch) = &watch {
                std::thread::sleep(TOGETHER);
                known &= !watch.heard_of_ledger();
            }
        }
    }

    /// Begin to read a log: those of its lines that were asked for, or all of it.
    fn open(&mut self, at: usize, ledger: &Arc<Ledger>, first: bool) -> Result<(), Unheard> {
        let Some(log) = self.logs.get_mut(at) else { return Ok(()) };
        let run = &log.entry.run;
        let kept = match (first, self.since) {
            (true, Some(since)) => Kept::last_lines(Arc::clone(ledger), run, self.lines)
                .and_then(|mut kept| kept.leave_out_before(since).map(|_| kept)),
            (true, None) => Kept::last_lines(Arc::clone(ledger), run, self.lines),
            (false, _) => Kept::whole(Arc::clone(ledger), run),
        };
        match kept {
            Ok(kept) => log.kept = Some(kept),
            Err(error) => {
                let trouble = log.unreadable(&error);
                self.send(trouble)?;
            }
        }
        Ok(())
    }

    /// Pass on what a log has to tell now; returns whether there may be more at once.
    fn pass_on(
        &mut self,
        at: usize,
        buffer: &mut [u8],
        watch: Option<&Watch>,
    ) -> Result<bool, Unheard> {
        for _ in 0..TURN {
            let Some(log) = self.logs.get_mut(at) else { return Ok(false) };
            let Some(kept) = &mut log.kept else { return Ok(false) };
            let length = match kept.read(buffer) {
                Ok(length) => length,
                Err(error) => {
                    log.kept = None;
                    let trouble = log.unreadable(&error);
                    self.send(trouble)?;
                    return Ok(false);
                }
            };
            let missed = kept.has_missed();
            // What comes between the reading and the watching is read at the next look.
            let new = log.watch(watch);
            let number = log.number;
            let pieces = log.pieces(buffer.get(..length).unwrap_or_default(), self.times);
            if length > 0 {
                log.heard = Instant::now();
            }
            if missed {
                self.send(Message::Missed(number))?;
            }
            for piece in pieces {
                self.send(piece)?;
            }
            if length == 0 {
                return Ok(new);
            }
        }
        Ok(true)
    }

    /// Take in what the ledger says now.
    fn learn(&mut self, ledger: &Arc<Ledger>) -> Result<(), Unheard> {
        let entries = ledger.load();
        for log in &mut self.logs {
            if let Some(now) = entries.iter().find(|entry| entry.run == log.entry.run) {
                log.entry = Arc::clone(now);
            }
            if log.ended.is_none() && has_ended(&log.entry) {
                log.ended = Some(Instant::now());
            }
        }
        for at in 0..self.logs.len() {
            self.go_on(at, &entries, ledger)?;
        }
        let mut began = Vec::new();
        for (source, number) in &mut self.told {
            if let Some(entry) = later(&entries, &source.session, *number) {
                *number = entry.number;
                began.push(Message::Run(source.number, Arc::clone(entry)));
            }
        }
        began.into_iter().try_for_each(|message| self.send(message))?;
        self.join(&entries, ledger)
    }

    /// Those whose logs had a writer, and have none now.
    fn unwritten(&mut self, ledger: &Ledger) -> Vec<usize> {
        let mut unwritten = Vec::new();
        for (at, log) in self.logs.iter_mut().enumerate() {
            if log.kept.is_none() || log.ended.is_some() {
                continue;
            }
            match is_written(ledger, &log.entry.run) {
                Some(true) => log.written = true,
                Some(false) if log.written => unwritten.push(at),
                _ => {}
            }
        }
        unwritten
    }

    /// Tell of those of them that have not ended, once.
    fn tell_unkept(&mut self, unwritten: &[usize]) -> Result<(), Unheard> {
        for &at in unwritten {
            let Some(log) = self.logs.get_mut(at).filter(|log| log.ended.is_none()) else {
                continue;
            };
            log.written = false;
            let number = log.number;
            self.send(Message::Unkept(number))?;
        }
        Ok(())
    }

    /// Where all are followed: those that kst has started since.
    fn join(&mut self, entries: &[Arc<Entry>], ledger: &Arc<Ledger>) -> Result<(), Unheard> {
        let Some(filter) = self.all.clone() else { return Ok(()) };
        for entry in entries {
            let wanted = filter.backend.as_ref().is_none_or(|only| *only == entry.backend)
                && filter.location.as_ref().is_none_or(|only| *only == entry.location);
            let session = Followed {
                name: entry.name.clone(),
                backend: entry.backend.clone(),
                location: entry.location.clone(),
            };
            let known = self.logs.iter().any(|log| log.session == session)
                || self.told.iter().any(|(source, _)| source.session == session);
            if !wanted || known || !is_there(entry) || self.before.contains(&entry.run) {
                continue;
            }
            let number = self.next;
            self.next += 1;
            self.send(Message::Joins(session.clone()))?;
            if entry.here {
                let mut log = Log::new(number, session, Arc::clone(entry));
                log.kept = Kept::whole(Arc::clone(ledger), &entry.run).ok();
                self.logs.push(log);
            } else {
                let source = Source { number, session, entry: Some(Arc::clone(entry)) };
                self.told.push((source, entry.number));
                self.send(Message::Run(number, Arc::clone(entry)))?;
            }
        }
        Ok(())
    }

    /// Tell of those that have ended and have no more to say, or go on with their next run.
    fn settle(
        &mut self,
        ledger: &Arc<Ledger>,
        buffer: &mut [u8],
        watch: Option<&Watch>,
    ) -> Result<(), Unheard> {
        if !self.logs.iter().any(Log::is_done) {
            return Ok(());
        }
        let entries = ledger.load();
        for at in 0..self.logs.len() {
            if !self.logs.get(at).is_some_and(Log::is_done) {
                continue;
            }
            // Between the last reading and the writer's end it may have written more.
            while self.pass_on(at, buffer, watch)? {}
            let Some(log) = self.logs.get_mut(at) else { continue };
            log.kept = None;
            let (number, exit) = (log.number, log.entry.end.map(|(exit, _)| exit));
            let rest = log.feeds.rest();
            if !rest.is_empty() {
                self.send(Message::Output(number, rest))?;
            }
            if !self.go_on(at, &entries, ledger)? {
                self.send(Message::Ended(number, exit))?;
            }
        }
        Ok(())
    }

    /// Go on with the next run of a session whose log was read to its end; returns whether there is
    /// one.
    fn go_on(
        &mut self,
        at: usize,
        entries: &[Arc<Entry>],
        ledger: &Arc<Ledger>,
    ) -> Result<bool, Unheard> {
        let Some(log) = self.logs.get_mut(at).filter(|log| log.kept.is_none()) else {
            return Ok(false);
        };
        let Some(entry) = later(entries, &log.session, log.entry.number) else { return Ok(false) };
        let (number, watched) = (log.number, log.watched);
        *log = Log { watched, ..Log::new(number, log.session.clone(), Arc::clone(entry)) };
        self.send(Message::Again(number))?;
        self.open(at, ledger, false)?;
        Ok(true)
    }

    fn send(&self, message: Message) -> Result<(), Unheard> {
        self.sender.send(message).map_err(|_| Unheard)
    }
}

impl Log {
    fn new(number: usize, session: Followed, entry: Arc<Entry>) -> Self {
        Log {
            number,
            session,
            entry,
            kept: None,
            feeds: LineFeeds::default(),
            time: None,
            watched: None,
            ended: None,
            heard: Instant::now(),
            written: false,
        }
    }

    /// What is to be told of what was just read.
    fn pieces(&mut self, read: &[u8], times: bool) -> Vec<Message> {
        let parts = match &mut self.kept {
            Some(kept) if times && !read.is_empty() => kept.times(read.len()),
            _ => vec![(read.len(), None)],
        };
        let (mut pieces, mut rest) = (Vec::new(), read);
        for (length, time) in parts {
            let (part, later) = rest.split_at(length.min(rest.len()));
            rest = later;
            let output = self.feeds.feed(part);
            if output.is_empty() {
                continue;
            }
            if times && self.time != Some(time) {
                self.time = Some(time);
                pieces.push(Message::Time(self.number, time));
            }
            pieces.push(Message::Output(self.number, output));
        }
        pieces
    }

    /// Have the kernel watch the file that is being read; returns whether it is a new one.
    fn watch(&mut self, watch: Option<&Watch>) -> bool {
        let (Some(watch), Some(part)) = (watch, self.kept.as_ref().and_then(Kept::part)) else {
            return false;
        };
        if self.watched.is_some_and(|(number, _)| number == part.number()) {
            return false;
        }
        if let Some((_, old)) = self.watched.take() {
            let _ = inotify::remove_watch(&watch.inotify, old);
        }
        let path = format!("/proc/self/fd/{}", part.file().as_raw_fd());
        if let Ok(new) = inotify::add_watch(&watch.inotify, path, WatchFlags::MODIFY) {
            self.watched = Some((part.number(), new));
        }
        true
    }

    /// Whether nothing more can come of it.
    fn is_done(&self) -> bool {
        let (Some(ended), Some(kept)) = (self.ended, &self.kept) else {
            return false;
        };
        let long_ago = self
            .entry
            .end
            .is_some_and(|(_, at)| Timestamp::now().duration_since(at) > WRITER_PATIENCE_SIGNED);
        let quiet = long_ago || ended.max(self.heard).elapsed() >= QUIET;
        match kept.is_free() {
            Some(true) => quiet,
            None if long_ago => true,
            // Whoever still writes has some time, and as long as there is something to write.
            Some(false) | None => ended.max(self.heard).elapsed() >= WRITER_PATIENCE,
        }
    }

    fn unreadable(&self, error: &std::io::Error) -> Message {
        let (name, log) = (&self.session.name, self.entry.log.display());
        let what = format!("the output of '{name}' cannot be read: {log}: {error}");
        Message::Trouble(self.number, Error::failed(what))
    }
}

/// [`WRITER_PATIENCE`], between two times of day.
const WRITER_PATIENCE_SIGNED: SignedDuration = SignedDuration::from_secs(10);

/// Whether a run is over: its shim says so, or can say nothing any more.
fn has_ended(entry: &Entry) -> bool {
    let alive = |identity: Option<(u32, u64)>| {
        identity.is_some_and(|(pid, start)| processes::alive(pid, start))
    };
    if entry.end.is_some() || entry.failed {
        return true;
    }
    match entry.shim {
        Some(_) => !alive(entry.shim) && !alive(entry.pid),
        // Either way: the clock may have been set back.
        None => Timestamp::now().duration_since(entry.started_at).abs() > STARTING,
    }
}

/// Whether a start has come to a session that can be read.
fn is_there(entry: &Entry) -> bool {
    !entry.failed && if entry.here { entry.shim.is_some() } else { entry.id.is_some() }
}

/// The last run of a session that came after that of this number.
fn later<'e>(entries: &'e [Arc<Entry>], session: &Followed, number: u32) -> Option<&'e Arc<Entry>> {
    entries
        .iter()
        .filter(|entry| {
            entry.name == session.name
                && entry.backend == session.backend
                && entry.location == session.location
                && entry.number > number
                && is_there(entry)
        })
        .max_by_key(|entry| entry.number)
}

impl Watch {
    fn new(ledger: &Ledger) -> rustix::io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        let state = inotify::add_watch(&inotify, ledger.path(), changes)?;
        // New files; what is written into each is watched by itself.
        let _ = inotify::add_watch(
            &inotify,
            ledger.path().join("logs"),
            WatchFlags::CREATE | WatchFlags::MOVED_TO,
        );
        Ok(Watch { inotify, state })
    }

    /// Take in what the kernel has told; whether any of it was about the ledger.
    fn heard_of_ledger(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut ledger = false;
        while let Ok(event) = events.next() {
            ledger |=
                event.wd() == self.state || event.events().contains(ReadFlags::QUEUE_OVERFLOW);
        }
        ledger
    }
}
