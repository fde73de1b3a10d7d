//! The options that say where a session is.

use kst::session::Filter;

use super::values;

/// Where to look.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Select {
    /// Look in this backend alone: `tmux`, `container`, or a plugin's
    #[arg(short, long, value_name = "NAME", value_parser = values::word(), allow_hyphen_values = true)]
    pub backend: Option<String>,

    /// Look in this location alone: a tmux socket (`tmux -L`), or `podman` or `docker`
    #[arg(short = 'L', long, value_name = "LOCATION", value_parser = values::word(), allow_hyphen_values = true)]
    #[arg(visible_alias = "location")]
    pub socket: Option<String>,
}

impl Select {
    pub fn filter(&self) -> Filter {
        Filter { backend: self.backend.clone(), location: self.socket.clone() }
    }
}
