//! One thing done to several sessions, some of them at the same time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::host::Host;
use super::sighting::Sighting;
use super::survey::Filter;
use crate::Result;

/// How many sessions are worked on at once. Most of that time is waiting.
const AT_ONCE: usize = 16;

/// What became of one of several sessions.
#[derive(Debug)]
pub struct Each<T> {
    /// The session's name.
    pub name: String,
    /// What came of it; one that fails does not keep the others from it.
    pub result: Result<T>,
}

/// Hears what became of each session, in the order in which they are done.
pub type Told<'a, T> = &'a (dyn Fn(&Each<T>) + Sync);

/// The names, each where it stands first.
pub(super) fn once_each(names: &[String]) -> Vec<&String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(*name)).collect()
}

impl Host {
    /// Do one thing to each of these names, once where a name stands twice. What came of each, in
    /// their order.
    pub(super) fn each_name<T: Send>(
        &self,
        names: &[String],
        filter: &Filter,
        told: Told<'_, T>,
        work: impl Fn(&str) -> Result<T> + Sync,
    ) -> Vec<Each<T>> {
        if let Some(backend) = &filter.backend {
            // Once for all; each hears the answer by itself.
            let _ = self.ask_for(backend);
        }
        let do_one = |name: &&String| Each { name: (*name).clone(), result: work(name) };
        self.at_once(&once_each(names), told, do_one)
    }

    /// Do one thing to each of these sessions, in the order of their names.
    pub(super) fn each_found<T: Send>(
        &self,
        mut found: Vec<Sighting>,
        told: Told<'_, T>,
        work: impl Fn(&Sighting) -> Result<T> + Sync,
    ) -> Vec<Each<T>> {
        found.sort_by(|one, other| {
            let key = |seen: &Sighting| (seen.status.name.clone(), seen.place());
            key(one).cmp(&key(other))
        });
        self.at_once(&found, told, |one| Each { name: one.status.name.clone(), result: work(one) })
    }

    fn at_once<J: Sync, T: Send>(
        &self,
        jobs: &[J],
        told: Told<'_, T>,
        work: impl Fn(&J) -> Each<T> + Sync,
    ) -> Vec<Each<T>> {
        // What a dry run holds back is told in order.
        let most = if self.dry_run() { 1 } else { AT_ONCE };
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(jobs.len()));
        let lock = || done.lock().unwrap_or_else(PoisonError::into_inner);
        thread::scope(|scope| {
            for _ in 0..most.min(jobs.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(at) else { break };
                        let each = work(job);
                        let mut done = lock();
                        told(&each);
                        done.push((at, each));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, each)| each).collect()
    }
}
