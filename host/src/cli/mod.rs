//! The command line: what it takes, and the way from there to the library.
//!
//! One file a subcommand, each with its options and what it does; `render` turns results into text.

mod app;
mod ask;
mod attach;
mod audit;
mod complete;
mod completions;
mod config;
mod doctor;
mod down;
mod each;
mod events;
mod exec;
mod globals;
mod list;
mod logs;
mod man;
mod observe;
mod output;
mod plugin;
mod progress;
mod remove;
mod render;
mod restart;
mod select;
mod send;
mod signal;
mod start;
mod status;
mod stop;
mod stopping;
mod tip;
mod up;
mod values;
mod wait;

use std::ffi::OsString;

use anstyle::{AnsiColor, Style};
use clap::builder::{StyledStr, Styles};
use clap::error::{ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use kst::text::escape_controls;

use app::App;
use globals::Globals;
use output::Output;

/// Run long-lived sessions in tmux, podman, docker or any backend that is a WebAssembly component
///
/// A session is found by its exact name, wherever it runs; start, stop, attach, status, logs and
/// list work alike on every backend.
#[derive(Debug, Parser)]
#[command(
    name = "kst",
    version,
    styles = STYLES,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = examples(FIRST_STEPS),
    after_long_help = format!("{}\n\n{EXIT_CODES}", examples(FIRST_STEPS).ansi()),
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands: how each is called, and the file that holds it.
macro_rules! commands {
    ($($name:literal => $Variant:ident in $file:ident,)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($Variant($file::Args),)*
        }

        impl Command {
            /// The definition of one, if there is one of this name.
            fn definition(name: &str) -> Option<clap::Command> {
                match name {
                    $($name => Some(<$file::Args as clap::Args>::augment_args(clap::Command::new($name))),)*
                    _ => None,
                }
            }

            fn run(self, app: &App) -> anyhow::Result<u8> {
                match self {
                    $(Command::$Variant(args) => $file::run(args, app),)*
                }
            }
        }
    };
}

commands! {
    "start" => Start in start,
    "stop" => Stop in stop,
    "restart" => Restart in restart,
    "attach" => Attach in attach,
    "status" => Status in status,
    "logs" => Logs in logs,
    "list" => List in list,
    "remove" => Remove in remove,
    "wait" => Wait in wait,
    "signal" => Signal in signal,
    "exec" => Exec in exec,
    "send" => Send in send,
    "up" => Up in up,
    "down" => Down in down,
    "audit" => Audit in audit,
    "plugin" => Plugin in plugin,
    "config" => Config in config,
    "doctor" => Doctor in doctor,
    "events" => Events in events,
    "completions" => Completions in completions,
    "man" => Man in man,
}

const FIRST_STEPS: &[(&str, &str)] = &[
    ("kst start api -- python app.py", "start a session"),
    ("kst list", "what runs, and what ran"),
    ("kst logs api -n 20", "its last 20 lines"),
    ("kst attach api", "go there"),
    ("kst stop api", "end it"),
];

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  usage, an invalid value, or a config that cannot be used
  3  no such session
  4  the session already exists
  5  several sessions have this name
  6  an engine, its program or a plugin is missing (the session's own command: 1)
  7  refused, or not trusted
  8  timed out
  9  the plugin misbehaved

Of several sessions one that fails does not keep the others from it; the exit code is
that of the first that failed. `kst wait` ends with the session's own code.

`kst` on its own prints this help and ends with 2.";

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());

/// The examples of a command's help: command lines, each with what it does.
fn examples(lines: &[(&str, &str)]) -> StyledStr {
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    let (header, literal) = (STYLES.get_header(), STYLES.get_literal());
    let mut text = format!("{header}Examples:{header:#}");
    for (line, what) in lines {
        text.push_str(&format!("\n  {literal}{line:width$}{literal:#}  {what}"));
    }
    StyledStr::from(text)
}

/// The whole definition: with the options that every command takes, before and after its name.
fn definition() -> clap::Command {
    globals::on_every_level(Cli::command())
}

/// Run the command line of this process; the exit code.
pub fn run() -> u8 {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let [_, command, words @ ..] = args.as_slice()
        && command == "complete"
    {
        kst::door::end_programs_on_signals();
        kst::session::Host::warm_up();
        return complete::run(words);
    }
    // A command, and not only `--help` or `--version`: most need a host.
    if args.iter().skip(1).any(|word| !word.as_encoded_bytes().starts_with(b"-")) {
        kst::door::end_programs_on_signals();
        kst::session::Host::warm_up();
    }
    globals::early_colour(&args).apply();
    let (command, globals) = match parse(args) {
        Ok(parsed) => parsed,
        Err(error) => return show_usage(error),
    };
    globals.color.apply();
    let output = Output::new();
    let app = App::new(globals, output.clone());
    let result = command.run(&app);
    app.finish(result)
}

fn parse(args: Vec<OsString>) -> Result<(Command, Globals), clap::Error> {
    match parse_alone(&args) {
        Some(parsed) => Ok(parsed),
        None => parse_whole(&args),
    }
}

/// Most command lines begin with a command and are right: its own definition is all they need, and takes a
/// twentieth of the time that the whole one takes.
fn parse_alone(args: &[OsString]) -> Option<(Command, Globals)> {
    let command = Command::definition(args.get(1)?.to_str()?)?;
    let kst = clap::Command::new("kst").subcommand_required(true).subcommand(command);
    let matches = globals::on_every_level(kst).try_get_matches_from(args).ok()?;
    Some((Command::from_arg_matches(&matches).ok()?, Globals::from_levels(&matches).ok()?))
}

/// Everything else: help, the version, and what is wrong, said by the whole definition.
fn parse_whole(args: &[OsString]) -> Result<(Command, Globals), clap::Error> {
    let mut definition = definition();
    let matches = definition.try_get_matches_from_mut(args).map_err(|mut error| {
        tip::add(&mut error, args);
        error
    })?;
    let globals = Globals::from_levels(&matches).map_err(|e| e.format(&mut definition))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut definition))?;
    Ok((cli.command, globals))
}

/// Help, the version, or what is wrong with the command line.
fn show_usage(mut error: clap::Error) -> u8 {
    quote_safely(&mut error);
    // Its tips quote too.
    let text = kst::text::neutralise(error.render().ansi().to_string().as_bytes());
    let output = Output::new();
    if error.use_stderr() {
        output.say_bytes(&text);
    } else if let Err(error) = output.print(&text) {
        return output.error(&error);
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ => 2,
    }
}

/// How much of a value is quoted where it is wrong, in characters.
const LONGEST_QUOTE: usize = 200;

/// An error quotes what was typed, which may hold anything and be of any length.
fn quote_safely(error: &mut clap::Error) {
    let quotes: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, text.clone())),
            _ => None,
        })
        .collect();
    for (kind, text) in quotes {
        let mut quote = escape_controls(&text);
        if let Some((cut, _)) = quote.char_indices().nth(LONGEST_QUOTE) {
            quote.truncate(cut);
            quote.push('…');
        }
        if quote != text {
            error.insert(kind, ContextValue::String(quote));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> (Command, Globals) {
        parse(line.iter().map(OsString::from).collect()).unwrap()
    }

    fn refused(line: &[&str]) -> clap::Error {
        parse(line.iter().map(OsString::from).collect()).unwrap_err()
    }

    #[test]
    fn the_definition_holds() {
        definition().debug_assert();
    }

    fn each_command(command: &clap::Command, visit: &mut dyn FnMut(&clap::Command)) {
        if command.get_name() == "help" {
            return;
        }
        visit(command);
        for sub in command.get_subcommands() {
            each_command(sub, visit);
        }
    }

    #[test]
    fn every_help_is_there_and_no_novel() {
        let mut definition = definition();
        definition.build();
        let mut abouts = std::collections::HashSet::new();
        each_command(&definition, &mut |command| {
            for help in [command.clone().render_help(), command.clone().render_long_help()] {
                let lines = help.to_string().lines().count();
                assert!((5..110).contains(&lines), "{}: {lines} lines", command.get_name());
            }
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && abouts.insert(about.clone()), "{about}");
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        });
        assert!(abouts.len() > 15);
    }

    /// The options of `kstlib ops`, word for word: command, long name, short name.
    #[test]
    fn the_options_of_kstlib_are_all_there() {
        let definition = definition();
        for (command, options) in [
            (
                "start",
                &[
                    ("backend", 'b'),
                    ("command", 'c'),
                    ("image", 'i'),
                    ("quiet", 'q'),
                    ("workdir", 'w'),
                    ("env", 'e'),
                    ("volume", 'v'),
                    ("port", 'p'),
                    ("socket", 'L'),
                ][..],
            ),
            (
                "stop",
                &[
                    ("backend", 'b'),
                    ("quiet", 'q'),
                    ("force", 'f'),
                    ("timeout", 't'),
                    ("socket", 'L'),
                ],
            ),
            ("attach", &[("backend", 'b'), ("socket", 'L')]),
            ("status", &[("backend", 'b'), ("quiet", 'q'), ("json", '-'), ("socket", 'L')]),
            ("logs", &[("backend", 'b'), ("lines", 'n'), ("socket", 'L')]),
            ("list", &[("backend", 'b'), ("json", '-')]),
        ] {
            let command = definition.find_subcommand(command).unwrap();
            for (long, short) in options {
                let arg = command
                    .get_arguments()
                    .find(|arg| arg.get_long() == Some(*long))
                    .unwrap_or_else(|| panic!("{} --{long}", command.get_name()));
                assert_eq!(arg.get_short(), (*short != '-').then_some(*short), "--{long}");
            }
        }
    }

    #[test]
    fn global_options_stand_on_either_side_and_add_up() {
        let (_, globals) =
            parsed(&["kst", "--plugin", "a.wasm", "list", "--plugin", "b.wasm", "--json"]);
        assert_eq!(globals.plugins, ["a.wasm", "b.wasm"].map(std::path::PathBuf::from));
        assert!(globals.json && !globals.verbose);
        let (_, globals) =
            parsed(&["kst", "--config", "a", "plugin", "--dry-run", "list", "--config", "b"]);
        assert_eq!(globals.config, Some("b".into()));
        assert!(globals.dry_run);
    }

    #[test]
    fn a_commands_own_definition_is_as_good_as_the_whole_one() {
        for line in [
            &["kst", "start", "a", "-b", "tmux", "-e", "A=1", "--config", "c", "--", "x", "--json"]
                [..],
            &["kst", "list", "--plugin", "a.wasm", "--color", "never", "--json"],
            &["kst", "plugin", "--plugin", "a.wasm", "list", "--plugin", "b.wasm"],
            &["kst", "stop", "a", "b", "-t", "5", "--force"],
            &["kst", "config", "--verbose", "show"],
        ] {
            let args: Vec<OsString> = line.iter().map(OsString::from).collect();
            let alone = format!("{:?}", parse_alone(&args).unwrap());
            assert_eq!(alone, format!("{:?}", parse_whole(&args).unwrap()), "{line:?}");
        }
        for sub in definition().get_subcommands() {
            assert!(Command::definition(sub.get_name()).is_some(), "{}", sub.get_name());
        }
        for wrong in [&["kst", "list", "--nonsense"][..], &["kst", "list", "--help"], &["kst"]] {
            let args: Vec<OsString> = wrong.iter().map(OsString::from).collect();
            assert!(parse_alone(&args).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn words_after_two_dashes_are_the_command() {
        let (command, _) = parsed(&["kst", "start", "a", "--", "sh", "-c", "--json", ""]);
        let Command::Start(args) = command else { panic!() };
        assert_eq!(args.words, ["sh", "-c", "--json", ""]);
    }

    #[test]
    fn a_name_may_begin_with_a_dash_after_two_dashes() {
        assert!(
            matches!(parsed(&["kst", "stop", "--", "-x"]).0, Command::Stop(a) if a.names == ["-x"])
        );
    }

    #[test]
    fn bad_values_name_their_option() {
        for (line, option) in [
            (&["kst", "list", "-b", ""][..], "--backend"),
            (&["kst", "list", "-b", "tmux\n"], "--backend"),
            (&["kst", "list", "-b", "-x"], "--backend"),
            (&["kst", "list", "--backend=-x"], "--backend"),
            (&["kst", "stop", "-x"], "-- -x"),
            (&["kst", "list", "-L", "a\u{1b}[2J"], "--socket"),
            (&["kst", "stop", ""], "[NAME]"),
            (&["kst", "stop", "a", "b\n"], "[NAME]"),
            (&["kst", "stop"], "<NAME>"),
            (&["kst", "stop", "a", "--all"], "--all"),
            (&["kst", "remove", "a", "--exited"], "--exited"),
            (&["kst", "stop", "a", "-t", "-1"], "--timeout"),
            (&["kst", "stop", "a", "-t", "1.5"], "--timeout"),
            (&["kst", "logs", "a", "-n", "-5"], "--lines"),
            (&["kst", "logs", "a", "-n", ""], "--lines"),
            (&["kst", "start", "a", "-c", ""], "--command"),
            (&["kst", "start", "a", "-w", ""], "--workdir"),
            (&["kst", "start", "a", "-i", "x\n"], "--image"),
            (&["kst", "start", "a", "-p", "\t"], "--port"),
            (&["kst", "start", "a", "-v", ""], "--volume"),
            (&["kst", "start", "a", "-o", ""], "--option"),
            (&["kst", "start", "a", "-c", "x", "--", "y"], "--command"),
            (&["kst", "start", "a", "--shell"], "--command"),
            (&["kst", "--color", "pink", "list"], "--color"),
            (&["kst", "--config", "", "list"], "--config"),
            (&["kst", "list", "--plugin", ""], "--plugin"),
        ] {
            let error = refused(line).to_string();
            assert!(error.contains(option), "{line:?}: {error}");
            assert_eq!(refused(line).exit_code(), 2);
        }
        let long = "x".repeat(5000);
        assert!(refused(&["kst", "stop", &long]).to_string().contains("[NAME]"));
    }

    #[test]
    fn values_that_are_not_utf8_name_their_option() {
        use std::os::unix::ffi::OsStringExt;
        for (option, shown) in [("-b", "--backend"), ("-c", "--command"), ("-w", "--workdir")] {
            let mut line: Vec<OsString> = ["kst", "start", "a", option].map(OsString::from).into();
            line.push(OsString::from_vec(b"a\xff".to_vec()));
            assert!(parse(line).unwrap_err().to_string().contains(shown), "{option}");
        }
    }

    #[test]
    fn errors_quote_safely_and_briefly() {
        let mut error = refused(&["kst", "list", "-b", "a\u{1b}[2J\n"]);
        quote_safely(&mut error);
        assert!(error.to_string().contains("'a\\x1b[2J\\n'"), "{error}");
        let mut error = refused(&["kst", "list", "-b", &"ü".repeat(3000)]);
        quote_safely(&mut error);
        assert!(error.to_string().chars().count() < 400, "{error}");
    }

    #[test]
    fn a_mistyped_command_gets_a_suggestion() {
        assert!(refused(&["kst", "stat", "x"]).to_string().contains("start"));
        assert!(refused(&["kst", "lst"]).to_string().contains("list"));
    }
}
