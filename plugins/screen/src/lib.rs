//! Sessions in GNU screen.
//!
//! screen takes a name as often as it is given: kst's lock and a look before each start keep it
//! unique among what kst starts. Its sessions are told apart by the pid of their screen process,
//! which stands before the name (`4871.dev`); whatever changes a session goes by both.

mod listing;

use Operation::{Attach, List, Probe, Remove, Send, Start, Status, Stop};
use kst_plugin::prelude::*;
use listing::rows;

/// The backend `screen`.
pub struct Screen;

kst_plugin::export!(Screen);

/// What kst's sessions need of screen, in place of the user's own file, which may open windows.
const SCREENRC: &str = "\
startup_message off
autodetach on
defscrollback 10000
# Each line of output goes to the log at once.
logfile flush 0
";

impl Backend for Screen {
    fn describe() -> Description {
        Description::new("screen", env!("CARGO_PKG_VERSION"), "runs sessions in GNU screen")
            .program("screen", "keeps your session alive on this machine")
            .file("screenrc", SCREENRC)
            .form(Form::reads("version", &[Probe], "screen --version"))
            .form(
                Form::reads(
                    "sessions",
                    &[List, Status, Start, Stop, Remove, Attach, Send],
                    "screen -ls",
                )
                .gives("\t{id}.{name}\t({*})\t({*})"),
            )
            .form(
                Form::reads(
                    "undated",
                    &[List, Status, Start, Stop, Remove, Attach, Send],
                    "screen -ls",
                )
                .gives("\t{id}.{name}\t({*})"),
            )
            .form(Form::changes(
                "create",
                &[Start],
                "screen -c {file-screenrc} -L -Logfile {log:strftime} -dmS {name} -- {launch}",
            ))
            // By a register, for `stuff` has escapes of its own. Past the query, screen has read it.
            .form(Form::changes(
                "type",
                &[Send],
                "screen -S {id}.{name} -X eval 'readreg k '{keys-file} 'paste k'",
            ))
            .form(Form::reads("settled", &[Send], "screen -S {id}.{name} -Q windows"))
            .operations(&[Send])
            .form(Form::changes("quit", &[Stop], "screen -S {id}.{name} -X quit"))
            .form(Form::changes("wipe", &[Remove], "screen -wipe {id}.{name}"))
            .form(Form::plan("attach", &[Attach], "screen -x {id}.{name}"))
            .keeps(&["TERM", "TERMCAP", "STY", "WINDOW"])
            .detach("Ctrl-a d")
    }

    fn probe(_at: &Location) -> Result<Health, Error> {
        // Some versions print theirs and end with code 1.
        let output = run("version", &[])?;
        let line = output.first_line();
        let Some(version) = line.strip_prefix("Screen version ") else {
            return Ok(Health::problem(&output.complaint()));
        };
        let version = version.split(' ').next().unwrap_or(version);
        if listing::too_old(version) {
            let mut health = Health::problem("this screen is too old: kst needs 4.6 or later");
            health.version = Some(version.into());
            return Ok(health);
        }
        Ok(Health::version(version))
    }

    fn list(_at: &Location) -> Result<Vec<Session>, Error> {
        Ok(rows(&sessions()?).map(|row| row.session()).collect())
    }

    fn start(at: &Location, request: &StartRequest) -> Result<Session, Error> {
        if request.resume {
            return Err(Error::unsupported("screen cannot start a session again as it was"));
        }
        match Self::status(at, &request.name) {
            Err(Error::NotFound) => {}
            Ok(_) => return Err(Error::AlreadyExists),
            Err(error) => return Err(error),
        }
        run("create", &[])?.success()?;
        // screen returns when its other half may still be at work on its socket.
        for milliseconds in [0, 5, 10, 20, 40, 80, 150] {
            pause(milliseconds);
            match Self::status(at, &request.name) {
                Err(Error::NotFound) => {}
                other => return other,
            }
        }
        Ok(Session::new(&request.name, State::Ended))
    }

    fn stop(at: &Location, request: &StopRequest) -> Result<(), Error> {
        if Self::status(at, &request.name)?.state == State::Ended {
            return Err(Error::NotRunning);
        }
        end_session();
        // With its last window gone, screen ends by itself, and only then has it written its log.
        if gone(at, &request.name, &[5, 15, 30, 50, 100, 200])? {
            return Ok(());
        }
        let output = run("quit", &[])?;
        if gone(at, &request.name, &[0, 20, 50, 100, 200, 500])? {
            return Ok(());
        }
        Err(if output.ok() {
            Error::failed("screen still lists the session")
        } else {
            listing::failure(&output)
        })
    }

    fn remove(at: &Location, name: &str) -> Result<(), Error> {
        match Self::status(at, name) {
            Err(Error::NotFound) => return Ok(()),
            Ok(session) if session.state != State::Ended => {
                return Err(Error::failed("the session still runs: stop it first"));
            }
            other => other?,
        };
        run("wipe", &[])?;
        if gone(at, name, &[0, 50])? {
            Ok(())
        } else {
            Err(Error::failed("screen keeps its socket"))
        }
    }

    fn attach(at: &Location, name: &str) -> Result<Plan, Error> {
        if Self::status(at, name)?.state == State::Ended {
            return Err(Error::NotRunning);
        }
        Ok(Plan::of("attach"))
    }

    fn send(at: &Location, request: &SendRequest) -> Result<(), Error> {
        if Self::status(at, &request.name)?.state == State::Ended {
            return Err(Error::NotRunning);
        }
        let output = run("type", &[])?;
        if !output.ok() {
            return Err(listing::failure(&output));
        }
        run("settled", &[])?;
        Ok(())
    }
}

/// What `screen -ls` prints. Its exit code says nothing that holds for all versions. Where sessions
/// have no dates, it is asked again: the host takes their ids from lines of one shape alone.
fn sessions() -> Result<Output, Error> {
    let mut output = run("sessions", &[])?;
    if rows(&output).any(|row| !row.dated) {
        output = run("undated", &[])?;
    }
    if listing::is_list(&output.stdout) { Ok(output) } else { Err(listing::failure(&output)) }
}

/// Whether the session is no longer listed, after at most these pauses in milliseconds.
fn gone(at: &Location, name: &str, pauses: &[u32]) -> Result<bool, Error> {
    for &milliseconds in pauses {
        pause(milliseconds);
        match Screen::status(at, name) {
            Err(Error::NotFound) => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_forms_once() {
        let description = Screen::describe();
        for (index, form) in description.forms.iter().enumerate() {
            let others = description.forms.iter().skip(index + 1);
            assert!(others.map(|other| &other.name).all(|name| *name != form.name));
        }
    }
}
