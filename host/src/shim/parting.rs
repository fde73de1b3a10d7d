//! Leaving the terminal, so that nothing is lost of what was printed.
//!
//! An engine hears of the end twice: when the shim has ended, and when nobody has the terminal open any
//! more and its last byte was read. On hearing the first, tmux (3.3a) closes the pane after what the
//! kernel has ready for it; what the kernel has yet to hand over, on a busy machine the last kilobytes,
//! is gone. So the shim closes the terminal, and ends when the engine has let go of it.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

/// How long the engine has to read to the end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often is looked whether it has.
const STEP: Duration = Duration::from_millis(2);
/// The same where others keep the terminal open, and the engine waits for the shim alone: so long the
/// kernel has to hand over what it has.
const HANDING_OVER: Duration = Duration::from_millis(50);

/// Leave the terminal for good. `alone`: whether nothing else of the session is left.
pub(super) fn part(terminal: Option<File>, alone: bool) {
    let (Some(terminal), Some(pty)) = (terminal, Pty::of_this_process()) else { return };
    if !alone {
        thread::sleep(HANDING_OVER);
        return;
    }
    drop(terminal);
    close_streams();
    let deadline = Instant::now() + PATIENCE;
    while pty.is_there() && Instant::now() < deadline {
        thread::sleep(STEP);
    }
}

/// A terminal that a program made. The kernel removes its file when that program has closed it.
struct Pty {
    path: PathBuf,
    found: Metadata,
}

impl Pty {
    fn of_this_process() -> Option<Pty> {
        let streams = (0..=2).map(|stream| format!("/proc/self/fd/{stream}"));
        streams.into_iter().find_map(|stream| {
            let path = std::fs::read_link(stream).ok()?;
            let found = std::fs::metadata(&path).ok()?;
            path.starts_with("/dev/pts/").then_some(Pty { path, found })
        })
    }

    /// Whether it is there, and not another one that has its number by now.
    fn is_there(&self) -> bool {
        let made = |data: &Metadata| (data.dev(), data.ino(), data.ctime(), data.ctime_nsec());
        std::fs::metadata(&self.path).is_ok_and(|now| made(&now) == made(&self.found))
    }
}

/// Nothing in their place: whoever writes there from now on is heard by nobody.
fn close_streams() {
    let Ok(null) = File::options().read(true).write(true).open("/dev/null") else { return };
    let _ = dup2_stdin(&null);
    let _ = dup2_stdout(&null);
    let _ = dup2_stderr(&null);
}
