//! Seeing whether a session is ready.

use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::process::Signal;

use super::brought::Brought;
use crate::config::{Ready, Sign, env_file};
use crate::session::command::resolve;
use crate::session::environment;
use crate::session::kept::Kept;
use crate::session::model::SessionConfig;
use crate::{Error, Result};

/// How many lines of a log are looked at that an engine keeps.
const LINES: u32 = 10_000;
/// How much of a log is read at once.
const CHUNK: usize = 64 << 10;
/// How long a connection or a look by a command may take.
const LOOK: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(1);
/// How often an ended command is looked for.
const STEP: Duration = Duration::from_millis(5);

/// Whether a session was found to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Ready,
    NotYet,
}

/// What has been seen so far of a session that is to be ready.
pub(super) struct Progress<'a> {
    of: &'a Brought<'a>,
    look: Look<'a>,
}

enum Look<'a> {
    /// In the log that kst keeps of a run: as far as it was read, and the end of that.
    Kept {
        text: &'a str,
        log: Option<(String, Kept)>,
        tail: Vec<u8>,
    },
    /// In what the engine tells.
    Told {
        text: &'a str,
    },
    Tcp {
        host: &'a str,
        port: u16,
    },
    Command {
        words: Vec<String>,
        dir: PathBuf,
        env: Vec<(String, String)>,
    },
}

impl<'a> Progress<'a> {
    pub(super) fn new(
        of: &'a Brought<'a>,
        defined: &'a SessionConfig,
        ready: &'a Ready,
    ) -> Result<Self> {
        let backend = of.place.backend.as_deref().unwrap_or_default();
        let here = of.host.runs_here(backend);
        let look = match &ready.sign {
            Sign::Log(text) if here => Look::Kept { text, log: None, tail: Vec::new() },
            Sign::Log(text) => Look::Told { text },
            Sign::Tcp { host, port } => Look::Tcp { host, port: *port },
            Sign::Command(_) if !here => {
                return Err(Error::Unsupported {
                    backend: backend.to_owned(),
                    what:
                        "a command on this machine cannot tell whether it is ready: use `log` or \
                           `tcp`"
                            .to_owned(),
                });
            }
            Sign::Command(command) => {
                let mut env = std::collections::BTreeMap::new();
                for file in &defined.env_files {
                    env_file::add(file, &mut env)?;
                }
                env.extend(defined.env.clone());
                Look::Command {
                    words: resolve(command, true)?,
                    dir: defined.working_dir.clone().unwrap_or_else(|| PathBuf::from(".")),
                    env: env.into_iter().collect(),
                }
            }
        };
        Ok(Progress { of, look })
    }

    /// Look once; at the latest until `latest`.
    pub(super) fn look(&mut self, latest: Instant) -> Result<Waited> {
        let seen = match &mut self.look {
            Look::Kept { text, log, tail } => {
                match (self.of.run(), self.of.host.known_ledger()) {
                    (Some(entry), Some(ledger)) => {
                        let unreadable = |error| unreadable(self.of.name, &error);
                        let kept = match log.take().filter(|(run, _)| *run == entry.run) {
                            Some((_, kept)) => kept,
                            None => {
                                tail.clear();
                                Kept::whole(Arc::new(ledger), &entry.run).map_err(unreadable)?
                            }
                        };
                        let (_, kept) = log.insert((entry.run.clone(), kept));
                        search(kept, text.as_bytes(), tail).map_err(unreadable)?
                    }
                    // Somebody else's: there is no file of its output.
                    _ => told(self.of, text)?,
                }
            }
            Look::Told { text } => told(self.of, text)?,
            Look::Tcp { host, port } => listens(host, *port),
            Look::Command { words, dir, env } => succeeds(words, dir, env, latest),
        };
        Ok(if seen { Waited::Ready } else { Waited::NotYet })
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Error {
    Error::failed(format!("the output of '{name}' cannot be read: {error}"))
}

fn told(of: &Brought<'_>, text: &str) -> Result<bool> {
    let log = of.host.afresh().logs(of.name, &of.place, LINES)?;
    Ok(memmem::find(&crate::text::plain(&log), text.as_bytes()).is_some())
}

/// Search what was added to a log since the last time. Colours within a line do not hide a text.
fn search(kept: &mut Kept, text: &[u8], tail: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = kept.read(&mut chunk)?;
        if read == 0 {
            return Ok(false);
        }
        tail.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if memmem::find(&crate::text::plain(tail), text).is_some() {
            return Ok(true);
        }
        // The line that is not at its end yet, as far as a text could still be in it.
        let line = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let enough = tail.len().saturating_sub(CHUNK.max(2 * text.len()));
        tail.drain(..line.max(enough));
    }
}

fn listens(host: &str, port: u16) -> bool {
    let Ok(addresses) = (host, port).to_socket_addrs() else { return false };
    addresses.take(4).any(|address| TcpStream::connect_timeout(&address, CONNECT).is_ok())
}

/// Whether the command returns 0. It is killed where it takes too long, and where kst ends first.
fn succeeds(words: &[String], dir: &Path, env: &[(String, String)], latest: Instant) -> bool {
    let Some((program, words)) = words.split_first() else { return false };
    let own = env.iter().cloned().collect();
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(dir)
        .env_clear()
        .envs(environment::with(&own, dir))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    // SAFETY: the closure runs in the child between fork and exec, where it makes one system call and
    // allocates nothing.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
                .map_err(std::io::Error::from)
        });
    }
    let Ok(mut child) = command.spawn() else { return false };
    let end = Instant::now() + LOOK;
    let end = end.min(latest.max(Instant::now() + CONNECT));
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(STEP),
            _ => {
                kill(&mut child);
                return false;
            }
        }
    }
}

fn kill(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
