//! The other side: `kst compile`.

use std::io::{self, Read, Write};

use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{NO_MEMORY, OTHER, UNSOUND, VERSION, unsound};
use crate::plugin::engine::engine;

/// `kst compile VERSION PARENT SECONDS BYTES`: compile the component of standard input to standard output
/// for the process PARENT, with so much processor time and so much memory. Returns the exit code. It is
/// not for people.
pub fn compile(version: &str, parent: &str, seconds: &str, bytes: &str) -> i32 {
    let (Ok(parent), Ok(seconds), Ok(bytes)) = (parent.parse(), seconds.parse(), bytes.parse())
    else {
        return OTHER;
    };
    if version != VERSION || confine(parent, seconds, bytes).is_err() {
        return OTHER;
    }
    let mut component = Vec::new();
    let made = io::stdin().read_to_end(&mut component).map_err(wasmtime::Error::from);
    let made = made.and_then(|_| engine().map_err(wasmtime::Error::msg));
    let made = made.and_then(|engine| engine.precompile_component(&component));
    let (text, code) = match made {
        Ok(code) => (code, 0),
        Err(error) if is_no_memory(&error) => return NO_MEMORY,
        Err(error) => (unsound(&error).into_bytes(), UNSOUND),
    };
    let mut out = io::stdout().lock();
    match out.write_all(&text).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(_) => NO_MEMORY,
    }
}

/// Limits that cannot be taken back, and nothing but the three streams.
fn confine(parent: u32, seconds: u64, bytes: u64) -> io::Result<()> {
    // kst may end at any moment, and nobody wants the code then. It may have ended before this was said.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if std::os::unix::process::parent_id() != parent {
        return Err(io::ErrorKind::NotConnected.into());
    }
    // SAFETY: nothing in this process has opened a file yet that it will use.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
    }
    // SAFETY: the default action installs no handler.
    unsafe { signal(Signal::SIGXCPU, SigHandler::SigDfl) }?;
    lower(Resource::Core, 0)?;
    lower(Resource::Fsize, bytes)?;
    lower(Resource::Data, bytes)?;
    lower(Resource::Cpu, seconds)
}

/// Lower a limit, where it is not that low.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let now = getrlimit(resource);
    let most = now.maximum.map_or(most, |now| now.min(most));
    // At the first the signal that says why is sent, at the second the process is killed.
    let current = now.current.map_or(most, |now| now.min(most));
    let slack = u64::from(resource == Resource::Cpu);
    let maximum = now.maximum.map_or(most + slack, |now| now.min(most + slack));
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?)
}

fn is_no_memory(error: &wasmtime::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.map(io::Error::kind).any(|kind| kind == io::ErrorKind::OutOfMemory)
}
