//! What the engines, the ledger and the config know of sessions, put together.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::ledger::Entry;
use super::model::{ExitStatus, SessionState, SessionStatus};
use super::processes;
use super::survey::Filter;
use crate::door::{Location, Operation, Placement, Request};
use crate::guard::Guard;
use crate::plugin::{GuestSession, GuestState, Plugin};

/// A session as its engine has it, with what the host itself read off the engine's output.
#[derive(Debug, Clone)]
pub(crate) struct EngineSession {
    pub guest: GuestSession,
    pub id: Option<String>,
    pub instance: Option<String>,
    pub pids: Vec<u32>,
    /// The run that made it, where the engine keeps that.
    pub run: Option<String>,
}

/// One location, and what it answered. `None`: it could not be asked.
pub(crate) struct Answered {
    pub plugin: Arc<Plugin>,
    pub location: Location,
    pub sessions: Option<Vec<EngineSession>>,
}

/// A session somewhere, from whatever source it is known.
#[derive(Clone)]
pub(crate) struct Sighting {
    pub status: SessionStatus,
    pub plugin: Option<Arc<Plugin>>,
    pub location: Location,
    /// The run, where the session is one of kst's.
    pub entry: Option<Arc<Entry>>,
    /// Whether the engine has it now.
    pub in_engine: bool,
    /// The engine's id of it, as the host read it.
    pub id: Option<String>,
    /// Which run of the engine that id belongs to.
    pub instance: Option<String>,
}

impl Sighting {
    pub(crate) fn is_running(&self) -> bool {
        self.status.state == SessionState::Running
    }

    /// Whether it may run, and only the ledger tells of it: its engine could not be asked.
    pub(crate) fn is_out_of_sight(&self) -> bool {
        let elsewhere = self.entry.as_ref().is_some_and(|entry| !entry.here);
        elsewhere && !self.in_engine && self.status.state == SessionState::Unknown
    }

    /// Backend and location, for messages.
    pub(crate) fn place(&self) -> String {
        place(&self.status.backend, &self.location)
    }

    /// Exactly where it was found.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            backend: Some(self.status.backend.clone()),
            location: Some(self.location.name.clone()),
        }
    }

    /// A request about this very session and no other of its name: with all that is known of it, so
    /// that no line about another one binds.
    pub(crate) fn request(&self, operation: Operation) -> Request {
        let mut request = Request::new(operation, self.location.clone());
        request.name = Some(self.status.name.clone());
        request.run = self.entry.as_ref().map(|entry| entry.run.clone());
        request.id.clone_from(&self.id);
        request.instance.clone_from(&self.instance);
        request
    }

    /// Live sessions come before ended ones, those before what is only defined.
    pub(crate) fn rank(&self) -> u8 {
        match self.status.state {
            SessionState::Running => 0,
            SessionState::Stopped | SessionState::Exited | SessionState::Unknown => 1,
            SessionState::Defined => 2,
        }
    }
}

/// Whether what is seen now is still what was found, and not a new session of its name.
pub(super) fn same_run(seen: &Sighting, found: &Sighting) -> bool {
    match (&seen.entry, &found.entry) {
        (Some(seen), Some(found)) => seen.run == found.run,
        (None, None) => seen.status.created_at == found.status.created_at,
        _ => false,
    }
}

/// `tmux`, `tmux (socket work)`, `container (docker)`: a place, for messages.
pub(crate) fn place(backend: &str, location: &Location) -> String {
    if location.is_default {
        backend.to_owned()
    } else {
        format!("{backend} ({})", crate::text::escape_controls(&location.name))
    }
}

/// Put together what one location answered and what the ledger says of it. `only` limits it to one
/// name.
pub(crate) fn combine(
    answered: Answered,
    entries: &[Arc<Entry>],
    boot: Option<&str>,
    only: Option<&str>,
) -> Vec<Sighting> {
    let Answered { plugin, location, sessions } = answered;
    let here = plugin.manifest().manifest().placement == Placement::Here;
    let mut runs: HashMap<&str, Vec<&Arc<Entry>>> = HashMap::new();
    for entry in entries {
        let fits = entry.backend == plugin.name()
            && entry.location == location.name
            && !entry.failed
            && only.is_none_or(|name| name == entry.name);
        if fits {
            runs.entry(&entry.name).or_default().push(entry);
        }
    }
    let reached = sessions.is_some();
    let mut found = Vec::new();
    for session in sessions.unwrap_or_default() {
        let of_name = runs.get(session.guest.name.as_str()).map_or(&[][..], Vec::as_slice);
        let entry = that_count(of_name).find(|entry| is_the_same(entry, &session, boot));
        if entry.is_some() {
            runs.remove(session.guest.name.as_str());
        }
        let (id, instance) = (session.id.clone(), session.instance.clone());
        let status = from_engine(&plugin, &location, session, entry.map(Arc::as_ref), here, boot);
        found.push(Sighting {
            status,
            plugin: Some(Arc::clone(&plugin)),
            location: location.clone(),
            entry: entry.cloned(),
            in_engine: true,
            id,
            instance,
        });
    }
    // What is left of the ledger's runs is not in the engine any more.
    let mut left: Vec<&Arc<Entry>> =
        runs.values().filter_map(|of_name| that_count(of_name).last()).collect();
    left.sort_by(|one, other| one.name.cmp(&other.name));
    for entry in left {
        let live_namesake =
            found.iter().any(|seen: &Sighting| seen.status.name == entry.name && seen.is_running());
        // One that runs on is another session than its namesake: which is meant is not clear.
        if live_namesake && !runs_on(entry, boot) {
            continue;
        }
        if let Some(status) = from_ledger(entry, here, reached, boot) {
            found.push(Sighting {
                status,
                plugin: Some(Arc::clone(&plugin)),
                location: location.clone(),
                entry: Some(Arc::clone(entry)),
                in_engine: false,
                id: None,
                instance: None,
            });
        }
    }
    found
}

/// Of the runs of one name, the last that came to something counts; before it those that came to
/// nothing as far as the ledger knows: a start that was cut off may have made a session all the same,
/// and does not undo what was there before.
pub(super) fn that_count<'e>(of_name: &[&'e Arc<Entry>]) -> impl Iterator<Item = &'e Arc<Entry>> {
    let made = of_name.iter().rposition(|entry| entry.is_made()).unwrap_or(0);
    of_name.get(made..).unwrap_or_default().iter().rev().copied()
}

/// Whether what a run started on this machine is still there, whatever its engine says: its shim, or
/// its program where somebody killed the shim.
pub(crate) fn runs_on(entry: &Entry, boot: Option<&str>) -> bool {
    let alive = |(pid, start)| processes::alive(pid, start);
    entry.here
        && entry.end.is_none()
        && boot == Some(entry.boot.as_str())
        && (entry.shim.is_some_and(alive) || entry.pid.is_some_and(alive))
}

/// Whether the engine's session is the one that this run made. All that is known must match.
fn is_the_same(entry: &Entry, session: &EngineSession, boot: Option<&str>) -> bool {
    let same_boot = !entry.here || boot == Some(entry.boot.as_str());
    if entry.id.is_some() {
        return same_boot && entry.id == session.id && entry.instance == session.instance;
    }
    // The start was cut off before it could write down the id. The random id of the run that the
    // engine keeps, or the shim in the session, are as good.
    let same_run = session.run.as_deref() == Some(entry.run.as_str());
    let its_shim = entry
        .shim
        .is_some_and(|(shim, start)| session.pids.contains(&shim) && processes::alive(shim, start));
    same_boot && (same_run || its_shim)
}

/// A session that the engine has.
fn from_engine(
    plugin: &Plugin,
    location: &Location,
    session: EngineSession,
    entry: Option<&Entry>,
    here: bool,
    boot: Option<&str>,
) -> SessionStatus {
    let guest = session.guest;
    let mut pid = session.pids.first().copied();
    let mut started = guest.started.as_deref().and_then(time);
    let mut ended_at = guest.ended.as_deref().and_then(time);
    let mut exit = guest.exit;
    let mut state = match guest.state {
        GuestState::Running => SessionState::Running,
        GuestState::Unknown => SessionState::Unknown,
        // Created and never started: nothing has exited.
        GuestState::Ended if exit.is_none() => SessionState::Stopped,
        GuestState::Ended => SessionState::Exited,
    };
    let mut created = guest.created.as_deref().and_then(time);
    if let Some(entry) = entry {
        created = created.or(Some(entry.started_at));
        if here {
            started = Some(entry.began());
            // The engine knows the shim; the ledger knows the program.
            pid = entry.pid.map(|(pid, _)| pid).or(pid).filter(|_| entry.restarting.is_none());
            let only_the_shim =
                entry.shim.is_some_and(|(shim, _)| session.pids.iter().all(|&pid| pid == shim));
            if let (Some((how, at)), true) = (entry.end, only_the_shim) {
                (exit, ended_at) = (Some(how), Some(at));
                state = SessionState::Exited;
            } else if state != SessionState::Running
                && runs_on(entry, boot)
                && Guard::ShimsWord.holds()
            {
                // Whatever its engine and its backend say of it.
                state = SessionState::Running;
            } else if matches!(state, SessionState::Exited | SessionState::Stopped) {
                // What the engine saw end is the shim. Nobody saw how the program did, and for a moment
                // the engine may not know how the shim did.
                (exit, ended_at) = (None, None);
                state = SessionState::Unknown;
            }
        }
        let ended = matches!(state, SessionState::Exited | SessionState::Unknown);
        if entry.stopping && ended {
            state = SessionState::Stopped;
        }
    }
    let count = guest.restarts.unwrap_or(0);
    if let Some(entry) = entry.filter(|_| !here && state == SessionState::Exited)
        && exit.zip(ended_at).is_some_and(|(exit, at)| goes_on(entry, exit, at, count))
    {
        state = SessionState::Running;
    }
    let mut lives = Lives::default();
    match entry {
        Some(entry) if here => lives = Lives::of(entry, state),
        // An engine that tells how it ended, and that it runs, is about to start it again.
        _ if state == SessionState::Running => {
            lives.restarting = exit.is_some();
            (lives.last_exit, lives.last_ended_at) = (exit.take(), ended_at.take());
        }
        _ => {}
    }
    if state != SessionState::Running || lives.restarting {
        pid = None;
    }
    if state == SessionState::Running {
        exit = None;
    }
    SessionStatus {
        name: guest.name,
        state,
        backend: plugin.name().to_owned(),
        location: location.name.clone(),
        pid: pid.filter(|&pid| pid != 0),
        created_at: created,
        started_at: started,
        ready_at: entry.and_then(|entry| ready_since(entry, started)),
        ended_at,
        exit,
        out_of_memory: guest.out_of_memory,
        run: entry.map(|entry| entry.number),
        restarts: lives.restarts.or(guest.restarts),
        restarting: lives.restarting,
        restarting_at: lives.restarting_at,
        last_exit: lives.last_exit,
        last_ended_at: lives.last_ended_at,
        window_count: guest.windows,
        image: guest.image,
        health: guest.health,
        details: guest.details,
        ours: entry.is_some(),
    }
}

/// When it became ready. An engine may have started it again since, and then it has to anew.
pub(super) fn ready_since(entry: &Entry, started: Option<Timestamp>) -> Option<Timestamp> {
    entry.ready.filter(|ready| started.is_none_or(|started| started <= *ready))
}

/// What is known of the program's lives before the one that counts.
#[derive(Default)]
struct Lives {
    restarts: Option<u32>,
    restarting: bool,
    restarting_at: Option<Timestamp>,
    last_exit: Option<ExitStatus>,
    last_ended_at: Option<Timestamp>,
}

impl Lives {
    /// By what the shim wrote down.
    fn of(entry: &Entry, state: SessionState) -> Self {
        let runs = state == SessionState::Running;
        // Of one that has ended its last end is its end.
        let last = entry.last_end.filter(|_| runs);
        Lives {
            restarts: Some(entry.again.map_or(0, |(count, _)| count)),
            restarting: runs && entry.restarting.is_some(),
            restarting_at: entry.restarting.filter(|_| runs),
            last_exit: last.map(|(exit, _)| exit),
            last_ended_at: last.map(|(_, at)| at),
        }
    }

    fn tell(self, status: &mut SessionStatus) {
        status.restarts = self.restarts;
        status.restarting = self.restarting;
        status.restarting_at = self.restarting_at;
        status.last_exit = self.last_exit;
        status.last_ended_at = self.last_ended_at;
    }
}

/// An engine may take so long to start a session again of which it says meanwhile that it has ended.
const BETWEEN: SignedDuration = SignedDuration::from_secs(5);

/// Whether a session elsewhere that has ended is about to be started again, by its policy: an engine
/// without a server looks at that only when it has ended (podman), and tells so until then.
fn goes_on(entry: &Entry, exit: ExitStatus, at: Timestamp, so_often: u32) -> bool {
    let policy = entry.restart.as_ref().filter(|_| !entry.stopping);
    policy.is_some_and(|policy| policy.restarts(exit, so_often))
        && Timestamp::now().duration_since(at).abs() < BETWEEN
}

/// What the ledger alone tells of a run of kst's: nothing of its state.
pub(super) fn of_entry(entry: &Entry) -> SessionStatus {
    SessionStatus {
        created_at: Some(entry.started_at),
        // Elsewhere its engine knows better, which may have started it again.
        started_at: entry.here.then(|| entry.began()),
        ready_at: ready_since(entry, entry.here.then(|| entry.began())),
        run: Some(entry.number),
        ours: true,
        ..SessionStatus::new(&entry.name, SessionState::Unknown, &entry.backend, &entry.location)
    }
}

/// A run that the engine does not have (any more); `None` where there is nothing to tell.
pub(super) fn from_ledger(
    entry: &Entry,
    here: bool,
    reached: bool,
    boot: Option<&str>,
) -> Option<SessionStatus> {
    let mut status = of_entry(entry);
    if !here {
        // The engine knows best. Where it answered and has no such session, somebody removed it.
        return (!reached && entry.id.is_some()).then_some(status);
    }
    if let Some((exit, at)) = entry.end {
        status.exit = Some(exit);
        status.ended_at = Some(at);
        status.state = if entry.stopping { SessionState::Stopped } else { SessionState::Exited };
        Lives::of(entry, status.state).tell(&mut status);
        return Some(status);
    }
    let same_boot = boot == Some(entry.boot.as_str());
    match (entry.shim, entry.pid) {
        (Some((shim, start)), _) if same_boot && processes::alive(shim, start) => {
            status.state = SessionState::Running;
            status.pid = entry.pid.map(|(pid, _)| pid);
            Lives::of(entry, status.state).tell(&mut status);
            if reached {
                let what = "its engine no longer has it, its processes run on";
                status.details.push(("note".into(), what.into()));
            }
            Some(status)
        }
        (Some(_), Some((program, start))) if same_boot && processes::alive(program, start) => {
            // Somebody killed the shim; nobody will record how the program ends.
            status.state = SessionState::Running;
            status.pid = Some(program);
            let what = "its shim is gone: how it ends will not be known";
            status.details.push(("note".into(), what.into()));
            Some(status)
        }
        (Some(_), _) => {
            if entry.stopping {
                status.state = SessionState::Stopped;
            }
            Some(status)
        }
        // Its shim has not reported (yet): being started at this moment, or nothing came of it.
        (None, _) => None,
    }
}

/// RFC 3339, or whole seconds since 1970. The year 1 is how engines say "never".
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let time = match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok()?,
        Err(_) => text.parse().ok()?,
    };
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without one of them, a request could be served on another session of the name.
    #[test]
    fn a_request_holds_all_that_is_known_of_the_session() {
        let entry = Entry {
            run: "r1".into(),
            name: "web".into(),
            backend: "tmux".into(),
            location: "work".into(),
            number: 1,
            started_at: Timestamp::UNIX_EPOCH,
            boot: String::new(),
            here: true,
            restart: None,
            id: None,
            instance: None,
            shim: None,
            pid: None,
            ready: None,
            again: None,
            last_end: None,
            restarting: None,
            stopping: false,
            end: None,
            failed: false,
            log: "/nowhere".into(),
        };
        let seen = Sighting {
            status: SessionStatus {
                ours: true,
                ..SessionStatus::new("web", SessionState::Running, "tmux", "work")
            },
            plugin: None,
            location: Location { name: "work".into(), is_default: false, inside: false },
            entry: Some(Arc::new(entry)),
            in_engine: true,
            id: Some("$1".into()),
            instance: Some("7.1".into()),
        };
        let request = seen.request(Operation::Stop);
        assert_eq!(request.operation, Operation::Stop);
        assert_eq!(request.location, seen.location);
        assert_eq!(request.name.as_deref(), Some("web"));
        assert_eq!(request.run.as_deref(), Some("r1"));
        assert_eq!(request.id.as_deref(), Some("$1"));
        assert_eq!(request.instance.as_deref(), Some("7.1"));
        assert_eq!(
            seen.filter(),
            Filter { backend: Some("tmux".into()), location: Some("work".into()) }
        );
    }
}
