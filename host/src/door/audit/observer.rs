//! What the audit log hears of one call.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::record::{Record, SERIES, WORDS, What, text, words};
use super::{Audit, append};
use crate::door::{Effect, Observer, Operation, Refusal, RunInfo, RunOutcome};
use crate::session::ExitStatus;
use crate::session::processes::SessionSignal;

/// Whose doings are heard of.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub backend: String,
    /// The component's; empty where there was none at work.
    pub digest: String,
    pub operation: Operation,
    pub location: String,
    pub session: Option<String>,
}

/// How many records wait for the next program to run, where many run at once.
const MOST_ENDED: usize = 16;

/// Writes down what was done for one operation, and passes it on.
pub(crate) struct Audited {
    audit: Arc<Audit>,
    about: About,
    next: Arc<dyn Observer + Send + Sync>,
    /// The file for changes, from the first on, or from before it.
    changes: Mutex<Option<File>>,
    /// Changes that have begun and not ended: form, id and time.
    begun: Mutex<Vec<(String, String, Timestamp)>>,
    /// Records of what runs, made while it does; but for how it ended.
    half: Mutex<Vec<Record>>,
    /// What has ended: written down while the next program runs, while nothing does, or at the end.
    ended: Mutex<Vec<Record>>,
}

impl Audited {
    pub(crate) fn new(
        audit: Arc<Audit>,
        about: About,
        next: Arc<dyn Observer + Send + Sync>,
    ) -> Self {
        Audited {
            audit,
            about,
            next,
            changes: Mutex::default(),
            begun: Mutex::default(),
            half: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// A record of what happens now, without what is only known of some.
    fn record(&self, what: What) -> Record {
        let about = self.about.clone();
        Record {
            time: Timestamp::now(),
            id: new_id(),
            what,
            backend: about.backend,
            digest: about.digest,
            operation: about.operation,
            location: about.location,
            session: about.session,
            form: None,
            effect: None,
            argv: Vec::new(),
            exit_code: None,
            signal: None,
            duration_ms: None,
            error: None,
        }
    }

    fn add_change(&self, record: &Record) {
        if let Some(file) = &*self.changes() {
            append(file, record);
        }
    }

    /// The file for changes. An operation is over before another takes its place.
    fn changes(&self) -> MutexGuard<'_, Option<File>> {
        let mut file = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = self.audit.open(SERIES[0]);
        }
        file
    }

    fn write_ended(&self) {
        let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        for record in &ended {
            match record.effect {
                Some(Effect::Changes) => self.add_change(record),
                _ => self.audit.add(record),
            }
        }
    }

    /// The record that was made while this ran.
    fn take_half(&self, run: &RunInfo<'_>) -> Option<Record> {
        let mut half = self.half.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |record: &Record| {
            record.form.as_deref() == Some(run.form)
                && record.argv.len() == run.argv.len().min(WORDS)
                && record.argv.iter().zip(run.argv).all(|(kept, word)| word == kept.as_str())
        };
        half.iter().position(same).map(|at| half.swap_remove(at))
    }

    fn of_run(&self, run: &RunInfo<'_>, what: What) -> Record {
        Record {
            form: Some(run.form.to_owned()),
            effect: Some(run.effect),
            argv: words(run.argv),
            ..self.record(what)
        }
    }
}

impl Observer for Audited {
    fn planned(&self, run: &RunInfo<'_>) {
        self.next.planned(run);
    }

    fn begins(&self, run: &RunInfo<'_>) {
        let record = self.of_run(run, What::Begun);
        match run.effect {
            Effect::Changes => self.add_change(&record),
            // A plan may run for days, and the log go on to another file meanwhile.
            Effect::Plan | Effect::Reads => self.audit.add(&record),
        }
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.push((run.form.to_owned(), record.id, record.time));
        drop(begun);
        self.next.begins(run);
    }

    fn runs(&self, run: &RunInfo<'_>) {
        let record = self.of_run(run, What::Ran);
        // The time to open what comes next: of an operation that changes something, that is a change.
        match self.about.operation.only_reads() {
            true => drop(self.audit.folder()),
            false => drop(self.changes()),
        }
        self.write_ended();
        self.half.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        self.next.runs(run);
    }

    fn ran(&self, run: &RunInfo<'_>, outcome: &RunOutcome<'_>) {
        let mut record = match self.take_half(run) {
            Some(half) => Record { time: Timestamp::now(), ..half },
            None => self.of_run(run, What::Ran),
        };
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        match begun.iter().position(|(form, ..)| form == run.form) {
            Some(at) => (_, record.id, record.time) = begun.swap_remove(at),
            None => record.time = record.time.checked_sub(outcome.duration).unwrap_or(record.time),
        }
        drop(begun);
        record.duration_ms = Some((outcome.duration.as_secs_f64() * 1e6).round() / 1e3);
        match &outcome.result {
            Ok(ExitStatus::Code(code)) => record.exit_code = Some(*code),
            Ok(ExitStatus::Signal(signal)) => record.signal = Some(*signal),
            Err(error) => record.error = Some(text(&error.to_string())),
        }
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push(record);
        let many = ended.len() >= MOST_ENDED;
        drop(ended);
        // After a plan a person comes back, and nothing else may follow.
        if many || run.effect == Effect::Plan {
            self.write_ended();
        }
        self.next.ran(run, outcome);
    }

    fn rests(&self) {
        self.write_ended();
        self.next.rests();
    }

    fn would_signal(&self, signals: &[SessionSignal]) {
        self.next.would_signal(signals);
    }

    fn signalled(&self, signals: &[SessionSignal]) {
        for signal in signals {
            let argv = vec![text(&signal.to_string())];
            let effect = Some(Effect::Changes);
            self.audit.add(&Record { argv, effect, ..self.record(What::Signalled) });
        }
        self.next.signalled(signals);
    }

    fn refused(&self, refusal: &Refusal<'_>) {
        self.audit.add(&Record {
            form: refusal.form.map(text),
            error: Some(text(&refusal.error.to_string())),
            ..self.record(What::Refused)
        });
        self.next.refused(refusal);
    }

    fn noted(&self, backend: &str, text: &str) {
        self.next.noted(backend, text);
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        self.write_ended();
    }
}

/// Another id for each run: the process and a count, and when the process began to count.
fn new_id() -> String {
    static BEGAN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let began =
        BEGAN.get_or_init(|| u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default());
    format!("{:x}-{:x}-{}", began, std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
