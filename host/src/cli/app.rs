//! What a command works with: the global options, the config, the host, the output.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kst::config::{Config, Sources};
use kst::door::Audit;
use kst::folders::Folders;
use kst::session::{Host, HostSettings};
use kst::text::shown_path;

use super::ask;
use super::globals::Globals;
use super::observe::{self, HeldBack, Watcher};
use super::output::Output;

/// How many problems of the config are told in full by commands that are about something else.
const MOST_PROBLEMS: usize = 3;

/// The size in bytes from which on compiling a component takes a second or more.
const LARGE: usize = 2 << 20;

/// A line for whoever waits at a terminal.
fn tell_of_compiling(component: &Path, bytes: usize) {
    if bytes >= LARGE && io::stderr().is_terminal() {
        let (file, size) = (shown_path(component), bytes >> 20);
        Output::new().note(&format!("compiling {file} ({size} MiB), this once: its code is kept"));
    }
}

/// What a command works with.
pub struct App {
    pub globals: Globals,
    pub output: Output,
    folders: Folders,
    watcher: Arc<Watcher>,
}

impl App {
    pub fn new(globals: Globals, output: Output) -> Self {
        kst::plugin::on_compiling(tell_of_compiling);
        kst::plugin::compile_in_children();
        let watcher = Arc::new(Watcher::new(globals.verbose, globals.dry_run, output.clone()));
        App { globals, output, folders: Folders::from_env(), watcher }
    }

    /// The config of all its layers.
    pub fn config(&self) -> anyhow::Result<Config> {
        let explicit = match &self.globals.config {
            Some(file) => Some(file.clone()),
            None => Sources::from_variable()?,
        };
        Ok(Config::load(&Sources {
            folders: self.folders.clone(),
            // Where it is gone, there is no file in it either.
            working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            explicit,
        })?)
    }

    /// The host, on the config; what is wrong in the config is told as warnings.
    pub fn host(&self) -> anyhow::Result<Host> {
        self.host_about(None, false)
    }

    /// The same, for a command about one session: what is wrong with that one is told in full.
    pub fn host_for(&self, name: &str) -> anyhow::Result<Host> {
        self.host_about(Some(name), false)
    }

    /// The same, for its start, which fails where its definition is broken, and says so then.
    pub fn host_to_start(&self, name: &str) -> anyhow::Result<Host> {
        self.host_about(Some(name), true)
    }

    /// The host, for a command that runs no program: nobody is asked to approve anything by the way.
    pub fn host_to_manage(&self) -> anyhow::Result<Host> {
        Ok(Host::new(HostSettings {
            ask: None,
            without_chosen_programs: true,
            ..self.settings(self.config()?)
        })?)
    }

    /// The host on this config, to look things over: nobody is asked, and what nobody approved is left
    /// out.
    pub fn host_to_look_over(&self, config: Config, with_plugins: bool) -> anyhow::Result<Host> {
        let settings = self.settings(config);
        let plugins = if with_plugins { settings.plugins.clone() } else { Vec::new() };
        Ok(Host::new(HostSettings {
            ask: None,
            warn: Arc::new(|_| {}),
            without_chosen_programs: true,
            plugins,
            ..settings
        })?)
    }

    /// The host, for what a shell asks while a line is typed: nobody is asked or told anything.
    pub fn host_to_complete(&self) -> anyhow::Result<Host> {
        Ok(Host::new(HostSettings {
            ask: None,
            warn: Arc::new(|_| {}),
            without_chosen_programs: true,
            ..self.settings(self.config().unwrap_or_else(|_| Config::empty()))
        })?)
    }

    fn host_about(&self, name: Option<&str>, starts: bool) -> anyhow::Result<Host> {
        let config = self.config()?;
        let fails = name.filter(|_| starts).and_then(|name| config.session(name).err());
        let fails = fails.map(|error| error.to_string());
        let problems = config.problems().iter().filter(|one| Some(one.to_string()) != fails);
        let (mut others, mut own): (Vec<_>, Vec<_>) =
            problems.partition(|problem| problem.is_of_another_session(name));
        // Whether its backend has such an option, a start is about to tell.
        own.retain(|problem| !(starts && problem.may_be_option));
        if others.len() == 1 {
            // To count it would be as long.
            own.append(&mut others);
        }
        let told = match own.len() {
            count if count <= MOST_PROBLEMS => count,
            _ => MOST_PROBLEMS - 1,
        };
        for problem in own.iter().take(told) {
            self.output.warn(&problem.to_string());
        }
        match others.len() + own.len() - told {
            0 if own.is_empty() => {}
            0 => self.output.hint("kst config check shows the lines and what to do"),
            more => {
                let other = if own.is_empty() { "" } else { "other " };
                let text =
                    format!("{more} {other}problems in the config; 'kst config check' shows them");
                self.output.warn(&text);
            }
        }
        self.host_on(config)
    }

    /// The host, on this config, whose problems are told by whoever read it.
    pub fn host_on(&self, config: Config) -> anyhow::Result<Host> {
        Ok(Host::new(self.settings(config))?)
    }

    /// The same, which asks for no approval.
    pub fn host_to_check(&self, config: Config) -> anyhow::Result<Host> {
        Ok(Host::new(HostSettings { ask: None, ..self.settings(config) })?)
    }

    fn settings(&self, config: Config) -> HostSettings {
        let output = self.output.clone();
        // What is wrong with an engine is told once, and not for each of several sessions.
        let told = Mutex::new(HashSet::new());
        let first = move |text: &str| {
            told.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned())
        };
        HostSettings {
            folders: self.folders.clone(),
            config,
            plugins: self.globals.plugins.clone(),
            program: None,
            dry_run: self.globals.dry_run,
            observer: self.watcher.clone(),
            verbose: self.globals.verbose,
            warn: Arc::new(move |text| {
                if first(text) {
                    output.warn(text);
                }
            }),
            ask: ask::asker(&self.output, self.globals.dry_run),
            without_chosen_programs: false,
        }
    }

    /// What backends had run. It needs no config.
    pub fn audit(&self) -> Audit {
        Audit::new(self.folders.state.as_deref())
    }

    /// Whether a dry run stopped at a change, so that there is no result to print.
    pub fn held_back(&self) -> bool {
        self.held_back_so_far() > 0
    }

    /// How much a dry run has held back.
    pub fn held_back_so_far(&self) -> usize {
        self.watcher.held_back().map_or(0, |held_back| held_back.len())
    }

    /// The exit code of a command that ended so.
    pub fn finish(&self, result: anyhow::Result<u8>) -> u8 {
        // A dry run ends at the first change: how the operation saw that end does not matter.
        let result = match self.watcher.held_back() {
            Some(held_back) => {
                let code = self.dry_run(&held_back);
                // Of several sessions, another one may have failed.
                code.map(|code| result.map_or(code, |failed| code.max(failed)))
            }
            None => result,
        };
        result.unwrap_or_else(|error| self.output.error(&error))
    }

    fn dry_run(&self, held_back: &[HeldBack]) -> anyhow::Result<u8> {
        if self.globals.json {
            self.output.json(&observe::json(held_back))?;
        } else {
            let lines: Vec<String> = held_back.iter().map(|what| what.line() + "\n").collect();
            self.output.print(lines.concat().as_bytes())?;
        }
        self.output.note("dry run: nothing was changed");
        Ok(0)
    }
}
