//! Connecting the user's terminal to a session.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use super::host::Host;
use super::model::{SessionState, SessionStatus};
use super::serve::SessionProcesses;
use super::sighting::Sighting;
use super::survey::Filter;
use super::terminal;
use crate::door::Operation;
use crate::{Error, Result};

/// How long an engine may take to know that a session has ended whose client has.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is asked.
const END_STEP: Duration = Duration::from_millis(20);

impl Host {
    /// Connect this process's terminal to a running session, and return when the user detaches or
    /// the session ends: the session as it is then, [`SessionState::Unknown`] where it cannot be asked
    /// for. `begins` hears, right before, which keys detach unless the user has changed them, where
    /// the backend says so.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::Attach`] where it is not running, there is
    /// no terminal, or the engine refuses.
    pub fn attach(
        &self,
        name: &str,
        filter: &Filter,
        begins: &dyn Fn(&str),
    ) -> Result<SessionStatus> {
        let found = self.find_reached(name, filter)?;
        let fail = |what: &str, advice: Option<String>| Error::Attach {
            name: name.to_owned(),
            what: what.to_owned(),
            advice,
        };
        let (true, Some(plugin)) = (found.is_running(), &found.plugin) else {
            return Err(fail(
                &format!("it is not running ({})", found.status.state),
                Some(format!("start it with 'kst start {name}'")),
            ));
        };
        if !found.in_engine {
            return Err(fail(
                "its engine no longer has it, though its processes run on",
                Some(format!("end them with 'kst stop {name}'")),
            ));
        }
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if !terminal && !self.dry_run() {
            return Err(fail(
                "there is no terminal here",
                Some(format!("read what it prints with 'kst logs {name}'")),
            ));
        }
        let mut request = found.request(Operation::Attach);
        request.terminal = terminal;
        let at = &found.location;
        let none = SessionProcesses::none();
        let (form, door) = self
            .serve(plugin, request, none, |guest| guest.attach(at, name))
            .map_err(|trouble| trouble.error(name, &found.place()))?;
        let plan = door.plan(&form).map_err(|error| error.into_error(plugin.name()))?;
        if self.dry_run() {
            return Ok(found.status);
        }
        let command = plan.command().map_err(|error| error.into_error(plugin.name()))?;
        if let Some(keys) = &plugin.manifest().manifest().detach {
            begins(keys);
        }
        let began = Instant::now();
        let status = terminal::run(command).map_err(|error| fail(&error.to_string(), None))?;
        door.plan_ran(&form, &plan, began.elapsed(), status);
        let code = status.code().unwrap_or(1);
        let after = |state| SessionStatus { state, pid: None, ..found.status.clone() };
        let mut seen = self.afresh().find(name, &found.filter());
        // Some engines' clients give the program's code, or 1 for having detached.
        if code > 1 {
            // It has ended then, and its engine may be the last to know.
            let deadline = Instant::now() + END_PATIENCE;
            while seen.as_ref().is_ok_and(Sighting::is_running) && Instant::now() < deadline {
                std::thread::sleep(END_STEP);
                seen = self.afresh().find(name, &found.filter());
            }
        }
        match seen {
            Ok(seen) if seen.is_running() && code > 1 => {
                Err(fail(&format!("the engine's client ended with code {code}"), None))
            }
            Ok(seen) => Ok(seen.status),
            // A foreign session that its engine forgets when it ends.
            Err(Error::NotFound { .. }) => Ok(after(SessionState::Stopped)),
            Err(_) => Ok(after(SessionState::Unknown)),
        }
    }
}
