//! `kst-pack IN.wasm -o OUT.wasm`: make a component of a core module built against kst-plugin.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "usage: kst-pack IN.wasm -o OUT.wasm\n\n\
    Makes a component, as kst loads it, of a core module that was built against kst-plugin for\n\
    wasm32-unknown-unknown.";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some((input, output)) = files(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match pack(&input, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kst-pack: {}: {error:#}", input.display());
            ExitCode::FAILURE
        }
    }
}

/// The input and the output: one of each, in any order.
fn files(arguments: Vec<OsString>) -> Option<(PathBuf, PathBuf)> {
    let (mut input, mut output) = (None, None);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (slot, value) = match argument.to_str() {
            Some("-o" | "--output") => (&mut output, arguments.next()?),
            Some(option) if option.starts_with('-') => return None,
            _ => (&mut input, argument),
        };
        if slot.replace(PathBuf::from(value)).is_some() {
            return None;
        }
    }
    Some((input?, output?))
}

fn pack(input: &PathBuf, output: &PathBuf) -> Result<()> {
    let module = fs::read(input).context("cannot be read")?;
    let component = kst_pack::component(&module)?;
    fs::write(output, component).with_context(|| format!("{} cannot be written", output.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Option<(PathBuf, PathBuf)> {
        files(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn one_input_and_one_output_in_any_order() {
        let both = Some(("a".into(), "b".into()));
        assert_eq!(parsed(&["a", "-o", "b"]), both);
        assert_eq!(parsed(&["--output", "b", "a"]), both);
        for wrong in [&["a"][..], &["-o", "b"], &["a", "-o"], &["a", "c", "-o", "b"], &["-x"]] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
    }
}
