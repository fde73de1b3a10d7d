//! How a command that ends sessions does so: the options that all of them have.

use std::time::Duration;

use kst::session::StopOptions;

use super::values;

#[derive(Debug, clap::Args)]
pub struct Stopping {
    /// Kill at once, without asking first
    #[arg(short, long)]
    pub force: bool,

    /// How long to wait for it to end, in seconds, before it is killed [default: its own, or 10]
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    #[arg(value_parser = values::number(kst::config::MAX_STOP_TIMEOUT))]
    pub timeout: Option<u32>,
}

impl Stopping {
    pub fn options(&self) -> StopOptions {
        StopOptions {
            graceful: !self.force,
            timeout: self.timeout.map(|seconds| Duration::from_secs(seconds.into())),
        }
    }
}
