//! Ending the processes of a session: politely, then by force, and saying what survived.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::text::escape_controls;

use super::{Held, Identity, Process, all, below, ignores, runs_below, step, wait_any};
use crate::guard::Guard;

/// How often the tree of processes is read again for new ones while somebody waits for its end.
const LOOK: Duration = Duration::from_millis(50);

/// How long killed processes may take to go. Past it they hang in the kernel.
const KILLED: Duration = Duration::from_secs(5);

/// How long the shim may take to write down an end and go, once nothing is left below it.
const RECORDED: Duration = Duration::from_secs(2);

/// How long a foreign session's processes have to answer a HUP before they are sent a TERM, at most.
const SECOND_REQUEST: Duration = Duration::from_secs(2);

/// A signal to a process of a session: one that was sent, or that would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSignal {
    /// Its name without `SIG`: `TERM`, `HUP`, `KILL`. That a process is stopped and continued on the
    /// way is not told.
    pub signal: &'static str,
    /// The process.
    pub pid: u32,
    /// The name of its program, as the kernel keeps it.
    pub program: String,
    /// Whether it goes to the session's shim, which passes it on.
    pub by_shim: bool,
    /// That it is sent only if the process is still there after so long.
    pub after: Option<Duration>,
}

impl SessionSignal {
    pub(crate) fn now(signal: &'static str, held: &Held) -> Self {
        SessionSignal {
            signal,
            pid: held.identity.0,
            program: held.comm.clone(),
            by_shim: false,
            after: None,
        }
    }
}

/// `TERM to process 4711 (sleep)`, and how or when.
impl fmt::Display for SessionSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = escape_controls(&self.program);
        write!(f, "{} to process {} ({program})", self.signal, self.pid)?;
        if self.by_shim {
            write!(f, ", passed on by kst beside it")?;
        }
        match self.after {
            Some(after) => write!(f, ", if it is still there after {} s", after.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// What became of the processes of a session that was to end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether none is left.
    pub gone: bool,
    /// How many are.
    pub left: u32,
    /// Those that are left: process id and program name.
    pub survivors: Vec<(u32, String)>,
    /// Whether any had to be killed.
    pub forced: bool,
    /// Process ids that were not touched, since they do not stand below the engine's program.
    pub skipped: Vec<u32>,
    /// What was sent, in this order.
    pub sent: Vec<SessionSignal>,
}

/// End a session that has a shim, and return when it is gone or nothing more can be done.
///
/// `program` is the session's main process, for the day when somebody killed the shim alone. With
/// `graceful` the shim is asked to end its program and everything has `timeout` to go; then, or
/// at once without `graceful`, whatever stands below the shim is killed, and the shim last, so that it
/// can still write down how its program ended. Killing may take a few seconds more than `timeout`
/// where processes hang in the kernel; they are named in [`Ending::survivors`].
pub fn end_session(
    shim: Identity,
    program: Option<Identity>,
    graceful: bool,
    timeout: Duration,
) -> Ending {
    let mut tree = Tree::new(Held::open(shim), program.into_iter().filter_map(Held::open));
    tree.look();
    if graceful {
        tree.sent = tree.requests(program);
        match &tree.shim {
            Some(shim) => {
                let _ = shim.signal(Signal::TERM);
                let _ = shim.signal(Signal::CONT);
            }
            None => tree.known.values().for_each(Held::ask_to_end),
        }
        tree.wait(Instant::now() + timeout);
    }
    tree.kill();
    tree.ending(Vec::new())
}

/// What [`end_session`] would send to whom, as the processes are now.
pub fn plan_session(
    shim: Identity,
    program: Option<Identity>,
    graceful: bool,
    timeout: Duration,
) -> Vec<SessionSignal> {
    let mut tree = Tree::new(Held::open(shim), program.into_iter().filter_map(Held::open));
    tree.look();
    let mut plan = if graceful { tree.requests(program) } else { Vec::new() };
    plan.extend(tree.kills(graceful.then_some(timeout)));
    plan
}

/// What [`end_bound`] would send to whom, as the processes are now.
pub fn plan_bound(
    pids: &[u32],
    engine_program: &Path,
    graceful: bool,
    timeout: Duration,
) -> Vec<SessionSignal> {
    let (roots, _) = bound(pids, engine_program);
    let mut tree = Tree::of_bound(roots);
    let mut plan = Vec::new();
    if graceful {
        let roots = tree.sessions.clone();
        let first = tree.hang_ups(&roots, Signal::HUP);
        let second = tree.hang_ups(&roots, Signal::TERM).into_iter().filter(|one| {
            // One that is deaf to the first has had it.
            first.iter().any(|asked| asked.pid == one.pid && asked.signal != one.signal)
        });
        let later = Some(SECOND_REQUEST.min(timeout / 2));
        let second: Vec<_> = second.map(|one| SessionSignal { after: later, ..one }).collect();
        plan = [first, second].concat();
    }
    tree.look();
    plan.extend(tree.kills(graceful.then_some(timeout)));
    plan
}

/// Those of `pids` that stand below the engine's program, held, and those that do not.
fn bound(pids: &[u32], engine_program: &Path) -> (Vec<Held>, Vec<u32>) {
    let mut skipped = Vec::new();
    let mut roots = Vec::new();
    for &pid in pids {
        // Held first, asked then: what is asked is the process that is held.
        let held = Process::read(pid).and_then(|process| Held::open(process.identity()));
        match held {
            Some(held) if runs_below(pid, engine_program) || !Guard::BelowEngine.holds() => {
                roots.push(held);
            }
            Some(_) => skipped.push(pid),
            None => {}
        }
    }
    (roots, skipped)
}

/// End the processes `pids` of a session that kst did not start, and all below them, and return
/// when they are gone or nothing more can be done.
///
/// A pid counts only if one of its ancestors runs the file `engine_program`; any other is in
/// [`Ending::skipped`] and not touched. With `graceful` each pid gets what closing its terminal would
/// send (HUP, CONT), after half of `timeout` but at most 2 s a TERM if it is still there, and
/// everything has `timeout` to go; then, or at once without `graceful`, it is killed.
/// Children that left both their parent and their terminal's session before this call cannot be
/// found, and live on.
pub fn end_bound(pids: &[u32], engine_program: &Path, graceful: bool, timeout: Duration) -> Ending {
    let (roots, skipped) = bound(pids, engine_program);
    let mut tree = Tree::of_bound(roots);
    let roots = tree.sessions.clone();
    tree.look();
    if graceful {
        let deadline = Instant::now() + timeout;
        let send = |tree: &mut Tree, signal| {
            let sent = tree.hang_ups(&roots, signal);
            tree.sent.extend(sent);
            for root in roots.iter().filter_map(|root| tree.known.get(root)) {
                let _ = root.signal(first_of(root, signal));
                let _ = root.signal(Signal::CONT);
            }
        };
        send(&mut tree, Signal::HUP);
        // One at a time: the second would end a program that is tidying up after the first.
        if !tree.wait(Instant::now() + SECOND_REQUEST.min(timeout / 2)) {
            send(&mut tree, Signal::TERM);
        }
        tree.wait(deadline);
    }
    tree.kill();
    tree.ending(skipped)
}

/// Wait until a session that has a shim is gone with everything below it, at most `timeout`.
/// Returns whether it is. `program` is its main process, which may outlive a killed shim.
pub fn wait_session(shim: Identity, program: Option<Identity>, timeout: Duration) -> bool {
    let mut tree = Tree::new(Held::open(shim), program.into_iter().filter_map(Held::open));
    tree.wait(Instant::now() + timeout)
}

/// Wait until none of these processes is left, at most `timeout`. Returns whether none is.
pub fn wait_bound(pids: &[u32], timeout: Duration) -> bool {
    let held = |pid: &u32| Process::read(*pid).and_then(|process| Held::open(process.identity()));
    let mut tree = Tree::new(None, pids.iter().filter_map(held));
    tree.wait(Instant::now() + timeout)
}

/// The processes of one session, held as they are found: a child whose parent has gone is still
/// known, and nobody else's process can be taken for it.
struct Tree {
    /// The shim, as long as it lives.
    shim: Option<Held>,
    /// All others that live, by process id.
    known: HashMap<u32, Held>,
    /// Terminal sessions, by their leader, whose every process belongs here.
    sessions: Vec<u32>,
    forced: bool,
    sent: Vec<SessionSignal>,
}

/// The signal that asks a foreign session's process to end: HUP, but TERM where it is deaf to that.
fn first_of(root: &Held, signal: Signal) -> Signal {
    let deaf = signal == Signal::HUP && ignores(root.identity.0, Signal::HUP);
    if deaf { Signal::TERM } else { signal }
}

impl Tree {
    fn new(shim: Option<Held>, roots: impl Iterator<Item = Held>) -> Self {
        let known = roots.map(|held| (held.identity.0, held)).collect();
        Tree { shim, known, sessions: Vec::new(), forced: false, sent: Vec::new() }
    }

    /// Of processes that each lead a terminal's session.
    fn of_bound(roots: Vec<Held>) -> Self {
        let mut tree = Tree::new(None, roots.into_iter());
        tree.sessions = tree.known.keys().copied().collect();
        tree
    }

    /// What asks a session of kst's to end: the shim is asked, and passes it on to its program.
    fn requests(&self, program: Option<Identity>) -> Vec<SessionSignal> {
        let Some(shim) = &self.shim else {
            return self.known.values().map(|held| SessionSignal::now("TERM", held)).collect();
        };
        let program = program.and_then(|(pid, _)| self.known.get(&pid));
        let asked = SessionSignal::now("TERM", program.unwrap_or(shim));
        vec![SessionSignal { by_shim: program.is_some(), ..asked }]
    }

    /// What asks the first processes of a foreign session to end.
    fn hang_ups(&self, roots: &[u32], signal: Signal) -> Vec<SessionSignal> {
        let roots = roots.iter().filter_map(|root| self.known.get(root));
        roots
            .map(|root| match first_of(root, signal) {
                Signal::TERM => SessionSignal::now("TERM", root),
                _ => SessionSignal::now("HUP", root),
            })
            .collect()
    }

    /// What kills all that is known.
    fn kills(&self, after: Option<Duration>) -> Vec<SessionSignal> {
        let kill = |held| SessionSignal { after, ..SessionSignal::now("KILL", held) };
        let mut kills: Vec<SessionSignal> = self.known.values().map(kill).collect();
        kills.sort_by_key(|kill| kill.pid);
        kills
    }

    /// Forget who has ended, find who is new. Returns whether anybody is new.
    fn look(&mut self) -> bool {
        // New ones first: what a process that has just ended leaves behind is found through the shim,
        // which takes it over, or through those that are still known.
        let held = self.known.values().chain(&self.shim);
        // The number of one that has ended may be somebody else's.
        let roots: Vec<u32> =
            held.filter(|held| !held.ended()).map(|held| held.identity.0).collect();
        let mut found = below(&roots);
        if !self.sessions.is_empty() {
            let all = all();
            // A number stays a session's as long as that has members, and no longer.
            self.sessions.retain(|leader| all.iter().any(|process| process.session == *leader));
            let members =
                all.into_iter().filter(|process| self.sessions.contains(&process.session));
            found.extend(members);
        }
        let mut new = false;
        for process in found {
            let known = self.known.get(&process.pid).is_some_and(|held| !held.ended());
            let shim = self.shim.as_ref().is_some_and(|shim| shim.identity.0 == process.pid);
            if known || shim || process.ended() {
                continue;
            }
            if let Some(held) = Held::open(process.identity()) {
                self.known.insert(process.pid, held);
                new = true;
            }
        }
        self.known.retain(|_, held| !held.ended());
        if self.shim.as_ref().is_some_and(Held::ended) {
            self.shim = None;
        }
        new
    }

    fn is_empty(&self) -> bool {
        self.shim.is_none() && self.known.is_empty()
    }

    /// Wait for the end of all, at most until `deadline`; returns whether it came.
    fn wait(&mut self, deadline: Instant) -> bool {
        loop {
            self.look();
            if self.is_empty() {
                return true;
            }
            let left = step(deadline, LOOK);
            if left.is_zero() {
                return false;
            }
            match &self.shim {
                // It goes last, so its end is the one to wake up for.
                Some(shim) => wait_any(std::iter::once(shim), left),
                None => wait_any(self.known.values(), left),
            }
        }
    }

    /// Kill all that is left, the shim last.
    fn kill(&mut self) {
        self.look();
        if self.is_empty() {
            return;
        }
        self.forced = !self.known.is_empty();
        let deadline = Instant::now() + KILLED;
        // One that is stopped makes no more children. Once a look finds nobody new, all are held;
        // killed without this, a forking process could slip its child past every look.
        for _ in 0..20 {
            for held in self.known.values() {
                let _ = held.signal(Signal::STOP);
            }
            if !self.look() {
                break;
            }
        }
        while !self.known.is_empty() && Instant::now() < deadline {
            self.note_kills();
            for held in self.known.values() {
                let _ = held.signal(Signal::KILL);
            }
            wait_any(self.known.values(), step(deadline, LOOK));
            self.look();
        }
        self.end_shim();
    }

    /// Note that all that is known is killed, each once.
    fn note_kills(&mut self) {
        for kill in self.kills(None) {
            if !self.sent.contains(&kill) {
                self.sent.push(kill);
            }
        }
    }

    /// Give the shim the time to write down the end, then end it too. It is left alone while it has
    /// something to watch that cannot be killed.
    fn end_shim(&mut self) {
        if let Some(shim) = &self.shim {
            // It may be about to start its program again.
            let _ = shim.signal(Signal::TERM);
            let _ = shim.signal(Signal::CONT);
        }
        let recorded = Instant::now() + RECORDED;
        while self.shim.is_some() && Instant::now() < recorded {
            self.shim.iter().for_each(|shim| wait_any(std::iter::once(shim), step(recorded, LOOK)));
            self.look();
            self.note_kills();
            for held in self.known.values() {
                let _ = held.signal(Signal::KILL);
            }
        }
        if let Some(shim) = &self.shim
            && self.known.is_empty()
        {
            let _ = shim.signal(Signal::KILL);
            wait_any(std::iter::once(shim), RECORDED);
            self.look();
        }
    }

    fn ending(mut self, skipped: Vec<u32>) -> Ending {
        self.look();
        let mut survivors: Vec<(u32, String)> = self
            .shim
            .into_iter()
            .chain(self.known.into_values())
            .map(|held| (held.identity.0, held.comm))
            .collect();
        survivors.sort();
        Ending {
            gone: survivors.is_empty() && skipped.is_empty(),
            left: u32::try_from(survivors.len() + skipped.len()).unwrap_or(u32::MAX),
            survivors,
            forced: self.forced,
            skipped,
            sent: self.sent,
        }
    }
}
