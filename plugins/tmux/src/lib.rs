//! Sessions in tmux.
//!
//! A session of kst is a tmux session whose first pane runs kst's shim, with a second process, kst's
//! recorder, at the pane's output. tmux names sessions by a number that is never used twice in the
//! life of a server (`$3`); whatever changes or reads a session goes by that.

mod forms;
mod listing;
mod screen;
mod version;

use kst_plugin::prelude::*;
use listing::Row;

/// The backend `tmux`.
pub struct Tmux;

kst_plugin::export!(Tmux);

impl Backend for Tmux {
    fn describe() -> Description {
        forms::description()
    }

    fn probe(_at: &Location) -> Result<Health, Error> {
        let output = run("version", &[])?.success()?;
        Ok(version::health(output.first_line()))
    }

    fn list(_at: &Location) -> Result<Vec<Session>, Error> {
        let output = sessions()?;
        let rows: Vec<Row<'_>> = output.lines().filter_map(Row::parse).collect();
        // A session without a live pane of its own is rare: only then are the panes asked for.
        let panes =
            if rows.iter().any(Row::may_have_ended) { Some(run("panes", &[])?) } else { None };
        let panes = panes.as_ref().map_or("", |output| &output.stdout);
        Ok(rows.iter().map(|row| row.session(panes)).collect())
    }

    fn status(_at: &Location, name: &str) -> Result<Session, Error> {
        let output = session(name)?;
        let row = find(&output, name).ok_or(Error::NotFound)?;
        described(&row)
    }

    fn start(_at: &Location, request: &StartRequest) -> Result<Session, Error> {
        if request.resume {
            return Err(Error::unsupported("tmux cannot start a session again as it was"));
        }
        let output = run("create", &[])?;
        // A later part of the chain can fail when the session is there already: it must not stay.
        let Some(row) = find(&output, &request.name) else {
            return Err(refusal(&output));
        };
        if !output.ok() {
            let failure = output.failure();
            run("discard", &[])?;
            return Err(failure);
        }
        Ok(row.session(""))
    }

    fn stop(_at: &Location, request: &StopRequest) -> Result<(), Error> {
        let output = session(&request.name)?;
        let row = find(&output, &request.name).ok_or(Error::NotFound)?;
        if described(&row)?.state == State::Ended {
            return Err(Error::NotRunning);
        }
        end_session();
        // With its last process gone, tmux closes the session by itself, and only then has it read
        // all output. One that stays holds something that kst could not reach.
        if gone(&row, &[5, 15, 30, 50, 100, 200])? {
            return Ok(());
        }
        close(&row)
    }

    fn remove(_at: &Location, name: &str) -> Result<(), Error> {
        let output = session(name)?;
        match find(&output, name) {
            Some(row) => close(&row),
            None => Ok(()),
        }
    }

    fn logs(_at: &Location, name: &str, lines: u32, _times: bool) -> Result<LogSource, Error> {
        find(&session(name)?, name).ok_or(Error::NotFound)?;
        let wanted = lines as usize;
        let recent = run("recent", &[])?.success()?;
        if let Some(text) = screen::tail(recent.raw(), wanted, false) {
            return Ok(LogSource::Text(text));
        }
        // Wrapped lines made it fewer than asked for; or there are no more.
        let all = run("everything", &[])?.success()?;
        Ok(LogSource::Text(screen::tail(all.raw(), wanted, true).unwrap_or_default()))
    }

    fn attach(at: &Location, name: &str) -> Result<Plan, Error> {
        find(&session(name)?, name).ok_or(Error::NotFound)?;
        Ok(Plan::of(if at.inside { "switch" } else { "attach" }))
    }

    fn send(_at: &Location, request: &SendRequest) -> Result<(), Error> {
        find(&session(&request.name)?, &request.name).ok_or(Error::NotFound)?;
        run(if request.paste { "paste" } else { "type" }, &[])?.success().map(drop)
    }

    fn events(_at: &Location) -> Result<Plan, Error> {
        Ok(Plan::of("events"))
    }
}

/// What `list-sessions` prints; nothing where no server runs.
fn sessions() -> Result<Output, Error> {
    let mut output = run("sessions", &[])?;
    if output.ok() {
        return Ok(output);
    }
    if !listing::no_server(&output.stderr) {
        return Err(Error::Unavailable(output.complaint()));
    }
    output.stdout.clear();
    Ok(output)
}

/// What tmux tells of the session of this name, or of all: nothing where there is none.
///
/// A server may have a thousand, so it is asked for this one alone where tmux can take the name for
/// nothing else.
fn session(name: &str) -> Result<Output, Error> {
    if listing::is_plain(name) {
        let mut output = run("session", &[])?;
        if output.ok() && find(&output, name).is_some() {
            return Ok(output);
        }
        if !output.ok() && listing::is_missing(&output.stderr) {
            output.stdout.clear();
            return Ok(output);
        }
    }
    sessions()
}

/// The line of the session with exactly this name.
fn find<'a>(output: &'a Output, name: &str) -> Option<Row<'a>> {
    output.lines().filter_map(Row::parse).find(|row| row.name == name)
}

/// A session with what its panes tell, where they matter.
fn described(row: &Row<'_>) -> Result<Session, Error> {
    if row.may_have_ended() {
        return Ok(row.session(&run("panes", &[])?.stdout));
    }
    Ok(row.session(""))
}

/// Why `new-session` made nothing.
fn refusal(output: &Output) -> Error {
    if output.stderr_has("duplicate session") {
        Error::AlreadyExists
    } else if listing::server_ended(&output.stderr) {
        // It was about to end, with its last session: kst asks again, and that starts a new one.
        Error::Unavailable(output.complaint())
    } else if output.ok() {
        Error::failed(
            "tmux said that it made the session but did not name it: is new-session redefined by \
             the option command-alias?",
        )
    } else {
        output.failure()
    }
}

/// Close a session, and return when tmux no longer lists it.
fn close(row: &Row<'_>) -> Result<(), Error> {
    let output = run("end", &[])?;
    // Gone in the meantime is as good.
    if gone(row, &[0, 10, 20, 50, 100, 200, 500])? {
        return Ok(());
    }
    if output.ok() {
        Err(Error::failed("tmux still lists the session"))
    } else {
        Err(output.failure())
    }
}

/// Whether the session is no longer listed, after at most these pauses in milliseconds.
fn gone(row: &Row<'_>, pauses: &[u32]) -> Result<bool, Error> {
    for &milliseconds in pauses {
        pause(milliseconds);
        let told = match run("same", &[]) {
            Ok(output) if output.ok() => output,
            Ok(output) if listing::is_missing(&output.stderr) => return Ok(true),
            _ => sessions()?,
        };
        // A server that was started since has other sessions of the same ids.
        let same = |other: Row<'_>| (other.id, other.instance) == (row.id, row.instance);
        if !told.lines().filter_map(Row::parse).any(same) {
            return Ok(true);
        }
    }
    Ok(false)
}
