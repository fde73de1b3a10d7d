//! Which id and pids belong to the request's name: taken by the host from what programs print.

use super::gives::{Capture, Gives};
use super::manifest::{Effect, Operation};
use super::request::Request;
use crate::guard::Guard;
use crate::text::escape_controls;
use std::path::{Path, PathBuf};

/// What one output line told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The session's name, exactly as printed.
    pub name: Option<String>,
    /// The engine's id: printable, without spaces, at most 256 bytes, never with a leading `-`.
    pub id: Option<String>,
    /// Process ids on this machine, as the engine tells them; never 0.
    pub pids: Vec<u32>,
    /// Which run of the engine this is.
    pub instance: Option<String>,
    /// The random id of the start that made it.
    pub run: Option<String>,
}

/// What the request's name is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Binding {
    /// Nothing has named it yet.
    #[default]
    None,
    /// One session.
    One {
        row: Row,
        /// Whether this very operation made it.
        fresh: bool,
        /// The program that told.
        program: PathBuf,
    },
    /// Several sessions; the sentence says so. It stays so for the rest of the operation.
    Several(String),
}

/// Everything that `gives` lines told in one operation.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    pub rows: Vec<Row>,
    pub bound: Binding,
}

/// Whether a line may be about the session that was found before. In between it may have ended and
/// another one taken its name.
fn was_found(row: &Row, request: &Request) -> bool {
    let same = !differ(&row.id, &request.id) && !differ(&row.instance, &request.instance);
    same || !Guard::FoundSession.holds()
}

/// An output has more lines than it may, or the operation more rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyRows;

impl Bindings {
    /// Take in what a run that exited has printed.
    ///
    /// A line binds when it names the request's session exactly and, where the request knows its
    /// run, comes from that run. A form whose lines have no name binds by its sole line, if it is a
    /// changing form: then the line is about what this operation made. Of one output, and of all that
    /// is kept, there are at `most` so many lines.
    pub(super) fn feed(
        &mut self,
        gives: &Gives,
        effect: Effect,
        program: &Path,
        stdout: &[u8],
        request: &Request,
        most: usize,
    ) -> Result<(), TooManyRows> {
        let stdout = stdout.strip_suffix(b"\n").unwrap_or(stdout);
        if stdout.is_empty() {
            return Ok(());
        }
        let mut lines = 0;
        let mut found: Vec<Row> = Vec::new();
        let bound = match &self.bound {
            Binding::One { row, .. } => row.instance.clone(),
            Binding::None | Binding::Several(_) => None,
        };
        let mut began_anew = false;
        for line in stdout.split(|&byte| byte == b'\n') {
            lines += 1;
            if lines > most || self.rows.len() >= most {
                return Err(TooManyRows);
            }
            let Some(row) = gives.read(line) else { continue };
            began_anew |= differ(&bound, &row.instance);
            let named = row.name.is_some() && row.name == request.name;
            let named = named || !Guard::BoundByName.holds();
            if named && was_found(&row, request) && run_fits(gives, &row, request) {
                found.push(row.clone());
            }
            self.rows.push(row);
        }
        if !gives.has(Capture::Name) && effect == Effect::Changes && lines == 1 {
            let sole = self.rows.last().filter(|_| gives.read(stdout).is_some()).cloned();
            found.extend(sole.filter(|row| run_fits(gives, row, request)));
        }
        if began_anew && Guard::OneSession.holds() {
            // Whatever it is called: what was bound has ended with the engine that had it.
            let name = escape_controls(request.name.as_deref().unwrap_or_default());
            self.bound = Binding::Several(format!(
                "its engine was started anew since '{name}' was found, and by now its id may be \
                 another session's"
            ));
            return Ok(());
        }
        let made = effect == Effect::Changes && request.operation == Operation::Start;
        let ran = gives.has(Capture::Run) && request.run.is_some();
        let fresh = made || ran && request.operation == Operation::Start;
        let mut pids_told = false;
        for row in found {
            self.merge(row, fresh, gives, program, pids_told, request);
            pids_told = true;
        }
        Ok(())
    }

    /// Add a line that is about the request's session.
    fn merge(
        &mut self,
        mut row: Row,
        fresh: bool,
        gives: &Gives,
        program: &Path,
        same_output: bool,
        request: &Request,
    ) {
        row.name.clone_from(&request.name);
        match &mut self.bound {
            Binding::Several(_) => {}
            Binding::None => {
                self.bound = Binding::One { row, fresh, program: program.to_owned() };
            }
            Binding::One { row: bound, fresh: was_fresh, program: teller } => {
                // Without ids, two lines of one output are two sessions unless they say the same.
                let nameless = same_output && row.id.is_none() && bound.id.is_none();
                let differ = differ(&bound.id, &row.id)
                    || differ(&bound.instance, &row.instance)
                    || nameless && bound.pids != row.pids
                    || same_output && bound.id.is_some() != row.id.is_some();
                if differ && Guard::OneSession.holds() {
                    let name = escape_controls(request.name.as_deref().unwrap_or_default());
                    self.bound = Binding::Several(format!(
                        "several sessions answered to the name '{name}', so it is not clear which \
                         one is meant"
                    ));
                    return;
                }
                if gives.has(Capture::Pids) {
                    if !same_output {
                        bound.pids.clear();
                    }
                    for pid in row.pids {
                        if !bound.pids.contains(&pid) {
                            bound.pids.push(pid);
                        }
                    }
                    *teller = program.to_owned();
                }
                *was_fresh |= fresh;
                bound.id = bound.id.take().or(row.id);
                bound.instance = bound.instance.take().or(row.instance);
                bound.run = row.run.or_else(|| bound.run.take());
            }
        }
    }
}

fn differ(one: &Option<String>, other: &Option<String>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// Whether the line comes from the start that the request knows, as far as lines tell that.
fn run_fits(gives: &Gives, row: &Row, request: &Request) -> bool {
    let fits = !gives.has(Capture::Run) || request.run.is_none() || row.run == request.run;
    fits || !Guard::ThisRun.holds()
}

#[cfg(test)]
mod tests;
