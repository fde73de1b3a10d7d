//! The least that a compiled program can do to answer: it makes the engine calls that it is given,
//! all at once, and prints what they print.
//!
//! Usage: `floor CALL [--- CALL]...`, where a CALL is a program's absolute path and its words.
//! Exits with 1 if a call failed.

use std::env;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};

fn main() -> ExitCode {
    let words: Vec<_> = env::args_os().skip(1).collect();
    // On Linux the standard library starts programs by posix_spawn.
    let started: io::Result<Vec<Child>> = words
        .split(|word| word == "---")
        .filter_map(|call| call.split_first())
        .map(|(program, args)| {
            Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
        })
        .collect();
    match started.and_then(print_all) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what each call prints, in order; whether all succeeded.
fn print_all(calls: Vec<Child>) -> io::Result<bool> {
    let mut all = true;
    let mut printed = Vec::new();
    for mut call in calls {
        if let Some(mut stdout) = call.stdout.take() {
            stdout.read_to_end(&mut printed)?;
        }
        all &= call.wait()?.success();
    }
    io::stdout().write_all(&printed)?;
    Ok(all)
}
