//! Running a program to its end, within a deadline.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, SigHandler};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Outcome;
use super::wait::eventually;

/// A program about to be run.
pub struct Run {
    command: Command,
    input: Vec<u8>,
    deadline: Duration,
}

impl Run {
    /// `program`, which is given 60 seconds unless [`Run::deadline`] says otherwise.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        heed_signals(&mut command);
        Run { command, input: Vec::new(), deadline: Duration::from_secs(60) }
    }

    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Replaces the whole environment.
    pub fn only_env(mut self, env: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.command.env_clear().envs(env);
        self
    }

    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub fn without_env(mut self, key: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(key);
        self
    }

    /// The working directory.
    pub fn cwd(mut self, folder: impl AsRef<std::path::Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads from standard input; nothing otherwise.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self.command.stdin(Stdio::piped());
        self
    }

    /// How long it may take: the test fails if it takes longer.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Starts it and does not wait: for tests of what happens meanwhile.
    pub fn spawn(mut self) -> Started {
        let shown = shown(&self.command);
        let begin = Instant::now();
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("cannot run {shown}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            let input = self.input;
            thread::spawn(move || stdin.write_all(&input));
        }
        let stdout = collect(child.stdout.take().expect("piped"));
        let stderr = collect(child.stderr.take().expect("piped"));
        Started { child, shown, begin, deadline: self.deadline, stdout, stderr }
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }
}

/// Have a program that `command` starts hear of what a terminal's keys send, whoever runs the tests:
/// what a shell puts into the background ignores it.
pub(super) fn heed_signals(command: &mut Command) {
    // SAFETY: between fork and exec only system calls are made, which are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            for key in [signal::SIGINT, signal::SIGQUIT, signal::SIGHUP, signal::SIGTERM] {
                signal::signal(key, SigHandler::SigDfl)?;
            }
            Ok(())
        });
    }
}

/// A program that runs.
pub struct Started {
    child: Child,
    shown: String,
    begin: Instant,
    deadline: Duration,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Started {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process(self.group(), signal);
    }

    /// How often it has read anything so far: who waits for something to happen, and does not look
    /// again and again, does not.
    pub fn reads(&self) -> u64 {
        let counts = std::fs::read_to_string(format!("/proc/{}/io", self.pid())).expect("it runs");
        let reads = counts.lines().find_map(|line| line.strip_prefix("syscr: "));
        reads.and_then(|reads| reads.parse().ok()).expect("a number")
    }

    /// Whether it is not done.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Whether it is not done after `long`; then it is ended.
    pub fn goes_on_for(mut self, long: Duration) -> bool {
        while self.begin.elapsed() < long {
            if self.child.try_wait().expect("a child can be waited for").is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = kill_process_group(self.group(), Signal::KILL);
        let _ = self.child.wait();
        true
    }

    /// Waits for its end; ends it and panics after its deadline.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let mut pause = Duration::from_micros(500);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if self.begin.elapsed() > self.deadline {
                let _ = kill_process_group(self.group(), Signal::KILL);
                let _ = self.child.wait();
                let printed = |stream: &Receiver<Vec<u8>>| {
                    let bytes = stream.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
                    String::from_utf8_lossy(&bytes).into_owned()
                };
                panic!(
                    "not done after {:?}: $ {}\n--- stdout\n{}--- stderr\n{}",
                    self.deadline,
                    self.shown,
                    printed(&self.stdout),
                    printed(&self.stderr)
                );
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let duration = self.begin.elapsed();
        // `kst start … | cat` must end: nothing that stays may hold on to the caller's streams.
        let held = format!("the output of `{}` is closed once it has ended", self.shown);
        let stdout = eventually(&held, || self.stdout.try_recv().ok());
        let stderr = eventually(&held, || self.stderr.try_recv().ok());
        Outcome { command: self.shown, code: status.code(), stdout, stderr, duration }
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// Reads a stream to its end, aside.
fn collect(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// A command line for messages.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    shell_words::join(words)
}
