//! `kst completions`

use clap_complete::Shell;

use super::app::App;
use super::{definition, examples};

/// Print what makes a shell complete kst's commands and options
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst completions bash > ~/.local/share/bash-completion/completions/kst", "bash"),
    ("kst completions zsh > ~/.zfunc/_kst", "zsh, with ~/.zfunc in fpath"),
    ("kst completions fish > ~/.config/fish/completions/kst.fish", "fish"),
]))]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition(), "kst", &mut script);
    app.output.print_raw(&script)?;
    Ok(0)
}
