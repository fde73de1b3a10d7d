//! One operation at one location: every run of it, its limits, and what it learned.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::bind::{Binding, Bindings, Row};
use super::carry;
use super::check::CheckedManifest;
use super::error::DoorError;
use super::fill::{ConstFiles, Filled, Source, fill};
use super::form::{FirstWord, Form, Placeholder};
use super::manifest::{Effect, Locations, Operation, Placement};
use super::program::{ProgramError, Programs, Resolved};
use super::request::Request;
use super::run::{self, EnvFile, Output, Run, RunError};
use crate::guard::Guard;
use crate::limits::{Limit, Limits};
use crate::session::ExitStatus;
use crate::session::processes::SessionSignal;
use crate::text::escape_controls;

/// The longest that anything may take, whatever the limits say.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest note of a backend that is shown, in bytes.
const NOTE: usize = 4096;

/// How much an operation may take. A request's `timeout` is added to the times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLimits {
    /// For one run.
    pub run_time: Duration,
    /// For one run of a changing form during `start` where sessions run elsewhere: an engine may have
    /// to fetch an image first.
    pub start_time: Duration,
    /// For all of an operation, runs and pauses; `start` gets `start_time` besides.
    pub operation_time: Duration,
    /// The most bytes of each of a run's two outputs.
    pub output_bytes: usize,
    /// The most lines that are read of one output, and the most that an operation keeps.
    pub output_lines: usize,
    /// The most runs of an operation.
    pub runs: u32,
    /// How many programs run at once.
    pub at_once: usize,
}

impl CallLimits {
    /// Those of the table.
    pub fn of(limits: &Limits) -> Self {
        CallLimits {
            run_time: limits.time(Limit::RunTime),
            start_time: limits.time(Limit::StartTime),
            operation_time: limits.time(Limit::OperationTime),
            output_bytes: limits.size(Limit::OutputSize),
            output_lines: limits.size(Limit::OutputLines),
            runs: u32::try_from(limits.get(Limit::Runs)).unwrap_or(u32::MAX),
            at_once: limits.size(Limit::RunsAtOnce),
        }
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        CallLimits::of(&Limits::default())
    }
}

/// How a call is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallSettings {
    /// How much it may take.
    pub limits: CallLimits,
    /// Whether to stop at the first change instead of making it.
    pub dry_run: bool,
}

/// What is left of a session's processes on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether none is left.
    pub gone: bool,
    /// How many are left.
    pub left: u32,
}

/// What the host does about the processes of the request's session: those under its shim, or those
/// whose pids the engine told.
pub trait Processes: Sync {
    /// End them, at the latest by `deadline`. `bound` are the pids that a line bound to the
    /// session's name; they count only below the process of `engine`, the program that told them
    /// (empty where no program is known).
    fn end(&self, bound: &[u32], engine: &Path, deadline: Instant) -> Ending;

    /// A dry run would have ended them.
    fn would_end(&self, bound: &[u32], engine: &Path) {
        let _ = (bound, engine);
    }

    /// Wait until none is left, at most so long. Returns whether that came to be.
    fn wait(&self, bound: &[u32], at_most: Duration) -> bool;
}

/// For sessions whose processes are out of reach: none is ended, and none is waited for.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProcesses;

impl Processes for NoProcesses {
    fn end(&self, _: &[u32], _: &Path, _: Instant) -> Ending {
        Ending::default()
    }

    fn wait(&self, _: &[u32], _: Duration) -> bool {
        true
    }
}

/// Who is told of each run: `--verbose`, `--dry-run`, the audit log.
pub trait Observer: Sync {
    /// A dry run would have run this, and stops.
    fn planned(&self, run: &RunInfo<'_>);

    /// This, which is a change or a plan, is about to be run.
    fn begins(&self, run: &RunInfo<'_>) {
        let _ = run;
    }

    /// This is being run: the time to make ready for writing down that it was.
    fn runs(&self, run: &RunInfo<'_>) {
        let _ = run;
    }

    /// This was run.
    fn ran(&self, run: &RunInfo<'_>, outcome: &RunOutcome<'_>);

    /// Nothing is run for a while: the operation waits, or ends what is left of a session.
    fn rests(&self) {}

    /// A dry run would have sent these to processes of the session.
    fn would_signal(&self, signals: &[SessionSignal]) {
        let _ = signals;
    }

    /// These were sent to processes of the session.
    fn signalled(&self, signals: &[SessionSignal]) {
        let _ = signals;
    }

    /// A backend asked for this and did not get it. Of a call that asks for ever, the first refusals
    /// are told.
    fn refused(&self, refusal: &Refusal<'_>) {
        let _ = refusal;
    }

    /// A backend said this, escaped already.
    fn noted(&self, backend: &str, text: &str) {
        let _ = (backend, text);
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn planned(&self, _: &RunInfo<'_>) {}
    fn ran(&self, _: &RunInfo<'_>, _: &RunOutcome<'_>) {}
}

/// A run, as it may be shown and logged: environment values are never part of it.
#[derive(Debug, Clone)]
pub struct RunInfo<'a> {
    /// The backend's name, from its approved manifest.
    pub backend: &'a str,
    /// The operation being served.
    pub operation: Operation,
    /// The location's name.
    pub location: &'a str,
    /// The form's name.
    pub form: &'a str,
    /// What the form may do.
    pub effect: Effect,
    /// The command, the program's absolute path first.
    pub argv: &'a [OsString],
}

/// What a backend asked for in vain.
#[derive(Debug, Clone)]
pub struct Refusal<'a> {
    /// The form that it named, whether or not there is one; `None` where it asked for something else.
    pub form: Option<&'a str>,
    /// Why it was refused.
    pub error: &'a DoorError,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunOutcome<'a> {
    /// How long it took.
    pub duration: Duration,
    /// Its exit, or why there is none.
    pub result: Result<ExitStatus, &'a DoorError>,
}

/// A command for the user's terminal, or to be piped. The door does not run it.
pub struct PlannedCommand {
    /// The program's absolute path.
    pub program: PathBuf,
    /// The whole command, the program first.
    pub argv: Vec<OsString>,
    /// Variables that it must run without.
    pub unset_env: Vec<String>,
    /// Whether the number of lines asked for stands in it.
    pub says_lines: bool,
    /// Whether its times stand before what it prints: it was asked for them.
    pub says_times: bool,
    resolved: Resolved,
    env: Vec<(String, String)>,
    env_file: Option<EnvFile>,
}

impl PlannedCommand {
    /// The command, ready to be given its streams and started. Everything but those is set: words,
    /// environment, descriptors. The directory is `/`. This value must be kept until the program has
    /// read its environment: best until it ends.
    pub fn command(&self) -> Result<Command, DoorError> {
        verify(&self.resolved)?;
        let mut command = Command::new(&self.program);
        command.args(self.argv.iter().skip(1)).current_dir("/");
        for key in &self.unset_env {
            command.env_remove(key);
        }
        for (key, value) in &self.env {
            command.env(key, value);
        }
        if let Some(file) = &self.env_file {
            run::hand_over(&mut command, file);
        }
        Ok(command)
    }
}

/// Environment values are secrets, so they are left out.
impl fmt::Debug for PlannedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedCommand")
            .field("argv", &self.argv)
            .field("unset_env", &self.unset_env)
            .finish_non_exhaustive()
    }
}

/// One operation at one location: what a component's imports come down to.
///
/// It may be used from several threads.
pub struct Call {
    manifest: Arc<CheckedManifest>,
    programs: Arc<Programs>,
    files: Arc<dyn ConstFiles + Send + Sync>,
    request: Request,
    processes: Arc<dyn Processes + Send + Sync>,
    observer: Arc<dyn Observer + Send + Sync>,
    settings: CallSettings,
    started: Instant,
    unset: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bindings: Bindings,
    /// The changing forms that were run.
    used: BTreeSet<String>,
    runs: u32,
    errors: Vec<DoorError>,
    /// Whether a dry run has come to its first change.
    stopped: bool,
}

/// A form that is ready to run.
struct Prepared<'a> {
    form: &'a Form,
    program_id: &'a str,
    resolved: Resolved,
    argv: Vec<OsString>,
    env: Vec<(String, String)>,
    env_file: Option<EnvFile>,
}

impl Call {
    /// Begin an operation. Its clock starts now.
    pub fn new(
        manifest: Arc<CheckedManifest>,
        programs: Arc<Programs>,
        files: Arc<dyn ConstFiles + Send + Sync>,
        request: Request,
        processes: Arc<dyn Processes + Send + Sync>,
        observer: Arc<dyn Observer + Send + Sync>,
        settings: CallSettings,
    ) -> Self {
        // Inside one place, its variable would lead an engine there that is meant for another.
        let unset = match &manifest.manifest().locations {
            Locations::Sockets(folder) if !request.location.inside => {
                folder.inside.iter().cloned().collect()
            }
            _ => Vec::new(),
        };
        Call {
            manifest,
            programs,
            files,
            request,
            processes,
            observer,
            settings,
            started: Instant::now(),
            unset,
            state: Mutex::default(),
        }
    }

    /// The request being served.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Run a form. A code other than 0 is no error.
    ///
    /// # Errors
    /// As [`DoorError`] says; each is also remembered in [`Call::errors`].
    pub fn run(&self, form: &str, params: &[String]) -> Result<Output, DoorError> {
        let result = self.prepare(form, params, false).and_then(|prepared| {
            let output = self.execute(&prepared)?;
            self.absorb(&prepared, &output)?;
            Ok(output)
        });
        self.remember(Some(form), result)
    }

    /// Run several reading forms at once. The answers stand in the order asked.
    pub fn run_all(&self, runs: &[(String, Vec<String>)]) -> Vec<Result<Output, DoorError>> {
        let prepared: Vec<Result<Prepared<'_>, DoorError>> =
            runs.iter().map(|(form, params)| self.prepare(form, params, true)).collect();
        let outputs: Vec<OnceLock<Result<Output, DoorError>>> =
            prepared.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let (Some(prepared), Some(output)) = (prepared.get(index), outputs.get(index))
                else {
                    break;
                };
                if let Ok(prepared) = prepared {
                    let _ = output.set(self.execute(prepared));
                }
            }
        };
        let helpers = self.settings.limits.at_once.min(prepared.len()).saturating_sub(1);
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                // Without a thread the work is done by those there are.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        // What was printed is taken in by the order asked, not by who was first to end.
        let together = prepared.into_iter().zip(outputs).zip(runs);
        together
            .map(|((prepared, output), (form, _))| {
                let result = prepared.and_then(|prepared| {
                    let output = output.into_inner().unwrap_or_else(|| {
                        Err(DoorError::Failed(format!("{} was not run", prepared.program_id)))
                    })?;
                    self.absorb(&prepared, &output)?;
                    Ok(output)
                });
                self.remember(Some(form), result)
            })
            .collect()
    }

    /// The command of a plan form. It is not run, and its `argv` may be shown.
    pub fn plan(&self, name: &str) -> Result<PlannedCommand, DoorError> {
        let result = self.form(name, Some(Effect::Plan)).and_then(|form| {
            let (_, resolved) = self.program(form)?;
            let (argv, env, env_file) = self.write(form, &[], &resolved)?;
            let info = self.plan_info(form.name(), &argv);
            match self.settings.dry_run {
                true => self.observer.planned(&info),
                false => self.observer.begins(&info),
            }
            Ok(PlannedCommand {
                program: resolved.path.clone(),
                argv,
                unset_env: self.unset.clone(),
                says_lines: form.mentions(&Placeholder::Lines),
                says_times: self.request.times && form.asks_for_times(),
                resolved,
                env,
                env_file,
            })
        });
        self.remember(Some(name), result)
    }

    /// End the processes of the request's session on this machine. During `stop` only; otherwise,
    /// and where no process is known, nothing happens. A dry run takes them for ended.
    pub fn end_session(&self) -> Ending {
        if self.request.operation != Operation::Stop && Guard::EndsInStop.holds() {
            let why = format!("it wanted to end processes during {}", self.request.operation);
            let _ = self.remember::<()>(None, Err(DoorError::Refused(why)));
            return Ending { gone: false, left: 0 };
        }
        let (pids, engine) = self.bound_pids();
        if self.settings.dry_run {
            self.processes.would_end(&pids, &engine);
            return Ending { gone: true, left: 0 };
        }
        self.observer.rests();
        self.processes.end(&pids, &engine, self.deadline())
    }

    /// Wait until no process of the request's session is left on this machine, at most so many
    /// milliseconds and not past the operation's deadline. Returns whether that came to be. During
    /// `start`, `stop` and `wait` only.
    pub fn wait_session(&self, milliseconds: u32) -> bool {
        let operation = self.request.operation;
        if !matches!(operation, Operation::Start | Operation::Stop | Operation::Wait) {
            let why = format!("it wanted to wait for processes during {operation}");
            let _ = self.remember::<()>(None, Err(DoorError::Refused(why)));
            return false;
        }
        if self.settings.dry_run {
            return true;
        }
        let (pids, _) = self.bound_pids();
        self.observer.rests();
        self.processes.wait(&pids, self.at_most(milliseconds))
    }

    /// Sleep, not past the operation's deadline.
    pub fn pause(&self, milliseconds: u32) {
        if !self.state().stopped {
            self.observer.rests();
            std::thread::sleep(self.at_most(milliseconds));
        }
    }

    /// A line of the backend's own for the debug log.
    pub fn note(&self, text: &str) {
        let end = text.floor_char_boundary(NOTE);
        let text = text.get(..end).unwrap_or_default();
        self.observer.noted(&self.manifest.manifest().name, &escape_controls(text));
    }

    /// Everything that `gives` lines told in this call.
    pub fn rows(&self) -> Vec<Row> {
        self.state().bindings.rows.clone()
    }

    /// The row of the request's name, if one session and no other answered to it.
    pub fn bound(&self) -> Option<Row> {
        match &self.state().bindings.bound {
            Binding::One { row, .. } => Some(row.clone()),
            Binding::None | Binding::Several(_) => None,
        }
    }

    /// Every error so far, in order: the user hears the truth, even if the guest hides it.
    pub fn errors(&self) -> Vec<DoorError> {
        self.state().errors.clone()
    }

    /// Tell of a plan of this form that somebody has run, as of everything else that is run.
    pub fn plan_ran(
        &self,
        form: &str,
        plan: &PlannedCommand,
        duration: Duration,
        status: std::process::ExitStatus,
    ) {
        let exit = match status.code() {
            Some(code) => ExitStatus::Code(code),
            None => ExitStatus::Signal(status.signal().unwrap_or(0)),
        };
        let outcome = RunOutcome { duration, result: Ok(exit) };
        self.observer.ran(&self.plan_info(form, &plan.argv), &outcome);
    }

    /// Whether a changing form was run.
    pub fn changed(&self) -> bool {
        !self.state().used.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember<T>(
        &self,
        form: Option<&str>,
        result: Result<T, DoorError>,
    ) -> Result<T, DoorError> {
        if let Err(error) = &result {
            let mut state = self.state();
            // A guest may ask a million times for what it cannot have; the first ones tell it all.
            if state.errors.len() < 64 {
                state.errors.push(error.clone());
                drop(state);
                if error.is_refusal() {
                    self.observer.refused(&Refusal { form, error });
                }
            }
        }
        result
    }

    fn bound_pids(&self) -> (Vec<u32>, PathBuf) {
        match &self.state().bindings.bound {
            Binding::One { row, program, .. } => (row.pids.clone(), program.clone()),
            Binding::None | Binding::Several(_) => (Vec::new(), PathBuf::new()),
        }
    }

    /// How long the operation has in all.
    pub(crate) fn time(&self) -> Duration {
        let limits = &self.settings.limits;
        let start = match self.request.operation {
            Operation::Start => self.start_time().0,
            _ => Duration::ZERO,
        };
        limits.operation_time.saturating_add(start).saturating_add(self.timeout()).min(LONGEST)
    }

    /// What a changing form has in a start, and by which limit. Only where sessions run elsewhere is there an image to
    /// be fetched.
    fn start_time(&self) -> (Duration, Limit) {
        match self.manifest.manifest().placement {
            Placement::Elsewhere => (self.settings.limits.start_time, Limit::StartTime),
            Placement::Here => (self.settings.limits.run_time, Limit::RunTime),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.request.timeout.unwrap_or(0).into())
    }

    fn deadline(&self) -> Instant {
        self.started + self.time()
    }

    fn at_most(&self, milliseconds: u32) -> Duration {
        let left = self.deadline().saturating_duration_since(Instant::now());
        left.min(Duration::from_millis(milliseconds.into()))
    }

    /// A form that may be used now; `plan` or to be run.
    fn form(&self, name: &str, wanted: Option<Effect>) -> Result<&Form, DoorError> {
        let form =
            self.manifest.form(name).ok_or_else(|| DoorError::UnknownForm(name.to_owned()))?;
        let operation = self.request.operation;
        let refused = |what: &str| {
            Err(DoorError::Refused(format!(
                "the form '{}' {what}: `{}`",
                form.name(),
                form.usage()
            )))
        };
        if self.state().stopped {
            return Err(DoorError::DryRun);
        }
        if !form.operations().contains(&operation) && Guard::Operations.holds() {
            return refused(&format!("was not approved for {operation}"));
        }
        match (wanted, form.effect()) {
            (Some(Effect::Plan), Effect::Plan) => {}
            (Some(Effect::Plan), _) if Guard::PlansApart.holds() => {
                return refused("is to be run, and cannot be planned");
            }
            (_, Effect::Plan) if Guard::PlansApart.holds() => {
                return refused("is a plan, and cannot be run");
            }
            (Some(Effect::Reads), Effect::Changes) if Guard::ReadsTogether.holds() => {
                return refused("changes something, and only reads can be run together");
            }
            (_, Effect::Changes) if operation.only_reads() && Guard::ReadsOnly.holds() => {
                return refused(&format!("changes something, and {operation} changes nothing"));
            }
            _ => {}
        }
        Ok(form)
    }

    /// The program of a form, at this location.
    fn program<'a>(&'a self, form: &'a Form) -> Result<(&'a str, Resolved), DoorError> {
        let location = &self.request.location.name;
        let manifest = self.manifest.manifest();
        let id = match (&form.first, &manifest.locations) {
            (FirstWord::Program(id), Locations::Programs(places)) if places.contains(id) => {
                if id != location && Guard::OwnLocation.holds() {
                    return Err(DoorError::Refused(format!(
                        "the form '{}' runs {id}, and this is about {}: `{}`",
                        form.name(),
                        escape_controls(location),
                        form.usage()
                    )));
                }
                id
            }
            (FirstWord::Program(id), _) => id,
            (FirstWord::Location, Locations::Programs(places)) => {
                places.iter().find(|place| *place == location).ok_or_else(|| {
                    DoorError::Refused(format!(
                        "{} is none of the places of the backend {}",
                        escape_controls(location),
                        manifest.name
                    ))
                })?
            }
            (FirstWord::Location, _) => {
                return Err(DoorError::Refused("locations are not programs here".to_owned()));
            }
        };
        match self.programs.find_to_run(id) {
            Ok(resolved) => Ok((id, resolved)),
            Err(error @ ProgramError::Replaced { .. }) => Err(DoorError::Failed(error.to_string())),
            Err(error) => Err(DoorError::MissingProgram {
                program: id.clone(),
                what: error.to_string(),
                advice: error.advice(),
            }),
        }
    }

    /// The argv of a form, with what has to go with it besides.
    #[expect(clippy::type_complexity, reason = "taken apart at once by the two callers")]
    fn write(
        &self,
        form: &Form,
        params: &[String],
        resolved: &Resolved,
    ) -> Result<(Vec<OsString>, Vec<(String, String)>, Option<EnvFile>), DoorError> {
        let request = &self.request;
        let mut env_file = None;
        if form.mentions(&Placeholder::EnvFile) && request.env_lines().next().is_some() {
            check_env_keys(request)?;
            env_file = Some(EnvFile::new(request.env_lines()).map_err(|error| {
                DoorError::Failed(format!("cannot hand over the environment: {error}"))
            })?);
        }
        let locations = &self.manifest.manifest().locations;
        let (filled, made_here) = {
            let state = self.state();
            let source = Source {
                request,
                has_locations: !matches!(locations, Locations::One),
                bound: &state.bindings.bound,
                files: &*self.files,
                env_file: env_file.as_ref().map(EnvFile::path),
            };
            let made_here = matches!(state.bindings.bound, Binding::One { fresh: true, .. });
            (fill(form, params, &source)?, made_here)
        };
        let Filled { words, placed } = filled;
        carry::check(form, request, locations, &placed, made_here)?;
        let mut env = Vec::new();
        if placed.values.contains(&Placeholder::EnvInherited) {
            check_env_keys(request)?;
            env.extend(request.env_inherited().cloned());
        }
        let mut argv = Vec::with_capacity(words.len() + 1);
        argv.push(resolved.path.clone().into_os_string());
        argv.extend(words);
        Ok((argv, env, env_file))
    }

    fn prepare(
        &self,
        name: &str,
        params: &[String],
        together: bool,
    ) -> Result<Prepared<'_>, DoorError> {
        let form = self.form(name, together.then_some(Effect::Reads))?;
        let changes = form.effect() == Effect::Changes;
        let limits = &self.settings.limits;
        if self.state().runs >= limits.runs {
            return Err(DoorError::TooManyRuns { limit: limits.runs });
        }
        if Instant::now() >= self.deadline() {
            return Err(DoorError::OutOfTime { after: self.time() });
        }
        let (program_id, resolved) = self.program(form)?;
        let (argv, env, env_file) = self.write(form, params, &resolved)?;
        let prepared = Prepared { form, program_id, resolved, argv, env, env_file };
        let mut state = self.state();
        if changes && state.used.contains(name) && Guard::OnceEach.holds() {
            return Err(DoorError::Refused(format!(
                "the form '{name}' changes something and was already run in this {}: `{}`",
                self.request.operation,
                form.usage()
            )));
        }
        if changes && self.settings.dry_run {
            state.stopped = true;
            drop(state);
            self.observer.planned(&self.info(&prepared));
            return Err(DoorError::DryRun);
        }
        state.runs += 1;
        if changes {
            state.used.insert(name.to_owned());
        }
        Ok(prepared)
    }

    fn info<'i>(&'i self, prepared: &'i Prepared<'_>) -> RunInfo<'i> {
        RunInfo {
            backend: &self.manifest.manifest().name,
            operation: self.request.operation,
            location: &self.request.location.name,
            form: prepared.form.name(),
            effect: prepared.form.effect(),
            argv: &prepared.argv,
        }
    }

    fn plan_info<'i>(&'i self, form: &'i str, argv: &'i [OsString]) -> RunInfo<'i> {
        RunInfo {
            backend: &self.manifest.manifest().name,
            operation: self.request.operation,
            location: &self.request.location.name,
            form,
            effect: Effect::Plan,
            argv,
        }
    }

    fn execute(&self, prepared: &Prepared<'_>) -> Result<Output, DoorError> {
        let limits = &self.settings.limits;
        if prepared.form.effect() == Effect::Changes {
            self.observer.begins(&self.info(prepared));
        }
        let began = Instant::now();
        let (alone, of) = match (self.request.operation, prepared.form.effect()) {
            (Operation::Start, Effect::Changes) => self.start_time(),
            _ => (limits.run_time, Limit::RunTime),
        };
        let alone = alone.saturating_add(self.timeout()).min(LONGEST);
        let deadline = self.deadline().min(began + alone);
        let result = run::run(&Run {
            program: &prepared.resolved.path,
            words: prepared.argv.get(1..).unwrap_or_default(),
            unset: &self.unset,
            env: &prepared.env,
            env_file: prepared.env_file.as_ref(),
            reads: prepared.form.effect() == Effect::Reads,
            deadline,
            output_bytes: limits.output_bytes,
            meanwhile: &|| self.observer.runs(&self.info(prepared)),
        });
        let program = prepared.program_id.to_owned();
        let result = result.map_err(|error| match error {
            RunError::TimedOut if deadline == self.deadline() => {
                DoorError::OutOfTime { after: self.time() }
            }
            RunError::TimedOut => DoorError::TimedOut { program, after: alone, of },
            RunError::TooMuchOutput => DoorError::TooMuchOutput {
                program,
                most: limits.output_bytes,
                of: Limit::OutputSize,
            },
            RunError::Failed(error) => DoorError::Failed(format!(
                "{} could not be run: {error}",
                prepared.resolved.path.display()
            )),
        });
        let outcome = RunOutcome {
            duration: began.elapsed(),
            result: result.as_ref().map(|output| output.exit),
        };
        self.observer.ran(&self.info(prepared), &outcome);
        result
    }

    /// Take in what a run printed, if it ended by itself: a killed program's last line may be half.
    fn absorb(&self, prepared: &Prepared<'_>, output: &Output) -> Result<(), DoorError> {
        let Some(gives) = &prepared.form.gives else { return Ok(()) };
        let whole = matches!(output.exit, ExitStatus::Code(_));
        if !whole && Guard::WholeOutput.holds() {
            return Ok(());
        }
        let program = &prepared.resolved.path;
        let effect = prepared.form.effect();
        let most = self.settings.limits.output_lines;
        let mut state = self.state();
        let bindings = &mut state.bindings;
        bindings.feed(gives, effect, program, &output.stdout, &self.request, most).map_err(|_| {
            DoorError::TooMuchOutput {
                program: prepared.program_id.to_owned(),
                most,
                of: Limit::OutputLines,
            }
        })
    }
}

fn verify(resolved: &Resolved) -> Result<(), DoorError> {
    resolved.verify().map_err(|error| DoorError::Failed(error.to_string()))
}

/// Keys that a line of an env file, or an environment, would give back as something else.
fn check_env_keys(request: &Request) -> Result<(), DoorError> {
    for (key, value) in &request.env {
        let plain = !key.is_empty()
            && !key.starts_with('#')
            && !key.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control());
        if !plain || value.contains('\0') {
            return Err(DoorError::Refused(format!(
                "the variable '{}' cannot be handed over: its name or value holds a character that \
                 an environment cannot hold",
                escape_controls(key)
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
