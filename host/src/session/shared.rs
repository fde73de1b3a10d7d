//! Many sessions looked for at nearly the same time: their engines are asked once for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::host::Host;
use super::sighting::Sighting;
use super::survey::Filter;

/// Of so few sessions each is asked for by itself.
const FEW: usize = 8;

/// For how long is believed what the engines said. What is then done to a session is held to the very
/// one that was seen: see [`Sighting::request`].
const FRESH: Duration = Duration::from_secs(2);

/// What runs, by name, as it was seen at one time.
struct Seen {
    at: Instant,
    running: HashMap<String, Vec<Sighting>>,
}

type Place = Arc<Mutex<Option<Seen>>>;

/// What the engines say of all sessions, asked for when it is wanted and again when it is old.
pub(super) struct SharedSurvey<'h> {
    host: &'h Host,
    few: bool,
    places: Mutex<Vec<(Filter, Place)>>,
}

impl<'h> SharedSurvey<'h> {
    /// For so many sessions.
    pub(super) fn of(host: &'h Host, count: usize) -> Self {
        SharedSurvey { host, few: count <= FEW, places: Mutex::default() }
    }

    /// The one session of this name that runs, where [`Host::find`] would look for it. `None` where it
    /// is to be looked for by itself: none or several run, or they could not be asked for.
    pub(super) fn running(&self, name: &str, filter: &Filter) -> Option<Sighting> {
        if self.few {
            return None;
        }
        let scope = self.host.scope(name, filter).ok()?;
        let place = self.place(&scope);
        // Whoever comes meanwhile waits for this answer.
        let mut seen = lock(&place);
        if seen.as_ref().is_none_or(|seen| seen.at.elapsed() > FRESH) {
            *seen = Some(self.look(&scope));
        }
        match seen.as_ref()?.running.get(name)?.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    fn place(&self, scope: &Filter) -> Place {
        let mut places = lock(&self.places);
        if let Some((_, place)) = places.iter().find(|(known, _)| known == scope) {
            return Arc::clone(place);
        }
        let place = Place::default();
        places.push((scope.clone(), Arc::clone(&place)));
        place
    }

    fn look(&self, scope: &Filter) -> Seen {
        let at = Instant::now();
        let mut running: HashMap<String, Vec<Sighting>> = HashMap::new();
        // What is wrong there is told of each session that is asked for by itself.
        if let Ok(survey) = self.host.afresh().survey(scope) {
            self.host.warn_of(&survey, scope);
            for seen in survey.seen.into_iter().filter(Sighting::is_running) {
                running.entry(seen.status.name.clone()).or_default().push(seen);
            }
        }
        Seen { at, running }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
