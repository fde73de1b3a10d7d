//! What becomes of the programs that run when kst itself is asked to end.
//!
//! Each has a process group of its own, so that its deadline can end all of it; for the same reason
//! a Ctrl-C at the terminal reaches kst alone. [`listen`] makes it reach them: whoever waits for a
//! program hears of the signal, ends the program's group, and the last one lets the signal do to
//! this process what it would have done.

use std::io;
use std::os::fd::{BorrowedFd, IntoRawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction, signal};
use rustix::event::{EventfdFlags, eventfd};

/// The signals that ask a program to end.
const ASKING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// How many programs are run at this moment, or are about to be.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// The signal that came; 0: none did.
static CAUGHT: AtomicI32 = AtomicI32::new(0);
/// A descriptor that can be read once a signal came; -1: nobody listens.
static WOKEN: AtomicI32 = AtomicI32::new(-1);
/// Whether this process ends by itself once its programs are gone.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// How long programs may take to be gone after they were killed.
const GOING: Duration = Duration::from_millis(200);

/// Have the programs that are run end with this process, when a signal asks it to. For programs
/// that have their signals to themselves, such as `kst`; a signal that is ignored stays so.
pub fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        let Ok(event) = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) else { return };
        // It stays open for as long as the process lives.
        WOKEN.store(event.into_raw_fd(), Ordering::SeqCst);
        let action =
            SigAction::new(SigHandler::Handler(heard), SaFlags::SA_RESTART, SigSet::empty());
        for each in ASKING {
            // SAFETY: the handler makes system calls that are async-signal-safe, and touches atomics
            // alone. What was there is put back where it was to ignore the signal.
            unsafe {
                if let Ok(before) = sigaction(each, &action)
                    && matches!(before.handler(), SigHandler::SigIgn)
                {
                    let _ = sigaction(each, &before);
                }
            }
        }
    });
}

/// End the programs that are still run, and wait a moment until they are gone: for a process that has
/// what it wanted and is about to leave. Only where [`listen`] was called; nothing can be run any more.
pub fn end_programs() {
    LEAVING.store(true, Ordering::SeqCst);
    CAUGHT.store(Signal::SIGTERM as i32, Ordering::SeqCst);
    if let Some(event) = woken() {
        let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
    }
    let deadline = Instant::now() + GOING;
    while RUNNING.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The handler. Where a program is run, whoever waits for it does the rest.
extern "C" fn heard(number: i32) {
    let again = CAUGHT.swap(number, Ordering::SeqCst) != 0;
    if again || RUNNING.load(Ordering::SeqCst) == 0 {
        return end_by(number);
    }
    if let Some(event) = woken() {
        let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
    }
}

/// End this process by a signal, as if nobody had listened.
fn end_by(number: i32) {
    let Ok(asked) = Signal::try_from(number) else { return };
    // SAFETY: the default action installs no handler.
    let _ = unsafe { signal(asked, SigHandler::SigDfl) };
    let _ = raise(asked);
}

/// Becomes readable when a signal came, and stays so.
pub(super) fn woken() -> Option<BorrowedFd<'static>> {
    let fd = WOKEN.load(Ordering::SeqCst);
    // SAFETY: the descriptor is never closed once it is there.
    (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
}

/// The signal that came, if one did.
pub(super) fn caught() -> Option<rustix::process::Signal> {
    rustix::process::Signal::from_named_raw(CAUGHT.load(Ordering::SeqCst))
}

/// A program is run, or about to be, as long as this lives.
pub(super) struct Running(());

impl Running {
    /// An error when this process is about to end: nothing is begun any more.
    pub(super) fn begin() -> io::Result<Self> {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        let running = Running(());
        match caught() {
            Some(_) => Err(interrupted()),
            None => Ok(running),
        }
    }
}

impl Drop for Running {
    /// The last one to leave lets the signal do its work, which the handler has put off.
    fn drop(&mut self) {
        let last = RUNNING.fetch_sub(1, Ordering::SeqCst) == 1;
        let number = CAUGHT.load(Ordering::SeqCst);
        if last && number != 0 && !LEAVING.load(Ordering::SeqCst) {
            end_by(number);
        }
    }
}

/// Why a program has no result when a signal came.
pub(super) fn interrupted() -> io::Error {
    io::Error::other("kst was interrupted")
}
