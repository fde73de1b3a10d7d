//! The least that a compiled program can do to answer: it makes the engine calls that it is given,
//! one after another or all at once, and prints what they print.
//!
//! Usage: `floor [--at-once] CALL [--- CALL]...`, where a CALL is a program's absolute path and its words.
//! Exits with 1 if the last call failed: one before it may be a question that is answered with no.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

fn main() -> ExitCode {
    let mut words: Vec<OsString> = env::args_os().skip(1).collect();
    let at_once = words.first().is_some_and(|word| word == "--at-once");
    if at_once {
        words.remove(0);
    }
    let mut calls = words.split(|word| word == "---").filter_map(|call| call.split_first());
    let mut printed = Vec::new();
    let called = if at_once {
        together(calls.collect(), &mut printed)
    } else {
        calls.try_fold(false, |_, (program, args)| call(program, args, &mut printed))
    };
    match called.and_then(|last| io::stdout().write_all(&printed).map(|()| last)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes all calls at once; whether the last of them succeeded.
fn together(calls: Vec<(&OsString, &[OsString])>, printed: &mut Vec<u8>) -> io::Result<bool> {
    let answers: Vec<io::Result<(bool, Vec<u8>)>> = thread::scope(|scope| {
        let threads: Vec<_> = calls
            .into_iter()
            .map(|(program, args)| {
                scope.spawn(move || {
                    let mut printed = Vec::new();
                    Ok((call(program, args, &mut printed)?, printed))
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|answer| answer.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))).collect()
    });
    let mut last = false;
    for answer in answers {
        let (succeeded, text) = answer?;
        printed.extend(text);
        last = succeeded;
    }
    Ok(last)
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
