//! `kst doctor`

use std::io::IsTerminal;

use kst::config::{Config, Severity};
use kst::session::{Finding, Verdict};
use kst::text::shown_path;

use super::app::App;
use super::{examples, render};

/// Look over all that kst needs: engines, folders, config, plugins, terminal
///
/// Each engine is asked what it is. An engine that is not installed is no fault, unless there is none
/// at all. Nothing is changed, and nobody is asked for an approval. Ends with 1 where something does
/// not work.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst doctor", "what works, and what to do about the rest"),
    ("kst doctor --json", "for programs"),
]))]
pub struct Args {}

pub fn run(_: Args, app: &App) -> anyhow::Result<u8> {
    let mut findings = vec![program()];
    let config = match app.config() {
        Ok(config) => config,
        Err(error) => {
            findings.push(of_error(CONFIG, &error));
            Config::empty()
        }
    };
    let files = config.files().to_vec();
    let mut inside = Vec::new();
    let host = app.host_to_look_over(config, true).or_else(|error| {
        findings.push(of_error("plugins", &error));
        app.host_to_look_over(app.config().unwrap_or_else(|_| Config::empty()), false)
    });
    match host {
        Ok(host) => {
            inside = host.inside();
            findings.extend(host.checkup());
            findings.extend(about_config(&host, &files));
        }
        Err(error) => findings.push(of_error("kst", &error)),
    }
    findings.sort_by_key(|finding| AREAS.iter().position(|area| *area == finding.area));
    findings.extend(terminal(&inside, app));
    if app.globals.json {
        app.output.json(&render::doctor::json(&findings))?;
    } else {
        let text = render::doctor::full(&findings, is_utf8());
        app.output.print(text.as_bytes())?;
    }
    let problems = findings.iter().filter(|one| one.verdict == Verdict::Problem).count();
    if problems == 0 {
        return Ok(0);
    }
    let what = match problems {
        1 => "1 thing does not work".to_owned(),
        many => format!("{many} things do not work"),
    };
    Err(kst::Error::Failed { what, advice: None }.into())
}

const CONFIG: &str = "config";
const TERMINAL: &str = "terminal";

/// In which order things are told.
const AREAS: [&str; 6] = ["kst", "engines", "folders", "plugins", CONFIG, TERMINAL];

fn of_error(area: &'static str, error: &anyhow::Error) -> Finding {
    let advice = error.downcast_ref::<kst::Error>().and_then(kst::Error::advice);
    let problem = Finding::new(area, area, Verdict::Problem, format!("{error:#}"));
    Finding { advice: advice.map(str::to_owned), ..problem }
}

/// The program itself: which one a shell runs matters to programs that use the library.
fn program() -> Finding {
    let version = env!("CARGO_PKG_VERSION");
    let this = std::env::current_exe().ok();
    let shown = this.as_deref().map_or_else(|| "kst".to_owned(), shown_path);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("kst"))
        .find(|program| program.is_file());
    let same = |one: &std::path::Path| std::fs::canonicalize(one).ok() == this;
    let text = format!("{version}, {shown}");
    match first {
        Some(other) if !same(&other) => {
            let text = format!("{text}; on the PATH there is another: {}", shown_path(&other));
            Finding::new("kst", "kst", Verdict::Note, text)
        }
        Some(_) => Finding::new("kst", "kst", Verdict::Good, text),
        None => {
            let text = format!("{text}; it is not on the PATH");
            Finding::new("kst", "kst", Verdict::Note, text)
                .do_this("programs that use the library look for it there")
        }
    }
}

fn about_config(host: &kst::session::Host, files: &[std::path::PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let problems = host.check_config();
    let wrong = problems.iter().filter(|one| one.severity == Severity::Error).count();
    // One that cannot be read is among the problems alone.
    let mut names: Vec<String> = files.iter().map(|file| shown_path(file)).collect();
    for name in problems.iter().map(|problem| shown_path(&problem.file)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let sessions = host.config().sessions().count();
    let defined = if sessions == 1 { "1 session".into() } else { format!("{sessions} sessions") };
    findings.push(match (names.is_empty(), wrong, problems.len()) {
        (true, ..) => {
            Finding::new(CONFIG, "config", Verdict::Good, "there is none, and none is needed")
        }
        (false, 0, 0) => {
            let text = format!("{}: {defined}", names.join(", "));
            Finding::new(CONFIG, "config", Verdict::Good, text)
        }
        (false, 0, warnings) => {
            let text = format!("{}: {warnings} warnings", names.join(", "));
            Finding::new(CONFIG, "config", Verdict::Note, text).do_this("kst config check")
        }
        (false, wrong, _) => {
            let mistakes = if wrong == 1 { "mistake" } else { "mistakes" };
            let text = format!("{}: {wrong} {mistakes}", names.join(", "));
            Finding::new(CONFIG, "config", Verdict::Problem, text).do_this("kst config check")
        }
    });
    for review in host.unapproved_programs() {
        findings.push(match review {
            Ok(review) => {
                let text = format!(
                    "{} chooses a program that nobody approved: {}",
                    review.place, review.value
                );
                Finding::new(CONFIG, "programs", Verdict::Problem, text).do_this("kst config trust")
            }
            Err(error) => {
                let advice = error.advice().map(str::to_owned);
                let problem = Finding::new(CONFIG, "programs", Verdict::Problem, error.to_string());
                Finding { advice, ..problem }
            }
        });
    }
    findings
}

fn terminal(inside: &[String], app: &App) -> Vec<Finding> {
    if !std::io::stdin().is_terminal() || !app.output.terminal() {
        let text = "there is none here: attach needs one";
        return vec![Finding::new(TERMINAL, "terminal", Verdict::Absent, text)];
    }
    let mut findings = Vec::new();
    let term = std::env::var("TERM").unwrap_or_default();
    let colours = if app.output.colours() { "colours" } else { "no colours" };
    let size = app.output.width().map_or(String::new(), |width| format!(", {width} columns"));
    findings.push(match term.as_str() {
        "" | "dumb" => {
            let text = format!(
                "TERM is {}: engines cannot draw there",
                if term.is_empty() { "not set" } else { "dumb" }
            );
            Finding::new(TERMINAL, "TERM", Verdict::Note, text)
                .do_this("set it to what your terminal is, such as xterm-256color")
        }
        term => Finding::new(TERMINAL, "TERM", Verdict::Good, format!("{term}, {colours}{size}")),
    });
    for backend in inside {
        let text =
            format!("this terminal is in a session of {backend}: attaching there switches to it");
        findings.push(Finding::new(TERMINAL, "inside", Verdict::Good, text));
    }
    if !is_utf8() {
        let text = "the locale is not UTF-8: what is not ASCII is shown wrong";
        let note = Finding::new(TERMINAL, "locale", Verdict::Note, text);
        findings.push(note.do_this("export LANG=C.UTF-8"));
    }
    findings
}

/// Whether the locale says that the terminal shows UTF-8.
fn is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()));
    set.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}
