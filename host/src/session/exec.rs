//! Running a second command in a session.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use super::host::Host;
use super::model::ExitStatus;
use super::serve::SessionProcesses;
use super::signal::not_running;
use super::survey::Filter;
use super::{terminal, validate};
use crate::door::{Operation, Placement};
use crate::text::escape_controls;
use crate::{Error, Result};

/// What to run in a session, beside its own command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// The command, word for word.
    pub words: Vec<String>,
    /// The directory to run it in, an absolute path of the session's; `None`: the session's own.
    pub working_dir: Option<String>,
    /// Variables besides the session's own. They stand on no command line.
    pub env: BTreeMap<String, String>,
}

impl Host {
    /// Run a command in a running session (in its container), on this process's standard streams, and
    /// on its terminal where both input and output are one. Returns how it ended: an engine's client
    /// tells a signal as 128 and its number, a command that it could not run as 126 or 127. A dry run
    /// tells of code 0.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::NotRunning`];
    /// [`Error::Unsupported`] where the backend runs no second command.
    pub fn exec(&self, name: &str, filter: &Filter, request: &ExecRequest) -> Result<ExitStatus> {
        if request.words.first().is_none_or(String::is_empty) {
            return Err(Error::invalid("there is no command to run"));
        }
        validate::env(&request.env)?;
        let found = self.find_reached(name, filter)?;
        let (true, Some(plugin)) = (found.is_running(), &found.plugin) else {
            return Err(not_running(&found));
        };
        if !plugin.manifest().supports(Operation::Exec) {
            let what = match plugin.manifest().manifest().placement {
                Placement::Here => format!(
                    "session '{}' runs on this machine, where a second command can be run as any other",
                    escape_controls(name)
                ),
                Placement::Elsewhere => "it runs no second command in a session".to_owned(),
            };
            return Err(Error::Unsupported { backend: found.status.backend.clone(), what });
        }
        let at = &found.location;
        let mut asked = found.request(Operation::Exec);
        asked.terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        asked.command = Some(request.words.clone());
        asked.workdir.clone_from(&request.working_dir);
        asked.env = request.env.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let none = SessionProcesses::none();
        let (form, door) = self
            .serve(plugin, asked, none, |guest| guest.exec(at, name))
            .map_err(|trouble| trouble.error(name, &found.place()))?;
        let plan = door.plan(&form).map_err(|error| error.into_error(plugin.name()))?;
        if self.dry_run() {
            return Ok(ExitStatus::Code(0));
        }
        let command = plan.command().map_err(|error| error.into_error(plugin.name()))?;
        let began = Instant::now();
        let status = terminal::run(command).map_err(|error| {
            Error::failed(format!("{} could not be run: {error}", plan.program.display()))
        })?;
        door.plan_ran(&form, &plan, began.elapsed(), status);
        Ok(match status.code() {
            Some(code) => ExitStatus::Code(code),
            None => ExitStatus::Signal(status.signal().unwrap_or_default()),
        })
    }
}
