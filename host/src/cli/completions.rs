//! `kst completions`

use clap_complete::Shell;

use super::app::App;
use super::{definition, examples};

/// Print what makes a shell complete kst's command lines
///
/// In bash, zsh and fish the names of sessions, backends and plugins are completed too, as they are at
/// that moment: for `stop` those that run, for `remove` those that have ended. A name that a shell
/// would not take as it stands has to be typed. Pressing Tab asks for no approval and changes nothing.
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

const BASH: &str = include_str!("complete/scripts/kst.bash");
const ZSH: &str = include_str!("complete/scripts/kst.zsh");
const FISH: &str = include_str!("complete/scripts/kst.fish");

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    let live = match args.shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        // Commands and options alone.
        other => {
            let mut script = Vec::new();
            clap_complete::generate(other, &mut definition(), "kst", &mut script);
            app.output.print_raw(&script)?;
            return Ok(0);
        }
    };
    app.output.print_raw(live.as_bytes())?;
    Ok(0)
}
