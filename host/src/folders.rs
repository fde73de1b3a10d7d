//! The folders that kst uses, by the XDG base directory rules.

use std::env;
use std::path::PathBuf;

/// Where kst keeps things. `None` where neither the variable nor HOME is set.
///
/// | field | variable | otherwise | holds |
/// | --- | --- | --- | --- |
/// | `config` | `XDG_CONFIG_HOME` | `~/.config` | `kstlib.conf.yml` |
/// | `data` | `XDG_DATA_HOME/kst` | `~/.local/share/kst` | `plugins/`, `trust.json` |
/// | `state` | `XDG_STATE_HOME/kst` | `~/.local/state/kst` | the ledger, tickets, logs |
/// | `cache` | `XDG_CACHE_HOME/kst` | `~/.cache/kst` | compiled components |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders {
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The user's config folder (not kst's own: `kstlib.conf.yml` lies in it directly).
    pub config: Option<PathBuf>,
    /// Plugins that the user installed, and what the user trusts.
    pub data: Option<PathBuf>,
    /// What kst knows of its sessions.
    pub state: Option<PathBuf>,
    /// What can be made again.
    pub cache: Option<PathBuf>,
    /// System-wide config folders, the most important first (`XDG_CONFIG_DIRS`, else `/etc/xdg`).
    pub system_config: Vec<PathBuf>,
}

impl Folders {
    /// Read them from the environment. Relative values count as unset, as the XDG rules say.
    pub fn from_env() -> Self {
        let home = absolute("HOME");
        let under = |variable: &str, otherwise: &str| {
            absolute(variable).or_else(|| home.as_ref().map(|home| home.join(otherwise)))
        };
        let kst = |folder: Option<PathBuf>| folder.map(|folder| folder.join("kst"));
        let system_config = match env::var_os("XDG_CONFIG_DIRS") {
            Some(list) if !list.is_empty() => {
                env::split_paths(&list).filter(|path| path.is_absolute()).collect()
            }
            _ => vec![PathBuf::from("/etc/xdg")],
        };
        Folders {
            config: under("XDG_CONFIG_HOME", ".config"),
            data: kst(under("XDG_DATA_HOME", ".local/share")),
            state: kst(under("XDG_STATE_HOME", ".local/state")),
            cache: kst(under("XDG_CACHE_HOME", ".cache")),
            system_config,
            home,
        }
    }
}

/// An environment variable that holds an absolute path.
fn absolute(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    path.is_absolute().then_some(path)
}
