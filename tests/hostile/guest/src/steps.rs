//! Playing the steps of one export.

use kst_plugin::prelude::*;

use crate::script::{self, Record};

/// What the steps came to.
#[derive(Default)]
pub struct Answer {
    pub sessions: Vec<Session>,
    pub text: String,
    /// The form of a plan that is answered where there could be text.
    pub plan: Option<String>,
    /// Where it was said so, the session that is answered with whatever was asked.
    lie: bool,
}

impl Answer {
    /// The session of this name, or what is answered instead.
    pub fn session(&self, name: &str) -> Option<Session> {
        let found = self.sessions.iter().find(|session| self.lie || session.name == name);
        found.cloned()
    }
}

/// Do what the script says for `export`.
pub fn play(export: &str, name: &str) -> Result<Answer, Error> {
    let mut answer = Answer::default();
    let mut last = None;
    let mut times = 1;
    for step in script::steps(export) {
        if step.verb == "times" {
            times = step.number(0);
            continue;
        }
        for _ in 0..std::mem::replace(&mut times, 1) {
            one(&step, name, &mut answer, &mut last)?;
        }
    }
    Ok(answer)
}

fn one(
    step: &Record,
    name: &str,
    answer: &mut Answer,
    last: &mut Option<Output>,
) -> Result<(), Error> {
    let words = |from: usize| step.fields.iter().skip(from).map(String::as_str).collect::<Vec<_>>();
    match step.verb.as_str() {
        // Whatever comes of it, it goes on.
        "run" => *last = run(&step.field(0), &words(1)).ok(),
        "try" => *last = Some(run(&step.field(0), &words(1))?),
        "all" => {
            let runs: Vec<(&str, &[&str])> =
                words(0).into_iter().map(|form| (form, &[][..])).collect();
            for answer in run_all(&runs) {
                *last = Some(answer?);
            }
        }
        "run-bytes" => {
            let text = bytes(&step.field(1));
            *last = Some(run(&step.field(0), &[text.as_str()])?);
        }
        "end" => {
            end_session();
        }
        "wait" => {
            wait_session(step.number(0));
        }
        "pause" => pause(step.number(0)),
        "note" => note(&step.field(0)),
        // What was last printed, as the sessions that it tells of: `ID STATE PIDS NAME`.
        "listed" => {
            let printed = last.as_ref().map(|output| output.stdout.clone()).unwrap_or_default();
            answer.sessions.extend(printed.lines().filter_map(listed));
        }
        "session" => answer.sessions.push(session(&step.fields, name)),
        "sessions" => {
            let count = step.number(0);
            answer
                .sessions
                .extend((0..count).map(|n| Session::new(&format!("s{n}"), State::Running)));
        }
        "lie" => answer.lie = true,
        "text" => answer.text.push_str(&step.field(0)),
        "plan" => answer.plan = Some(step.field(0)),
        // What was last printed, as text.
        "said" => {
            answer
                .text
                .push_str(&last.as_ref().map(|output| output.stdout.clone()).unwrap_or_default());
        }
        "length" => {
            let length = last.as_ref().map(|output| output.stdout.len()).unwrap_or_default();
            answer.text.push_str(&length.to_string());
        }
        "error" => return Err(error(&step.field(0), &step.field(1))),
        "loop" => while std::hint::black_box(true) {},
        "grow" => {
            let size = step.number(0) as usize * 65_536;
            let memory: Vec<u8> = Vec::with_capacity(size);
            std::hint::black_box(&memory);
        }
        "recurse" => {
            std::hint::black_box(deep(step.number(0)));
        }
        "trap" => trap(&step.field(0)),
        // What there is outside, by WASI: files, environment, arguments, network, input.
        "outside" => answer.text.push_str(&outside(&step.field(0))),
        "exit" => std::process::exit(3),
        // A string that is said to be longer than the memory it lies in.
        "bogus" => answer.text = bogus(step.number(0) as usize),
        _ => {}
    }
    Ok(())
}

fn listed(line: &str) -> Option<Session> {
    let [_id, state, _pids, name] = fields(line, " ")?;
    let state = if state == "up" { State::Running } else { State::Ended };
    Some(Session::new(name, state))
}

/// `NAME STATE KEY=VALUE…`; the name `{}` is the one that was asked for.
fn session(fields: &[String], asked: &str) -> Session {
    let text = |at: usize| fields.get(at).map(String::as_str).unwrap_or_default();
    let state = match text(1) {
        "running" => State::Running,
        "ended" => State::Ended,
        _ => State::Unknown,
    };
    let mut session = Session::new(&text(0).replace("{}", asked), state);
    for field in fields.iter().skip(2) {
        let Some((key, value)) = field.split_once('=') else { continue };
        let value = String::from(value);
        match key {
            "created" => session.created = Some(value),
            "started" => session.started = Some(value),
            "ended" => session.ended = Some(value),
            "image" => session.image = Some(value),
            "health" => session.health = Some(value),
            "restarts" => session.restarts = value.parse().ok(),
            "out-of-memory" => session.out_of_memory = Some(value == "yes"),
            "exit" => session.exit = value.parse().ok().map(ExitStatus::Code),
            key => session.details.push((key.into(), value)),
        }
    }
    session
}

fn error(kind: &str, text: &str) -> Error {
    match kind {
        "not-found" => Error::NotFound,
        "already-exists" => Error::AlreadyExists,
        "not-running" => Error::NotRunning,
        "unavailable" => Error::Unavailable(text.into()),
        "unsupported" => Error::Unsupported(text.into()),
        "invalid" => Error::Invalid(text.into()),
        _ => Error::Failed(text.into()),
    }
}

/// So many calls within each other; 0 is without end.
fn deep(left: u32) -> u32 {
    // Through a pointer that the compiler does not know, or it would make a loop of it.
    let again: fn(u32) -> u32 = std::hint::black_box(deep);
    if left == 1 { 1 } else { again(left.wrapping_sub(1)).wrapping_add(left) }
}

/// What the standard library reaches, and so WASI where this is built for it: nothing else is there.
fn outside(file: &str) -> String {
    let mut input = String::new();
    let read = std::io::stdin().read_line(&mut input).unwrap_or(0);
    format!(
        "written: {}, folder: {}, environment: {}, arguments: {}, connected: {}, listening: {}, read: {read}\n",
        std::fs::write(file, "evil").is_ok(),
        std::fs::read_dir("/").is_ok(),
        std::env::vars_os().count(),
        std::env::args_os().count(),
        std::net::TcpStream::connect(("127.0.0.1", 80)).is_ok(),
        std::net::TcpListener::bind(("127.0.0.1", 0)).is_ok(),
    )
}

fn trap(how: &str) {
    let zero = std::hint::black_box(0_usize);
    match how {
        "index" => drop(std::hint::black_box([0_u8; 4][zero + 4])),
        _ => panic!("as the script says"),
    }
}

/// The bytes that hexadecimal digits stand for, as a string that they need not be.
fn bytes(hex: &str) -> String {
    let digits: Vec<u8> =
        hex.bytes().filter_map(|digit| (digit as char).to_digit(16)).map(|d| d as u8).collect();
    let bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    // SAFETY: none is claimed. What the host makes of a string that is none is what is tested; nothing
    // here looks into it.
    unsafe { String::from_utf8_unchecked(bytes) }
}

/// A string that claims more bytes than there are.
fn bogus(length: usize) -> String {
    let start = std::hint::black_box(Box::leak(Box::new([b'a'; 16]))).as_mut_ptr();
    // SAFETY: none is claimed, as above: the host is handed this, and nothing here reads or frees it.
    unsafe { String::from_raw_parts(start, length, length) }
}
