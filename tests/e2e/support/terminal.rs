//! A program on a terminal, with a person's hands at it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use rustix::io::FdFlags;
use rustix::termios::{LocalModes, tcgetattr, tcsetwinsize};

use super::wait::{PATIENCE, eventually, until};

/// The time between two keys that a person presses.
const PACE: Duration = Duration::from_millis(50);

/// Opening a terminal must not make it this process's own.
const NOCTTY: i32 = rustix::fs::OFlags::NOCTTY.bits() as i32;

/// How long an answer may take before the same is typed again.
const AGAIN: Duration = Duration::from_millis(700);

/// A pseudo-terminal, what a person would see on it, and the program that runs there.
pub struct Terminal {
    /// Our side of the terminal.
    hands: File,
    /// The file that is the program's side.
    path: PathBuf,
    seen: Arc<Mutex<Seen>>,
    child: Child,
}

struct Seen {
    screen: vt100::Parser,
    /// Everything that was written to the terminal.
    bytes: Vec<u8>,
}

/// A key that is no character.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    Enter,
    Escape,
    /// Ctrl and a letter.
    Ctrl(char),
}

impl Terminal {
    /// Runs `command` as the leader of a session whose terminal this is.
    pub fn open(mut command: Command) -> Terminal {
        let pair = openpty(&size(24, 80), None).expect("a terminal");
        // Ours only: a program that held it would keep the terminal open.
        rustix::io::fcntl_setfd(&pair.master, FdFlags::CLOEXEC).expect("a flag can be set");
        let path = format!("/proc/self/fd/{}", pair.slave.as_raw_fd());
        let path = std::fs::read_link(path).expect("a terminal has a file");
        let side = || pair.slave.try_clone().expect("a descriptor can be copied");
        command.stdin(side()).stdout(side()).stderr(side());
        super::run::heed_signals(&mut command);
        // SAFETY: both calls are async-signal-safe and allocate nothing.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().expect("the program can be run");
        // Its ends of the terminal: kept open here, we would never read the end.
        drop((command, pair.slave));

        let hands = File::from(pair.master);
        let screen = vt100::Parser::new(24, 80, 1000);
        let seen = Arc::new(Mutex::new(Seen { screen, bytes: Vec::new() }));
        let mut eyes = hands.try_clone().expect("a descriptor can be copied");
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal that all have left reads as an error.
            while let Ok(count @ 1..) = eyes.read(&mut buffer) {
                let mut seen = shared.lock().expect("no panic while it was held");
                seen.screen.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Terminal { hands, path, seen, child }
    }

    /// Types text.
    pub fn types(&mut self, text: &str) {
        self.hands.write_all(text.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) {
        let byte = match key {
            Key::Enter => b'\r',
            Key::Escape => 0x1b,
            Key::Ctrl(letter) => letter.to_ascii_uppercase() as u8 ^ 0x40,
        };
        self.hands.write_all(&[byte]).expect("the terminal takes what is typed");
    }

    /// Presses keys as a person does: each after the program has read the one before. Engines take
    /// keys that come at once for pasted text, to which their own keys do not apply.
    #[track_caller]
    pub fn press_apart(&mut self, keys: &[Key]) {
        for &key in keys {
            self.press(key);
            // It takes the kernel a moment to bring the key to the program's side.
            thread::sleep(PACE);
            let side = OpenOptions::new().read(true).custom_flags(NOCTTY).open(&self.path);
            let side = side.expect("the program's side can be opened");
            until("the key is read", || rustix::io::ioctl_fionread(&side).is_ok_and(|n| n == 0));
            // What counts for the engine is when it acts on the key, some time after it read it.
            thread::sleep(PACE);
        }
    }

    /// Changes the size of the window.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let window =
            rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.hands, window).expect("a terminal has a size");
        let mut seen = self.seen.lock().expect("no panic while it was held");
        seen.screen.screen_mut().set_size(rows, columns);
    }

    /// What is on the screen now, without trailing blanks.
    pub fn screen(&self) -> String {
        self.seen.lock().expect("no panic while it was held").screen.screen().contents()
    }

    /// Everything that was written to the terminal, escape sequences and all.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().expect("no panic while it was held").bytes.clone()
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.shows_when(&format!("the screen shows {text:?}"), |screen| screen.contains(text));
    }

    /// Waits until what the screen shows fits.
    #[track_caller]
    pub fn shows_when(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !fits(&self.screen()) {
            assert!(
                begin.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}; it shows:\n{}",
                self.screen()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types `text` again and again until the screen shows `answer`: for a program that may not
    /// listen yet.
    #[track_caller]
    pub fn types_until(&mut self, text: &str, answer: &str) {
        let begin = Instant::now();
        while !self.screen().contains(answer) {
            assert!(
                begin.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: an answer {answer:?} to {text:?}; it shows:\n{}",
                self.screen()
            );
            self.types(text);
            let typed = Instant::now();
            while !self.screen().contains(answer) && typed.elapsed() < AGAIN {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// Does `presses` again and again until the program ends, as [`Terminal::exits`]: for keys that
    /// a busy engine may take for pasted text.
    #[track_caller]
    pub fn exits_by(&mut self, presses: impl Fn(&mut Terminal)) -> Option<i32> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            presses(self);
            let pressed = Instant::now();
            while self.runs() && pressed.elapsed() < AGAIN {
                thread::sleep(Duration::from_millis(10));
            }
            if !self.runs() {
                break;
            }
        }
        self.exits()
    }

    /// Whether the terminal is as a shell has it for its users: it echoes what is typed, and reads
    /// it by lines.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.hands).expect("a terminal has modes").local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// The program's process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Whether the program still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the program's end: its exit code, or `None` if a signal ended it.
    #[track_caller]
    pub fn exits(&mut self) -> Option<i32> {
        let child = &mut self.child;
        let status = eventually("the program on the terminal ends", || {
            child.try_wait().expect("a child can be waited for")
        });
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
