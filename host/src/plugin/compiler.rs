//! Compiling a component, in a process of its own.
//!
//! A compiler cannot be interrupted, and how long it takes, and how much memory, is up to whoever made
//! the component. So kst starts itself for it (`kst compile`), with limits that the kernel keeps: it
//! gets the component and gives back code, each in a file without a name, and has nothing else. When
//! kst ends, it ends. The code is what kst would have made itself: it is the same program.

mod child;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::code::Code;
use super::engine::engine;
use crate::limits::{Limit, Limits};
use crate::text::escape_controls;

pub use child::compile as compile_child;

/// How much longer than its processor time a compilation may take: the machine may be busy.
const PATIENCE: u32 = 10;

/// The version that a child has to be of.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The program that runs now.
const ITSELF: &str = "/proc/self/exe";

/// Exit codes of the child, besides 0: it is of another version, or is called otherwise.
const OTHER: i32 = 64;
/// The component is not sound; why is in place of the code.
const UNSOUND: i32 = 65;
/// There was no memory left.
const NO_MEMORY: i32 = 71;

/// Whether this program is `kst`, and so compiles when it is asked to.
static IS_KST: OnceLock<()> = OnceLock::new();

/// Have this program start itself to compile components. For `kst` alone, which knows what it is asked
/// for then.
pub fn compile_in_children() {
    let _ = IS_KST.set(());
}

/// Compile a component. `program` is where `kst` is, for a program that is something else. Where there
/// is no `kst` of this version it is done here, without a bound. What went wrong is a sentence about
/// the component.
pub(super) fn compile(
    component: &[u8],
    limits: &Limits,
    program: Option<&Path>,
) -> Result<Code, String> {
    let kst = match program {
        Some(program) => program.is_absolute().then(|| program.to_owned()),
        None => IS_KST.get().map(|()| PathBuf::from(ITSELF)),
    };
    let itself = kst.as_deref() == Some(Path::new(ITSELF));
    match kst.map(|kst| apart(component, limits, &kst)) {
        None => here(component),
        Some(Err(Failure::NoCompiler(_))) if !itself => here(component),
        Some(Err(Failure::NoCompiler(why))) => {
            Err(format!("it cannot be compiled: kst could not be started for that: {why}"))
        }
        Some(Err(Failure::Component(what))) => Err(what),
        Some(Ok(code)) => Ok(code),
    }
}

/// Why there is no code.
enum Failure {
    /// There was no kst to make it.
    NoCompiler(String),
    /// A sentence about the component.
    Component(String),
}

fn here(component: &[u8]) -> Result<Code, String> {
    let engine = engine().map_err(|what| format!("wasmtime: {what}"))?;
    let code = engine.precompile_component(component).map_err(|error| unsound(&error))?;
    let copy = |memory: &mut [u8]| (&code[..]).read_exact(memory);
    Code::filled(code.len(), copy).map_err(|error| format!("its code cannot be kept: {error}"))
}

fn unsound(error: &wasmtime::Error) -> String {
    format!("it is not a sound component: {}", escape_controls(&format!("{error:#}")))
}

/// The files without a name that a child reads and writes.
struct Streams {
    component: File,
    code: File,
    complaint: File,
}

impl Streams {
    fn with(component: &[u8]) -> io::Result<Self> {
        let file = |name| rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC).map(File::from);
        let mut streams = Streams {
            component: file("kst-component")?,
            code: file("kst-code")?,
            complaint: file("kst-complaint")?,
        };
        streams.component.write_all(component)?;
        streams.component.rewind()?;
        Ok(streams)
    }

    fn start(&self, kst: &Path, limits: &Limits) -> io::Result<Child> {
        Command::new(kst)
            .arg0("kst")
            .args(["compile", VERSION])
            .arg(std::process::id().to_string())
            .arg(limits.get(Limit::CompileTime).to_string())
            .arg(limits.get(Limit::CompileMemory).to_string())
            .stdin(self.component.try_clone()?)
            .stdout(self.code.try_clone()?)
            .stderr(self.complaint.try_clone()?)
            // A Ctrl-C is kst's affair: the child ends when kst does.
            .process_group(0)
            .spawn()
    }

    /// The beginning of what the child wrote.
    fn text(mut file: &File) -> String {
        let mut bytes = Vec::new();
        let read = file.rewind().and_then(|()| file.take(4096).read_to_end(&mut bytes));
        read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn code(&self) -> io::Result<Code> {
        let mut file = &self.code;
        file.rewind()?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Code::filled(length, |memory| file.read_exact(memory))
    }
}

fn apart(component: &[u8], limits: &Limits, kst: &Path) -> Result<Code, Failure> {
    let none = |error: io::Error| Failure::NoCompiler(error.to_string());
    let streams = Streams::with(component).map_err(none)?;
    let mut child = streams.start(kst, limits).map_err(none)?;
    let longest = limits.time(Limit::CompileTime).saturating_mul(PATIENCE);
    let status = wait(&mut child, longest).map_err(none)?;
    let crossed = |limit: Limit, of: &str| {
        let (most, raised_by) = (limit.shown(limits.get(limit)), limit.raised_by());
        Failure::Component(format!(
            "compiling it takes more {of} than the limit of {most}; {raised_by}"
        ))
    };
    let Some(status) = status else { return Err(crossed(Limit::CompileTime, "time")) };
    let complaint = Streams::text(&streams.complaint);
    let out_of_memory = complaint.contains("memory allocation of");
    let signal = status.signal().and_then(Signal::from_named_raw);
    match (status.code(), signal) {
        (Some(0), _) => streams.code().map_err(none),
        (Some(OTHER | 2), _) => Err(Failure::NoCompiler("it is of another version".into())),
        (Some(UNSOUND), _) => {
            Err(Failure::Component(escape_controls(&Streams::text(&streams.code))))
        }
        (_, Some(Signal::XCPU)) => Err(crossed(Limit::CompileTime, "processor time")),
        (Some(NO_MEMORY), _) | (_, Some(Signal::XFSZ)) => {
            Err(crossed(Limit::CompileMemory, "memory"))
        }
        (_, Some(Signal::ABORT)) if out_of_memory => Err(crossed(Limit::CompileMemory, "memory")),
        _ => Err(Failure::Component(broken(status, &complaint))),
    }
}

/// A compiler that neither made code nor said why not.
fn broken(status: ExitStatus, complaint: &str) -> String {
    let last = complaint.lines().next().unwrap_or_default();
    escape_controls(&format!("it broke the compiler ({status}): {last}"))
}

/// Wait for the end of a child, and for so long; `None`: it went on, and was killed.
fn wait(child: &mut Child, longest: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + longest;
    let handle = Pid::from_raw(child.id().cast_signed())
        .ok_or_else(|| io::Error::other("no process id"))
        .and_then(|pid| Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?));
    let ended = handle.and_then(|handle| {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&handle, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) if left.is_zero() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    });
    if !matches!(ended, Ok(true)) {
        child.kill()?;
    }
    let status = child.wait()?;
    ended.map(|ended| ended.then_some(status))
}

#[cfg(test)]
mod tests;
