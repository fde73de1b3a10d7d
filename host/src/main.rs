//! The command line.

mod cli;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn main() -> ExitCode {
    // What runs beside a session must be small and quick: nothing else is looked at before it.
    let mut args = std::env::args_os();
    let (first, second) = (args.nth(1), args.next());
    if let Some(code) = beside_a_session(first, second, args.next().is_some()) {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    ExitCode::from(cli::run())
}

/// `kst shim TICKET` and `kst record FILE`: what kst starts beside a session. They are not for
/// people, and not in the help.
fn beside_a_session(first: Option<OsString>, file: Option<OsString>, more: bool) -> Option<i32> {
    let run: fn(&Path) -> i32 = match first?.to_str()? {
        "shim" => kst::shim::run,
        "record" => kst::shim::record,
        _ => return None,
    };
    match file {
        Some(file) if !more => Some(run(Path::new(&file))),
        _ => None,
    }
}
