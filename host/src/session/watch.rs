//! What happens to sessions, as it happens: by looking at them again whenever something tells that they
//! may have changed.
//!
//! What tells is the ledger for all that kst does and for each end on this machine, since shims write
//! those down at once, and a backend's own stream of events where it has one. A backend without one, or
//! whose sessions run on this machine, is looked at again and again besides, so seldom that it costs less
//! than a hundredth of a processor: tmux tells of sessions, but not of a program whose session stays.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::host::Host;
use super::ledger::Ledger;
use super::locations::{self, Wanted};
use super::model::{SessionState, SessionStatus};
use super::serve::SessionProcesses;
use super::survey::{BackendHealth, Filter, HealthState};
use crate::door::{Came, Location, Operation, Placement, Request, Stream};
use crate::plugin::Plugin;
use crate::{Error, Result};

/// What comes within so short a time is looked at once.
const TOGETHER: Duration = Duration::from_millis(30);
/// A look takes at most this part of the time.
const PART: u32 = 150;
/// However often something tells: so many times as long as a look took until the next one.
const BREATH: u32 = 4;
/// How long there is at least, and at most, between two looks that nothing told to take.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The same for a backend that tells everything by itself, and may have missed something.
const TOLD: Duration = Duration::from_secs(60);
/// How long until a stream of events that ended is begun anew: at first, and at most, for an engine that
/// is down.
const ANEW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// It was started, for the first time or again.
    Started,
    /// `kst up` found it to be ready, or its engine, where that looks after it, says that it is well.
    Ready,
    /// It has ended.
    Exited,
    /// It is not there any more.
    Removed,
}

impl Happening {
    /// The word used in text and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Happening::Started => "started",
            Happening::Ready => "ready",
            Happening::Exited => "exited",
            Happening::Removed => "removed",
        }
    }
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub what: Happening,
    /// When, where that is known; otherwise when it was noticed.
    pub at: Timestamp,
    /// The session afterwards; of one that was removed, as it was before.
    pub session: SessionStatus,
}

/// All sessions, and what happened to them since the last time.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// By name, then backend, then location.
    pub sessions: &'a [SessionStatus],
    /// Each location that was asked.
    pub health: &'a [BackendHealth],
    /// What happened; nothing the first time, and where nothing did.
    pub changes: &'a [Change],
}

/// What tells to look again.
enum Wake {
    /// kst did something, or a session of its own ended.
    Ledger,
    /// This backend's engine told of something.
    Engine(String),
}

/// A backend that is watched.
struct Backend {
    name: String,
    /// Whether its engine tells everything by itself.
    tells: bool,
    /// The locations whose events are listened to.
    heard: BTreeSet<String>,
    /// When to look without being told.
    next: Instant,
    /// When to look at the earliest.
    soonest: Instant,
    sessions: Vec<SessionStatus>,
    health: Vec<BackendHealth>,
}

impl Host {
    /// Watch sessions: `seen` hears of all there are, then of each change, and every `tick` besides,
    /// until it says that it has enough.
    ///
    /// # Errors
    ///
    /// Where `filter` names a backend or location that cannot be asked at all.
    pub fn watch(
        &self,
        filter: &Filter,
        tick: Duration,
        seen: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let names = match &filter.backend {
            Some(backend) => {
                self.ask_for(backend)?;
                vec![backend.clone()]
            }
            None => self.backends(),
        };
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let stop = stop.map_err(|error| Error::failed(format!("nothing to wait with: {error}")))?;
        let (sender, wakes) = mpsc::channel();
        thread::scope(|scope| {
            if let Some(state) = self.state().map(std::path::Path::to_owned) {
                let (sender, stop) = (sender.clone(), &stop);
                scope.spawn(move || tell_of_ledger(&state, stop, &sender));
            }
            let backends = names.into_iter().map(|name| Backend {
                name,
                tells: false,
                heard: BTreeSet::new(),
                next: Instant::now(),
                soonest: Instant::now(),
                sessions: Vec::new(),
                health: Vec::new(),
            });
            let stop_at = &stop;
            let listen = |backend: &mut Backend| {
                for (plugin, at) in self.streams(&backend.name, filter) {
                    if !backend.heard.insert(at.name.clone()) {
                        continue;
                    }
                    let placement = plugin.manifest().manifest().placement;
                    backend.tells |= placement == Placement::Elsewhere;
                    let sender = sender.clone();
                    scope.spawn(move || self.tell_of_engine(&plugin, &at, stop_at, &sender));
                }
            };
            let result =
                self.look_again_and_again(filter, tick, backends.collect(), &listen, &wakes, seen);
            let _ = rustix::io::write(&stop, &1_u64.to_ne_bytes());
            result
        })
    }

    fn look_again_and_again(
        &self,
        filter: &Filter,
        tick: Duration,
        mut backends: Vec<Backend>,
        listen: &dyn Fn(&mut Backend),
        wakes: &mpsc::Receiver<Wake>,
        seen: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut first = true;
        loop {
            let mut changes = Vec::new();
            for backend in &mut backends {
                if first || backend.next <= Instant::now() {
                    // Before the look: what happens in between is told. A place may be new.
                    listen(backend);
                    changes.extend(self.look(backend, filter, first)?);
                }
            }
            let mut sessions: Vec<SessionStatus> =
                backends.iter().flat_map(|backend| backend.sessions.clone()).collect();
            sessions.sort_by(|one, other| {
                (&one.name, &one.backend, &one.location).cmp(&(
                    &other.name,
                    &other.backend,
                    &other.location,
                ))
            });
            let health: Vec<BackendHealth> =
                backends.iter().flat_map(|backend| backend.health.clone()).collect();
            first = false;
            if seen(Seen { sessions: &sessions, health: &health, changes: &changes }).is_break() {
                return Ok(());
            }
            let next = backends.iter().map(|backend| backend.next).min();
            let left = next.map_or(tick, |next| next.saturating_duration_since(Instant::now()));
            match wakes.recv_timeout(left.min(tick)) {
                Ok(wake) => {
                    thread::sleep(TOGETHER);
                    for wake in std::iter::once(wake).chain(wakes.try_iter()) {
                        for backend in &mut backends {
                            if matches!(&wake, Wake::Engine(name) if *name != backend.name) {
                                continue;
                            }
                            backend.next = backend.soonest.max(Instant::now());
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody tells of anything; there is still the time.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(left.min(tick)),
            }
        }
    }

    /// Look at the sessions of one backend.
    fn look(&self, backend: &mut Backend, filter: &Filter, first: bool) -> Result<Vec<Change>> {
        let began = Instant::now();
        let only = Filter { backend: Some(backend.name.clone()), ..filter.clone() };
        let stamp = self.known_ledger().and_then(|ledger| ledger.stamp());
        let listed = self.afresh().list(&only);
        let took = began.elapsed();
        let pause = (took * PART).clamp(PAUSES.0, PAUSES.1);
        backend.soonest = Instant::now() + took * BREATH;
        backend.next = Instant::now() + if backend.tells { pause.max(TOLD) } else { pause };
        let listing = match listed {
            Ok(listing) => listing,
            Err(error) if first && filter.backend.is_some() => return Err(error),
            // What it has is not known now; it was told of before.
            Err(error) => {
                if first {
                    self.warn(&error.to_string());
                }
                return Ok(Vec::new());
            }
        };
        backend.health = listing.health;
        let unwell = |session: &SessionStatus| {
            backend.health.iter().any(|one| {
                let here = one.location.as_ref().is_none_or(|at| *at == session.location);
                here && !matches!(one.state, HealthState::Ok)
            })
        };
        // Where nobody answered, nothing has happened as far as is known.
        let mut sessions = listing.sessions;
        sessions.retain(|session| !unwell(session));
        // What a start has made and not yet written down would be somebody else's. The ledger tells when
        // it is; where it told something during this look, another one is due.
        let ledger = self.known_ledger();
        let meanwhile = ledger.as_ref().and_then(Ledger::stamp) != stamp;
        let own_start = |one: &SessionStatus| {
            let starts = |ledger: &Ledger| ledger.is_being_started(&one.backend, &one.name);
            let stranger = !one.ours && one.state != SessionState::Defined;
            stranger && (meanwhile || ledger.as_ref().is_some_and(starts))
        };
        let listed: BTreeSet<_> = sessions
            .iter()
            .filter(|one| one.ours)
            .map(|one| (one.name.clone(), one.location.clone()))
            .collect();
        let seen_before = |one: &SessionStatus| {
            let of_place =
                |was: &&SessionStatus| (&was.name, &was.location) == (&one.name, &one.location);
            let mut before = backend.sessions.iter().filter(of_place);
            // One that was somebody else's already is not being started.
            let stranger = |was: &SessionStatus| !was.ours && was.state != SessionState::Defined;
            if before.clone().any(stranger) {
                return Some(one.clone());
            }
            let told = listed.contains(&(one.name.clone(), one.location.clone()));
            before.next().filter(|_| !told).cloned()
        };
        let sessions = sessions.into_iter();
        let mut sessions: Vec<_> = sessions
            .filter_map(|one| if own_start(&one) { seen_before(&one) } else { Some(one) })
            .collect();
        if meanwhile {
            backend.next = backend.soonest;
        }
        sessions.extend(backend.sessions.iter().filter(|one| unwell(one)).cloned());
        let before = std::mem::replace(&mut backend.sessions, sessions);
        match first {
            true => Ok(Vec::new()),
            false => {
                let mut changes = changes(&before, &backend.sessions, Timestamp::now());
                changes.iter_mut().for_each(|change| self.fill_in(change));
                Ok(changes)
            }
        }
    }

    /// How a run of kst's has ended that has another one in its place already: the ledger knows it.
    fn fill_in(&self, change: &mut Change) {
        let session = &mut change.session;
        let unknown = session.ours && session.state == SessionState::Unknown;
        if change.what != Happening::Exited || !unknown {
            return;
        }
        let entries = self.entries_named(&session.name);
        let run = entries.iter().find(|entry| {
            Some(entry.number) == session.run
                && entry.backend == session.backend
                && entry.location == session.location
        });
        if let Some((entry, (exit, at))) = run.and_then(|entry| Some((entry, entry.end?))) {
            session.state =
                if entry.stopping { SessionState::Stopped } else { SessionState::Exited };
            (session.exit, session.ended_at, change.at) = (Some(exit), Some(at), at);
        }
    }

    /// The places of a backend whose engine tells of events.
    fn streams(&self, backend: &str, filter: &Filter) -> Vec<(Arc<Plugin>, Location)> {
        let Ok(plugin) = self.backend(backend) else { return Vec::new() };
        if !plugin.manifest().supports(Operation::Events) || self.dry_run() {
            return Vec::new();
        }
        let among = match filter.location {
            Some(_) => Vec::new(),
            None => self.locations_in_use(&plugin),
        };
        let wanted = Wanted { named: filter.location.as_deref(), among: &among };
        let places = locations::existing(plugin.manifest().manifest(), &self.programs(), wanted);
        let places = places.unwrap_or_default().into_iter();
        places.map(|at| (Arc::clone(&plugin), at)).collect()
    }

    /// Tell of each line that an engine's stream of events prints, until `stop`.
    fn tell_of_engine(
        &self,
        plugin: &Arc<Plugin>,
        at: &Location,
        stop: &OwnedFd,
        sender: &Sender<Wake>,
    ) {
        let wake = || sender.send(Wake::Engine(plugin.name().to_owned())).is_ok();
        let mut anew = ANEW.0;
        loop {
            let began = Instant::now();
            let request = Request::new(Operation::Events, at.clone());
            let none = SessionProcesses::none();
            let served = self.serve(plugin, request, none, |guest| guest.events(at));
            let stream = served.ok().and_then(|(form, door)| {
                let plan = door.plan(&form).ok()?;
                let stream = Stream::start_listening(plan.command().ok()?).ok()?;
                Some((stream, form, door, plan))
            });
            let mut works = false;
            if let Some((mut stream, form, door, plan)) = stream {
                // What happened before it listened is to be seen, too. One that cannot listen says why,
                // and ends at once.
                let mut told = true;
                loop {
                    let young = ANEW.0.saturating_sub(began.elapsed());
                    works |= young.is_zero();
                    if works && std::mem::take(&mut told) && !wake() {
                        return;
                    }
                    match stream.next(stop.as_fd(), (!works).then_some(young)) {
                        Ok(Came::Output(_)) => told = true,
                        Ok(Came::Nothing) => {}
                        Ok(Came::End(status)) => {
                            door.plan_ran(&form, &plan, began.elapsed(), status);
                            break;
                        }
                        Ok(Came::Woken) => return,
                        Err(_) => break,
                    }
                }
            }
            anew = match works {
                // Its engine went away: that is a change, too.
                true if wake() => ANEW.0,
                true => return,
                false => (anew * 2).min(ANEW.1),
            };
            if stopped(stop, Some(anew)) {
                return;
            }
        }
    }
}

/// Tell of each change of the ledger, until `stop`.
fn tell_of_ledger(state: &PathBuf, stop: &OwnedFd, sender: &Sender<Wake>) {
    let Ok(inotify) = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) else { return };
    let what = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
    // It may be made any time, by the first start of all.
    while inotify::add_watch(&inotify, state, what).is_err() {
        if stopped(stop, Some(PAUSES.0)) {
            return;
        }
    }
    let mut buffer = [MaybeUninit::uninit(); 4096];
    loop {
        let mut fds = [PollFd::new(stop, PollFlags::IN), PollFd::new(&inotify, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        if fds.first().is_some_and(|stop| !stop.revents().is_empty()) {
            return;
        }
        let mut events = inotify::Reader::new(&inotify, &mut buffer);
        let mut ledger = false;
        while let Ok(event) = events.next() {
            let named =
                event.file_name().is_some_and(|name| name.to_bytes().starts_with(b"ledger"));
            ledger |= named || event.events().contains(ReadFlags::QUEUE_OVERFLOW);
        }
        if ledger && sender.send(Wake::Ledger).is_err() {
            return;
        }
    }
}

/// Whether it is to stop, after waiting for that so long.
fn stopped(stop: &OwnedFd, wait: Option<Duration>) -> bool {
    let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
    let mut fds = [PollFd::new(stop, PollFlags::IN)];
    matches!(poll(&mut fds, timeout.as_ref()), Ok(1..))
}

/// What happened between two looks.
fn changes(before: &[SessionStatus], after: &[SessionStatus], now: Timestamp) -> Vec<Change> {
    let (mut old, new) = (by_place(before), by_place(after));
    let mut changes = Vec::new();
    let mut tell = |what, at: Option<Timestamp>, session: &SessionStatus| {
        changes.push(Change { what, at: at.unwrap_or(now), session: session.clone() });
    };
    for (place, session) in new {
        let was = old.remove(&place);
        let same = was.filter(|was| same_run(was, session));
        let runs = |one: &SessionStatus| one.state == SessionState::Running;
        let ran = |one: &SessionStatus| runs(one) && !one.restarting;
        let over = has_ended(session) || session.restarting;
        let well = |one: &SessionStatus| ran(one) && one.health.as_deref() == Some("healthy");
        let found =
            session.ready_at.filter(|_| same.is_none_or(|was| was.ready_at != session.ready_at));
        let ready = found.is_some() || (well(session) && !same.is_some_and(well));
        match (was, same) {
            // What is made but never started has not happened yet.
            (None | Some(_), None) if ran(session) || over => {
                if let Some(was) = was.filter(|was| ran(was)) {
                    let ended = end_since(was, session);
                    tell(Happening::Exited, ended.ended_at, &ended);
                }
                tell(Happening::Started, session.since(), session);
            }
            (Some(was), Some(_)) if !runs(was) && ran(session) => {
                tell(Happening::Started, session.started_at, session);
            }
            _ => {}
        }
        if ready {
            tell(Happening::Ready, found, session);
        }
        if (same.is_none() && over) || (same.is_some_and(ran) && !ran(session)) {
            tell(Happening::Exited, end_of(session).ended_at, &end_of(session));
        } else if same.is_some_and(|was| was.restarting) && !runs(session) {
            // It was to be started again, and is not.
            tell(Happening::Exited, None, session);
        }
    }
    for was in old.into_values().filter(|was| was.state != SessionState::Defined) {
        if was.state == SessionState::Running {
            let ended = SessionStatus { state: SessionState::Unknown, pid: None, ..was.clone() };
            tell(Happening::Exited, None, &ended);
        }
        tell(Happening::Removed, None, was);
    }
    changes
}

/// A session whose program has just ended, as that is told: by itself, though it may be started again.
fn end_of(session: &SessionStatus) -> Cow<'_, SessionStatus> {
    if !session.restarting {
        return Cow::Borrowed(session);
    }
    Cow::Owned(SessionStatus {
        state: SessionState::Exited,
        exit: session.last_exit,
        ended_at: session.last_ended_at,
        last_exit: None,
        last_ended_at: None,
        ..session.clone()
    })
}

/// How a session that ran has ended, of which another life of its program, or another run, is seen now.
fn end_since(was: &SessionStatus, is: &SessionStatus) -> SessionStatus {
    let again = was.run == is.run && was.ours == is.ours;
    // Of several lives since the last look only the last one's end is known.
    let next = was.restarts.map(|count| count + 1);
    let known =
        again && !is.restarting && next.is_some() && is.restarts == next && is.last_exit.is_some();
    SessionStatus {
        state: if known { SessionState::Exited } else { SessionState::Unknown },
        pid: None,
        exit: is.last_exit.filter(|_| known),
        ended_at: is.last_ended_at.filter(|_| known),
        last_exit: None,
        last_ended_at: None,
        ..was.clone()
    }
}

/// A session's place: its backend, its location, its name, and which of that name it is there.
type Place<'a> = (&'a str, &'a str, &'a str, usize);

/// The sessions that are there, by their places. One that is only defined is not there yet.
fn by_place(sessions: &[SessionStatus]) -> BTreeMap<Place<'_>, &SessionStatus> {
    let mut places = BTreeMap::new();
    for session in sessions.iter().filter(|one| one.state != SessionState::Defined) {
        let place = |nth| (&*session.backend, &*session.location, &*session.name, nth);
        let nth = (0..).find(|&nth| !places.contains_key(&place(nth))).unwrap_or(0);
        places.insert(place(nth), session);
    }
    places
}

/// Whether it is the same run of a session, as far as its engine tells.
fn same_run(was: &SessionStatus, is: &SessionStatus) -> bool {
    let second = |time: Option<Timestamp>| time.map(|time| time.as_second());
    if was.run != is.run || was.ours != is.ours {
        return false;
    }
    match (was.started_at, is.started_at) {
        (Some(was), Some(is)) => was == is,
        _ => second(was.created_at) == second(is.created_at),
    }
}

/// Whether it has run and ended.
fn has_ended(session: &SessionStatus) -> bool {
    let over = matches!(
        session.state,
        SessionState::Exited | SessionState::Stopped | SessionState::Unknown
    );
    over && (session.exit.is_some() || session.ended_at.is_some() || session.started_at.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ExitStatus;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    fn running(name: &str, since: i64) -> SessionStatus {
        SessionStatus {
            started_at: at(since),
            ..SessionStatus::new(name, SessionState::Running, "tmux", "default")
        }
    }

    fn ended(name: &str, since: i64, end: i64) -> SessionStatus {
        SessionStatus {
            state: SessionState::Exited,
            ended_at: at(end),
            exit: Some(ExitStatus::Code(3)),
            ..running(name, since)
        }
    }

    fn told(before: &[SessionStatus], after: &[SessionStatus]) -> Vec<(&'static str, i64)> {
        let now = at(1_000).expect("a time");
        let changes = changes(before, after, now);
        changes.iter().map(|one| (one.what.as_str(), one.at.as_second())).collect()
    }

    #[test]
    fn each_step_of_a_life_is_told_with_its_time() {
        let (one, over) = (running("a", 100), ended("a", 100, 200));
        let defined = SessionStatus::new("a", SessionState::Defined, "tmux", "default");
        assert_eq!(told(&[], std::slice::from_ref(&one)), [("started", 100)]);
        assert_eq!(
            told(std::slice::from_ref(&defined), std::slice::from_ref(&one)),
            [("started", 100)]
        );
        assert_eq!(told(std::slice::from_ref(&one), std::slice::from_ref(&one)), []);
        assert_eq!(
            told(std::slice::from_ref(&one), std::slice::from_ref(&over)),
            [("exited", 200)]
        );
        assert_eq!(told(std::slice::from_ref(&over), &[]), [("removed", 1_000)]);
        assert_eq!(told(std::slice::from_ref(&over), &[defined]), [("removed", 1_000)]);
        // Between two looks, all of it.
        assert_eq!(told(&[], std::slice::from_ref(&over)), [("started", 100), ("exited", 200)]);
    }

    #[test]
    fn a_session_that_was_started_again_is_another_run() {
        let (one, over) = (running("a", 100), ended("a", 100, 200));
        let (again, both) = (running("a", 300), ended("a", 300, 400));
        assert_eq!(
            told(std::slice::from_ref(&over), std::slice::from_ref(&again)),
            [("started", 300)]
        );
        assert_eq!(told(&[over], &[both]), [("started", 300), ("exited", 400)]);
        assert_eq!(told(&[one], &[again]), [("exited", 1_000), ("started", 300)]);
    }

    #[test]
    fn one_that_is_gone_has_ended_nobody_knows_how() {
        let told = changes(&[running("a", 100)], &[], at(1_000).expect("a time"));
        let [exited, removed] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((exited.what, exited.session.exit), (Happening::Exited, None));
        assert_eq!(exited.session.state, SessionState::Unknown);
        assert_eq!(removed.what, Happening::Removed);
    }

    #[test]
    fn each_life_of_a_program_is_told() {
        let one = SessionStatus { restarts: Some(0), ..running("a", 100) };
        let waiting = SessionStatus {
            restarting: true,
            last_exit: Some(ExitStatus::Code(3)),
            last_ended_at: at(200),
            ..one.clone()
        };
        let again = SessionStatus {
            restarting: false,
            restarts: Some(1),
            started_at: at(300),
            ..waiting.clone()
        };
        let both = |before: &SessionStatus, after: &SessionStatus| {
            let before = std::slice::from_ref(before);
            told(before, std::slice::from_ref(after))
        };
        assert_eq!(both(&one, &waiting), [("exited", 200)]);
        assert_eq!(both(&waiting, &waiting), []);
        assert_eq!(both(&waiting, &again), [("started", 300)]);
        assert_eq!(both(&one, &again), [("exited", 200), ("started", 300)]);
        assert_eq!(told(&[], std::slice::from_ref(&waiting)), [("started", 100), ("exited", 200)]);
        let now = at(1_000).expect("a time");
        let changes = |after: &SessionStatus| {
            changes(std::slice::from_ref(&one), std::slice::from_ref(after), now)
        };
        for after in [&waiting, &again] {
            let session = &changes(after)[0].session;
            assert_eq!((session.state, session.exit), (SessionState::Exited, waiting.last_exit));
            assert_eq!(session.restarting, after.restarting);
        }
        // What came in between is not known.
        let third = SessionStatus { restarts: Some(2), ..again.clone() };
        assert_eq!(both(&one, &third), [("exited", 1_000), ("started", 300)]);
        assert_eq!(changes(&third)[0].session.state, SessionState::Unknown);
        let late = SessionStatus { last_ended_at: at(400), restarting: true, ..again.clone() };
        assert_eq!(both(&waiting, &late), [("started", 300), ("exited", 400)]);
        // Stopped while it waited.
        let over = SessionStatus { state: SessionState::Stopped, ..ended("a", 100, 200) };
        assert_eq!(both(&waiting, &over), [("exited", 1_000)]);
        assert_eq!(both(&again, &SessionStatus { started_at: at(300), ..over }), [("exited", 200)]);
    }

    #[test]
    fn two_of_one_name_are_two() {
        let two = [running("a", 100), running("a", 100)];
        assert_eq!(told(&two, &two[..1]), [("exited", 1_000), ("removed", 1_000)]);
        assert_eq!(told(&[], &two), [("started", 100), ("started", 100)]);
    }

    #[test]
    fn health_is_told_when_it_comes() {
        let mut well = running("a", 100);
        well.health = Some("starting".into());
        let starting = well.clone();
        well.health = Some("healthy".into());
        assert_eq!(
            told(std::slice::from_ref(&starting), std::slice::from_ref(&well)),
            [("ready", 1_000)]
        );
        assert_eq!(told(std::slice::from_ref(&well), std::slice::from_ref(&well)), []);
        assert_eq!(told(&[], &[well]), [("started", 100), ("ready", 1_000)]);
        // By the word of `kst up`.
        let found = SessionStatus { ready_at: at(150), ..running("a", 100) };
        assert_eq!(told(&[running("a", 100)], std::slice::from_ref(&found)), [("ready", 150)]);
        assert_eq!(told(std::slice::from_ref(&found), std::slice::from_ref(&found)), []);
        let over = SessionStatus { ready_at: at(150), ..ended("a", 100, 200) };
        assert_eq!(told(&[found], &[over]), [("exited", 200)]);
        // A container that was made and never started.
        let made = SessionStatus::new("b", SessionState::Stopped, "container", "podman");
        assert_eq!(told(&[], &[made]), []);
    }
}
