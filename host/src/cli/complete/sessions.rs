//! The sessions that a name may mean, found quickly: what kst remembers costs no program; engines are
//! asked all at once, and not waited for longer than a person notices unless there is nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kst::session::{Filter, Host, SessionState, SessionStatus};

use super::Candidate;
use super::line::Line;

/// How long engines have, where something fits that is known without them.
const NOTICED: Duration = Duration::from_millis(40);
/// And where nothing does.
const PATIENCE: Duration = Duration::from_millis(500);

/// The sessions that are known.
pub struct Known {
    sessions: Vec<SessionStatus>,
    defined: BTreeSet<String>,
    groups: Vec<String>,
}

impl Known {
    /// Gather them, at the backend and the location of the line if it names them; `fits` says which
    /// names matter.
    pub fn gather(host: Host, line: &Line<'_>, fits: impl Fn(&str) -> bool) -> Known {
        let filter = Filter {
            backend: line.values_of("backend").pop(),
            location: line.values_of("socket").pop(),
        };
        let begun = Instant::now();
        let host = Arc::new(host);
        let defined = host.config().sessions().map(|(name, _)| name.to_owned()).collect();
        let groups = host.config().groups().keys().cloned().collect();
        let backends = match &filter.backend {
            Some(backend) => vec![backend.clone()],
            None => host.backends(),
        };
        let (sender, answers) = mpsc::channel();
        for backend in &backends {
            let (host, sender) = (Arc::clone(&host), sender.clone());
            let of_one = Filter { backend: Some(backend.clone()), ..filter.clone() };
            let backend = backend.clone();
            // Nobody waits for one that takes too long: it ends with this process.
            thread::spawn(move || {
                if let Ok(listing) = host.list(&of_one) {
                    let _ = sender.send((backend, listing.sessions));
                }
            });
        }
        drop(sender);
        let mut sessions: BTreeMap<String, Vec<SessionStatus>> = BTreeMap::new();
        for session in host.remembered(&filter) {
            sessions.entry(session.backend.clone()).or_default().push(session);
        }
        let known = |sessions: &BTreeMap<String, Vec<SessionStatus>>| {
            sessions.values().flatten().any(|session| fits(&session.name))
        };
        loop {
            let patience = if known(&sessions) { NOTICED } else { PATIENCE };
            let Some(left) = patience.checked_sub(begun.elapsed()) else { break };
            let Ok((backend, answer)) = answers.recv_timeout(left) else { break };
            sessions.insert(backend, answer);
        }
        Known { sessions: sessions.into_values().flatten().collect(), defined, groups }
    }

    /// The locations where there are sessions.
    pub fn locations(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.sessions.iter().map(|one| &one.location).collect();
        all.into_iter().cloned().collect()
    }

    /// The names that a command can be given.
    pub fn names(&self, command: &str) -> Vec<Candidate> {
        let mut named: BTreeMap<&str, String> = BTreeMap::new();
        for session in self.sessions.iter().filter(|one| self.suits(command, one)) {
            let what = format!("{}, {}", session.state, session.backend);
            named.entry(&session.name).or_insert(what);
        }
        if matches!(command, "up" | "down") {
            for group in &self.groups {
                named.entry(group).or_insert_with(|| "group".to_owned());
            }
        }
        let named = named.into_iter();
        named.map(|(word, what)| Candidate { word: word.to_owned(), what }).collect()
    }

    fn suits(&self, command: &str, session: &SessionStatus) -> bool {
        let state = session.state;
        // Of a container that kst remembers only its engine knows whether it runs.
        let running = matches!(state, SessionState::Running | SessionState::Unknown);
        let ended = !matches!(state, SessionState::Running | SessionState::Defined);
        match command {
            "stop" | "attach" | "send" | "exec" | "signal" => running,
            "remove" => ended && session.ours,
            "start" => {
                let here = session.ours || self.defined.contains(&session.name);
                state != SessionState::Running && here
            }
            "up" | "down" => self.defined.contains(&session.name),
            "logs" | "wait" => state != SessionState::Defined,
            _ => true,
        }
    }
}
