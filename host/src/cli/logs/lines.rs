//! The output of sessions, line by line, each with its session's name before it where there are
//! several.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use kst::session::Followed;
use kst::text::{Cleaning, escape_controls};
use unicode_width::UnicodeWidthStr;

use super::super::app::App;
use super::super::output::Output;
use super::super::render::{self, style};

/// The colours of the names, in turn.
const COLOURS: [AnsiColor; 10] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightYellow,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];

/// Prints lines.
pub struct Lines<'a> {
    output: &'a Output,
    json: bool,
    raw: bool,
    no_prefix: bool,
    /// Whether each line's time is printed.
    times: bool,
    /// Whether a line is printed before it has ended: one session alone, before somebody's eyes.
    at_once: bool,
    sources: Vec<Source>,
    /// What stands on the terminal of a line that has not ended.
    standing: String,
}

/// One session.
struct Source {
    session: Followed,
    cleaning: Cleaning,
    /// When what comes now was printed.
    time: Option<Timestamp>,
    /// What has not ended as a line, where bytes are passed through.
    rest: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub fn new(app: &'a App, raw: bool, no_prefix: bool) -> Self {
        Lines {
            output: &app.output,
            json: app.globals.json,
            raw,
            no_prefix,
            times: false,
            at_once: false,
            sources: Vec::new(),
            standing: String::new(),
        }
    }

    /// Print a line before it has ended, on a terminal: what comes takes its place.
    pub fn print_at_once(&mut self) {
        self.at_once = true;
    }

    /// A session, whose number is the next one.
    pub fn add(&mut self, session: &Followed) {
        self.sources.push(Source {
            session: session.clone(),
            cleaning: Cleaning::new(self.output.colours() && !self.json),
            time: None,
            rest: Vec::new(),
        });
    }

    /// Print before each line when it was printed.
    pub fn print_times(&mut self) {
        self.times = true;
    }

    /// When what comes now of a session was printed.
    pub fn time(&mut self, number: usize, time: Option<Timestamp>) {
        if let Some(source) = self.sources.get_mut(number) {
            source.time = time;
        }
    }

    /// Print what a session printed; returns whether anybody reads it.
    pub fn print(&mut self, number: usize, bytes: &[u8]) -> anyhow::Result<bool> {
        let alone = self.sources.len() == 1 && !self.times;
        let Some(source) = self.sources.get_mut(number) else { return Ok(true) };
        if self.raw && !self.json {
            if alone
                || self.no_prefix && !self.times && source.rest.is_empty() && bytes.ends_with(b"\n")
            {
                return self.output.pass_on(bytes);
            }
            source.rest.extend_from_slice(bytes);
            let Some(end) = memchr::memrchr(b'\n', &source.rest) else { return Ok(true) };
            let rest = source.rest.split_off(end + 1);
            let lines = std::mem::replace(&mut source.rest, rest);
            return self.raw_lines(number, &lines);
        }
        let lines = match self.raw {
            true => raw_text(&mut source.rest, bytes),
            false => {
                source.cleaning.feed(bytes);
                source.cleaning.lines()
            }
        };
        let mut begun = source.cleaning.unended();
        if !begun.is_empty() {
            begun.insert_str(0, &self.stamp(number));
        }
        let mut text = String::new();
        for line in &lines {
            text.push_str(&self.line(number, line));
        }
        if self.at_once {
            text = self.over_standing(&text, begun);
        }
        if text.is_empty() { Ok(true) } else { self.output.pass_on(text.as_bytes()) }
    }

    /// A session has no more to say: its last line has ended, whether or not it says so.
    pub fn end(&mut self, number: usize) -> anyhow::Result<bool> {
        let standing = std::mem::take(&mut self.standing);
        let Some(source) = self.sources.get_mut(number) else { return Ok(true) };
        let colours = self.output.colours() && !self.json;
        let cleaning = std::mem::replace(&mut source.cleaning, Cleaning::new(colours));
        let rest = std::mem::take(&mut source.rest);
        if self.at_once {
            return if standing.is_empty() { Ok(true) } else { self.output.pass_on(b"\n") };
        }
        if self.raw && !self.json {
            return if rest.is_empty() { Ok(true) } else { self.raw_lines(number, &rest) };
        }
        let last = match self.raw {
            true => String::from_utf8_lossy(&rest).into_owned(),
            false => cleaning.unended(),
        };
        if last.is_empty() {
            return Ok(true);
        }
        // One alone goes on as it is.
        let alone = self.sources.len() == 1 && !self.json && !self.output.terminal();
        let mut line = self.line(number, &last);
        if alone {
            line.pop();
        }
        self.output.pass_on(line.as_bytes())
    }

    fn raw_lines(&self, number: usize, lines: &[u8]) -> anyhow::Result<bool> {
        let prefix = self.prefix(number) + &self.stamp(number);
        let mut out = Vec::with_capacity(lines.len() + 64);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(line);
        }
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        self.output.pass_on(&out)
    }

    /// A whole line, as it is printed.
    fn line(&self, number: usize, line: &str) -> String {
        match (self.json, self.sources.get(number)) {
            (true, Some(source)) => {
                let session = &source.session;
                let mut document = serde_json::json!({
                    "name": session.name,
                    "backend": session.backend,
                    "location": session.location,
                    "line": line,
                });
                if let (true, Some(fields)) = (self.times, document.as_object_mut()) {
                    let time = source.time.map(render::time::exact);
                    fields.insert("time".to_owned(), time.into());
                }
                format!("{document}\n")
            }
            _ => format!("{}{}{line}\n", self.prefix(number), self.stamp(number)),
        }
    }

    /// The time before a line, with milliseconds; empty where times are not printed.
    fn stamp(&self, number: usize) -> String {
        let time = self.sources.get(number).and_then(|source| source.time);
        match time {
            _ if !self.times => String::new(),
            Some(time) => format!("{time:.3} "),
            None => "- ".to_owned(),
        }
    }

    /// A session's name before its lines; empty where there is one alone.
    fn prefix(&self, number: usize) -> String {
        if self.sources.len() <= 1 || self.no_prefix || self.json {
            return String::new();
        }
        let labels = self.labels();
        let width = labels.values().map(|label| label.width()).max().unwrap_or(0);
        let label = labels.get(&number).map_or("", String::as_str);
        let blanks = " ".repeat(width - label.width());
        let colour = match (self.output.colours(), COLOURS.get(number % COLOURS.len())) {
            (true, Some(colour)) => colour.on_default(),
            _ => style::PLAIN,
        };
        prefix(label, &blanks, colour)
    }

    /// What tells the sessions apart: their names, and their places where that is not enough.
    fn labels(&self) -> BTreeMap<usize, String> {
        let twice = |name: &str| {
            self.sources.iter().filter(|source| source.session.name == name).count() > 1
        };
        let label = |session: &Followed| match twice(&session.name) {
            true => format!("{} ({} {})", session.name, session.backend, session.location),
            false => session.name.clone(),
        };
        let labels = self.sources.iter().map(|source| escape_controls(&label(&source.session)));
        labels.enumerate().collect()
    }

    /// Text in the place of the line that stands there unended, and the one that now does.
    fn over_standing(&mut self, text: &str, begun: String) -> String {
        let now = format!("{text}{begun}");
        let before = std::mem::replace(&mut self.standing, begun);
        match now.strip_prefix(&before) {
            Some(more) if !before.contains('\u{1b}') => more.to_owned(),
            _ => format!("\r\u{1b}[K{now}"),
        }
    }
}

/// The text of the lines that have ended.
fn raw_text(rest: &mut Vec<u8>, bytes: &[u8]) -> Vec<String> {
    rest.extend_from_slice(bytes);
    let Some(end) = memchr::memrchr(b'\n', rest) else { return Vec::new() };
    let left = rest.split_off(end + 1);
    let ended = std::mem::replace(rest, left);
    String::from_utf8_lossy(&ended).lines().map(str::to_owned).collect()
}

fn prefix(label: &str, blanks: &str, colour: Style) -> String {
    format!("{colour}{label}{blanks} |{colour:#} ")
}
