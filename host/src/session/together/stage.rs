//! How far each session has come, known to all who wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Error;
use crate::config::{Condition, Dependency};
use crate::session::model::SessionStatus;

/// How far a session has come.
#[derive(Debug, Clone)]
pub enum Stage {
    /// It waits for others.
    Waiting,
    /// It is being started.
    Starting,
    /// It was started just now.
    Started(Box<SessionStatus>),
    /// It ran already.
    Running(Box<SessionStatus>),
    /// It runs, and is not ready yet.
    GettingReady,
    /// It runs, and others wait for it to end with code 0.
    AtWork,
    /// It is ready.
    Ready {
        /// How long that took; zero where it was so already.
        after: Duration,
    },
    /// It has ended by itself with code 0, as somebody waits for it to.
    Succeeded,
    /// Something is wrong with it.
    Failed {
        /// Why.
        error: Arc<Error>,
        /// What it printed last.
        last: Vec<u8>,
    },
    /// It was not started, or not stopped, because of another one.
    Skipped {
        /// The other one's name.
        because: String,
    },
    /// It is being stopped.
    Stopping,
    /// It was stopped.
    Stopped(Box<SessionStatus>),
    /// It was not running.
    NotRunning,
    /// It runs, and kst did not start it.
    LeftAlone,
}

impl Stage {
    /// The word used in JSON and in the live view.
    pub fn as_str(&self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Starting => "starting",
            Stage::Started(_) => "started",
            Stage::Running(_) => "running",
            Stage::GettingReady => "getting ready",
            Stage::AtWork => "at work",
            Stage::Ready { .. } => "ready",
            Stage::Succeeded => "succeeded",
            Stage::Failed { .. } => "failed",
            Stage::Skipped { .. } => "skipped",
            Stage::Stopping => "stopping",
            Stage::Stopped(_) => "stopped",
            Stage::NotRunning => "not running",
            Stage::LeftAlone => "left alone",
        }
    }

    pub(super) fn failed(error: Error) -> Self {
        Stage::Failed { error: Arc::new(error), last: Vec::new() }
    }

    /// Whether it is as it should not be.
    pub fn is_bad(&self) -> bool {
        matches!(self, Stage::Failed { .. } | Stage::Skipped { .. })
    }
}

/// Hears of each stage as it is reached, from several threads.
pub type OnStage<'t> = &'t (dyn Fn(&str, &Stage) + Sync);

/// What one session has reached so far.
#[derive(Debug, Default, Clone)]
struct Reached {
    conditions: Vec<Condition>,
    /// It will reach no more.
    over: bool,
    bad: bool,
    stage: Option<Stage>,
}

/// The stages of all.
pub(super) struct Board<'t> {
    reached: Mutex<HashMap<String, Reached>>,
    changed: Condvar,
    told: OnStage<'t>,
}

impl<'t> Board<'t> {
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>, told: OnStage<'t>) -> Self {
        let reached = names.map(|name| (name.to_owned(), Reached::default())).collect();
        Board { reached: Mutex::new(reached), changed: Condvar::new(), told }
    }

    /// A session has come to a stage, and with it to what others may wait for.
    pub(super) fn reach(&self, name: &str, stage: Stage, conditions: &[Condition]) {
        (self.told)(name, &stage);
        let mut all = self.lock();
        let reached = all.entry(name.to_owned()).or_default();
        reached.conditions.extend(conditions);
        reached.bad |= stage.is_bad();
        reached.stage = Some(stage);
        drop(all);
        self.changed.notify_all();
    }

    /// A session will come no further.
    pub(super) fn over(&self, name: &str) {
        self.lock().entry(name.to_owned()).or_default().over = true;
        self.changed.notify_all();
    }

    /// Wait until all of `needed` are so far; the error is the name of one that will not be.
    pub(super) fn wait(&self, needed: &[Dependency]) -> Result<(), String> {
        let mut all = self.lock();
        loop {
            let mut missing = false;
            for one in needed {
                let reached = all.get(&one.name).cloned().unwrap_or_default();
                if reached.conditions.contains(&one.condition) {
                    continue;
                }
                if reached.bad || reached.over {
                    return Err(one.name.clone());
                }
                missing = true;
            }
            if !missing {
                return Ok(());
            }
            all = self.changed.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wait until each of these is over; the error is the name of one that went wrong.
    pub(super) fn wait_over(&self, names: &[&str]) -> Result<(), String> {
        let mut all = self.lock();
        loop {
            let of = |name: &&str| all.get(*name).cloned().unwrap_or_default();
            if let Some(bad) = names.iter().find(|name| of(name).bad) {
                return Err((*bad).to_owned());
            }
            if names.iter().all(|name| of(name).over) {
                return Ok(());
            }
            all = self.changed.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The last stage of each, in the order of `names`.
    pub(super) fn last<'n>(self, names: impl Iterator<Item = &'n str>) -> Vec<(String, Stage)> {
        let mut all = self.reached.into_inner().unwrap_or_else(PoisonError::into_inner);
        names
            .map(|name| {
                let stage = all.remove(name).and_then(|reached| reached.stage);
                (name.to_owned(), stage.unwrap_or(Stage::Waiting))
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Reached>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Do something about each of these names on a thread of its own, and wait for all.
pub(super) fn each<'n>(
    names: impl Iterator<Item = &'n str>,
    board: &Board<'_>,
    work: impl Fn(&'n str) + Sync,
) {
    let work = &work;
    std::thread::scope(|scope| {
        for name in names {
            let one = move || {
                work(name);
                board.over(name);
            };
            if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, one) {
                let what = format!("there is no thread for it: {error}");
                board.reach(name, Stage::failed(Error::failed(what)), &[]);
                board.over(name);
            }
        }
    });
}

/// How many are started or stopped at once.
pub(super) struct Slots {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Slots { free: Mutex::new(count), changed: Condvar::new() }
    }

    /// Do something as soon as there is a slot for it.
    pub(super) fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.changed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let done = work();
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_one();
        done
    }
}
