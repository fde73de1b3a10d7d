//! Asking the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Read};
use std::sync::Arc;

use kst::session::{Answer, Ask, Question, Review};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

use super::output::Output;
use super::render::review;

/// How much of an answer is read.
const LONGEST_ANSWER: u64 = 1024;

/// Whether there is somebody to ask: a terminal to show things on, and one to answer from.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Who asks where something is needed that nobody approved. In a dry run, nothing is kept.
pub fn asker(output: &Output, dry_run: bool) -> Option<Ask> {
    if !can_ask() {
        return None;
    }
    let output = output.clone();
    Some(Arc::new(move |question| {
        match question {
            Question::Plugin(one) => show_component(&output, one),
            Question::Program(one) => show(&output, &review::program(one)),
        }
        once_always_no(&output, dry_run)
    }))
}

/// Show all of a component, and last what must not have left the screen.
pub fn show_component(output: &Output, one: &Review) {
    show(output, &review::component(one));
    show(output, &format!("\n{}", review::reminder(one)));
}

/// Show text on the terminal, whole.
pub fn show(output: &Output, text: &str) {
    output.say_bytes(review::folded(text, columns()).as_bytes());
}

fn once_always_no(output: &Output, dry_run: bool) -> Answer {
    let question = match dry_run {
        true => "May it be used? [o]nce, or [N]o (a dry run keeps nothing): ",
        false => "May it be used? [o]nce, [a]lways, or [N]o: ",
    };
    match answer(output, question).as_str() {
        "o" | "once" => Answer::Once,
        "a" | "always" if !dry_run => Answer::Always,
        _ => Answer::No,
    }
}

/// A question of which anything but yes is no.
pub fn yes(output: &Output, question: &str) -> bool {
    matches!(answer(output, &format!("{question} [y/N] ")).as_str(), "y" | "yes")
}

/// What the person answers, in small letters. What was typed before the question stood there is no
/// answer to it.
fn answer(output: &Output, question: &str) -> String {
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    output.say_bytes(question.as_bytes());
    let mut answer = String::new();
    let read = io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer);
    match read {
        // The end of input leaves the cursor behind the question.
        Ok(0) => {
            output.say_bytes(b"\n");
            String::new()
        }
        Ok(_) => answer.trim().to_ascii_lowercase(),
        Err(_) => String::new(),
    }
}

/// How wide the terminal is; one that does not say is taken for a common one.
fn columns() -> Option<usize> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let columns = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    Some(if columns > 0 { usize::from(columns) } else { 80 })
}
