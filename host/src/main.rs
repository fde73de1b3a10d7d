//! The command line.

mod cli;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

// musl's own asks the kernel for each small thing, hundreds of times in a list.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

pub(crate) fn main() -> ExitCode {
    // What runs beside a session must be small and quick: nothing else is looked at before it.
    let args: Vec<OsString> = std::env::args_os().skip(1).take(5).collect();
    if let Some(code) = beside_a_session(&args).or_else(|| compiler(&args)) {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    ExitCode::from(cli::run())
}

/// `kst shim TICKET` and `kst record FILE BYTES`: what kst starts beside a session. They are not for
/// people, and not in the help.
fn beside_a_session(args: &[OsString]) -> Option<i32> {
    match args {
        [shim, ticket] if shim == "shim" => Some(kst::shim::run(Path::new(ticket))),
        [record, file, most] if record == "record" => {
            Some(kst::shim::record(Path::new(file), most.to_str()?.parse().ok()?))
        }
        // As it is started by sessions of a kst that bounded nothing.
        [record, file] if record == "record" => {
            Some(kst::shim::record(Path::new(file), kst::session::DEFAULT_HISTORY))
        }
        _ => None,
    }
}

/// `kst compile VERSION PARENT SECONDS BYTES`: what kst starts to compile a component. No more for people.
fn compiler(args: &[OsString]) -> Option<i32> {
    let [command, version, parent, seconds, bytes] = args else { return None };
    if command != "compile" {
        return None;
    }
    let [version, parent, seconds, bytes] =
        [version.to_str()?, parent.to_str()?, seconds.to_str()?, bytes.to_str()?];
    Some(kst::plugin::compile_child(version, parent, seconds, bytes))
}
