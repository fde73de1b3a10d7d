//! `kst audit`

use jiff::Timestamp;
use kst::door::{Effect, Record, What};

use super::app::App;
use super::{examples, render, values};

/// Show what backends had run, and what was refused to them
///
/// Every program that was run for a backend is written down: changes before they are made, and
/// refusals too. Values of environment variables never are. The oldest entries make room for new ones.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst audit", "the last 100 changes and refusals"),
    ("kst audit api --since 1h", "what was done to a session in the last hour"),
    ("kst audit --all -n 20", "what only read, too"),
    ("kst audit --json", "all there is to each, for programs"),
]))]
pub struct Args {
    /// Only what was about this session
    #[arg(value_parser = values::name())]
    pub name: Option<String>,

    /// Only this backend, by its name or the beginning of its digest (`sha256:…`)
    #[arg(short, long, value_name = "NAME", value_parser = values::word(), allow_hyphen_values = true)]
    pub backend: Option<String>,

    /// Only what began since then: `30s`, `10m`, `1h30m`, `7d` ago, or a time as 2026-01-31,
    /// 2026-01-31T08:00 (local time) or 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = values::time(), allow_hyphen_values = true)]
    pub since: Option<Timestamp>,

    /// Only what began before then
    #[arg(long, value_name = "TIME", value_parser = values::time(), allow_hyphen_values = true)]
    pub until: Option<Timestamp>,

    /// Show what only read, too
    #[arg(short, long)]
    pub all: bool,

    /// How many, the newest ones
    #[arg(short = 'n', long, default_value_t = 100, allow_negative_numbers = true)]
    #[arg(value_parser = values::number(1_000_000))]
    pub lines: u32,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    values::in_order(args.since, args.until)?;
    let mut records = app.audit().read();
    records.retain(|record| args.wants(record));
    let most = usize::try_from(args.lines).unwrap_or(usize::MAX);
    records.drain(..records.len().saturating_sub(most));
    let output = &app.output;
    if app.globals.json {
        output.json(&serde_json::to_value(&records)?)?;
    } else if records.is_empty() {
        output.note("nothing of that kind is written down");
    } else {
        output.print(render::audit::table(&records, output.page()).as_bytes())?;
    }
    Ok(0)
}

impl Args {
    fn wants(&self, record: &Record) -> bool {
        let read = record.what == What::Ran && record.effect == Some(Effect::Reads);
        let named = self.name.is_none() || self.name == record.session;
        let by_digest = |wanted: &str| wanted.len() > 7 && record.digest.starts_with(wanted);
        let of_backend = self
            .backend
            .as_deref()
            .is_none_or(|wanted| wanted == record.backend || by_digest(wanted));
        let since = self.since.is_none_or(|since| record.time >= since);
        let until = self.until.is_none_or(|until| record.time < until);
        (self.all || !read) && named && of_backend && since && until
    }
}
