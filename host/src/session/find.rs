//! Finding the one session that a name means.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::host::Host;
use super::locations;
use super::model::{SessionState, SessionStatus};
use super::several::Each;
use super::sighting::Sighting;
use super::survey::{BackendHealth, Filter, HealthState, Survey};
use super::validate;
use crate::door::Location;
use crate::text::nearest;
use crate::{Error, Result};

/// How long to wait for a start that is at work under a name that is looked for. A start in tmux takes
/// some hundredths of a second.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// All sessions, and how asking for them went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// By name, then backend, then location.
    pub sessions: Vec<SessionStatus>,
    /// Each location that was asked.
    pub health: Vec<BackendHealth>,
}

impl Host {
    /// Every session: running, ended, and defined in the config.
    ///
    /// # Errors
    ///
    /// Only where `filter` names a backend or location that cannot be asked at all; otherwise a
    /// broken backend is told in [`Listing::health`].
    pub fn list(&self, filter: &Filter) -> Result<Listing> {
        let mut survey = self.survey(filter)?;
        self.add_out_of_reach(&mut survey.seen, filter);
        self.add_defined(&mut survey.seen, filter);
        let mut sessions: Vec<SessionStatus> =
            survey.seen.into_iter().map(|seen| seen.status).collect();
        sessions.sort_by(|one, other| {
            (&one.name, &one.backend, &one.location).cmp(&(
                &other.name,
                &other.backend,
                &other.location,
            ))
        });
        Ok(Listing { sessions, health: survey.health })
    }

    /// Every session that kst started, wherever it is. Where engines could not be asked is warned of.
    ///
    /// # Errors
    ///
    /// `filter` names a backend or location that cannot be asked at all.
    pub(super) fn ours(&self, filter: &Filter) -> Result<Vec<Sighting>> {
        let mut survey = self.survey(filter)?;
        self.warn_of(&survey, filter);
        let mut found = std::mem::take(&mut survey.seen);
        found.retain(|seen| seen.entry.is_some());
        // Where the one place meant could not be asked, "none" would be a lie.
        let deaf = survey.health.iter().all(|health| health.state != HealthState::Ok);
        match survey.troubles.into_iter().next() {
            Some(trouble) if filter.backend.is_some() && deaf && found.is_empty() => Err(trouble),
            _ => Ok(found),
        }
    }

    /// What is known of a session.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`], or why it could not be asked for.
    pub fn status(&self, name: &str, filter: &Filter) -> Result<SessionStatus> {
        self.find(name, filter).map(|seen| seen.status)
    }

    /// What is known of each of these sessions, in their order; once where a name stands twice.
    pub fn status_each(&self, names: &[String], filter: &Filter) -> Vec<Each<SessionStatus>> {
        self.each_name(names, filter, &|_| {}, |name| self.status(name, filter))
    }

    /// The one session of this name. Running ones come before ended ones, those before what is only
    /// defined; two of the same rank are ambiguous.
    pub(crate) fn find(&self, name: &str, filter: &Filter) -> Result<Sighting> {
        self.look_for(name, filter).map(|(found, _)| found)
    }

    /// As [`Host::find`], for what reaches into the session: where its engine could not be asked, so
    /// that only the ledger tells of it, that is an error.
    pub(crate) fn find_reached(&self, name: &str, filter: &Filter) -> Result<Sighting> {
        let (found, survey) = self.look_for(name, filter)?;
        match found.entry.as_ref().is_some_and(|entry| !entry.here) {
            true => reached(found, survey),
            false => Ok(found),
        }
    }

    /// As [`Host::find_reached`], for what needs the engine also where the session runs on this machine.
    pub(crate) fn find_startable(&self, name: &str, filter: &Filter) -> Result<Sighting> {
        let (found, survey) = self.look_for(name, filter)?;
        reached(found, survey)
    }

    fn look_for(&self, name: &str, filter: &Filter) -> Result<(Sighting, Survey)> {
        match self.look_once(name, filter) {
            // Two in one place may be a run that is about to end and the one that takes its place,
            // which is not yet written down.
            Err(Error::Ambiguous { places, .. }) if !all_differ(&places) => {
                self.let_starts_end(name);
                self.afresh().look_once(name, filter)
            }
            other => other,
        }
    }

    /// Wait until nobody is starting a session of this name, but not for long.
    fn let_starts_end(&self, name: &str) {
        let Some(ledger) = self.known_ledger() else { return };
        let backends: BTreeSet<String> =
            self.afresh().entries_named(name).iter().map(|entry| entry.backend.clone()).collect();
        let begin = Instant::now();
        while begin.elapsed() < START_PATIENCE
            && backends.iter().any(|backend| ledger.is_being_started(backend, name))
        {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn look_once(&self, name: &str, filter: &Filter) -> Result<(Sighting, Survey)> {
        validate::foreign_name(name)?;
        let scope = self.scope(name, filter)?;
        let mut survey = self.survey_name(name, &scope)?;
        self.add_defined(&mut survey.seen, &scope);
        survey.seen.retain(|seen| seen.status.name == name);
        self.warn_of(&survey, &scope);
        match pick(name, &mut survey)? {
            // Not where the config means it; it may have been started elsewhere all the same.
            Some(found) if !found.is_running() && scope != *filter => {
                match self.better_elsewhere(&found, filter)? {
                    Some(elsewhere) => Ok(elsewhere),
                    None => Ok((found, survey)),
                }
            }
            Some(found) => Ok((found, survey)),
            None => Err(self.not_found(name, &scope, survey)),
        }
    }

    /// The one session of this name that has more to tell than `found`, wherever that is: it runs,
    /// or kst started it and it has ended, where the other one is only defined.
    fn better_elsewhere(
        &self,
        found: &Sighting,
        all: &Filter,
    ) -> Result<Option<(Sighting, Survey)>> {
        let name = &found.status.name;
        let mut survey = self.survey_name(name, all)?;
        survey.seen.retain(|seen| {
            let told = seen.is_running() || seen.entry.is_some();
            seen.status.name == *name && told && seen.rank() < found.rank()
        });
        Ok(pick(name, &mut survey)?.map(|better| (better, survey)))
    }

    /// Where a name is looked for: where it was said, else where the config defines it, else
    /// everywhere.
    pub(crate) fn scope(&self, name: &str, filter: &Filter) -> Result<Filter> {
        if filter.backend.is_some() || filter.location.is_some() {
            return Ok(filter.clone());
        }
        // A broken entry cannot say where its session is, so everywhere it is.
        let Ok(Some(defined)) = self.config().session(name) else { return Ok(filter.clone()) };
        let backend = defined.backend.clone().unwrap_or_else(|| self.default_backend());
        let location = self.defined_location(&backend, defined);
        Ok(Filter { backend: Some(backend), location })
    }

    /// Add the config's sessions that are not there yet.
    pub(super) fn add_defined(&self, seen: &mut Vec<Sighting>, filter: &Filter) {
        for (name, defined) in self.config().sessions() {
            let Ok(defined) = defined else { continue };
            let backend = defined.backend.clone().unwrap_or_else(|| self.default_backend());
            if filter.backend.as_ref().is_some_and(|only| *only != backend) {
                continue;
            }
            let named = self.defined_location(&backend, defined);
            let elsewhere = |wanted: &String| named.as_ref().is_some_and(|name| name != wanted);
            if filter.location.as_ref().is_some_and(elsewhere) {
                continue;
            }
            let there = seen.iter().any(|seen| {
                let meant = seen.status.backend == backend
                    && named.as_ref().is_none_or(|named| *named == seen.status.location);
                // It was started somewhere else than the config says.
                seen.status.name == name && (meant || seen.entry.is_some())
            });
            if there {
                continue;
            }
            let at = named.unwrap_or_else(|| locations::DEFAULT.to_owned());
            seen.push(Sighting {
                status: SessionStatus {
                    image: defined.options.get("image").and_then(|image| match image {
                        super::OptionValue::Text(image) => Some(image.clone()),
                        _ => None,
                    }),
                    ..SessionStatus::new(name, SessionState::Defined, &backend, &at)
                },
                plugin: None,
                location: Location {
                    is_default: at == locations::DEFAULT,
                    name: at,
                    inside: false,
                },
                entry: None,
                in_engine: false,
                id: None,
                instance: None,
            });
        }
    }

    /// Tell of what could not be asked, where that may matter.
    pub(crate) fn warn_of(&self, survey: &Survey, scope: &Filter) {
        if scope.backend.is_some() {
            return;
        }
        for (health, trouble) in survey.unwell() {
            if self.is_worth_a_word(health) {
                self.warn(&trouble.to_string());
            }
        }
    }

    fn not_found(&self, name: &str, scope: &Filter, survey: Survey) -> Error {
        let mut advice = match (self.is_out_of_reach(name), self.close_name(name)) {
            (Some(told), _) => told,
            (None, Some(close)) => format!("did you mean '{close}'?"),
            (None, None) => "see what there is: kst list".to_owned(),
        };
        // It may be where nobody could look, and that was no warning.
        for (health, trouble) in survey.unwell() {
            if health.state == HealthState::Down && !self.is_worth_a_word(health) {
                advice.push_str(&format!("\nnot asked: {trouble}"));
            }
        }
        // Where the one place meant could not be asked, that is the answer.
        match survey.troubles.into_iter().next() {
            Some(trouble) if scope.backend.is_some() => trouble,
            _ => Error::NotFound { name: name.to_owned(), advice: Some(advice) },
        }
    }

    /// The name most like this one, of those that kst knows without asking an engine.
    fn close_name(&self, name: &str) -> Option<String> {
        let (config, entries) = (self.config(), self.entries());
        let defined = config.sessions().map(|(known, _)| known);
        let started = entries.iter().map(|entry| entry.name.as_str());
        nearest(name, defined.chain(started)).map(str::to_owned)
    }
}

/// The best of what was seen; an error if two are equally good.
pub(super) fn pick(name: &str, survey: &mut Survey) -> Result<Option<Sighting>> {
    let Some(best) = survey.seen.iter().map(Sighting::rank).min() else { return Ok(None) };
    survey.seen.retain(|seen| seen.rank() == best);
    if survey.seen.len() > 1 {
        let mut places: Vec<String> = survey.seen.iter().map(Sighting::place).collect();
        places.sort();
        let backends: BTreeSet<&str> =
            survey.seen.iter().map(|seen| seen.status.backend.as_str()).collect();
        let advice = if !all_differ(&places) {
            "nothing tells them apart here: end or rename one of them with its engine's own program"
        } else if backends.len() > 1 {
            "say which with --backend NAME, and with --socket NAME where it has several places"
        } else {
            "say which with --socket NAME (a tmux socket, or podman or docker)"
        };
        return Err(Error::Ambiguous {
            name: name.to_owned(),
            places,
            advice: Some(advice.to_owned()),
        });
    }
    Ok(survey.seen.pop())
}

fn all_differ(places: &[String]) -> bool {
    let distinct: BTreeSet<&String> = places.iter().collect();
    distinct.len() == places.len()
}

/// What was found, unless its engine could not be asked.
fn reached(found: Sighting, survey: Survey) -> Result<Sighting> {
    if found.in_engine {
        return Ok(found);
    }
    let place = |health: &BackendHealth| {
        health.backend == found.status.backend
            && health.location.as_ref().is_none_or(|at| *at == found.status.location)
    };
    let trouble = survey.unwell().position(|(health, _)| place(health));
    match trouble {
        Some(at) => survey.troubles.into_iter().nth(at).map_or(Ok(found), Err),
        None => Ok(found),
    }
}
