//! The options that every command takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, Args, FromArgMatches, ValueEnum};

use super::values;

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    // On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    // Even into a pipe or a file.
    Always,
    Never,
}

impl Color {
    /// Make it what all output of this process obeys.
    pub fn apply(self) {
        match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The options of every command.
#[derive(Debug, Clone, Default)]
pub struct Globals {
    pub plugins: Vec<PathBuf>,
    pub config: Option<PathBuf>,
    pub json: bool,
    pub color: Color,
    pub verbose: bool,
    pub dry_run: bool,
}

// The same, as given on one level of the command line (`kst HERE plugin HERE list HERE`). A doc
// comment here would become the help of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Level {
    /// Use this backend too: a component's file. Can be repeated
    ///
    /// A component that did not come with kst has to be approved once: `kst plugin trust FILE`.
    #[arg(id = "global-plugin", long = "plugin", value_name = "FILE", value_parser = values::path(), allow_hyphen_values = true)]
    #[arg(action = ArgAction::Append)]
    plugins: Vec<PathBuf>,

    /// Read this config file, and no other [env: KST_CONFIG]
    #[arg(id = "global-config", long = "config", value_name = "FILE", value_parser = values::path(), allow_hyphen_values = true)]
    config: Option<PathBuf>,

    /// Print the result as one JSON document
    #[arg(id = "global-json", long = "json")]
    json: bool,

    /// When to use colours; `auto` obeys NO_COLOR and CLICOLOR_FORCE
    #[arg(id = "global-color", long = "color", value_name = "WHEN")]
    color: Option<Color>,

    /// Show each program that is run, with its time, and each signal, on standard error
    #[arg(id = "global-verbose", long = "verbose")]
    verbose: bool,

    /// Change nothing: print the signals and the command that would, and stop there
    #[arg(id = "global-dry-run", long = "dry-run")]
    dry_run: bool,
}

/// `command` and everything below it with the global options.
///
/// clap's own global options would keep one level's values alone, so that a `--plugin` before the
/// command and one after it lose the first.
pub fn on_every_level(command: clap::Command) -> clap::Command {
    let command = Level::augment_args(command);
    command.mut_subcommands(on_every_level)
}

impl Globals {
    /// What was given on all levels together. The inner level wins; plugins add up.
    pub fn from_levels(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut globals = Globals::default();
        let mut color = None;
        let mut level = Some(matches);
        while let Some(matches) = level {
            let here = Level::from_arg_matches(matches)?;
            globals.plugins.extend(here.plugins);
            globals.config = here.config.or(globals.config);
            color = here.color.or(color);
            globals.json |= here.json;
            globals.verbose |= here.verbose;
            globals.dry_run |= here.dry_run;
            level = matches.subcommand().map(|(_, below)| below);
        }
        globals.color = color.unwrap_or_default();
        Ok(globals)
    }
}

/// The `--color` of a command line that is not parsed yet: help and usage errors obey it too.
pub fn early_colour(args: &[OsString]) -> Color {
    let mut color = Color::Auto;
    let mut args = args.iter().skip(1).map(|arg| arg.to_str().unwrap_or(""));
    while let Some(arg) = args.next() {
        let value = match arg {
            "--" => break,
            "--color" => args.next().unwrap_or(""),
            _ => match arg.strip_prefix("--color=") {
                Some(value) => value,
                None => continue,
            },
        };
        color = Color::from_str(value, false).unwrap_or(color);
    }
    color
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_known_early() {
        let early =
            |line: &[&str]| early_colour(&line.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(early(&["kst", "list"]), Color::Auto);
        assert_eq!(early(&["kst", "--color", "never", "list"]), Color::Never);
        assert_eq!(early(&["kst", "list", "--color=always"]), Color::Always);
        assert_eq!(early(&["kst", "start", "a", "--", "x", "--color=always"]), Color::Auto);
        assert_eq!(early(&["kst", "--color"]), Color::Auto);
    }
}
