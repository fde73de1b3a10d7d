//! The host: everything the command line does. (stub)
#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::door::Observer;
use crate::door::manifest::CheckedManifest;
use crate::folders::Folders;
use crate::session::{SessionConfig, SessionStatus};
use crate::{Error, Result};

pub struct HostSettings {
    pub folders: Folders,
    pub config: Config,
    pub plugins: Vec<PathBuf>,
    pub program: Option<PathBuf>,
    pub dry_run: bool,
    pub observer: Arc<dyn Observer + Send + Sync>,
    pub warn: Arc<dyn Fn(&str) + Send + Sync>,
}

pub struct Host {
    settings: HostSettings,
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub backend: Option<String>,
    pub location: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Define {
    Merge,
    Alone,
}

#[derive(Debug, Clone)]
pub struct StartRequest {
    pub config: SessionConfig,
    pub define: Define,
}

#[derive(Debug, Clone, Copy)]
pub struct StopOptions {
    pub graceful: bool,
    pub timeout: Duration,
}

#[derive(Debug, Clone)]
pub struct StopOutcome {
    pub status: SessionStatus,
    pub was_running: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    Ok,
    Absent,
    Broken,
}

#[derive(Debug, Clone)]
pub struct BackendHealth {
    pub backend: String,
    pub location: Option<String>,
    pub state: HealthState,
    pub version: Option<String>,
    pub problem: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub sessions: Vec<SessionStatus>,
    pub health: Vec<BackendHealth>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    Vetted,
    Approved,
    No,
}

#[derive(Debug, Clone)]
pub struct PluginInfo {
    pub manifest: Option<CheckedManifest>,
    pub digest: String,
    pub origin: Origin,
    pub trusted: Trust,
    pub size: u64,
    pub imports: Vec<String>,
    pub problem: Option<String>,
}

fn stub<T>() -> Result<T> {
    Err(Error::failed("not built yet"))
}

impl Host {
    pub fn new(settings: HostSettings) -> Result<Host> {
        Ok(Host { settings })
    }
    pub fn config(&self) -> &Config {
        &self.settings.config
    }
    pub fn backends(&self) -> Vec<String> {
        vec!["tmux".into(), "container".into()]
    }
    pub fn list(&self, _: &Filter) -> Listing {
        Listing::default()
    }
    pub fn status(&self, _: &str, _: &Filter) -> Result<SessionStatus> {
        stub()
    }
    pub fn start(&self, _: StartRequest) -> Result<SessionStatus> {
        stub()
    }
    pub fn stop(&self, _: &str, _: &Filter, _: StopOptions) -> Result<StopOutcome> {
        stub()
    }
    pub fn remove(&self, _: &str, _: &Filter) -> Result<()> {
        stub()
    }
    pub fn logs(&self, _: &str, _: &Filter, _: u32) -> Result<Vec<u8>> {
        stub()
    }
    pub fn attach(&self, _: &str, _: &Filter) -> Result<i32> {
        stub()
    }
    pub fn plugins(&self) -> Vec<PluginInfo> {
        Vec::new()
    }
    pub fn inspect(&self, _: &Path) -> Result<PluginInfo> {
        stub()
    }
    pub fn trust(&self, _: &Path, _: &mut dyn FnMut(&PluginInfo) -> bool) -> Result<PluginInfo> {
        stub()
    }
}
