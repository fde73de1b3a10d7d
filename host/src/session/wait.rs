//! Waiting for the end of a session.
//!
//! What wakes up is an event wherever there is one: the end of the process itself on this machine, the
//! backend's own command for it elsewhere. What is then told is read anew: from the ledger, where the
//! shim wrote down the end, or from the engine.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::host::Host;
use super::ledger::Entry;
use super::model::{ExitStatus, SessionState, SessionStatus};
use super::processes::{self, Held};
use super::serve::{SessionProcesses, Trouble};
use super::several::{Each, Told, once_each};
use super::sighting::{Sighting, from_ledger, same_run};
use super::survey::Filter;
use crate::door::{Apart, Operation};
use crate::plugin::Plugin;
use crate::{Error, Result};

/// How long the shim may take to write down the end of its program, where the disk is slow.
const RECORDED: Duration = Duration::from_secs(12);
/// How often the ledger is read meanwhile.
const RECORDED_STEP: Duration = Duration::from_millis(5);
/// How long to wait before an engine is asked again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

impl Host {
    /// Wait until a session has ended, however long that takes or at most `timeout`: how it is then,
    /// with its exit where that is known. One that has ended already is told of at once. A program that is
    /// started again by itself has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for one that was never started; [`Error::Ambiguous`];
    /// [`Error::TimedOut`].
    pub fn wait(
        &self,
        name: &str,
        filter: &Filter,
        timeout: Option<Duration>,
    ) -> Result<SessionStatus> {
        self.wait_as_long_as(name, filter, &Patience::new(timeout)?)
    }

    /// Wait until each of several sessions has ended. `told` hears of each when it has.
    ///
    /// # Errors
    ///
    /// The system gives nothing to wait with.
    pub fn wait_each(
        &self,
        names: &[String],
        filter: &Filter,
        timeout: Option<Duration>,
        told: Told<'_, SessionStatus>,
    ) -> Result<Vec<Each<SessionStatus>>> {
        let mut all = Vec::new();
        self.wait_for(names, filter, &Patience::new(timeout)?, |at, each| {
            told(&each);
            all.push((at, each));
            true
        });
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, each)| each).collect())
    }

    /// Wait until one of several sessions has ended, or cannot be waited for: which, and how.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where there is no name, [`Error::TimedOut`].
    pub fn wait_any(
        &self,
        names: &[String],
        filter: &Filter,
        timeout: Option<Duration>,
    ) -> Result<Each<SessionStatus>> {
        let patience = Patience::new(timeout)?;
        let mut first = None;
        self.wait_for(names, filter, &patience, |_, each| {
            first.get_or_insert(each);
            patience.lose();
            false
        });
        first.ok_or_else(|| Error::invalid("there is no session to wait for"))
    }

    /// Wait for each on a thread of its own: most of them do nothing.
    fn wait_for(
        &self,
        names: &[String],
        filter: &Filter,
        patience: &Patience,
        mut done: impl FnMut(usize, Each<SessionStatus>) -> bool,
    ) {
        if let Some(backend) = &filter.backend {
            let _ = self.ask_for(backend);
        }
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for (at, name) in once_each(names).into_iter().enumerate() {
                let sender = sender.clone();
                scope.spawn(move || {
                    let result = self.wait_as_long_as(name, filter, patience);
                    let _ = sender.send((at, Each { name: name.clone(), result }));
                });
            }
            drop(sender);
            for (at, each) in receiver {
                if !done(at, each) {
                    break;
                }
            }
        });
    }

    fn wait_as_long_as(
        &self,
        name: &str,
        filter: &Filter,
        patience: &Patience,
    ) -> Result<SessionStatus> {
        let found = self.find_reached(name, filter)?;
        match found.status.state {
            SessionState::Defined => Err(Error::NotFound {
                name: name.to_owned(),
                advice: Some(format!(
                    "the config defines it, and it was not started: kst start {name}"
                )),
            }),
            SessionState::Running => self.wait_for_end(found, patience),
            _ => Ok(found.status),
        }
    }

    fn wait_for_end(&self, found: Sighting, patience: &Patience) -> Result<SessionStatus> {
        let (entry, plugin) = (found.entry.clone(), found.plugin.clone());
        match (entry, plugin) {
            (Some(entry), _) if entry.here => self.wait_here(&found, &entry, patience),
            (_, Some(plugin)) if plugin.manifest().supports(Operation::Wait) => {
                self.wait_by_engine(&found, &plugin, patience)
            }
            _ => self.wait_by_asking(&found, patience),
        }
    }

    /// Of a session of kst's on this machine its process is watched, and its shim writes down the end.
    fn wait_here(
        &self,
        found: &Sighting,
        entry: &Entry,
        patience: &Patience,
    ) -> Result<SessionStatus> {
        if self.dry_run() {
            return Ok(found.status.clone());
        }
        let name = &found.status.name;
        let same = || {
            let entries = self.entries_named(name);
            entries.iter().find(|one| one.run == entry.run).cloned()
        };
        let mut ended_since: Option<Instant> = None;
        loop {
            let Some(now) = same() else {
                // Somebody removed it, or started it again, at this very moment.
                return Ok(SessionStatus { exit: None, ..ended(found, SessionState::Unknown) });
            };
            let told = || from_ledger(&now, true, true, self.boot());
            if let (Some(_), Some(status)) = (now.end, told()) {
                return Ok(status);
            }
            if let (Some(at), Some(shim)) = (now.restarting, now.shim.and_then(Held::open)) {
                // Its program has ended, and is to be started again.
                ended_since = None;
                let left = at.duration_since(Timestamp::now()).max(SignedDuration::ZERO);
                let left = Duration::try_from(left).unwrap_or(AGAIN.1);
                patience.wait_for_at_most(&shim, left.clamp(RECORDED_STEP, AGAIN.1), name)?;
                continue;
            }
            // The program first: in a stop its shim stays longer.
            let alive = [now.pid, now.shim].into_iter().flatten();
            let mut alive = alive.filter_map(Held::open);
            match alive.next() {
                Some(held) if Some(held.identity) == now.pid || now.pid.is_none() => {
                    ended_since = None;
                    patience.wait_for(&held, name)?;
                }
                // Its program has ended, and it is about to write that down.
                Some(_) if ended_since.get_or_insert_with(Instant::now).elapsed() < RECORDED => {
                    patience.pause(RECORDED_STEP, name)?;
                }
                None if now.shim.is_none() => patience.pause(RECORDED_STEP, name)?,
                // Nobody is there any more who could. What was written meanwhile counts.
                _ => {
                    let last = same().and_then(|last| from_ledger(&last, true, true, self.boot()));
                    return Ok(last.unwrap_or_else(|| ended(found, SessionState::Unknown)));
                }
            }
        }
    }

    /// By the backend's own command, which ends when the session has, and then by what the engine says.
    fn wait_by_engine(
        &self,
        found: &Sighting,
        plugin: &Plugin,
        patience: &Patience,
    ) -> Result<SessionStatus> {
        let (name, at) = (&found.status.name, &found.location);
        let mut printed = None;
        self.ask_again(found, patience, || {
            let request = found.request(Operation::Wait);
            let none = SessionProcesses::none();
            let served = self.serve(plugin, request, none, |guest| guest.wait(at, name));
            let (form, door) = match served {
                Ok(served) => served,
                // It ended at this moment, or its engine did: asking will tell.
                Err(Trouble::NotFound | Trouble::NotRunning) => return Ok(printed),
                Err(Trouble::Other(Error::Unavailable { .. } | Error::Failed { .. })) => {
                    return Ok(printed);
                }
                Err(trouble) => return Err(trouble.error(name, &found.place())),
            };
            let plan = door.plan(&form).map_err(|error| error.into_error(plugin.name()))?;
            if self.dry_run() {
                return Ok(printed);
            }
            let began = Instant::now();
            let apart = plan.run_apart(patience.deadline, patience.lost.as_fd());
            match apart.map_err(|error| Error::failed(error.to_string()))? {
                Apart::Ended(status, output) => {
                    door.plan_ran(&form, &plan, began.elapsed(), status);
                    printed = code(&output).filter(|_| status.success());
                    Ok(printed)
                }
                Apart::TimedOut => Err(patience.out(name)),
                Apart::Unwanted => Err(unwanted()),
            }
        })
    }

    /// Where nothing tells of the end: by the end of its process on this machine, if that is known, and
    /// by asking.
    fn wait_by_asking(&self, found: &Sighting, patience: &Patience) -> Result<SessionStatus> {
        let name = &found.status.name;
        let pid = found.status.pid;
        let held = pid.and_then(|pid| Held::open((pid, processes::start_time(pid)?)));
        self.ask_again(found, patience, || {
            if let Some(held) = held.as_ref().filter(|held| !held.ended() && !self.dry_run()) {
                // A session may end before its process does, so it is asked for from time to time.
                patience.wait_for_at_most(held, AGAIN.1, name)?;
            }
            Ok(None)
        })
    }

    /// Ask for the session until it has ended, ever more seldom, each time after `wake` returned. What
    /// that knows of the exit counts where the session is not there any more.
    fn ask_again(
        &self,
        found: &Sighting,
        patience: &Patience,
        mut wake: impl FnMut() -> Result<Option<ExitStatus>>,
    ) -> Result<SessionStatus> {
        let name = &found.status.name;
        let mut pause = AGAIN.0;
        let mut warned = false;
        loop {
            let began = Instant::now();
            let known = wake()?;
            if self.dry_run() {
                return Ok(found.status.clone());
            }
            match self.afresh().find_reached(name, &found.filter()) {
                Ok(seen) if same_run(&seen, found) && seen.is_running() => {}
                Ok(seen) if same_run(&seen, found) => match seen.status.state {
                    // Only the ledger still knows it.
                    SessionState::Unknown if !seen.in_engine => {}
                    _ => return Ok(seen.status),
                },
                // Removed, or another one has its name now.
                Ok(_) | Err(Error::NotFound { .. } | Error::Ambiguous { .. }) => {
                    let status = ended(found, SessionState::Exited);
                    return Ok(SessionStatus { exit: known, ..status });
                }
                Err(error @ (Error::Unavailable { .. } | Error::TimedOut { .. })) => {
                    if !std::mem::replace(&mut warned, true) {
                        self.warn(&format!("{error}; waiting on for session '{name}'"));
                    }
                }
                Err(error) => return Err(error),
            }
            if began.elapsed() > AGAIN.1 {
                pause = AGAIN.0;
            }
            patience.pause(pause, name)?;
            pause = (pause * 2).min(AGAIN.1);
        }
    }
}

/// A session that was found running and is not there any more.
fn ended(found: &Sighting, state: SessionState) -> SessionStatus {
    SessionStatus { state, pid: None, exit: None, ..found.status.clone() }
}

/// The exit code that a backend's command printed.
fn code(printed: &[u8]) -> Option<ExitStatus> {
    let code: i32 = std::str::from_utf8(printed).ok()?.trim().parse().ok()?;
    (0..=255).contains(&code).then_some(ExitStatus::Code(code))
}

/// Nobody hears of it.
fn unwanted() -> Error {
    Error::failed("another session has ended first")
}

/// How long to wait: until a time, or until nobody wants to hear of it any more.
struct Patience {
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// Readable once it is lost.
    lost: OwnedFd,
}

impl Patience {
    fn new(timeout: Option<Duration>) -> Result<Self> {
        let lost = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| Error::failed(format!("nothing can be waited for: {error}")))?;
        // A time that is out of all bounds is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(Patience { timeout, deadline, lost })
    }

    /// From now on nothing is waited for.
    fn lose(&self) {
        let _ = rustix::io::write(&self.lost, &1_u64.to_ne_bytes());
    }

    fn out(&self, name: &str) -> Error {
        let seconds = self.timeout.unwrap_or_default().as_secs_f64();
        Error::TimedOut {
            what: format!(
                "session '{}' has not ended within {seconds} s",
                crate::text::escape_controls(name)
            ),
            advice: None,
        }
    }

    fn wait_for(&self, held: &Held, name: &str) -> Result<()> {
        while !held.ended() {
            self.wait_for_at_most(held, Duration::from_secs(3600), name)?;
        }
        Ok(())
    }

    fn wait_for_at_most(&self, held: &Held, most: Duration, name: &str) -> Result<()> {
        self.poll(Some(held), most, name)
    }

    fn pause(&self, pause: Duration, name: &str) -> Result<()> {
        self.poll(None, pause, name)
    }

    fn poll(&self, held: Option<&Held>, most: Duration, name: &str) -> Result<()> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(self.out(name));
        }
        let mut fds = vec![PollFd::new(&self.lost, PollFlags::IN)];
        fds.extend(held.map(|held| PollFd::from_borrowed_fd(held.as_fd(), PollFlags::IN)));
        let timeout = Timespec::try_from(left.unwrap_or(most).min(most)).ok();
        // That a signal ends it early does no harm.
        let _ = poll(&mut fds, timeout.as_ref());
        match fds.first() {
            Some(lost) if !lost.revents().is_empty() => Err(unwanted()),
            _ => Ok(()),
        }
    }
}
