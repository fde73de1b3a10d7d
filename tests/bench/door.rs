//! What the door itself takes for a run: filling in the form, finding the program, writing the run
//! down, taking in what was printed. The program's own time, from its start to its end, is not in it.
//!
//! `kst-unguarded door-cost PROGRAM SESSION ROUNDS` stops SESSION as the backend tmux does, with PROGRAM
//! in the place of tmux: one run that reads and one that changes. Each round begins anew, as a kst that
//! was just started does: the folder of PATH is searched and the folder of the audit log opened.
//! Prints, in microseconds: the read and the change of the first round, then the medians of both, and of
//! the operation's end, where how the change ended is written down.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::door::{
    About, Audit, Audited, Call, CallSettings, CheckedManifest, Location, NoFiles, NoProcesses,
    Observer, Operation, Programs, Request, RunInfo, RunOutcome,
};
use crate::folders::Folders;
use crate::limits::Limits;
use crate::plugin::{Loader, built_in};
use crate::{Error, Result};

/// `kst-unguarded door-cost …`
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [program, session, rounds] = &args[..] else {
        eprintln!("usage: door-cost PROGRAM SESSION ROUNDS");
        return ExitCode::from(2);
    };
    match measure(program, session, rounds.parse().unwrap_or(1)) {
        Ok(costs) => {
            let microseconds = |cost: &Duration| format!("{:.1}", cost.as_secs_f64() * 1e6);
            println!("{}", costs.iter().map(microseconds).collect::<Vec<_>>().join(" "));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("door-cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(program: &str, session: &str, rounds: usize) -> Result<[Duration; 5]> {
    let folders = Folders::from_env();
    let source = built_in("tmux").ok_or_else(|| Error::failed("there is no tmux"))?;
    let loader = Loader::new(folders.cache.clone(), Limits::default());
    let (plugin, _) = loader.load(&source, None)?;
    let digest = plugin.digest().to_string();
    let (mut reads, mut changes, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        let [read, change, end] =
            round(plugin.manifest(), &digest, program, session, folders.state.as_deref())?;
        reads.push(read);
        changes.push(change);
        ends.push(end);
    }
    let (read, change) = (reads[0], changes[0]);
    Ok([read, change, median(reads), median(changes), median(ends)])
}

/// What the door took for a read, for a change, and to end the operation.
fn round(
    manifest: &Arc<CheckedManifest>,
    digest: &str,
    program: &str,
    session: &str,
    state: Option<&Path>,
) -> Result<[Duration; 3]> {
    let stopwatch = Arc::new(Stopwatch::default());
    let began = Instant::now();
    let overrides = BTreeMap::from([("tmux".to_owned(), OsString::from(program))]);
    let about = About {
        backend: manifest.manifest().name.clone(),
        digest: digest.to_owned(),
        operation: Operation::Stop,
        location: "default".to_owned(),
        session: Some(session.to_owned()),
    };
    let location = Location { name: "default".to_owned(), is_default: true, inside: false };
    let call = Call::new(
        Arc::clone(manifest),
        Arc::new(Programs::new(std::env::var_os("PATH"), overrides)),
        Arc::new(NoFiles),
        Request {
            name: Some(session.to_owned()),
            timeout: Some(1),
            ..Request::new(Operation::Stop, location)
        },
        Arc::new(NoProcesses),
        Arc::new(Audited::new(Arc::new(Audit::new(state)), about, Arc::clone(&stopwatch) as _)),
        CallSettings::default(),
    );
    let run = |form: &str, began: Instant| {
        call.run(form, &[]).map_err(|error| error.into_error("tmux"))?;
        Ok(began.elapsed().saturating_sub(stopwatch.taken()))
    };
    let (read, change) = (run("sessions", began)?, run("end", Instant::now())?);
    let began = Instant::now();
    drop(call);
    Ok([read, change, began.elapsed()])
}

fn median(mut costs: Vec<Duration>) -> Duration {
    costs.sort_unstable();
    costs[costs.len() / 2]
}

/// Hears how long the programs themselves took.
#[derive(Default)]
struct Stopwatch(Mutex<Duration>);

impl Stopwatch {
    /// The time of the run that ended last.
    fn taken(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Stopwatch {
    fn planned(&self, _: &RunInfo<'_>) {}

    fn ran(&self, _: &RunInfo<'_>, outcome: &RunOutcome<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = outcome.duration;
    }
}
