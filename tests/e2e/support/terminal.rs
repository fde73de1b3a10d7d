//! A program on a terminal, with a person's hands at it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::pty::{Winsize, openpty};
use rustix::io::FdFlags;
use rustix::termios::tcsetwinsize;

use super::wait::eventually;

/// A pseudo-terminal, what a person would see on it, and the program that runs there.
pub struct Terminal {
    /// Our side of the terminal.
    hands: File,
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
        let side = || pair.slave.try_clone().expect("a descriptor can be copied");
        command.stdin(side()).stdout(side()).stderr(side());
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
        Terminal { hands, seen, child }
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
        let begin = std::time::Instant::now();
        while !fits(&self.screen()) {
            assert!(
                begin.elapsed().as_secs() < 20,
                "not within 20 seconds: {what}; it shows:\n{}",
                self.screen()
            );
            thread::sleep(std::time::Duration::from_millis(10));
        }
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
