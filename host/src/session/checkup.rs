//! Looking kst's surroundings over: whether its engines, folders and approvals are as they have to be.

use std::path::{Path, PathBuf};

use super::host::Host;
use super::ledger::Ledger;
use super::survey::{BackendHealth, Filter, HealthState};
use crate::Error;
use crate::door::{Locations, ProgramError};
use crate::private;
use crate::text::shown_path;

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it belongs to: `engines`, `folders`, `plugins`.
    pub area: &'static str,
    /// What it is about: a backend, a folder.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// What there is to say: one sentence, or some facts.
    pub text: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not there, and not needed by what is known.
    Absent,
    /// It works, and there is something to know.
    Note,
    /// Something does not work.
    Problem,
}

impl Verdict {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Absent => "absent",
            Verdict::Note => "note",
            Verdict::Problem => "problem",
        }
    }
}

impl Finding {
    /// A finding about which there is nothing to do.
    pub fn new(
        area: &'static str,
        name: impl Into<String>,
        verdict: Verdict,
        text: impl Into<String>,
    ) -> Self {
        Finding { area, name: name.into(), verdict, text: text.into(), advice: None }
    }

    /// The same with what to do.
    #[must_use]
    pub fn do_this(self, advice: impl Into<String>) -> Self {
        Finding { advice: Some(advice.into()), ..self }
    }

    fn of_error(area: &'static str, name: impl Into<String>, error: &Error) -> Self {
        let advice = error.advice().map(str::to_owned);
        Finding { advice, ..Finding::new(area, name, Verdict::Problem, error.to_string()) }
    }
}

/// Below this many free bytes a folder is said to be nearly full.
const LITTLE: u64 = 64 << 20;

impl Host {
    /// Look everything over. Each engine is asked for its version and its sessions; nothing is changed,
    /// and nothing that nobody approved is run.
    pub fn checkup(&self) -> Vec<Finding> {
        let mut findings = self.check_engines();
        findings.extend(self.check_folders());
        findings.extend(self.check_plugins());
        findings
    }

    /// The backends in a session of which this process runs.
    pub fn inside(&self) -> Vec<String> {
        let mut inside = self.backends();
        inside.retain(|backend| {
            let Ok(plugin) = self.backend(backend) else { return false };
            match &plugin.manifest().manifest().locations {
                Locations::Sockets(folder) => folder.inside.as_ref().is_some_and(|variable| {
                    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
                }),
                _ => false,
            }
        });
        inside
    }

    fn check_engines(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut health = match self.list(&Filter::default()) {
            Ok(listing) => listing.health,
            Err(error) => {
                findings.push(Finding::of_error(ENGINES, "all", &error));
                Vec::new()
            }
        };
        self.probe(&mut health);
        for backend in self.backends() {
            // Why one cannot be loaded is told of the plugins.
            let Ok(plugin) = self.backend(&backend) else { continue };
            let manifest = plugin.manifest().manifest();
            let by_program = matches!(manifest.locations, Locations::Programs(_));
            for program in &manifest.programs {
                let name =
                    if by_program { format!("{backend} {}", program.id) } else { backend.clone() };
                let path = match self.programs().resolve(&program.id) {
                    Ok(path) => path,
                    Err(ProgramError::NotFound { .. }) => {
                        let text = format!("{} is not installed", program.id);
                        let absent = Finding::new(ENGINES, name, Verdict::Absent, text);
                        findings.push(absent.do_this(format!("install {}", program.id)));
                        continue;
                    }
                    Err(error) => {
                        let problem =
                            Finding::new(ENGINES, name, Verdict::Problem, error.to_string());
                        findings.push(Finding { advice: error.advice(), ..problem });
                        continue;
                    }
                };
                let here = |one: &&BackendHealth| {
                    one.backend == backend
                        && (!by_program || one.location.as_ref() == Some(&program.id))
                };
                let mut of_it: Vec<&BackendHealth> = health.iter().filter(here).collect();
                // One word for all sockets of an engine, but for those that are not well.
                let well = of_it.iter().position(|one| one.state == HealthState::Ok);
                let first = well.map(|at| of_it.remove(at));
                of_it.retain(|one| one.state != HealthState::Ok);
                for one in first.into_iter().chain(of_it) {
                    findings.push(self.of_health(&name, one, &path, by_program));
                }
            }
        }
        if !findings.iter().any(|one| matches!(one.verdict, Verdict::Good | Verdict::Note)) {
            let none = "there is none that works, so that nothing can be started";
            let none = Finding::new(ENGINES, "engines", Verdict::Problem, none);
            findings.push(none.do_this("install one of those above, or start it"));
        }
        findings
    }

    fn of_health(
        &self,
        name: &str,
        health: &BackendHealth,
        path: &Path,
        by_program: bool,
    ) -> Finding {
        let name = match &health.location {
            Some(location) if !by_program && location != super::locations::DEFAULT => {
                format!("{name} {location}")
            }
            _ => name.to_owned(),
        };
        let path = shown_path(path);
        let version = health.version.as_deref().unwrap_or("of an unknown version");
        let problem = || health.problem.clone().unwrap_or_else(|| "it does not answer".into());
        match health.state {
            HealthState::Ok if health.lacks.is_empty() => {
                Finding::new(ENGINES, name, Verdict::Good, format!("{version}, {path}"))
            }
            HealthState::Ok => {
                let lacks = health.lacks.join("; ");
                let text = format!("{version}, {path}; it lacks: {lacks}");
                Finding::new(ENGINES, name, Verdict::Note, text).do_this("a later version has it")
            }
            HealthState::Absent => Finding::new(ENGINES, name, Verdict::Absent, problem()),
            // Its program came along with something else, maybe; nothing needs it.
            HealthState::Down if !self.is_worth_a_word(health) => {
                Finding::new(ENGINES, name, Verdict::Absent, format!("{path}: {}", problem()))
                    .do_this("start its engine if you want sessions there")
            }
            HealthState::Down => {
                Finding::new(ENGINES, name, Verdict::Problem, format!("{path}: {}", problem()))
                    .do_this(
                        "start its engine: there are sessions of yours, or your config means it",
                    )
            }
            HealthState::Broken => {
                Finding::new(ENGINES, name, Verdict::Problem, format!("{path}: {}", problem()))
                    .do_this("'kst list --verbose' shows what it was asked and how long it took")
            }
        }
    }

    fn check_folders(&self) -> Vec<Finding> {
        let folders = self.folders();
        let state = match &folders.state {
            None => unknown("state", "XDG_STATE_HOME"),
            Some(folder) if folder.exists() => match Ledger::open(folder) {
                Ok(ledger) => {
                    let runs = ledger.load().len();
                    let known =
                        if runs == 1 { "1 run is".into() } else { format!("{runs} runs are") };
                    room(folder, "state", &format!("{known} known"))
                }
                Err(error) => Finding::of_error(FOLDERS, "state", &error),
            },
            Some(folder) => to_be_made(folder, "state"),
        };
        let cache = match &folders.cache {
            // It costs time alone.
            None => Finding { verdict: Verdict::Note, ..unknown("cache", "XDG_CACHE_HOME") },
            Some(folder) if folder.exists() => match private::open_existing(folder) {
                Ok(_) if !writable(folder) => Finding::new(
                    FOLDERS,
                    "cache",
                    Verdict::Note,
                    format!(
                        "{} cannot be written to: backends are compiled at each run",
                        shown_path(folder)
                    ),
                ),
                Ok(_) => room(folder, "cache", "it can be deleted at any time"),
                // It costs time alone.
                Err(error) => Finding {
                    verdict: Verdict::Note,
                    text: error.to_string().replace("state folder", "cache folder"),
                    ..Finding::of_error(FOLDERS, "cache", &error)
                },
            },
            Some(folder) => to_be_made(folder, "cache"),
        };
        let approvals = match (&folders.data, self.plugin_files().trust().all()) {
            (None, _) => {
                Finding { verdict: Verdict::Note, ..unknown("approvals", "XDG_DATA_HOME") }
            }
            (Some(_), Err(error)) => Finding::of_error(FOLDERS, "approvals", &error),
            (Some(folder), Ok(all)) => {
                let count = match all.len() {
                    0 => "no component is approved besides those of kst".to_owned(),
                    1 => "1 component is approved".to_owned(),
                    many => format!("{many} components are approved"),
                };
                let text = format!("{}: {count}", shown_path(&folder.join("trust.json")));
                Finding::new(FOLDERS, "approvals", Verdict::Good, text)
            }
        };
        vec![state, cache, approvals]
    }

    fn check_plugins(&self) -> Vec<Finding> {
        use super::backends::Trust;
        let mut findings = Vec::new();
        for plugin in self.plugins() {
            let from = match plugin.origin.file() {
                Some(file) => shown_path(file),
                None => "came with kst".to_owned(),
            };
            let name = match plugin.name.is_empty() {
                true => from.clone(),
                false => plugin.name.clone(),
            };
            let finding = match (&plugin.problem, plugin.trusted) {
                (_, Trust::Changed) => {
                    let text = format!("{from}: it was changed since it was approved");
                    Finding::new(PLUGINS, name, Verdict::Problem, text)
                        .do_this(format!("kst plugin trust {from}"))
                }
                (Some(problem), _) => {
                    let text = match problem.starts_with(&from) {
                        true => problem.clone(),
                        false => format!("{from}: {problem}"),
                    };
                    let advice = plugin.advice.clone();
                    Finding { advice, ..Finding::new(PLUGINS, name, Verdict::Problem, text) }
                }
                (None, Trust::No) => {
                    let text = format!("{from}: nobody approved it");
                    Finding::new(PLUGINS, name, Verdict::Problem, text)
                        .do_this(format!("kst plugin trust {from}"))
                }
                (None, Trust::Vetted) => Finding::new(PLUGINS, name, Verdict::Good, from),
                (None, Trust::Approved | Trust::Config | Trust::Once) => {
                    Finding::new(PLUGINS, name, Verdict::Good, format!("{from}, approved"))
                }
            };
            findings.push(finding);
        }
        findings
    }
}

const ENGINES: &str = "engines";
const FOLDERS: &str = "folders";
const PLUGINS: &str = "plugins";

fn unknown(name: &str, variable: &str) -> Finding {
    let text = format!("there is none: neither HOME nor {variable} is set");
    Finding::new(FOLDERS, name, Verdict::Problem, text).do_this(format!("set HOME, or {variable}"))
}

/// A folder that is there and can be used: how much room is in it.
fn room(folder: &Path, name: &str, more: &str) -> Finding {
    let shown = shown_path(folder);
    match free(folder) {
        Some(free) if free < LITTLE => Finding::new(
            FOLDERS,
            name,
            Verdict::Problem,
            format!("{shown}: only {} are free", size(free)),
        )
        .do_this("make room: what sessions print and how they end is kept there"),
        free => {
            let free = free.map_or(String::new(), |free| format!(", {} free", size(free)));
            Finding::new(FOLDERS, name, Verdict::Good, format!("{shown}{free}; {more}"))
        }
    }
}

/// A folder that is not there yet: whether it can be made.
fn to_be_made(folder: &Path, name: &str) -> Finding {
    let shown = shown_path(folder);
    match folder.ancestors().find(|above| above.exists()) {
        Some(above) if writable(above) => {
            let text = format!("{shown}: it will be made when it is needed");
            Finding::new(FOLDERS, name, Verdict::Good, text)
        }
        above => {
            let above = above.map_or_else(|| PathBuf::from("/"), Path::to_owned);
            let text = format!(
                "{shown}: it is not there, and {} cannot be written to",
                shown_path(&above)
            );
            Finding::new(FOLDERS, name, Verdict::Problem, text)
                .do_this(format!("choose another folder with XDG_{}_HOME", name.to_uppercase()))
        }
    }
}

fn writable(folder: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    // What is no place for files has no room, whatever its modes say.
    free(folder) != Some(0)
        && accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// How many bytes can still be written there.
fn free(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// A number of bytes for people: `49.8 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{value:.digits$} {}", UNITS.get(unit).unwrap_or(&"bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (64 << 20, "64.0 MiB"),
            (300 << 30, "300 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn a_folder_is_made_where_something_above_it_can_be_written() {
        let above = tempfile::tempdir().expect("a folder");
        let found = to_be_made(&above.path().join("a/b"), "cache");
        assert_eq!(found.verdict, Verdict::Good, "{found:?}");
        let found = to_be_made(Path::new("/proc/nosuch/kst"), "cache");
        assert_eq!(found.verdict, Verdict::Problem, "{found:?}");
        assert!(found.advice.is_some_and(|advice| advice.contains("XDG_CACHE_HOME")));
    }
}
