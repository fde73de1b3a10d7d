//! Asking the engines: every backend, every location, all at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::host::Host;
use super::ledger::{Entry, Ledger};
use super::locations::{self, Wanted};
use super::serve::{SessionProcesses, Trouble};
use super::sighting::{Answered, EngineSession, Sighting, combine, place};
use super::validate;
use crate::door::{Call, Location, Locations, Operation, Placement, ProgramError, Request, Row};
use crate::guard::Guard;
use crate::limits::Limit;
use crate::plugin::{GuestSession, Plugin};
use crate::{Error, Result};

/// How long the shim of a session that is there may take to write down whose it is.
const SETTLING: Duration = Duration::from_millis(500);
/// How often the ledger is read meanwhile.
const SETTLING_STEP: Duration = Duration::from_millis(5);
/// A start that is older than this is not at work any more.
const STARTING: SignedDuration = SignedDuration::from_secs(15);

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this backend alone.
    pub backend: Option<String>,
    /// At this location alone: a tmux socket's name; `podman` or `docker`.
    pub location: Option<String>,
}

/// Whether a backend's engine could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// It answered.
    Ok,
    /// It is not installed.
    Absent,
    /// Its program is installed, and says that its engine does not run or cannot be reached. That is
    /// how a docker client is whose daemon nobody set up.
    Down,
    /// It is there, and did not answer as it should.
    Broken,
}

impl HealthState {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthState::Ok => "ok",
            HealthState::Absent => "absent",
            HealthState::Down => "down",
            HealthState::Broken => "broken",
        }
    }
}

/// What became of asking one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendHealth {
    /// The backend.
    pub backend: String,
    /// The location, if it got as far as one.
    pub location: Option<String>,
    /// Whether it answered.
    pub state: HealthState,
    /// The engine's version, where it was asked for ([`Host::probe`]).
    pub version: Option<String>,
    /// What that version lacks of what the backend can do.
    pub lacks: Vec<String>,
    /// Why it did not answer.
    pub problem: Option<String>,
    /// The exit code of that, see [`Error::exit_code`]; 0 where it answered.
    pub code: u8,
}

/// All that was found, and how asking went.
#[derive(Default)]
pub(crate) struct Survey {
    pub seen: Vec<Sighting>,
    pub health: Vec<BackendHealth>,
    /// Why those that are not well are not, in their order.
    pub troubles: Vec<Error>,
}

impl Survey {
    /// Those that are not well, each with why.
    pub(crate) fn unwell(&self) -> impl Iterator<Item = (&BackendHealth, &Error)> {
        self.health.iter().filter(|one| one.state != HealthState::Ok).zip(&self.troubles)
    }
}

/// What one location is asked.
#[derive(Clone, Copy)]
enum Question<'a> {
    Everything,
    ByName(&'a str),
}

impl Host {
    /// Ask for all sessions.
    pub(crate) fn survey(&self, filter: &Filter) -> Result<Survey> {
        self.ask_all(filter, Question::Everything)
    }

    /// Ask for the sessions of one name.
    pub(crate) fn survey_name(&self, name: &str, filter: &Filter) -> Result<Survey> {
        self.ask_all(filter, Question::ByName(name))
    }

    fn ask_all(&self, filter: &Filter, question: Question<'_>) -> Result<Survey> {
        let names = match &filter.backend {
            Some(name) => {
                self.ask_for(name)?;
                vec![name.clone()]
            }
            None => self.backends(),
        };
        let alone = filter.backend.is_some();
        let mut survey = Survey::default();
        let mut answers = Vec::new();
        let ledger = match question {
            Question::Everything => self.known_ledger().filter(Ledger::is_long),
            Question::ByName(_) => None,
        };
        let (per_backend, ahead) = thread::scope(|scope| {
            let reading = ledger.as_ref().map(|ledger| scope.spawn(|| ledger.load_ahead()));
            let answers = self.ask_each(&names, filter, question, alone);
            (answers, reading.and_then(|reading| reading.join().ok().flatten()))
        });
        for (name, asked) in names.iter().zip(per_backend) {
            match asked {
                // A backend that was named must work; of all, one may be broken.
                Err(error) if alone => return Err(error),
                Err(error) => {
                    let health = unwell(name, None, HealthState::Broken, &error);
                    survey.health.push(health);
                    survey.troubles.push(error);
                }
                Ok(asked) => {
                    for one in without_twins(asked) {
                        survey.health.push(one.health);
                        survey.troubles.extend(one.trouble);
                        answers.extend(one.answered);
                    }
                }
            }
        }
        // The ledger is read after the engines: a session that ended in between is then known to
        // have ended, for its shim writes that down before the engine lets go of it.
        let only = match question {
            Question::Everything => None,
            Question::ByName(name) => Some(name),
        };
        if let (Some(ledger), Some(ahead)) = (ledger, ahead) {
            self.use_if_unchanged(&ledger, ahead);
        }
        let entries = self.settled_entries(&answers, only);
        let boot = self.boot();
        if filter.location.is_none() {
            answers.extend(self.gone_places(&answers, &entries));
        }
        for answered in answers {
            survey.seen.extend(combine(answered, &entries, boot, only));
        }
        Ok(survey)
    }

    /// Whether a person who asked for all backends is to hear how this one is. One that is not
    /// installed is none of theirs. One whose engine is down is only where a session may be missing
    /// for it: the ledger or the config knows one there, or the config prefers that backend or place.
    pub fn is_worth_a_word(&self, health: &BackendHealth) -> bool {
        match health.state {
            HealthState::Ok | HealthState::Absent => false,
            HealthState::Broken => true,
            HealthState::Down => self.tells_all() || self.is_in_use(health),
        }
    }

    fn is_in_use(&self, health: &BackendHealth) -> bool {
        let here = |location: &str| health.location.as_deref().is_none_or(|at| at == location);
        let entries = self.entries();
        let mut started = entries.iter().filter(|entry| entry.backend == health.backend);
        if started.any(|entry| !entry.failed && here(&entry.location)) {
            return true;
        }
        let preferred = self.config_location(&health.backend);
        let default = self.config().default_backend();
        if preferred.as_deref().is_some_and(here)
            || default.is_some_and(|default| default.value == health.backend)
        {
            return true;
        }
        self.config().sessions().any(|(_, defined)| {
            let Ok(defined) = defined else { return false };
            let backend = defined.backend.clone().unwrap_or_else(|| self.default_backend());
            backend == health.backend
                // One that names no place may be at any.
                && self.defined_location(&backend, defined).is_none_or(|at| here(&at))
        })
    }

    /// What the ledger knows, now that the engines have answered. Where one has a session that a
    /// start is making at this moment, or was making when it was killed, its shim is about to write
    /// down that it is kst's: for a moment that is waited for.
    fn settled_entries(&self, answers: &[Answered], only: Option<&str>) -> Arc<Vec<Arc<Entry>>> {
        let deadline = Instant::now() + SETTLING;
        let read = || match only {
            Some(name) => self.entries_named(name),
            None => self.entries(),
        };
        let mut entries = read();
        while entries.iter().any(|entry| self.is_being_made(entry, answers)) {
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(SETTLING_STEP);
            self.afresh();
            entries = read();
        }
        entries
    }

    /// Whether a start of this run may be at work at this moment.
    pub(super) fn is_starting(&self, entry: &Entry) -> bool {
        if !entry.here || entry.is_made() || entry.failed {
            return false;
        }
        let age = Timestamp::now().duration_since(entry.started_at);
        age.abs() < STARTING && self.boot() == Some(entry.boot.as_str())
    }

    fn is_being_made(&self, entry: &Entry, answers: &[Answered]) -> bool {
        self.is_starting(entry)
            && answers.iter().any(|answered| {
                answered.plugin.name() == entry.backend
                    && answered.location.name == entry.location
                    && answered
                        .sessions
                        .iter()
                        .flatten()
                        .any(|session| session.guest.name == entry.name)
            })
    }

    /// Ask some backends at once.
    fn ask_each(
        &self,
        names: &[String],
        filter: &Filter,
        question: Question<'_>,
        alone: bool,
    ) -> Vec<Result<Vec<Asked>>> {
        if let [name] = names {
            return vec![self.ask_backend(name, filter, question, alone)];
        }
        thread::scope(|scope| {
            let asking: Vec<_> = names
                .iter()
                .map(|name| scope.spawn(|| self.ask_backend(name, filter, question, alone)))
                .collect();
            asking.into_iter().map(|thread| thread.join().unwrap_or_else(broken_thread)).collect()
        })
    }

    /// Ask one backend at all of its locations.
    fn ask_backend(
        &self,
        name: &str,
        filter: &Filter,
        question: Question<'_>,
        alone: bool,
    ) -> Result<Vec<Asked>> {
        let plugin = self.backend(name)?;
        let manifest = plugin.manifest().manifest();
        let among = match filter.location {
            Some(_) => Vec::new(),
            None => self.locations_in_use(&plugin),
        };
        let wanted = Wanted { named: filter.location.as_deref(), among: &among };
        let places = match locations::existing(manifest, &self.programs(), wanted) {
            Ok(places) => places,
            // A location of another backend: nothing of this one is meant.
            Err(_) if !alone => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        if places.is_empty() || filter.location.is_some() {
            if let Some(absent) = self.absent(&plugin, filter.location.as_deref()) {
                // It may still be in the ledger what ran there.
                let at = places.into_iter().next().unwrap_or_else(default_location);
                let answered =
                    Answered { plugin: Arc::clone(&plugin), location: at, sessions: None };
                return Ok(vec![Asked {
                    health: unwell(name, None, HealthState::Absent, &absent),
                    trouble: Some(absent),
                    answered: Some(answered),
                }]);
            }
            if places.is_empty() {
                let at = default_location();
                return Ok(vec![Asked {
                    health: healthy(name, &at),
                    trouble: None,
                    answered: Some(Answered { plugin, location: at, sessions: Some(Vec::new()) }),
                }]);
            }
        }
        Ok(if let [at] = places.as_slice() {
            vec![self.ask_location(&plugin, at, question)]
        } else {
            thread::scope(|scope| {
                let asking: Vec<_> = places
                    .iter()
                    .map(|at| scope.spawn(|| self.ask_location(&plugin, at, question)))
                    .collect();
                asking.into_iter().filter_map(|thread| thread.join().ok()).collect()
            })
        })
    }

    /// Places that only the ledger still knows: a tmux server that has gone with its socket. Nothing
    /// runs there, but what ran there can be told.
    fn gone_places(&self, answers: &[Answered], entries: &[Arc<Entry>]) -> Vec<Answered> {
        let mut gone: Vec<Answered> = Vec::new();
        for entry in entries {
            let same = |one: &&Answered| one.plugin.name() == entry.backend;
            let Some(known) = answers.iter().find(same) else { continue };
            let at_entry = |one: &Answered| {
                one.plugin.name() == entry.backend && one.location.name == entry.location
            };
            if answers.iter().any(at_entry) || gone.iter().any(at_entry) {
                continue;
            }
            let wanted = Wanted { named: Some(&entry.location), among: &[] };
            let manifest = known.plugin.manifest().manifest();
            let places =
                locations::existing(manifest, &self.programs(), wanted).unwrap_or_default();
            // On this machine a place that is gone has no sessions. Elsewhere nobody could be asked.
            let here = manifest.placement == Placement::Here;
            gone.extend(places.into_iter().map(|location| Answered {
                plugin: Arc::clone(&known.plugin),
                location,
                sessions: here.then(Vec::new),
            }));
        }
        gone
    }

    /// Ask one location.
    fn ask_location(&self, plugin: &Arc<Plugin>, at: &Location, question: Question<'_>) -> Asked {
        let answer = match question {
            Question::Everything => {
                let request = Request::new(Operation::List, at.clone());
                self.serve(plugin, request, SessionProcesses::none(), |guest| guest.list(at))
            }
            Question::ByName(name) => {
                let mut request = Request::new(Operation::Status, at.clone());
                request.name = Some(name.to_owned());
                let asked = self.serve(plugin, request, SessionProcesses::none(), |guest| {
                    guest.status(at, name)
                });
                match asked {
                    // Several have the name; the list tells each of them.
                    Ok((_, door))
                        if rows_by_name(&door.rows())
                            .get(name)
                            .is_some_and(|rows| rows.len() > 1) =>
                    {
                        return self.ask_location(plugin, at, Question::Everything);
                    }
                    Ok((session, door)) => Ok((vec![session], door)),
                    Err(Trouble::NotFound) => return self.answered(plugin, at, Vec::new()),
                    Err(trouble) => Err(trouble),
                }
            }
        };
        let sessions = answer.map_err(|trouble| trouble.error("", &place(plugin.name(), at)));
        match sessions
            .and_then(|(sessions, door)| self.believable(plugin, sessions, &door, question))
        {
            Ok(sessions) => self.answered(plugin, at, sessions),
            Err(problem) => {
                let problem = at_place(problem, plugin, at);
                let name = plugin.name();
                let sockets =
                    matches!(plugin.manifest().manifest().locations, Locations::Sockets(_));
                let state = match problem {
                    // A socket is there because something ran there.
                    Error::Unavailable { .. } if !sockets => HealthState::Down,
                    _ => HealthState::Broken,
                };
                Asked {
                    health: unwell(name, Some(&at.name), state, &problem),
                    trouble: Some(problem),
                    answered: Some(Answered {
                        plugin: Arc::clone(plugin),
                        location: at.clone(),
                        sessions: None,
                    }),
                }
            }
        }
    }

    fn answered(&self, plugin: &Arc<Plugin>, at: &Location, sessions: Vec<EngineSession>) -> Asked {
        Asked {
            health: healthy(plugin.name(), at),
            trouble: None,
            answered: Some(Answered {
                plugin: Arc::clone(plugin),
                location: at.clone(),
                sessions: Some(sessions),
            }),
        }
    }

    /// What a backend returned, held to bounds and joined with what the host itself read.
    fn believable(
        &self,
        plugin: &Plugin,
        sessions: Vec<GuestSession>,
        door: &Call,
        question: Question<'_>,
    ) -> Result<Vec<EngineSession>> {
        let limits = plugin.limits();
        let fault = |what: String| Error::PluginFault { backend: plugin.name().to_owned(), what };
        if sessions.len() > limits.sessions {
            return Err(fault(format!(
                "it returned {} sessions, more than the limit of {}; {}",
                sessions.len(),
                limits.sessions,
                Limit::Sessions.raised_by()
            )));
        }
        let rows = door.rows();
        let by_name = rows_by_name(&rows);
        let mut told: HashMap<String, usize> = HashMap::new();
        for session in &sessions {
            // Where each name stands once, there is nothing to count.
            if by_name.get(session.name.as_str()).is_some_and(|rows| rows.len() > 1) {
                *told.entry(session.name.clone()).or_default() += 1;
            }
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut found = Vec::with_capacity(sessions.len());
        for mut session in sessions {
            let sane = 1..=validate::LONGEST_FOREIGN_NAME;
            if !sane.contains(&session.name.len()) && Guard::SaneNames.holds() {
                return Err(fault("it returned a session without a name of a sane length".into()));
            }
            if let Question::ByName(name) = question
                && session.name != name
                && Guard::AnswersAsAsked.holds()
            {
                return Err(fault(format!(
                    "it was asked for '{name}' and answered with '{}'",
                    crate::text::escape_controls(&session.name)
                )));
            }
            session.details.truncate(limits.details);
            let texts = [&session.created, &session.started, &session.ended, &session.image];
            let longest = texts
                .into_iter()
                .chain([&session.health])
                .flatten()
                .chain(session.details.iter().flat_map(|(key, value)| [key, value]))
                .map(String::len)
                .max();
            if longest.is_some_and(|longest| longest > limits.text_bytes) {
                return Err(fault(format!(
                    "it returned a text longer than the limit of {} bytes; {}",
                    limits.text_bytes,
                    Limit::TextSize.raised_by()
                )));
            }
            let row = match by_name.get(session.name.as_str()).map(Vec::as_slice) {
                Some([row]) => Some(*row),
                // Several sessions of one name, told in the order of the engine's lines.
                Some(rows) if told.get(&session.name) == Some(&rows.len()) => {
                    let nth = seen.entry(session.name.clone()).or_default();
                    *nth += 1;
                    rows.get(*nth - 1).copied()
                }
                _ => None,
            };
            found.push(EngineSession {
                guest: session,
                id: row.and_then(|row| row.id.clone()),
                instance: row.and_then(|row| row.instance.clone()),
                pids: row.map(|row| row.pids.clone()).unwrap_or_default(),
                run: row.and_then(|row| row.run.clone()),
            });
        }
        Ok(found)
    }

    /// Why nothing of a backend can be asked: its program is not installed.
    pub(super) fn absent(&self, plugin: &Plugin, location: Option<&str>) -> Option<Error> {
        let manifest = plugin.manifest().manifest();
        let programs = self.programs();
        let is_program = |id: &str| manifest.programs.iter().any(|program| program.id == id);
        let needed: Vec<&str> = match location {
            Some(location) if is_program(location) => vec![location],
            _ => manifest.programs.iter().map(|program| program.id.as_str()).collect(),
        };
        let mut missing = Vec::new();
        for id in needed {
            match programs.resolve(id) {
                Ok(_) => return None,
                Err(error) => missing.push((id, error)),
            }
        }
        let refused =
            missing.iter().find(|(_, error)| !matches!(error, ProgramError::NotFound { .. }));
        let names: Vec<&str> = missing.iter().map(|(id, _)| *id).collect();
        let (what, advice) = match refused {
            Some((_, error)) => (error.to_string(), error.advice()),
            None => {
                let install = format!("install {}", names.join(" or "));
                (locations::not_installed(&names), Some(install))
            }
        };
        Some(Error::Unavailable { backend: plugin.name().to_owned(), what, advice })
    }
}

/// A location and what became of asking it.
struct Asked {
    health: BackendHealth,
    trouble: Option<Error>,
    answered: Option<Answered>,
}

fn healthy(backend: &str, at: &Location) -> BackendHealth {
    BackendHealth {
        backend: backend.to_owned(),
        location: Some(at.name.clone()),
        state: HealthState::Ok,
        version: None,
        lacks: Vec::new(),
        problem: None,
        code: 0,
    }
}

pub(super) fn unwell(
    backend: &str,
    location: Option<&str>,
    state: HealthState,
    error: &Error,
) -> BackendHealth {
    let problem = match error {
        // The backend has a column of its own.
        Error::Unavailable { what, .. } | Error::PluginFault { what, .. } => what.clone(),
        other => {
            let text = other.to_string();
            let text = text.strip_prefix("backend ").unwrap_or(&text);
            text.strip_prefix(&format!("{backend}: ")).unwrap_or(text).to_owned()
        }
    };
    BackendHealth {
        backend: backend.to_owned(),
        location: location.map(str::to_owned),
        state,
        version: None,
        lacks: Vec::new(),
        problem: Some(problem),
        code: error.exit_code(),
    }
}

fn default_location() -> Location {
    Location { name: locations::DEFAULT.into(), is_default: true, inside: false }
}

/// Say where it happened, if the backend has several places.
fn at_place(problem: Error, plugin: &Plugin, at: &Location) -> Error {
    match problem {
        Error::Unavailable { what, advice, .. } => {
            Error::Unavailable { backend: place(plugin.name(), at), what, advice }
        }
        other => other,
    }
}

/// Drop the places that are another place under a second name: the same engine (tmux: process and
/// start time), or the same sessions by their full ids (`docker` being podman).
fn without_twins(asked: Vec<Asked>) -> Vec<Asked> {
    let mut instances = HashSet::new();
    let mut ids: HashSet<String> = HashSet::new();
    asked
        .into_iter()
        .filter(|one| {
            let Some(Answered { sessions: Some(sessions), .. }) = &one.answered else {
                return true;
            };
            if let Some(instance) = sessions.iter().find_map(|session| session.instance.clone()) {
                return instances.insert(instance);
            }
            let full: Vec<&String> = sessions
                .iter()
                .filter_map(|one| one.id.as_ref())
                .filter(|id| id.len() >= 32)
                .collect();
            let twin = !full.is_empty() && full.iter().all(|id| ids.contains(*id));
            if !twin {
                ids.extend(full.into_iter().cloned());
            }
            !twin
        })
        .collect()
}

/// A thread that asked panicked; the others' answers still count.
fn broken_thread<T>(_: Box<dyn std::any::Any + Send>) -> Result<T> {
    Err(Error::failed("asking this backend failed inside kst: this is a bug"))
}

/// The rows that are about each name: one for each id that it has, in the order of the lines.
fn rows_by_name(rows: &[Row]) -> HashMap<&str, Vec<&Row>> {
    let mut by_name: HashMap<&str, Vec<&Row>> = HashMap::with_capacity(rows.len());
    for row in rows {
        let Some(name) = &row.name else { continue };
        let same_name = by_name.entry(name).or_default();
        if same_name.iter().all(|known| known.id != row.id) {
            same_name.push(row);
        }
    }
    by_name
}
