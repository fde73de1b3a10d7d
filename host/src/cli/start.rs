//! `kst start`

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use kst::session::{
    Command, Filter, Host, OptionValue, RestartPolicy, SessionConfig, SessionState, SessionStatus,
};
use kst::text::{escape_controls, nearest};

use super::app::App;
use super::status::document;
use super::{attach, examples, render, values};

/// Start a session
///
/// Runs a command in the background, in tmux unless the config or --backend says otherwise. What is
/// given here goes before what the config says: variables are merged, lists are replaced.
///
/// Without a command, `kst start NAME` starts a session of the config, or one that has ended again as
/// it was, or a new one with your shell. An ended session of this name that kst started gives way; one
/// that kst did not start is started again as it is, and never replaced.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst start api", "a session of the config, an ended one again, or your shell"),
    ("kst start api -- python app.py --port 8000", "a command, word for word"),
    ("kst start api -c 'python app.py' -e DEBUG=1", "a command in one text, a variable"),
    ("kst start api -c 'make && ./run | tee log' --shell", "a command for sh"),
    ("kst start db -b container -i postgres:16 -p 5432:5432", "a container"),
    ("kst start bot -L work -- ./bot", "in the tmux server of `tmux -L work`"),
    ("kst --plugin ./screen.wasm start dev", "in a backend of your own"),
]))]
pub struct Args {
    /// The session's name: a letter, then letters, digits, `_` and `-`
    #[arg(value_parser = values::name())]
    pub name: String,

    /// The command, word for word and without a shell
    #[arg(last = true, value_name = "CMD", value_parser = values::command_word())]
    #[arg(conflicts_with = "command")]
    pub words: Vec<String>,

    /// The backend: `tmux`, `container`, or a plugin's [default: the config's]
    #[arg(short, long, value_name = "NAME", value_parser = values::word(), allow_hyphen_values = true)]
    pub backend: Option<String>,

    /// The command in one text, split into words
    ///
    /// Where it holds something for a shell outside quotes (`$HOME`, `*`, `A=1 cmd`), `sh` runs it on
    /// backends that run here. Pipes, redirections and `&&` need --shell.
    #[arg(short, long, value_name = "TEXT", value_parser = values::text(), allow_hyphen_values = true)]
    pub command: Option<String>,

    /// Let `sh -c` run the text of --command
    #[arg(long, requires = "command", conflicts_with = "words")]
    pub shell: bool,

    /// The container image, with --backend container
    #[arg(short, long, value_name = "IMAGE", value_parser = values::word(), allow_hyphen_values = true)]
    pub image: Option<String>,

    /// The working directory of the command
    #[arg(short, long, value_name = "DIR", value_parser = values::text(), allow_hyphen_values = true)]
    pub workdir: Option<String>,

    /// A variable: KEY=VALUE, or KEY to pass on yours. Can be repeated
    // Any parser here would print the value, which may be a secret, in its error.
    #[arg(short, long, value_name = "KEY[=VALUE]", allow_hyphen_values = true)]
    pub env: Vec<std::ffi::OsString>,

    /// A volume: HOST:CONTAINER[:MODE]. Can be repeated
    #[arg(short, long = "volume", value_name = "VOLUME", value_parser = values::word(), allow_hyphen_values = true)]
    pub volumes: Vec<String>,

    /// A port: [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]. Can be repeated
    #[arg(short, long = "port", value_name = "PORT", value_parser = values::word(), allow_hyphen_values = true)]
    pub ports: Vec<String>,

    /// Where: the socket's name for tmux (`tmux -L`), or `podman` or `docker`
    #[arg(short = 'L', long, value_name = "LOCATION", value_parser = values::word(), allow_hyphen_values = true)]
    #[arg(visible_alias = "location")]
    pub socket: Option<String>,

    /// An option that `kst plugin inspect` lists: KEY=VALUE, or KEY for yes. Can be repeated
    #[arg(short, long = "option", value_name = "KEY=VALUE", value_parser = values::word(), allow_hyphen_values = true)]
    pub options: Vec<String>,

    /// Go to the session once it runs, as `kst attach` does
    #[arg(short = 'A', long)]
    pub attach: bool,

    /// The signal that `kst stop` asks it to end with [default: TERM, or the image's own]
    #[arg(long, value_name = "SIGNAL", value_parser = values::word())]
    pub stop_signal: Option<String>,

    /// How long `kst stop` gives it to end: seconds, or 90s, 5m [default: 10]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    #[arg(value_parser = values::seconds(kst::config::MAX_STOP_TIMEOUT))]
    pub stop_timeout: Option<u32>,

    /// When it is started again by itself: `never`, `on-failure`, `on-failure:N` (N times), `always`
    #[arg(long, value_name = "POLICY", value_parser = values::word(), allow_hyphen_values = true)]
    pub restart: Option<String>,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let (quiet, attach) = (args.quiet, args.attach);
    if attach {
        can_attach(&args.name, app)?;
    }
    let says_what = args.command.is_some() || !args.words.is_empty();
    let config = definition(args, &|key| std::env::var_os(key))?;
    let name = config.name.clone();
    let host = app.host_to_start(&name)?;
    let status = host.start(&config)?;
    if app.held_back() {
        return Ok(0);
    }
    if app.globals.json {
        app.output.json(&document(&host, &status))?;
    } else if !quiet {
        let defined = host.config().session(&name).ok().flatten();
        let file = defined.and_then(|definition| definition.defined_in.as_deref());
        let runs = match says_what || defined.is_some_and(|defined| defined.command.is_some()) {
            true => None,
            false => what_runs(&host, &status),
        };
        let line = render::status::started(&status, runs.as_deref(), file);
        app.output.print(line.as_bytes())?;
    }
    if !says_what && let Some(meant) = meant(&host, &status) {
        let name = escape_controls(&name);
        let text = format!("no session '{name}' is in the config, so it runs your shell");
        app.output.warn(&text);
        app.output.hint(&format!("did you mean '{}'?", escape_controls(meant)));
    }
    if attach {
        attach_to(&host, &status, app)?;
    }
    Ok(0)
}

/// Before anything is started: whether there is a terminal that can be connected.
fn can_attach(name: &str, app: &App) -> kst::Result<()> {
    if app.globals.json {
        return Err(kst::Error::Invalid {
            what: "--attach and --json do not go together".to_owned(),
            advice: Some("start it with --json, then 'kst attach'".to_owned()),
        });
    }
    if app.globals.dry_run || (std::io::stdin().is_terminal() && app.output.terminal()) {
        return Ok(());
    }
    Err(kst::Error::Attach {
        name: name.to_owned(),
        what: "there is no terminal here, so it was not started".to_owned(),
        advice: Some("start it without --attach".to_owned()),
    })
}

/// Go to the session that was just started.
fn attach_to(host: &Host, started: &SessionStatus, app: &App) -> kst::Result<()> {
    let at =
        Filter { backend: Some(started.backend.clone()), location: Some(started.location.clone()) };
    let Err(error) = attach::go(host, &started.name, &at, app) else { return Ok(()) };
    match host.status(&started.name, &at) {
        Ok(status) if matches!(status.state, SessionState::Exited | SessionState::Stopped) => {
            attach::tell_of_end(&status, app);
            let name = escape_controls(&started.name);
            app.output.hint(&format!("what it printed: kst logs {name}"));
            Ok(())
        }
        _ => Err(error),
    }
}

/// How much of a command stands in the line that says that it was started.
const LONGEST_COMMAND: usize = 60;

/// What a session runs for which nobody said it just now: the user's shell, or the command that it
/// had before.
fn what_runs(host: &Host, status: &SessionStatus) -> Option<String> {
    let definition = host.definition(status)?;
    let runs = render::status::runs(&definition, host.runs_here(&status.backend))?;
    let runs = render::table::shortened(&escape_controls(&runs), LONGEST_COMMAND).into_owned();
    Some(if definition.command.is_some() { format!("'{runs}' as before") } else { runs })
}

/// The session of the config that was probably meant by a name which it does not have, where that
/// made a new session with nothing but a shell in it.
fn meant<'h>(host: &'h Host, status: &SessionStatus) -> Option<&'h str> {
    let shell = host.runs_here(&status.backend)
        && host.definition(status).is_some_and(|started| started.command.is_none());
    let defined = host.config().sessions().map(|(name, _)| name);
    nearest(&status.name, defined).filter(|_| shell)
}

/// The part of a definition that the command line gives. `caller` looks a variable of the caller's
/// environment up.
fn definition(
    args: Args,
    caller: &dyn Fn(&str) -> Option<std::ffi::OsString>,
) -> anyhow::Result<SessionConfig> {
    let command = match (args.command, args.shell) {
        (Some(text), true) => Some(Command::Shell(text)),
        (Some(text), false) => Some(Command::Text(text)),
        (None, _) if args.words.is_empty() => None,
        (None, _) => Some(words(args.words)?),
    };
    let mut env = BTreeMap::new();
    for given in args.env {
        let (key, value) = variable(given, caller)?;
        env.insert(key, value);
    }
    let mut options = options(args.options)?;
    if let Some(image) = args.image
        && options.insert("image".into(), OptionValue::Text(image)).is_some()
    {
        return Err(invalid("the image is given twice: by --image and by --option image=…").into());
    }
    add_to_list(&mut options, "volumes", args.volumes, "--volume")?;
    add_to_list(&mut options, "ports", args.ports, "--port")?;
    Ok(SessionConfig {
        name: args.name,
        backend: args.backend,
        location: args.socket,
        command,
        working_dir: args.workdir.map(PathBuf::from),
        env,
        env_files: Vec::new(),
        options,
        stop_signal: args.stop_signal,
        stop_timeout: args.stop_timeout,
        restart: args.restart.map(|policy| policy.parse::<RestartPolicy>()).transpose()?,
        history: None,
        defined_in: None,
    })
}

fn words(words: Vec<String>) -> kst::Result<Command> {
    match words.first() {
        Some(program) if program.is_empty() => {
            Err(invalid("the command after -- begins with an empty word: no program has that name"))
        }
        _ => Ok(Command::Words(words)),
    }
}

/// The key and value of `--env`. Its errors never hold the value.
pub(super) fn variable(
    given: std::ffi::OsString,
    caller: &dyn Fn(&str) -> Option<std::ffi::OsString>,
) -> kst::Result<(String, String)> {
    let given = given
        .into_string()
        .map_err(|_| invalid("a value of --env is not UTF-8 (value not shown)"))?;
    let (key, value) = match given.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (given, None),
    };
    let mut bytes = key.bytes();
    let identifier = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match value {
        // Something that is no key may be a secret as well.
        _ if !identifier => Err(kst::Error::Invalid {
            what: "a value of --env does not begin with a variable's name (value not shown)".into(),
            advice: Some(
                "write KEY=VALUE; a key has letters, digits and _, and no digit first".into(),
            ),
        }),
        Some(value) => Ok((key, value)),
        None => match caller(&key).map(std::ffi::OsString::into_string) {
            Some(Ok(value)) => Ok((key, value)),
            Some(Err(_)) => Err(invalid(format!("--env {key}: its value is not UTF-8"))),
            None => Err(kst::Error::Invalid {
                what: format!("--env {key}: it is not set in your environment"),
                advice: Some(format!("give its value: --env {key}=VALUE")),
            }),
        },
    }
}

/// The backend's options. A key given once is text (or yes), given again a list; the backend's
/// schema decides later what it has to be.
fn options(given: Vec<String>) -> kst::Result<BTreeMap<String, OptionValue>> {
    let mut options = BTreeMap::new();
    for option in given {
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (option.as_str(), None),
        };
        if key.is_empty() {
            return Err(invalid(format!("--option {option}: it has no key, write KEY=VALUE")));
        }
        let value = match (options.remove(key), value) {
            (None, None) => OptionValue::Flag(true),
            (None, Some(value)) => OptionValue::Text(value.to_owned()),
            (Some(OptionValue::Text(first)), Some(value)) => {
                OptionValue::List(vec![first, value.to_owned()])
            }
            (Some(OptionValue::List(mut list)), Some(value)) => {
                list.push(value.to_owned());
                OptionValue::List(list)
            }
            (Some(_), _) => {
                return Err(invalid(format!("--option {key} is given with a value and without")));
            }
        };
        options.insert(key.to_owned(), value);
    }
    Ok(options)
}

/// Add what an option of its own gave to a list that `--option` may have begun.
fn add_to_list(
    options: &mut BTreeMap<String, OptionValue>,
    key: &str,
    values: Vec<String>,
    given_by: &str,
) -> kst::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut list = match options.remove(key) {
        None => Vec::new(),
        Some(OptionValue::List(list)) => list,
        Some(OptionValue::Text(text)) => vec![text],
        Some(_) => {
            return Err(invalid(format!("--option {key} needs a value beside {given_by}")));
        }
    };
    list.extend(values);
    options.insert(key.to_owned(), OptionValue::List(list));
    Ok(())
}

fn invalid(what: impl Into<String>) -> kst::Error {
    kst::Error::Invalid { what: what.into(), advice: None }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn defined(line: &[&str]) -> anyhow::Result<SessionConfig> {
        let line = ["start", "api"].iter().chain(line).map(OsString::from);
        definition(Line::try_parse_from(line)?.args, &|key| (key == "SET").then(|| "yes".into()))
    }

    #[test]
    fn everything_reaches_the_definition() {
        let config = defined(&[
            "-b",
            "container",
            "-c",
            "run it",
            "-i",
            "app:1",
            "-w",
            "/srv",
            "-e",
            "A=1=2",
            "-e",
            "SET",
            "-v",
            "/a:/b",
            "-v",
            "/c:/d:ro",
            "-p",
            "80:8080",
            "-L",
            "docker",
            "-o",
            "runtime=docker",
        ])
        .unwrap();
        assert_eq!(config.name, "api");
        assert_eq!(config.backend.as_deref(), Some("container"));
        assert_eq!(config.location.as_deref(), Some("docker"));
        assert_eq!(config.command, Some(Command::Text("run it".into())));
        assert_eq!(config.working_dir, Some("/srv".into()));
        assert_eq!(config.env["A"], "1=2");
        assert_eq!(config.env["SET"], "yes");
        assert_eq!(config.options["image"], OptionValue::Text("app:1".into()));
        assert_eq!(
            config.options["volumes"],
            OptionValue::List(vec!["/a:/b".into(), "/c:/d:ro".into()])
        );
        assert_eq!(config.options["ports"], OptionValue::List(vec!["80:8080".into()]));
        assert_eq!(config.options["runtime"], OptionValue::Text("docker".into()));
    }

    #[test]
    fn commands_keep_how_they_were_given() {
        assert_eq!(defined(&[]).unwrap().command, None);
        assert_eq!(defined(&["--"]).unwrap().command, None);
        assert_eq!(
            defined(&["--", "a", ""]).unwrap().command,
            Some(Command::Words(vec!["a".into(), String::new()]))
        );
        assert_eq!(
            defined(&["--shell", "-c", "a | b"]).unwrap().command,
            Some(Command::Shell("a | b".into()))
        );
        assert!(defined(&["--", ""]).is_err());
    }

    #[test]
    fn options_become_flags_texts_and_lists() {
        let config =
            defined(&["-o", "init", "-o", "a=1", "-o", "b=x", "-o", "b=y", "-o", "b="]).unwrap();
        assert_eq!(config.options["init"], OptionValue::Flag(true));
        assert_eq!(config.options["a"], OptionValue::Text("1".into()));
        assert_eq!(
            config.options["b"],
            OptionValue::List(vec!["x".into(), "y".into(), String::new()])
        );
        let both = defined(&["-o", "ports=1", "-p", "2"]).unwrap();
        assert_eq!(both.options["ports"], OptionValue::List(vec!["1".into(), "2".into()]));
        for wrong in [
            &["-o", "=x"][..],
            &["-o", "a", "-o", "a=1"],
            &["-i", "x", "-o", "image=y"],
            &["-o", "ports", "-p", "1"],
        ] {
            assert!(defined(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn no_error_shows_the_value_of_a_variable() {
        for wrong in ["=s3cret", "A B=s3cret", "A\n=s3cret", "1=s3cret", "", "s3cret!", "UNSET"] {
            let error = defined(&["-e", wrong]).unwrap_err();
            let error = error.downcast_ref::<kst::Error>().unwrap();
            assert_eq!(error.exit_code(), 2);
            let text = format!("{error} {:?}", error.advice());
            assert!(!text.contains("s3cret"), "{text}");
            assert!(text.contains("--env"), "{text}");
        }
    }
}
