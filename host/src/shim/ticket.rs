//! The ticket: what a shim is to run. Written by one process, read by one, and then gone.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use crate::guard::Guard;
use crate::ownership::no_links;
use crate::private::{self, random_name};
use crate::session::RestartPolicy;

/// The first field of a ticket of this form.
const FORM: &[u8] = b"kst ticket 1";

/// The last field: without it the ticket was cut short.
const END: &[u8] = b".";

/// The largest ticket, in bytes: more than the kernel lets a program's arguments and environment be.
const MAX: u64 = 16 << 20;

/// What a shim is to run, and whom to tell.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ticket {
    /// The program, looked up on the PATH of `env` if it holds no slash, and its arguments.
    pub argv: Vec<OsString>,
    /// What the program is told to be called, where that is not `argv`'s first word: `-bash` for a
    /// login shell.
    pub arg0: Option<OsString>,
    /// The program's whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory, absolute.
    pub dir: PathBuf,
    /// Variables that the engine sets: they come from the shim's own environment instead of `env`,
    /// and are unset where it has none.
    pub keeps: Vec<String>,
    /// What the program is sent when the session is to end, by its number; `None`: TERM.
    pub stop_signal: Option<i32>,
    /// When the program is started again after its end; `None`: never.
    pub restart: Option<RestartPolicy>,
    /// The ledger's file, as [`Ledger::file`](crate::session::ledger::Ledger::file) gives it.
    pub ledger: PathBuf,
    /// The run's id.
    pub run: String,
    /// The pipe to report through, as [`Inbox::path`](super::Inbox::path) gives it.
    pub report: PathBuf,
    /// The log that the engine writes itself, and how many bytes of it may be kept.
    pub log: Option<(PathBuf, u64)>,
}

impl Ticket {
    /// Write it into `folder` (mode 0700) under a random name, readable by this user alone.
    ///
    /// # Errors
    /// A value that no program could be given: a NUL character, a variable without a name or with
    /// `=` in it. Or the file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let text = self.encode()?;
        let path = folder.join(random_name()?);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let mut file = File::from(rustix::fs::openat(CWD, &path, flags, mode)?);
        if let Err(error) = file.write_all(&text) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(path)
    }

    /// Read it, and remove it. Of several readers one gets it.
    ///
    /// # Errors
    /// There is none (any more); it or its folder is open to others or belongs to somebody else; it is
    /// a link or not a file; it is cut short.
    pub fn take(path: &Path) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(refused("it is no file"));
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, folder, flags, Mode::empty())?;
        if Guard::TicketOwner.holds() {
            private::check(&folder)
                .map_err(|why| refused(format!("its folder is not safe: {why}")))?;
        }
        // Without NONBLOCK a pipe in its place would be waited on.
        let flags = OFlags::RDONLY | no_links() | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Err(rustix::io::Errno::LOOP) => return Err(refused("it is a symbolic link")),
            file => File::from(file?),
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(refused("it is not a regular file"));
        }
        if meta.uid() != rustix::process::geteuid().as_raw() && Guard::TicketOwner.holds() {
            return Err(refused("it belongs to somebody else"));
        }
        if meta.mode() & 0o077 != 0 && Guard::TicketOwner.holds() {
            return Err(refused("others may read it"));
        }
        // Before it is read: whoever removes it has it for himself.
        if Guard::TicketOnce.holds() {
            rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
        }
        if meta.len() > MAX {
            return Err(refused("it is too large"));
        }
        let mut text = Vec::with_capacity(meta.len() as usize + 1);
        file.take(MAX).read_to_end(&mut text)?;
        Self::decode(&text).ok_or_else(|| refused("it is damaged, or of another version of kst"))
    }

    /// Fields that end in NUL, which nothing in them may hold; the first byte says what a field is.
    fn encode(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut field = |kind: &str, parts: &[&OsStr]| -> io::Result<()> {
            text.extend_from_slice(kind.as_bytes());
            for part in parts {
                if part.as_bytes().contains(&0) {
                    let shown = part.to_string_lossy().replace('\0', "\\0");
                    return Err(refused(format!("'{shown}' holds a NUL character")));
                }
                text.extend_from_slice(part.as_bytes());
            }
            text.push(0);
            Ok(())
        };
        field("", &[OsStr::from_bytes(FORM)])?;
        for word in &self.argv {
            field("a", &[word])?;
        }
        if let Some(arg0) = &self.arg0 {
            field("0", &[arg0])?;
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                let shown = name.to_string_lossy();
                return Err(refused(format!("'{shown}' cannot be the name of a variable")));
            }
            field("e", &[name, OsStr::new("="), value])?;
        }
        field("d", &[self.dir.as_os_str()])?;
        for name in &self.keeps {
            field("k", &[OsStr::new(name)])?;
        }
        if let Some(signal) = self.stop_signal {
            field("s", &[OsStr::new(&signal.to_string())])?;
        }
        if let Some(policy) = &self.restart {
            field("p", &[OsStr::new(&policy.to_string())])?;
            let (first, longest) = policy.waits();
            field("w", &[OsStr::new(&first.as_millis().to_string())])?;
            field("x", &[OsStr::new(&longest.as_millis().to_string())])?;
        }
        field("l", &[self.ledger.as_os_str()])?;
        field("r", &[OsStr::new(&self.run)])?;
        field("f", &[self.report.as_os_str()])?;
        if let Some((log, most)) = &self.log {
            field("o", &[log.as_os_str()])?;
            field("m", &[OsStr::new(&most.to_string())])?;
        }
        field("", &[OsStr::from_bytes(END)])?;
        Ok(text)
    }

    fn decode(text: &[u8]) -> Option<Self> {
        let mut fields = text.strip_suffix(b"\0")?.split(|&byte| byte == 0);
        if fields.next() != Some(FORM) || fields.next_back() != Some(END) {
            return None;
        }
        let mut ticket = Ticket::default();
        for field in fields {
            let (&kind, value) = field.split_first()?;
            let owned = || OsString::from_vec(value.to_vec());
            match kind {
                b'a' => ticket.argv.push(owned()),
                b'0' => ticket.arg0 = Some(owned()),
                b'e' => {
                    let equals = value.iter().position(|&byte| byte == b'=')?;
                    let (name, value) = (value.get(..equals)?, value.get(equals + 1..)?);
                    let own = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
                    ticket.env.push((own(name), own(value)));
                }
                b'd' => ticket.dir = owned().into(),
                b'k' => ticket.keeps.push(String::from_utf8(value.to_vec()).ok()?),
                b's' => ticket.stop_signal = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
                b'p' => ticket.restart = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
                b'w' => ticket.restart.as_mut()?.backoff = Some(milliseconds(value)?),
                b'x' => ticket.restart.as_mut()?.max_backoff = Some(milliseconds(value)?),
                b'l' => ticket.ledger = owned().into(),
                b'r' => ticket.run = String::from_utf8(value.to_vec()).ok()?,
                b'f' => ticket.report = owned().into(),
                b'o' => ticket.log = Some((owned().into(), u64::MAX)),
                b'm' => {
                    let most = std::str::from_utf8(value).ok()?.parse().ok()?;
                    ticket.log.as_mut()?.1 = most;
                }
                _ => return None,
            }
        }
        Some(ticket)
    }
}

impl std::fmt::Debug for Ticket {
    /// Without the values of the environment: they may be secrets, and this ends up in messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&OsString> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Ticket")
            .field("argv", &self.argv)
            .field("arg0", &self.arg0)
            .field("env", &names)
            .field("dir", &self.dir)
            .field("keeps", &self.keeps)
            .field("stop_signal", &self.stop_signal)
            .field("restart", &self.restart)
            .field("ledger", &self.ledger)
            .field("run", &self.run)
            .field("report", &self.report)
            .field("log", &self.log)
            .finish()
    }
}

fn milliseconds(value: &[u8]) -> Option<Duration> {
    Some(Duration::from_millis(std::str::from_utf8(value).ok()?.parse().ok()?))
}

fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}
