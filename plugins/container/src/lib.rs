//! Sessions in containers: podman and docker, each a location of its own.
//!
//! A session is a container with the session's name. Names are looked up exactly and compared, since
//! both engines also find containers by the beginning of their id; changes go by the full id, which
//! kst takes from the same line that holds the name.

mod engine;
mod forms;
mod inspect;
mod logs;

use inspect::Container;
use kst_plugin::prelude::*;

/// The backend `container`.
pub struct Containers;

kst_plugin::export!(Containers);

impl Backend for Containers {
    fn describe() -> Description {
        forms::description()
    }

    fn probe(_at: &Location) -> Result<Health, Error> {
        let output = run("version", &[])?;
        if !output.ok() {
            return Ok(Health::problem(&engine::words(&output)));
        }
        Ok(Health::version(output.first_line().trim()))
    }

    fn list(_at: &Location) -> Result<Vec<Session>, Error> {
        let ids = engine::checked(run("ids", &[])?)?;
        let ids: Vec<&str> = ids.lines().map(str::trim).collect();
        if let Some(other) = ids.iter().find(|id| !engine::is_id(id)) {
            return Err(engine::nonsense(other));
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let output = run("containers", &ids)?;
        let containers = inspect::containers(&output)?;
        // A container that was removed since is left out, and makes the engine fail.
        if containers.is_empty() && !output.ok() && !engine::no_such(&output) {
            return Err(engine::failure(&output));
        }
        Ok(containers.iter().map(Container::session).collect())
    }

    fn status(_at: &Location, name: &str) -> Result<Session, Error> {
        look(name)
    }

    fn start(_at: &Location, request: &StartRequest) -> Result<Session, Error> {
        if request.resume {
            if look(&request.name)?.state == State::Running {
                return Err(Error::AlreadyExists);
            }
            engine::checked(run("resume", &[])?)?;
            return look(&request.name);
        }
        // An engine that hangs is found out by this read, which may not take as long as making a
        // container may; and what is there already is told without trying.
        match look(&request.name) {
            Err(Error::NotFound) => {}
            Ok(_) => return Err(Error::AlreadyExists),
            Err(error) => return Err(error),
        }
        let output = run("create", &[])?;
        if !output.ok() {
            return Err(undone(&request.name, &output));
        }
        match look(&request.name) {
            // Somebody else removed it already: it ran, and it is over.
            Err(Error::NotFound) if engine::is_id(output.first_line().trim()) => {
                Ok(Session::new(&request.name, State::Ended))
            }
            Err(Error::NotFound) => Err(engine::nonsense(output.first_line())),
            other => other,
        }
    }

    fn stop(at: &Location, request: &StopRequest) -> Result<(), Error> {
        // Between two lives there is nothing that podman could stop; but it can be kept from the next.
        // One that runs is left as it is by that.
        let Found { session, policy, may_come_back, comes_with_its_engine } =
            find(&request.name)?.ok_or(Error::NotFound)?;
        let restarts = policy && at.name == "podman";
        let running = session.state == State::Running;
        if restarts && (running || may_come_back) && run("settle", &[])?.ok() {
            return stays_ended(&request.name);
        }
        let between_lives = restarts && may_come_back;
        if !running && !between_lives {
            return Err(Error::NotRunning);
        }
        // First, so that a stop that is itself cut off is one for good, too.
        let kept = match comes_with_its_engine && at.name == "docker" {
            true => Some(run("no-restart", &[])?),
            false => None,
        };
        // podman neither stops nor kills a paused one, and nothing paused can end politely.
        if session.details.iter().any(|(key, value)| key == "status" && value == "paused") {
            engine::checked(run("unpause", &[])?)?;
        }
        // docker does not kill what it is about to start again, and needs not wait for it.
        let waits =
            session.details.iter().any(|(key, value)| key == "status" && value == "restarting");
        let output = run(if request.graceful || waits { "stop" } else { "kill" }, &[])?;
        if ended(&request.name)? {
            // It may have ended by itself just before: then podman does not know that it was to.
            match kept.filter(|output| !output.ok()) {
                Some(output) => Err(not_for_good(&output)),
                None if restarts => stays_ended(&request.name),
                None => Ok(()),
            }
        } else if output.ok() {
            Err(Error::failed("the container still runs"))
        } else {
            Err(engine::failure(&output))
        }
    }

    fn remove(_at: &Location, name: &str) -> Result<(), Error> {
        match look(name) {
            Err(Error::NotFound) => return Ok(()),
            Ok(session) if session.state == State::Running => {
                return Err(Error::failed("the container still runs: stop it first"));
            }
            other => other?,
        };
        let output = run("remove", &[])?;
        if !output.ok() && look(name) != Err(Error::NotFound) {
            return Err(engine::failure(&output));
        }
        Ok(())
    }

    fn logs(at: &Location, name: &str, lines: u32, times: bool) -> Result<LogSource, Error> {
        look(name)?;
        let source = if times { with_times(at, lines)? } else { without_times(at, lines)? };
        Ok(source.unwrap_or_else(|| {
            let whole = at.name == "podman";
            LogSource::Plan(Plan::of(if whole { "logs-streamed-whole" } else { "logs-streamed" }))
        }))
    }

    fn follow(at: &Location, name: &str) -> Result<StreamSource, Error> {
        if look(name)?.state != State::Running {
            return Err(Error::NotRunning);
        }
        // podman loses what is printed between the last lines and those that follow; from the
        // beginning on it loses nothing.
        let whole = at.name == "podman";
        Ok(StreamSource::Plan(Plan::of(if whole { "follow-whole" } else { "follow" })))
    }

    fn attach(_at: &Location, name: &str) -> Result<Plan, Error> {
        if look(name)?.state != State::Running {
            return Err(Error::NotRunning);
        }
        Ok(Plan::of("attach"))
    }

    fn exec(_at: &Location, name: &str) -> Result<Plan, Error> {
        if look(name)?.state != State::Running {
            return Err(Error::NotRunning);
        }
        Ok(Plan::of("exec"))
    }

    fn events(_at: &Location) -> Result<Plan, Error> {
        Ok(Plan::of("events"))
    }

    fn wait(_at: &Location, name: &str) -> Result<Plan, Error> {
        if look(name)?.state != State::Running {
            return Err(Error::NotRunning);
        }
        Ok(Plan::of("wait"))
    }

    fn signal(_at: &Location, name: &str) -> Result<(), Error> {
        if look(name)?.state != State::Running {
            return Err(Error::NotRunning);
        }
        engine::checked(run("signal", &[])?).map(drop)
    }
}

/// The container with exactly this name; this also binds its id.
fn look(name: &str) -> Result<Session, Error> {
    find(name)?.map(|found| found.session).ok_or(Error::NotFound)
}

/// Why a stop is not one for good.
fn not_for_good(output: &Output) -> Error {
    Error::Failed(
        [
            "the container has ended, but docker still has it to start again when docker itself is \
             started again: ",
            &engine::words(output),
        ]
        .concat(),
    )
}

/// podman makes room for as many lines as it is asked for, however few there are: of thousands of
/// millions it dies.
const MOST_AT_THE_END: u32 = 100_000;

/// What a container printed, by the form `last` or at least as much; `None` where even that is too much
/// to be read at once.
///
/// podman's `--tail` puts pieces of a line, such as a prompt, behind the line before them. So podman is
/// asked for everything first, by the form `whole`, and for the end where that is too much; and where that
/// may have happened to the end, everything is too much.
fn printed(at: &Location, lines: u32, last: &str, whole: &str) -> Result<Option<Output>, Error> {
    let read = |form: &str| match run(form, &[]) {
        Err(SpawnError::TooMuchOutput) => Ok(None),
        output => engine::checked(output?).map(Some),
    };
    if at.name != "podman" {
        return read(last);
    }
    match read(whole)? {
        None if lines > MOST_AT_THE_END => Ok(None),
        None => Ok(read(last)?.filter(|output| !logs::has_lines_in_one(output.raw()))),
        all => Ok(all),
    }
}

/// The last lines that a container printed; `None` where they are too much to be read at once.
fn without_times(at: &Location, lines: u32) -> Result<Option<LogSource>, Error> {
    let Some(output) = printed(at, lines, "logs", "logs-whole")? else { return Ok(None) };
    if output.stderr.is_empty() {
        return Ok(Some(LogSource::Text(logs::tail(output.raw(), lines))));
    }
    // Without a terminal there are two streams; their times say how they interleave.
    let Some(timed) = printed(at, lines, "logs-timed", "logs-timed-whole")? else {
        return Ok(None);
    };
    let merged = logs::merged(&timed.stdout, &timed.stderr);
    Ok(Some(LogSource::Text(logs::tail(merged.as_bytes(), lines))))
}

/// What a container printed, with the times of its lines; `None` where it is too much to be read at once.
///
/// An engine that keeps a line in pieces puts the time of each before it, in the midst of the line. What
/// looks like one may be the program's own, so then what was printed is read without times, too.
fn with_times(at: &Location, lines: u32) -> Result<Option<LogSource>, Error> {
    let Some(timed) = printed(at, lines, "logs-timed", "logs-timed-whole")? else {
        return Ok(None);
    };
    let plain = match [timed.raw(), timed.stderr.as_bytes()].into_iter().any(logs::has_pieces) {
        true => printed(at, lines, "logs", "logs-whole")?,
        false => None,
    };
    let of = |output: fn(&Output) -> &[u8]| logs::timed(output(&timed), plain.as_ref().map(output));
    let lines = logs::together(of(Output::raw), of(|output| output.stderr.as_bytes()));
    Ok(Some(LogSource::Timed(lines)))
}

/// Why a container could not be run, with whatever was made of it removed again.
fn undone(name: &str, output: &Output) -> Error {
    let failure = engine::failure(output);
    match look(name) {
        // kst lets go only of one that carries this run's own label: `discard` removes no other.
        Ok(_) => match run("discard", &[]) {
            Ok(discarded) if discarded.ok() => failure,
            Ok(discarded) => match failure {
                Error::Failed(why) => Error::Failed(
                    [
                        &why,
                        "; and what was made of it could not be removed: ",
                        &engine::words(&discarded),
                    ]
                    .concat(),
                ),
                other => other,
            },
            Err(SpawnError::Unbound(_)) => Error::AlreadyExists,
            Err(error) => error.into(),
        },
        Err(_) => failure,
    }
}

/// A container, and what its policy makes of it.
struct Found {
    session: Session,
    /// Its engine starts it again by itself.
    policy: bool,
    /// It has ended, and podman may be about to do so.
    may_come_back: bool,
    /// docker does so after a stop as well, when it is itself started again.
    comes_with_its_engine: bool,
}

/// The container with exactly this name.
fn find(name: &str) -> Result<Option<Found>, Error> {
    let output = run("container", &[])?;
    let containers = inspect::containers(&output)?;
    match containers.iter().find(|container| container.name == name) {
        Some(one) => Ok(Some(Found {
            session: one.session(),
            policy: one.has_policy(),
            may_come_back: one.may_come_back(),
            comes_with_its_engine: one.comes_with_its_engine(),
        })),
        // Found by the beginning of an id: that is another one.
        None if output.ok() || engine::no_such(&output) => Ok(None),
        None => Err(engine::failure(&output)),
    }
}

/// See that podman does not start a container again that has ended, for as long as that may take. Where
/// it does, the stop is to be made once more.
fn stays_ended(name: &str) -> Result<(), Error> {
    for milliseconds in [0, 100, 150, 250, 250, 250, 250, 250] {
        pause(milliseconds);
        match find(name)? {
            Some(found) if found.session.state == State::Running => {
                return Err(Error::failed("the container was started again at the same moment"));
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Whether the container has ended, or is gone; podman may need a moment after a kill.
fn ended(name: &str) -> Result<bool, Error> {
    for milliseconds in [0, 20, 50, 100, 200, 500, 1000] {
        pause(milliseconds);
        match look(name) {
            Err(Error::NotFound) => return Ok(true),
            Ok(session) if session.state != State::Running => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
