//! How a command that ends sessions does so: the options that all of them have.

use std::time::Duration;

use kst::session::StopOptions;

use super::values;

#[derive(Debug, clap::Args)]
pub struct Stopping {
    /// Kill at once, without asking first
    #[arg(short, long)]
    pub force: bool,

    /// How long to wait for it to end before it is killed: seconds, or 90s, 5m [default: its own, or 10]
    #[arg(short, long, value_name = "TIME", allow_negative_numbers = true)]
    #[arg(value_parser = values::seconds(kst::config::MAX_STOP_TIMEOUT))]
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
