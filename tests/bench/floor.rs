//! The least that a compiled program can do to answer: it makes the engine calls that it is given,
//! one after another, and prints what they print.
//!
//! Usage: `floor CALL [--- CALL]...`, where a CALL is a program's absolute path and its words.
//! Exits with 1 if the last call failed: one before it may be a question that is answered with no.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let mut printed = Vec::new();
    let called = words
        .split(|word| word == "---")
        .filter_map(|call| call.split_first())
        .try_fold(false, |_, (program, args)| call(program, args, &mut printed));
    match called.and_then(|last| io::stdout().write_all(&printed).map(|()| last)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a program to its end and takes what it prints; whether it succeeded.
fn call(program: &OsString, args: &[OsString], printed: &mut Vec<u8>) -> io::Result<bool> {
    // On Linux the standard library starts programs by posix_spawn.
    let mut child =
        Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(printed)?;
    }
    Ok(child.wait()?.success())
}
