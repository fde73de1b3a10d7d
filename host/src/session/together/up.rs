//! Bringing sessions up.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::brought::Brought;
use super::plan::{Plan, Step};
use super::ready::{Progress, Waited};
use super::stage::{Board, OnStage, Slots, Stage, each};
use crate::config::Condition;
use crate::session::find::Listing;
use crate::session::host::Host;
use crate::session::model::{ExitStatus, SessionConfig, SessionState, SessionStatus};
use crate::session::survey::Filter;
use crate::{Error, Result};

/// How many are started or stopped at once.
pub(super) const AT_ONCE: usize = 8;

/// How many lines of a session that failed are shown.
const LAST: u32 = 10;

/// How often a session is looked at that somebody else is just starting.
const STEP: Duration = Duration::from_millis(50);
/// How long somebody else may take who is just starting the same session.
const OTHERS: Duration = Duration::from_secs(10);
/// Some engines tell the time of a start in whole seconds.
const ROUNDED: Duration = Duration::from_secs(1);

/// How [`Host::up`] does it.
#[derive(Debug, Clone, Default)]
pub struct UpOptions {
    /// How long all of it may take; `None`: as long as each session's own times allow.
    pub timeout: Option<Duration>,
}

impl Host {
    /// Start the sessions of a plan that do not run, each when what it needs is so far, as many at
    /// once as can be. Returns when all are up: ready, where they say when that is, and ended with
    /// code 0 where another one waits for that.
    ///
    /// One that runs is left as it is, and so is one that has ended with code 0 for which all that
    /// need that are running. What needs one that failed is not started; all others are.
    ///
    /// `told` hears of each stage; the last ones are returned, in the order of the plan.
    ///
    /// ```no_run
    /// use kst::config::{Config, Sources};
    /// use kst::session::{Host, HostSettings, UpOptions};
    ///
    /// # fn main() -> kst::Result<()> {
    /// let config = Config::load(&Sources::default())?;
    /// let host = Host::new(HostSettings::new(config))?;
    /// let plan = host.plan_up(&["web".to_owned()])?;
    /// for (name, stage) in host.up(&plan, &UpOptions::default(), &|_, _| {})? {
    ///     println!("{name}: {}", stage.as_str());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The sessions that there are cannot be listed at all. What goes wrong with one session is its
    /// [`Stage::Failed`].
    pub fn up(
        &self,
        plan: &Plan,
        options: &UpOptions,
        told: OnStage<'_>,
    ) -> Result<Vec<(String, Stage)>> {
        let names = || plan.steps.iter().map(|step| step.name.as_str());
        // A time that is out of all bounds is none.
        let deadline = options.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let before = before(&self.list(&Filter::default())?);
        let steps: HashMap<&str, &Step> =
            plan.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        let board = Board::new(names(), told);
        let slots = Slots::new(AT_ONCE);
        each(names(), &board, |name| {
            let Some(step) = steps.get(name) else { return };
            if step.is_broken {
                // At once: it may be in a circle of sessions that wait for each other.
                let error = self.defined(name).err();
                let error = error.unwrap_or_else(|| Error::failed("its definition is broken"));
                return board.reach(name, Stage::failed(error), &[]);
            }
            if !step.depends_on.is_empty() {
                board.reach(name, Stage::Waiting, &[]);
            }
            if let Err(because) = board.wait(&step.depends_on) {
                return board.reach(name, Stage::Skipped { because }, &[]);
            }
            let done = before.get(name).is_some_and(succeeded)
                && step.is_awaited
                && plan.steps.iter().filter(|other| other.awaits(name)).all(|other| {
                    before.get(&other.name).is_some_and(|one| one.state == SessionState::Running)
                });
            if done {
                let all = [Condition::Started, Condition::Ready, Condition::Succeeded];
                return board.reach(name, Stage::Succeeded, &all);
            }
            if let Err(error) = self.up_one(step, &board, &slots, deadline) {
                board.reach(name, self.failed(name, error), &[]);
            }
        });
        Ok(board.last(names()))
    }

    fn up_one(
        &self,
        step: &Step,
        board: &Board<'_>,
        slots: &Slots,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let name = &step.name;
        let defined = self.defined(name)?;
        let began = Instant::now();
        let (status, started) = slots.with(|| {
            board.reach(name, Stage::Starting, &[]);
            self.start_unless_running(name)
        })?;
        let mut reached = vec![Condition::Started];
        if step.ready.is_none() {
            reached.push(Condition::Ready);
        }
        let brought = Brought::new(self, name, &status);
        let status = Box::new(status);
        let stage = if started { Stage::Started(status) } else { Stage::Running(status) };
        board.reach(name, stage, &reached);
        if self.dry_run() {
            return Ok(());
        }
        let mut succeeded = false;
        if let Some(ready) = &step.ready {
            board.reach(name, Stage::GettingReady, &[]);
            let latest = Instant::now() + ready.timeout;
            let latest = deadline.map_or(latest, |deadline| deadline.min(latest));
            let mut progress = Progress::new(&brought, &defined, ready)?;
            loop {
                // Whether it still runs is asked first: its last line may be the one.
                let end = brought.end()?;
                match (progress.look(latest)?, end) {
                    (Waited::Ready, _) => break,
                    // That is fine for one that others wait for to have done its work.
                    (Waited::NotYet, Some(end)) if step.is_awaited && end.is_success() => {
                        succeeded = true;
                        break;
                    }
                    (Waited::NotYet, Some(end)) => {
                        return Err(end.error(name, "before it was ready"));
                    }
                    (Waited::NotYet, None) if Instant::now() >= latest => {
                        let overall = deadline.is_some_and(|deadline| deadline <= latest);
                        return Err(not_ready(name, began.elapsed(), overall));
                    }
                    (Waited::NotYet, None) => thread::sleep(brought.step()),
                }
            }
            brought.note_ready();
            let after = if started { began.elapsed() } else { Duration::ZERO };
            board.reach(name, Stage::Ready { after }, &[Condition::Ready]);
        }
        if step.is_awaited {
            board.reach(name, Stage::AtWork, &[]);
            if !succeeded {
                let end = brought.wait(deadline)?;
                if !end.is_success() {
                    return Err(end.error(name, "and others wait for it to succeed"));
                }
            }
            board.reach(name, Stage::Succeeded, &[Condition::Succeeded]);
        }
        Ok(())
    }

    /// The session, and whether it was started just now.
    fn start_unless_running(&self, name: &str) -> Result<(SessionStatus, bool)> {
        let anywhere = Filter::default();
        let before = match self.afresh().status(name, &anywhere) {
            Ok(status) if status.state == SessionState::Running => return Ok((status, false)),
            Ok(status) => status.run,
            // What is wrong with it, its start tells better.
            Err(_) => None,
        };
        let given = SessionConfig { name: name.to_owned(), ..SessionConfig::default() };
        let began = Timestamp::now();
        let error = match self.start(&given) {
            Ok(status) => return Ok((status, true)),
            Err(error @ Error::Exists { .. }) => error,
            Err(error) => return Err(error),
        };
        // Somebody else is quicker, and may be about to make it; a short one may have ended since. Its
        // run is told by its number: the clock may have been set meanwhile.
        let is_new = |status: &SessionStatus| match status.run {
            Some(_) => status.run > before,
            None => status.created_at.is_some_and(|at| at >= began - ROUNDED),
        };
        let deadline = Instant::now() + OTHERS;
        loop {
            match self.afresh().status(name, &anywhere) {
                Ok(status) if status.state == SessionState::Running => return Ok((status, false)),
                Ok(status) if is_new(&status) => return Ok((status, false)),
                _ if Instant::now() >= deadline => return Err(error),
                _ => thread::sleep(STEP),
            }
        }
    }

    /// What went wrong, with what the session printed last.
    fn failed(&self, name: &str, error: Error) -> Stage {
        // Of one that could not be started there is only what an earlier run printed.
        let tells = matches!(error, Error::TimedOut { .. } | Error::Failed { .. });
        let last = match tells {
            true => self.afresh().logs(name, &Filter::default(), LAST).unwrap_or_default(),
            false => Vec::new(),
        };
        Stage::Failed { error: Arc::new(error), last }
    }
}

impl Step {
    fn awaits(&self, name: &str) -> bool {
        let one = |one: &crate::config::Dependency| {
            one.name == name && one.condition == Condition::Succeeded
        };
        self.depends_on.iter().any(one)
    }
}

/// What is known of each name before anything is started: of several the one that runs.
fn before(listing: &Listing) -> HashMap<String, SessionStatus> {
    let mut before: HashMap<String, SessionStatus> = HashMap::new();
    for status in &listing.sessions {
        let known = before.get(&status.name);
        if known.is_none_or(|known| known.state != SessionState::Running) {
            before.insert(status.name.clone(), status.clone());
        }
    }
    before
}

fn succeeded(status: &SessionStatus) -> bool {
    status.state == SessionState::Exited && status.exit == Some(ExitStatus::Code(0))
}

fn not_ready(name: &str, after: Duration, overall: bool) -> Error {
    let when = match overall {
        true => "when the time was up".to_owned(),
        false => format!("within {}", seconds(after)),
    };
    let longer = match overall {
        true => "`--timeout` gives all of it longer",
        false => "`ready: {timeout: …}` in the config gives it longer",
    };
    Error::TimedOut {
        what: format!("session '{name}' was not ready {when}"),
        advice: Some(format!("it runs on: 'kst logs {name}' shows what it does, and {longer}")),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
