//! `kst:runner@0.1.0`: the generated bindings, and their translation.

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::door::{
    ConstFile, DoorError, Effect, FormDecl, Location, Locations, Manifest, Operation, OptionKind,
    OptionSchema, Output, Placement, Program, SocketFolder,
};
use crate::plugin::guest::{
    Answer, Fault, Guest, GuestError, GuestSession, GuestState, Health, LogSource, SendRequest,
    StartRequest, StopRequest, StreamSource,
};
use crate::plugin::instance::{State, fault};
use crate::plugin::wasi;
use crate::session::{ExitStatus, OptionValue};

mod generated {
    #![allow(missing_docs, reason = "generated; wit/ documents it")]
    wasmtime::component::bindgen!({ path: "../wit", world: "runner" });
}

use generated::Runner;
use generated::exports::kst::runner::backend;
use generated::kst::runner::{manifest, process, types};

/// A component of this version, instantiated.
pub(in crate::plugin) struct Instance {
    store: Store<State>,
    runner: Runner,
}

/// Instantiate a component of this version in a store made for one call.
pub(in crate::plugin) fn instantiate(
    mut store: Store<State>,
    component: &Component,
) -> Result<Instance, Fault> {
    let mut linker = Linker::new(store.engine());
    let made = Runner::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)
        .and_then(|()| wasi::define(&mut linker, component))
        .and_then(|()| Runner::instantiate(&mut store, component, &linker));
    match made {
        Ok(runner) => Ok(Instance { store, runner }),
        Err(error) => Err(fault(&mut store, &error)),
    }
}

/// Call an export and translate what it returns.
macro_rules! call {
    ($self:ident . $function:ident ( $($argument:expr),* ) => $translate:expr) => {{
        let Instance { store, runner } = $self;
        match runner.kst_runner_backend().$function(&mut *store, $($argument),*) {
            Ok(Ok(value)) => Ok(Ok($translate(value))),
            Ok(Err(error)) => Ok(Err(guest_error(error))),
            Err(error) => Err(fault(store, &error)),
        }
    }};
}

impl Guest for Instance {
    fn describe(&mut self) -> Result<Manifest, Fault> {
        let Instance { store, runner } = self;
        match runner.kst_runner_backend().call_describe(&mut *store) {
            Ok(description) => Ok(manifest_from(description)),
            Err(error) => Err(fault(store, &error)),
        }
    }

    fn probe(&mut self, at: &Location) -> Answer<Health> {
        call!(self.call_probe(&location(at)) => |health: backend::Health| Health {
            available: health.available,
            version: health.version,
            problem: health.problem,
            lacks: health.lacks,
        })
    }

    fn list(&mut self, at: &Location) -> Answer<Vec<GuestSession>> {
        call!(self.call_list(&location(at)) => |sessions: Vec<types::Session>| {
            sessions.into_iter().map(session).collect()
        })
    }

    fn status(&mut self, at: &Location, name: &str) -> Answer<GuestSession> {
        call!(self.call_status(&location(at), name) => session)
    }

    fn start(&mut self, at: &Location, request: &StartRequest) -> Answer<GuestSession> {
        let request = backend::StartRequest {
            name: request.name.clone(),
            has_command: request.has_command,
            resume: request.resume,
            options: request.options.iter().map(option_value).collect(),
        };
        call!(self.call_start(&location(at), &request) => session)
    }

    fn stop(&mut self, at: &Location, request: &StopRequest) -> Answer<()> {
        let request = backend::StopRequest {
            name: request.name.clone(),
            graceful: request.graceful,
            timeout: request.timeout,
        };
        call!(self.call_stop(&location(at), &request) => |()| ())
    }

    fn remove(&mut self, at: &Location, name: &str) -> Answer<()> {
        call!(self.call_remove(&location(at), name) => |()| ())
    }

    fn logs(&mut self, at: &Location, name: &str, lines: u32, times: bool) -> Answer<LogSource> {
        call!(self.call_logs(&location(at), name, lines, times) => |source| match source {
            backend::LogSource::Text(text) => LogSource::Text(text),
            backend::LogSource::Timed(text) => LogSource::Timed(text),
            backend::LogSource::Plan(plan) => LogSource::Plan(plan.form),
            backend::LogSource::Kept => LogSource::Kept,
        })
    }

    fn attach(&mut self, at: &Location, name: &str) -> Answer<String> {
        call!(self.call_attach(&location(at), name) => |plan: backend::Plan| plan.form)
    }

    fn send(&mut self, at: &Location, request: &SendRequest) -> Answer<()> {
        let request = backend::SendRequest { name: request.name.clone(), paste: request.paste };
        call!(self.call_send(&location(at), &request) => |()| ())
    }

    fn exec(&mut self, at: &Location, name: &str) -> Answer<String> {
        call!(self.call_exec(&location(at), name) => |plan: backend::Plan| plan.form)
    }

    fn follow(&mut self, at: &Location, name: &str) -> Answer<StreamSource> {
        call!(self.call_follow(&location(at), name) => |source| match source {
            backend::StreamSource::Plan(plan) => StreamSource::Plan(plan.form),
            backend::StreamSource::Kept => StreamSource::Kept,
        })
    }

    fn wait(&mut self, at: &Location, name: &str) -> Answer<String> {
        call!(self.call_wait(&location(at), name) => |plan: backend::Plan| plan.form)
    }

    fn signal(&mut self, at: &Location, name: &str) -> Answer<()> {
        call!(self.call_signal(&location(at), name) => |()| ())
    }

    fn events(&mut self, at: &Location) -> Answer<String> {
        call!(self.call_events(&location(at)) => |plan: backend::Plan| plan.form)
    }
}

impl types::Host for State {}
impl manifest::Host for State {}

/// The door, as the component sees it.
impl process::Host for State {
    fn run(
        &mut self,
        form: String,
        parameters: Vec<String>,
    ) -> Result<process::Output, process::SpawnError> {
        self.outside(|door| door.run(&form, &parameters)).map(output).map_err(spawn_error)
    }

    fn run_all(
        &mut self,
        invocations: Vec<process::Invocation>,
    ) -> Vec<Result<process::Output, process::SpawnError>> {
        let invocations: Vec<_> =
            invocations.into_iter().map(|one| (one.form, one.parameters)).collect();
        self.outside_all(invocations.len(), |door| door.run_all(&invocations))
            .into_iter()
            .map(|answer| answer.map(output).map_err(spawn_error))
            .collect()
    }

    fn end_session(&mut self) -> process::Ending {
        let ending = self.outside_or_default(|door| door.end_session());
        process::Ending { gone: ending.gone, left: ending.left }
    }

    fn wait_session(&mut self, milliseconds: u32) -> bool {
        self.outside_or_default(|door| door.wait_session(milliseconds))
    }

    fn pause(&mut self, milliseconds: u32) {
        self.outside_or_default(|door| door.pause(milliseconds));
    }

    fn note(&mut self, text: String) {
        self.tell(&text);
    }
}

fn output(output: Output) -> process::Output {
    process::Output {
        exit: match output.exit {
            ExitStatus::Code(code) => types::ExitStatus::Code(code),
            ExitStatus::Signal(signal) => types::ExitStatus::Signal(signal),
        },
        stdout: output.stdout,
        stderr: output.stderr,
    }
}

fn spawn_error(error: DoorError) -> process::SpawnError {
    use process::SpawnError as To;
    match error {
        DoorError::UnknownForm(_) => To::UnknownForm,
        DoorError::Refused(why) => To::Refused(why),
        DoorError::Unbound(why) => To::Unbound(why),
        DoorError::BadParameter(why) => To::BadParameter(why),
        DoorError::MissingProgram { program, .. } => To::MissingProgram(program),
        DoorError::TimedOut { .. } => To::TimedOut,
        DoorError::TooMuchOutput { .. } => To::TooMuchOutput,
        DoorError::TooManyRuns { .. } => To::TooManyRuns,
        DoorError::OutOfTime { .. } => To::OutOfTime,
        other => To::Failed(other.to_string()),
    }
}

fn location(at: &Location) -> types::Location {
    types::Location { name: at.name.clone(), inside: at.inside }
}

fn option_value((name, value): &(String, OptionValue)) -> types::OptionValue {
    let value = match value {
        OptionValue::Flag(flag) => types::OptionData::Flag(*flag),
        OptionValue::Number(number) => types::OptionData::Number(*number),
        OptionValue::Text(text) => types::OptionData::Text(text.clone()),
        OptionValue::List(list) => types::OptionData::List(list.clone()),
    };
    types::OptionValue { name: name.clone(), value }
}

fn guest_error(error: types::Error) -> GuestError {
    match error {
        types::Error::NotFound => GuestError::NotFound,
        types::Error::AlreadyExists => GuestError::AlreadyExists,
        types::Error::NotRunning => GuestError::NotRunning,
        types::Error::Unavailable(what) => GuestError::Unavailable(what),
        types::Error::Unsupported(what) => GuestError::Unsupported(what),
        types::Error::Invalid(what) => GuestError::Invalid(what),
        types::Error::Failed(what) => GuestError::Failed(what),
    }
}

fn session(session: types::Session) -> GuestSession {
    GuestSession {
        name: session.name,
        state: match session.state {
            types::State::Running => GuestState::Running,
            types::State::Ended => GuestState::Ended,
            types::State::Unknown => GuestState::Unknown,
        },
        created: session.created,
        started: session.started,
        ended: session.ended,
        exit: session.exit.map(|exit| match exit {
            types::ExitStatus::Code(code) => ExitStatus::Code(code),
            types::ExitStatus::Signal(signal) => ExitStatus::Signal(signal),
        }),
        restarts: session.restarts,
        out_of_memory: session.out_of_memory,
        image: session.image,
        windows: session.windows,
        health: session.health,
        details: session.details,
    }
}

fn manifest_from(description: manifest::Description) -> Manifest {
    Manifest {
        name: description.name,
        version: description.version,
        summary: description.summary,
        programs: description
            .programs
            .into_iter()
            .map(|program| Program { id: program.id, purpose: program.purpose })
            .collect(),
        forms: description.forms.into_iter().map(form).collect(),
        locations: match description.locations {
            manifest::Locations::One => Locations::One,
            manifest::Locations::Programs(programs) => Locations::Programs(programs),
            manifest::Locations::Sockets(sockets) => Locations::Sockets(SocketFolder {
                variable: sockets.variable,
                parent: sockets.parent,
                folder: sockets.folder,
                inside: sockets.inside,
            }),
        },
        location_option: description.location_option.map(option_schema),
        options: description.options.into_iter().map(option_schema).collect(),
        placement: match description.placement {
            manifest::Placement::Here => Placement::Here,
            manifest::Placement::Elsewhere => Placement::Elsewhere,
        },
        keeps: description.keeps,
        files: description
            .files
            .into_iter()
            .map(|file| ConstFile { name: file.name, content: file.content })
            .collect(),
        operations: description.operations.into_iter().map(operation).collect(),
        detach: description.detach,
    }
}

fn form(form: manifest::Form) -> FormDecl {
    FormDecl {
        name: form.name,
        operations: form.operations.into_iter().map(operation).collect(),
        effect: match form.effect {
            manifest::Effect::Reads => Effect::Reads,
            manifest::Effect::Changes => Effect::Changes,
            manifest::Effect::Plan => Effect::Plan,
        },
        usage: form.usage,
        gives: form.gives,
    }
}

fn option_schema(option: manifest::OptionSchema) -> OptionSchema {
    OptionSchema {
        name: option.name,
        kind: match option.kind {
            manifest::OptionKind::Text => OptionKind::Text,
            manifest::OptionKind::Number => OptionKind::Number,
            manifest::OptionKind::Flag => OptionKind::Flag,
            manifest::OptionKind::Path => OptionKind::Path,
            manifest::OptionKind::Image => OptionKind::Image,
            manifest::OptionKind::Volume => OptionKind::Volume,
            manifest::OptionKind::Port => OptionKind::Port,
        },
        help: option.help,
        required: option.required,
        repeatable: option.repeatable,
        choices: option.choices,
    }
}

fn operation(operation: types::Operation) -> Operation {
    match operation {
        types::Operation::Probe => Operation::Probe,
        types::Operation::List => Operation::List,
        types::Operation::Status => Operation::Status,
        types::Operation::Start => Operation::Start,
        types::Operation::Stop => Operation::Stop,
        types::Operation::Remove => Operation::Remove,
        types::Operation::Logs => Operation::Logs,
        types::Operation::Attach => Operation::Attach,
        types::Operation::Send => Operation::Send,
        types::Operation::Exec => Operation::Exec,
        types::Operation::Follow => Operation::Follow,
        types::Operation::Wait => Operation::Wait,
        types::Operation::Signal => Operation::Signal,
        types::Operation::Events => Operation::Events,
    }
}
