//! `kst send`

use std::io::Read;

use anyhow::Context;
use kst::session::{Input, Key};
use kst::text::escape_controls;

use super::app::App;
use super::select::Select;
use super::status::document;
use super::{examples, values};

/// The most that is read of standard input: more than can be typed.
const MOST_INPUT: u64 = (1 << 20) + 2;

/// Type into a session
///
/// The text is typed as it stands, and Enter behind it. A text of several lines is pasted, so that a
/// program which asked for that takes it as one. What is typed stands on no command line and in no log.
///
/// Works in tmux and screen. A container takes no text from outside: `kst attach` goes there, `kst
/// exec` runs a command in it.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst send bot 'reload all'", "a line"),
    ("kst send bot --no-enter -- -x", "what begins with a dash, without Enter"),
    ("kst send bot - < script.py", "standard input"),
    ("kst send bot --key C-c", "a key: C-c, Enter, Escape, Up, F5, M-x"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

    /// The text, its words with a blank between; `-` alone for standard input
    #[arg(value_name = "TEXT", value_parser = values::command_word())]
    #[arg(required_unless_present = "keys")]
    pub text: Vec<String>,

    /// Press this key. Can be repeated
    #[arg(short, long = "key", value_name = "KEY", value_parser = values::word())]
    #[arg(conflicts_with = "text")]
    pub keys: Vec<String>,

    /// Type the text alone, without Enter behind it
    #[arg(long, conflicts_with = "keys")]
    pub no_enter: bool,

    #[command(flatten)]
    pub select: Select,

    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    if args.quiet {
        app.output.be_quiet();
    }
    let input = match args.keys.is_empty() {
        false => {
            let keys: kst::Result<Vec<Key>> = args.keys.iter().map(|key| key.parse()).collect();
            Input::Keys(keys?)
        }
        true => Input::Text { text: text(&args.text)?, enter: !args.no_enter },
    };
    let host = app.host_for(&args.name)?;
    let status = host.send(&args.name, &args.select.filter(), &input)?;
    if app.held_back() {
        return Ok(0);
    }
    if app.globals.json {
        app.output.json(&document(&host, &status))?;
    } else if !args.quiet {
        let name = escape_controls(&args.name);
        app.output.print(format!("Typed into session '{name}'.\n").as_bytes())?;
    }
    Ok(0)
}

fn text(words: &[String]) -> anyhow::Result<String> {
    let [dash] = words else { return Ok(words.join(" ")) };
    if dash != "-" {
        return Ok(dash.clone());
    }
    let mut bytes = Vec::new();
    let input = std::io::stdin().lock();
    input.take(MOST_INPUT).read_to_end(&mut bytes).context("cannot read standard input")?;
    let mut text = String::from_utf8(bytes).map_err(|_| kst::Error::Invalid {
        what: "standard input is not UTF-8".into(),
        advice: None,
    })?;
    // The line that ends here is ended by Enter.
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}
