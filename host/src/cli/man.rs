//! `kst man`

use std::path::PathBuf;

use anyhow::Context;
use clap_mangen::Man;

use super::app::App;
use super::{definition, examples, values};

/// Print kst's man page, or write those of all commands into a folder
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = examples(&[
    ("kst man | man -l -", "read it"),
    ("kst man ~/.local/share/man/man1", "all pages, for `man kst-start` and the like"),
]))]
pub struct Args {
    /// The folder for the pages of all commands; it is made if missing
    #[arg(value_name = "DIR", value_parser = values::path())]
    pub folder: Option<PathBuf>,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    let mut definition = definition().disable_help_subcommand(true);
    definition.build();
    let Some(folder) = &args.folder else {
        app.output.print_raw(&page(definition)?)?;
        return Ok(0);
    };
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {shown}"))?;
    let mut pages = Vec::new();
    collect(definition, &mut pages);
    for (name, page) in &pages {
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if !app.globals.json {
        app.output.note(&format!("{} pages in {shown}", pages.len()));
    }
    Ok(0)
}

/// The pages of a command and of all below it, by their names: `kst-plugin-trust`.
fn collect(command: clap::Command, pages: &mut Vec<(String, Vec<u8>)>) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below.clone(), pages);
    }
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    // To memory: it cannot fail.
    if let Ok(page) = page(command) {
        pages.push((name, page));
    }
}

/// One page. What clap has below a help are examples here, and exit codes.
fn page(mut command: clap::Command) -> std::io::Result<Vec<u8>> {
    let top = command.has_subcommands() && command.get_display_name().is_none_or(|it| it == "kst");
    let below = command.get_after_long_help().or(command.get_after_help());
    let below = below.map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let usage = command.render_usage().to_string();
    let man = Man::new(command).source(concat!("kst ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    // As a usage error shows it: the renderer knows neither of `--` nor of what can be repeated.
    as_it_stands(&mut page, "SYNOPSIS", usage.trim_start_matches("Usage: "));
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    for (header, title) in [("Examples:", "EXAMPLES"), ("Exit codes:", "EXIT STATUS")] {
        if let Some((_, text)) = below.split_once(header) {
            let text = text.split_once("\n\nExit codes:").map_or(text, |(before, _)| before);
            as_it_stands(&mut page, title, text.trim_matches('\n'));
        }
    }
    if top {
        as_it_stands(&mut page, "FILES", FILES);
    } else {
        as_it_stands(&mut page, "SEE ALSO", "kst(1)");
    }
    Ok(page)
}

const FILES: &str = "\
kstlib.conf.yml            the config: in the working directory, at home, in ~/.config
~/.local/share/kst         plugins and approvals
~/.local/state/kst         what was started, its output, what backends had run
~/.cache/kst               compiled backends; it can be deleted at any time";

/// A section whose lines are not filled.
fn as_it_stands(page: &mut Vec<u8>, title: &str, text: &str) {
    page.extend_from_slice(format!(".SH \"{title}\"\n.nf\n").as_bytes());
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A line that begins so is a command of the typesetter's.
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        page.extend_from_slice(format!("{guard}{line}\n").as_bytes());
    }
    page.extend_from_slice(b".fi\n");
}
