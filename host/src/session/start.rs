//! Starting a session.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::command::resolve;
use super::find::pick;
use super::host::Host;
use super::ledger::{Entry, Event, Ledger, new_run, next_number};
use super::locations;
use super::model::{OptionValue, SessionConfig, SessionState, SessionStatus};
use super::options::{check, check_required, leave_out_others};
use super::policy::{Restart, RestartPolicy};
use super::serve::{SessionProcesses, Trouble};
use super::sighting::{self, Sighting, place, runs_on};
use super::signal_name::SignalName;
use super::survey::Filter;
use super::{environment, executable, validate};
use crate::config::env_file;
use crate::door::{
    Call, CheckedManifest, Location, Manifest, Operation, Placeholder, Placement, Request,
};
use crate::guard::Guard;
use crate::plugin::{GuestSession, GuestState, Plugin, StartRequest as GuestStart};
use crate::shim::{Inbox, Report, Ticket, wait_for_writer};
use crate::text::shown_path;
use crate::{Error, Result};

/// How long another start of the same name may take before this one gives up.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How long the log of a run that has just ended may take to be there.
const LOG_PATIENCE: Duration = Duration::from_millis(300);
/// How long an engine may take to let go of a session whose command could not be started.
const GONE_PATIENCE: Duration = Duration::from_secs(2);
/// How often it is asked.
const GONE_STEP: Duration = Duration::from_millis(10);
/// How long to wait before an engine that was not there for a moment is asked again, each time.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(400),
];
/// A ticket older than this belongs to no start that still goes on.
const TICKET_AGE: Duration = Duration::from_secs(120);
/// How long a shim may take to tell that it started the command.
const REPORT_PATIENCE: Duration = Duration::from_secs(15);

/// A session that is about to be made: everything checked, nothing done.
pub(super) struct Prepared {
    plugin: Arc<Plugin>,
    at: Location,
    config: SessionConfig,
    options: BTreeMap<String, OptionValue>,
    /// The words of the command.
    words: Option<Vec<String>>,
    /// Whether anything but the name was said.
    defined: bool,
}

impl Host {
    /// Start a session. What the config defines under its name is the base; what `given` says goes
    /// before it (variables are added to its variables, lists replace its lists).
    ///
    /// Returns when the command has been started, and fails if it could not be.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::Config`] for what cannot be meant, [`Error::Exists`] where the
    /// name is taken, [`Error::Start`] where the command or the engine failed. A start that fails
    /// leaves nothing behind.
    pub fn start(&self, given: &SessionConfig) -> Result<SessionStatus> {
        validate::session_name(&given.name)?;
        let defined = self.config().session(&given.name)?;
        let mut merged = merge(given, defined);
        let has_definition = defined.is_some() || says_more_than_a_name(given);
        if given.backend.is_none()
            && defined.is_none()
            && self.preferred_backend().is_none()
            && let Some(status) = self.start_where_it_is(given, has_definition)?
        {
            return Ok(status);
        }
        if let Some(defined) = defined {
            let backend = merged.backend.clone().unwrap_or_else(|| self.default_backend());
            let plugin = self.backend_of(&backend, &given.name)?;
            let manifest = plugin.manifest().manifest();
            leave_out_others(manifest, &mut merged.options, defined);
            self.check_defined(manifest, defined, &merged)?;
        }
        let prepared = self.prepare(merged, has_definition)?;
        self.start_prepared(prepared)
    }

    /// Nobody said where: if the name exists anywhere, that decides. `None`: it does not.
    fn start_where_it_is(
        &self,
        given: &SessionConfig,
        has_definition: bool,
    ) -> Result<Option<SessionStatus>> {
        let filter = Filter { backend: None, location: given.location.clone() };
        let mut survey = self.survey_name(&given.name, &filter)?;
        self.warn_of(&survey, &filter);
        survey.seen.retain(|seen| seen.status.name == given.name);
        let Some(found) = pick(&given.name, &mut survey)? else {
            if let Some(told) = self.is_out_of_reach(&given.name) {
                self.warn(&told);
            }
            return Ok(None);
        };
        if found.is_running() {
            return Err(already(&found));
        }
        let mut config = given.clone();
        if !has_definition && let Some(entry) = &found.entry {
            // The same again, as it was started before.
            if let Some(spec) = self.ledger()?.spec(&entry.run) {
                config = spec;
            }
        }
        config.backend = Some(found.status.backend.clone());
        config.location = Some(found.status.location.clone());
        let prepared = self.prepare(config, has_definition || found.entry.is_some())?;
        self.start_prepared(prepared).map(Some)
    }

    /// Check all that can be checked before anything is made.
    pub(super) fn prepare(&self, mut config: SessionConfig, defined: bool) -> Result<Prepared> {
        read_env_files(&mut config)?;
        let backend = config.backend.clone().unwrap_or_else(|| self.default_backend());
        let plugin = self.backend_of(&backend, &config.name)?;
        let manifest = plugin.manifest().manifest();
        let base = current_dir()?;
        let checked = check(manifest, &config.options, &base)
            .map_err(|error| self.other_with_option(manifest, &config.options, error))?;
        let named = config.location.take().or(checked.location);
        let named = named.or_else(|| self.config_location(&backend));
        let at = locations::for_start(manifest, &self.programs(), named.as_deref())?;
        validate::env(&config.env)?;
        check_restart(&mut config, manifest)?;
        if let Some(signal) = &config.stop_signal {
            config.stop_signal = Some(signal.parse::<SignalName>()?.name().to_owned());
        }
        let here = manifest.placement == Placement::Here;
        let words = config.command.as_ref().map(|command| resolve(command, here)).transpose()?;
        if defined {
            check_required(manifest, &checked.options)?;
        }
        if here {
            let dir = match &config.working_dir {
                Some(dir) => base.join(dir),
                None => base,
            };
            check_directory(&config.name, &dir)?;
            if let Some(words) = &words {
                executable::check(words, &dir, environment::path_of(&config.env))
                    .map_err(|what| cannot_start(&config.name, what))?;
            }
            config.working_dir = Some(dir);
        }
        config.backend = Some(backend);
        config.location = Some(at.name.clone());
        // What is kept of it means the same from another directory.
        config.options.clone_from(&checked.options);
        Ok(Prepared { plugin, at, config, options: checked.options, words, defined })
    }

    pub(super) fn start_prepared(&self, prepared: Prepared) -> Result<SessionStatus> {
        let ledger = self.ledger()?;
        let name = &prepared.config.name;
        let _lock = ledger.lock_name(prepared.plugin.name(), name, LOCK_PATIENCE)?;
        // Read under the lock, for another start may just have ended.
        let entries = ledger.load();
        let mut earlier: Vec<&Arc<Entry>> = entries
            .iter()
            .filter(|entry| {
                entry.backend == prepared.plugin.name()
                    && entry.location == prepared.at.name
                    && entry.name == *name
            })
            .collect();
        // It may have lost its engine, or be on a socket that is out of sight: it is not given up for
        // another of its name.
        if earlier.iter().any(|entry| runs_on(entry, self.boot())) {
            return Err(start_error(&prepared, Trouble::AlreadyExists));
        }
        let number = next_number(&entries, prepared.plugin.name(), name);
        // Without what a new session needs, only one that is there already can be meant.
        let made = match lacking(&prepared) {
            Some(_) => Err(Trouble::AlreadyExists),
            None => self.make(&prepared, &ledger, number),
        };
        let result = match made {
            Err(Trouble::AlreadyExists) => self.replace_or_resume(&prepared, &ledger, number),
            other => other.map_err(|trouble| start_error(&prepared, trouble)),
        };
        if let (Ok(status), false) = (&result, self.dry_run()) {
            // What the last one printed is kept until there is another one, or all are removed.
            let last = earlier.iter().rposition(|entry| {
                // One that has just ended may not have its log yet.
                ledger.has_log(&entry.run)
                    || entry.here && entry.is_made() && wait_for_writer(&entry.log, LOG_PATIENCE)
            });
            let last = last.filter(|_| status.ours);
            for (at, entry) in earlier.drain(..).enumerate() {
                let done = match last == Some(at) {
                    true => ledger.remove_spec(&entry.run),
                    false => ledger.remove_run(&entry.run),
                };
                if let Err(error) = done {
                    self.warn(&error.to_string());
                }
            }
        }
        result
    }

    /// The engine has a session of this name. An ended one of kst's gives way; an ended one of
    /// somebody else's is started as it is, unless something else was asked for.
    fn replace_or_resume(
        &self,
        prepared: &Prepared,
        ledger: &Ledger,
        number: u32,
    ) -> Result<SessionStatus> {
        let name = &prepared.config.name;
        let filter = Filter {
            backend: Some(prepared.plugin.name().to_owned()),
            location: Some(prepared.at.name.clone()),
        };
        let fresh = self.afresh();
        let survey = fresh.survey_name(name, &filter)?;
        let found =
            survey.seen.into_iter().find(|seen| seen.status.name == *name && seen.in_engine);
        let make = |prepared: &Prepared| {
            self.make(prepared, ledger, number).map_err(|trouble| start_error(prepared, trouble))
        };
        let Some(found) = found else {
            if let Some(trouble) = survey.troubles.into_iter().next() {
                return Err(trouble);
            }
            // It has gone in the meantime, or never was.
            return lacking(prepared).map_or_else(|| make(prepared), Err);
        };
        if found.is_running() {
            return Err(already(&found));
        }
        if let Some(entry) = &found.entry {
            // Without a definition it is the same again.
            let same = ledger.spec(&entry.run).filter(|_| !prepared.defined);
            let same = same.map(|spec| self.prepare(spec, true)).transpose()?;
            let prepared = same.as_ref().unwrap_or(prepared);
            if let Some(lacking) = lacking(prepared) {
                return Err(lacking);
            }
            self.keep_log(&found, entry, ledger);
            fresh.remove_from_engine(&found)?;
            return make(prepared);
        }
        if prepared.defined {
            return Err(Error::Exists {
                name: name.clone(),
                place: found.place(),
                advice: Some(format!(
                    "it has ended, and kst did not make it, so it is not replaced: start it as it is \
                     with 'kst start {name}' without a definition, or remove it yourself"
                )),
            });
        }
        self.resume(prepared).map_err(|trouble| start_error(prepared, trouble))
    }

    /// The same, with the name to oneself.
    pub(super) fn resume_locked(&self, prepared: &Prepared) -> Result<SessionStatus> {
        let name = &prepared.config.name;
        let _lock = self.ledger()?.lock_name(prepared.plugin.name(), name, LOCK_PATIENCE)?;
        self.resume(prepared).map_err(|trouble| start_error(prepared, trouble))
    }

    /// Start a session that has ended, and that kst did not make, as it is. It stays foreign.
    fn resume(&self, prepared: &Prepared) -> Result<SessionStatus, Trouble> {
        let name = &prepared.config.name;
        let mut request = Request::new(Operation::Start, prepared.at.clone());
        request.name = Some(name.clone());
        request.resume = true;
        let ask = GuestStart {
            name: name.clone(),
            has_command: false,
            resume: true,
            options: Vec::new(),
        };
        let at = &prepared.at;
        let none = SessionProcesses::none();
        let (session, _) =
            self.serve(&prepared.plugin, request, none, |guest| guest.start(at, &ask))?;
        Ok(status_of(prepared, session, None, false))
    }

    /// Make a new session.
    fn make(
        &self,
        prepared: &Prepared,
        ledger: &Ledger,
        number: u32,
    ) -> Result<SessionStatus, Trouble> {
        let manifest = prepared.plugin.manifest().manifest();
        let here = manifest.placement == Placement::Here;
        let run = new_run().map_err(Trouble::Other)?;
        let name = &prepared.config.name;
        let mut request = Request::new(Operation::Start, prepared.at.clone());
        request.name = Some(name.clone());
        request.run = Some(run.clone());
        request.options = prepared.options.clone();
        let dir = prepared.config.working_dir.as_deref().and_then(Path::to_str);
        request.workdir = dir.map(str::to_owned);
        let mut launch = None;
        if here {
            let made = self.launch(prepared, ledger, &run).map_err(Trouble::Other)?;
            request.launch = Some(made.shim.clone());
            request.recorder = Some(made.recorder.clone());
            request.log = Some(made.log.clone());
            launch = Some(made);
        } else {
            request.signal.clone_from(&prepared.config.stop_signal);
            request.restart = prepared.config.restart.as_ref().map(words_of);
            request.command = prepared.words.clone();
            request.env = prepared
                .config
                .env
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
        }
        let write = |event: &Event| {
            if self.dry_run() { Ok(()) } else { ledger.append(event) }.map_err(Trouble::Other)
        };
        let began = Timestamp::now();
        write(&Event::Start {
            run: run.clone(),
            name: name.clone(),
            backend: prepared.plugin.name().to_owned(),
            location: prepared.at.name.clone(),
            boot: self.boot().unwrap_or_default().to_owned(),
            at: began,
            number,
            log: None,
            here,
            restart: prepared.config.restart.clone(),
        })?;
        if !self.dry_run() {
            ledger.save_spec(&run, &prepared.config).map_err(Trouble::Other)?;
        }
        let ask = GuestStart {
            name: name.clone(),
            has_command: prepared.words.is_some(),
            resume: false,
            options: prepared
                .options
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        };
        let at = &prepared.at;
        let mut pauses = AGAIN.iter();
        let served = loop {
            let none = SessionProcesses::none();
            let request = request.clone();
            let served = self.serve(&prepared.plugin, request, none, |guest| guest.start(at, &ask));
            match pauses.next() {
                Some(pause) if self.may_try_again(prepared, &served, launch.as_ref()) => {
                    std::thread::sleep(*pause);
                }
                _ => break served,
            }
        };
        let made = served.and_then(|(session, door)| {
            self.settle(prepared, ledger, &run, session, &door, launch.as_mut())
        });
        let made = made.map(|status| SessionStatus {
            run: Some(number),
            started_at: if here { Some(began) } else { status.started_at },
            restarts: if here { Some(0) } else { status.restarts },
            ..status
        });
        match &made {
            Ok(_) => {}
            // The engine has it, and it is kst's; what it does is not known.
            Err(Trouble::Other(Error::TimedOut { .. })) => {}
            // Nothing came of it: leave nothing of it.
            Err(_) if self.dry_run() => {}
            Err(_) => {
                let _ = ledger.remove_run(&run);
            }
        }
        made
    }

    /// The engine made a session: write down which, and wait for the command to be running.
    fn settle(
        &self,
        prepared: &Prepared,
        ledger: &Ledger,
        run: &str,
        session: GuestSession,
        door: &Call,
        launch: Option<&mut Launch>,
    ) -> Result<SessionStatus, Trouble> {
        let name = &prepared.config.name;
        if session.name != *name && Guard::AnswersAsAsked.holds() {
            return Err(Trouble::Other(Error::PluginFault {
                backend: prepared.plugin.name().to_owned(),
                what: format!(
                    "it was asked to start '{name}' and answered with '{}'",
                    crate::text::escape_controls(&session.name)
                ),
            }));
        }
        let row = door.bound();
        let id = row.as_ref().and_then(|row| row.id.clone());
        let instance = row.as_ref().and_then(|row| row.instance.clone());
        ledger
            .append(&Event::Made { run: run.to_owned(), id: id.clone(), instance })
            .map_err(Trouble::Other)?;
        let Some(launch) = launch else { return Ok(status_of(prepared, session, None, true)) };
        match launch.report.wait(Instant::now() + REPORT_PATIENCE) {
            Ok(Report::Started { pid }) => Ok(status_of(prepared, session, Some(pid), true)),
            Ok(Report::Failed { what, .. }) => {
                self.wait_until_gone(prepared, id.as_deref());
                Err(Trouble::Other(cannot_start(name, what)))
            }
            Err(_) => Err(Trouble::Other(Error::TimedOut {
                what: format!(
                    "{} made session '{name}', but its command did not start within {} seconds",
                    prepared.plugin.name(),
                    REPORT_PATIENCE.as_secs()
                ),
                advice: Some(format!("see what is there with 'kst status {name}'")),
            })),
        }
    }

    /// Whether a start failed for want of an engine that is there otherwise (a tmux server ends with
    /// its last session), and made nothing: the ticket, which is good for one start, is not used.
    fn may_try_again<T>(
        &self,
        prepared: &Prepared,
        served: &Result<T, Trouble>,
        launch: Option<&Launch>,
    ) -> bool {
        matches!(served, Err(Trouble::Other(Error::Unavailable { .. })))
            && launch.is_some_and(|launch| launch.ticket.exists())
            && self.absent(&prepared.plugin, None).is_none()
    }

    /// Wait for the engine to let go of a session whose command could not be started: its shim has
    /// ended, so it does that by itself.
    fn wait_until_gone(&self, prepared: &Prepared, id: Option<&str>) {
        let name = &prepared.config.name;
        let at = &prepared.at;
        let deadline = Instant::now() + GONE_PATIENCE;
        while Instant::now() < deadline {
            let mut request = Request::new(Operation::Status, at.clone());
            request.name = Some(name.clone());
            let none = SessionProcesses::none();
            let asked = self.serve(&prepared.plugin, request, none, |guest| guest.status(at, name));
            match asked {
                Ok((_, door)) if door.bound().and_then(|row| row.id).as_deref() == id => {
                    std::thread::sleep(GONE_STEP);
                }
                _ => return,
            }
        }
    }

    /// The shim's ticket, its command line, and the writer of the log.
    fn launch(&self, prepared: &Prepared, ledger: &Ledger, run: &str) -> Result<Launch> {
        let program = self.shim_program()?;
        let tickets = ledger.tickets()?;
        sweep(&tickets);
        ledger.logs()?;
        let log = ledger.log(run);
        let report = Inbox::create(&tickets).map_err(|error| cannot_keep(&tickets, &error))?;
        let (argv, arg0) = match &prepared.words {
            Some(words) => (words.iter().map(OsString::from).collect(), None),
            None => environment::login_shell(),
        };
        let dir = prepared.config.working_dir.clone().unwrap_or_else(|| PathBuf::from("/"));
        let history = prepared.config.history.unwrap_or_else(|| self.config().history());
        let ticket = Ticket {
            argv,
            arg0,
            env: environment::with(&prepared.config.env, &dir),
            dir,
            keeps: prepared.plugin.manifest().manifest().keeps.clone(),
            stop_signal: prepared
                .config
                .stop_signal
                .as_ref()
                .and_then(|signal| signal.parse::<SignalName>().ok())
                .map(SignalName::number),
            restart: prepared.config.restart.clone(),
            ledger: ledger.file(),
            run: run.to_owned(),
            report: report.path().to_owned(),
            log: writes_its_log(prepared.plugin.manifest()).then(|| (log.clone(), history)),
        };
        let ticket = ticket.write(&tickets).map_err(|error| cannot_keep(&tickets, &error))?;
        let shim = vec![program.clone().into(), "shim".into(), ticket.clone().into_os_string()];
        let (file, most) = (log.clone().into_os_string(), history.to_string().into());
        let recorder = vec![program.into(), "record".into(), file, most];
        Ok(Launch { shim, recorder, log, report, ticket })
    }
}

/// Remove tickets and pipes that a start left which was killed: no shim will come for them.
fn sweep(tickets: &Path) {
    let Ok(entries) = std::fs::read_dir(tickets) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().ok().and_then(|meta| meta.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age > TICKET_AGE) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// What a start on this machine needs besides the request. What nobody took of it goes with it.
struct Launch {
    /// The shim's command line.
    shim: Vec<OsString>,
    /// The command line of the log's writer.
    recorder: Vec<OsString>,
    log: PathBuf,
    /// Where the shim reports.
    report: Inbox,
    ticket: PathBuf,
}

impl Drop for Launch {
    fn drop(&mut self) {
        // The shim takes the ticket; it is still there only if no shim was started.
        let _ = std::fs::remove_file(&self.ticket);
    }
}

/// Whether an engine writes the logs of its sessions itself.
fn writes_its_log(manifest: &CheckedManifest) -> bool {
    let forms = manifest.manifest().forms.iter();
    forms.filter_map(|declared| manifest.form(&declared.name)).any(|form| {
        form.operations().contains(&Operation::Start) && form.mentions(&Placeholder::Log)
    })
}

/// Why nothing new can be made of it: an option that a new session needs is not given.
fn lacking(prepared: &Prepared) -> Option<Error> {
    check_required(prepared.plugin.manifest().manifest(), &prepared.options).err()
}

/// What the command line says, before what the config says.
fn merge(given: &SessionConfig, defined: Option<&SessionConfig>) -> SessionConfig {
    let Some(defined) = defined else { return given.clone() };
    let mut env = defined.env.clone();
    env.extend(given.env.clone());
    let mut options = defined.options.clone();
    options.extend(given.options.clone());
    SessionConfig {
        name: given.name.clone(),
        backend: given.backend.clone().or_else(|| defined.backend.clone()),
        location: given.location.clone().or_else(|| defined.location.clone()),
        command: given.command.clone().or_else(|| defined.command.clone()),
        working_dir: given.working_dir.clone().or_else(|| defined.working_dir.clone()),
        env,
        env_files: defined.env_files.iter().chain(&given.env_files).cloned().collect(),
        options,
        stop_signal: given.stop_signal.clone().or_else(|| defined.stop_signal.clone()),
        stop_timeout: given.stop_timeout.or(defined.stop_timeout),
        restart: given.restart.clone().or_else(|| defined.restart.clone()),
        history: given.history.or(defined.history),
        defined_in: defined.defined_in.clone(),
    }
}

/// Check when the program is to be started again; one that never is has nothing to say about that.
fn check_restart(config: &mut SessionConfig, manifest: &Manifest) -> Result<()> {
    config.restart = config.restart.take().filter(|policy| policy.when != Restart::Never);
    let Some(policy) = &config.restart else { return Ok(()) };
    policy.check()?;
    if manifest.placement == Placement::Here {
        return Ok(());
    }
    let unsupported = |what: &str| {
        Err(Error::Unsupported { backend: manifest.name.clone(), what: what.to_owned() })
    };
    if policy.backoff.is_some() || policy.max_backoff.is_some() {
        return unsupported(
            "how long it waits before it starts a session again is the engine's own choice: leave \
             `backoff` and `max_backoff` out",
        );
    }
    if policy.when == Restart::Always && policy.max.is_some() {
        return unsupported("a limit of restarts goes with on-failure alone, not with always");
    }
    Ok(())
}

/// A policy by the words that engines have for it. What is stopped is to stay so.
fn words_of(policy: &RestartPolicy) -> String {
    match policy.when {
        Restart::Always => "unless-stopped".to_owned(),
        _ => policy.to_string(),
    }
}

/// The variables of files, below those that are written out. What was read counts from then on: a
/// session that is started again gets what it had.
fn read_env_files(config: &mut SessionConfig) -> Result<()> {
    let mut env = BTreeMap::new();
    for file in std::mem::take(&mut config.env_files) {
        env_file::add(&file, &mut env)?;
    }
    env.append(&mut config.env);
    config.env = env;
    Ok(())
}

fn says_more_than_a_name(given: &SessionConfig) -> bool {
    given.command.is_some()
        || given.working_dir.is_some()
        || !given.env.is_empty()
        || !given.env_files.is_empty()
        || !given.options.is_empty()
        || given.stop_signal.is_some()
        || given.stop_timeout.is_some()
        || given.restart.is_some()
}

fn status_of(
    prepared: &Prepared,
    session: GuestSession,
    pid: Option<u32>,
    ours: bool,
) -> SessionStatus {
    let time = |text: &Option<String>| text.as_deref().and_then(sighting::time);
    let running = session.state == GuestState::Running;
    SessionStatus {
        state: if running { SessionState::Running } else { SessionState::Exited },
        backend: prepared.plugin.name().to_owned(),
        location: prepared.at.name.clone(),
        pid: pid.filter(|_| running),
        created_at: time(&session.created).or_else(|| Some(Timestamp::now())),
        started_at: time(&session.started),
        ready_at: None,
        ended_at: time(&session.ended),
        exit: session.exit.filter(|_| !running),
        out_of_memory: session.out_of_memory,
        run: None,
        restarts: session.restarts,
        restarting: false,
        restarting_at: None,
        last_exit: None,
        last_ended_at: None,
        window_count: session.windows,
        image: session.image,
        health: session.health,
        details: session.details,
        name: session.name,
        ours,
    }
}

fn start_error(prepared: &Prepared, trouble: Trouble) -> Error {
    let name = &prepared.config.name;
    match trouble {
        Trouble::AlreadyExists => Error::Exists {
            name: name.clone(),
            place: place(prepared.plugin.name(), &prepared.at),
            advice: Some(format!("see it with 'kst status {name}', end it with 'kst stop {name}'")),
        },
        // A backend's "failed" is about this start.
        Trouble::Other(Error::Failed { what, advice }) => {
            Error::Start { name: name.clone(), what, advice }
        }
        trouble => trouble.error(name, &place(prepared.plugin.name(), &prepared.at)),
    }
}

fn already(found: &Sighting) -> Error {
    let name = &found.status.name;
    Error::Exists {
        name: name.clone(),
        place: found.place(),
        advice: Some(format!("reach it with 'kst attach {name}', end it with 'kst stop {name}'")),
    }
}

fn cannot_start(name: &str, what: String) -> Error {
    Error::Start { name: name.to_owned(), what, advice: None }
}

fn cannot_keep(folder: &Path, error: &std::io::Error) -> Error {
    super::ledger::cannot_keep(&format!("nothing can be written in {}", folder.display()), error)
}

fn check_directory(name: &str, dir: &Path) -> Result<()> {
    if dir.to_string_lossy().contains(char::is_control) {
        return Err(Error::Start {
            name: name.to_owned(),
            what: format!(
                "the name of the working directory '{}' holds a control character, which cannot be \
                 passed on to an engine",
                shown_path(dir)
            ),
            advice: Some("start it from another directory, or name one with --workdir".into()),
        });
    }
    if dir.is_dir() {
        return Ok(());
    }
    let what = if dir.exists() { "is not a directory" } else { "does not exist" };
    Err(cannot_start(name, format!("the working directory {} {what}", shown_path(dir))))
}

fn current_dir() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| Error::Failed {
        what: format!("the current directory cannot be used: {error}"),
        advice: Some("change to a directory that exists".into()),
    })
}
