//! What `kst up` and `kst down` show while they are at work: on a terminal a line for each session,
//! written anew as it comes further; elsewhere a line for each step that is done.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kst::session::{Host, Stage};

use super::app::App;
use super::output::Output;
use super::render::together::{self, Line, Planned};
use super::status::document;

/// How often a terminal is written to, for the seconds that have passed.
const TICK: Duration = Duration::from_millis(100);

/// What a dry run would do.
pub fn show_plan(planned: &[Planned], app: &App) -> anyhow::Result<u8> {
    match app.globals.json {
        true => app.output.json(&together::plan_json(planned))?,
        false => app.output.print(together::plan(planned, app.output.page()).as_bytes())?,
    }
    Ok(0)
}

/// The view of some sessions at work.
pub struct Progress<'a> {
    app: &'a App,
    live: Option<Live>,
}

/// Lines on a terminal that are written over.
struct Live {
    state: Arc<State>,
    painter: Option<thread::JoinHandle<()>>,
}

struct State {
    lines: Mutex<Vec<Line>>,
    over: AtomicBool,
}

impl<'a> Progress<'a> {
    pub fn begin<'n>(app: &'a App, names: impl Iterator<Item = &'n str>) -> Self {
        let lines: Vec<Line> = names.map(|name| Line::new(name, Instant::now())).collect();
        let live = (!app.globals.json && !app.output.is_quiet() && fits(app, lines.len()))
            .then(|| Live::begin(lines));
        if live.is_some() {
            app.output.hold();
        }
        Progress { app, live }
    }

    /// A session has come further.
    pub fn reach(&self, name: &str, stage: &Stage) {
        if let Some(live) = &self.live {
            live.reach(name, stage);
        } else if !self.app.globals.json
            && !self.app.output.is_quiet()
            && let Some(text) = together::step(name, stage)
        {
            // Where nobody reads it, what is done is done all the same.
            let _ = self.app.output.print(text.as_bytes());
        }
    }

    /// All have come as far as they will: the result, and the exit code.
    pub fn end(self, host: &Host, stages: &[(String, Stage)]) -> anyhow::Result<u8> {
        if let Some(live) = self.live {
            live.end();
        }
        let output = &self.app.output;
        output.release();
        if self.app.globals.json {
            output.json(&together::json(stages, |status| document(host, status)))?;
        }
        let mut code = 0;
        for (name, stage) in stages {
            let Stage::Failed { error, last } = stage else { continue };
            output.failure(name, error, &together::last_lines(name, last));
            if code == 0 {
                code = error.exit_code();
            }
        }
        Ok(code)
    }
}

/// Whether so many lines can be written over: not where other text would come between.
fn fits(app: &App, lines: usize) -> bool {
    if app.globals.verbose || !io::stdout().is_terminal() || !Output::moves_on_terminals() {
        return false;
    }
    let rows = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_row);
    lines < usize::from(rows)
}

impl Live {
    fn begin(lines: Vec<Line>) -> Live {
        let state = Arc::new(State { lines: Mutex::new(lines), over: AtomicBool::new(false) });
        let painted = Arc::clone(&state);
        let painter = thread::Builder::new().spawn(move || paint(&painted)).ok();
        Live { state, painter }
    }

    fn reach(&self, name: &str, stage: &Stage) {
        let mut lines = self.state.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.iter_mut().find(|line| line.name == name) {
            line.reach(stage, Instant::now());
        }
        drop(lines);
        if let Some(painter) = &self.painter {
            painter.thread().unpark();
        }
    }

    fn end(mut self) {
        self.state.over.store(true, Ordering::Release);
        if let Some(painter) = self.painter.take() {
            painter.thread().unpark();
            let _ = painter.join();
        }
    }
}

/// Write the lines again and again, each time over the last ones.
fn paint(state: &State) {
    let mut before = 0;
    let mut shown = String::new();
    loop {
        let over = state.over.load(Ordering::Acquire);
        let width = rustix::termios::tcgetwinsize(io::stdout())
            .map_or(80, |size| usize::from(size.ws_col).max(20));
        let lines = state.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = together::live(&lines, width, Instant::now());
        if text != shown {
            // To the first of the lines; each new one then clears what is left of the one there.
            let up = match before {
                0 => String::new(),
                lines => format!("\x1b[{lines}A"),
            };
            let mut out = anstream::stdout().lock();
            let _ = out.write_all(format!("{up}\r{}", text.replace('\n', "\x1b[K\n")).as_bytes());
            let _ = out.flush();
            before = lines.len();
            shown = text;
        }
        if over {
            return;
        }
        thread::park_timeout(TICK);
    }
}
