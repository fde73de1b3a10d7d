//! The shim on a terminal: under a tmux of the test's own.

use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;

use super::*;
use crate::session::RestartPolicy;

/// A tmux server that nobody else sees, with one session.
struct Tmux {
    folder: tempfile::TempDir,
    ledger: Ledger,
}

impl Tmux {
    /// `None` where there is no tmux.
    fn start(words: &[&str]) -> Option<Self> {
        Self::start_again(words, None)
    }

    fn start_again(words: &[&str], restart: Option<RestartPolicy>) -> Option<Self> {
        let (folder, ledger, mut inbox, mut ticket) = prepare(words);
        ticket.restart = restart;
        ticket.keeps = vec!["TERM".into(), "TMUX".into(), "TMUX_PANE".into()];
        ticket.env.push(("PS1".into(), "prompt> ".into()));
        ticket.env.push(("HOME".into(), folder.path().into()));
        let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
        let tmux = Tmux { folder, ledger };
        let variable = format!("KST_TEST_SHIM={}", path.display());
        let program = std::env::current_exe().unwrap();
        let started = tmux
            .command(&[
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                "80",
                "-y",
                "24",
                "-s",
                "t",
                "--",
            ])
            .args(["env", &variable])
            .arg(program)
            .status();
        match started {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            started => assert!(started.unwrap().success()),
        }
        assert!(matches!(inbox.wait(Instant::now() + LONG), Ok(Report::Started { .. })));
        Some(tmux)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(words).env("TMUX_TMPDIR", self.folder.path()).env_remove("TMUX");
        command
    }

    fn ask(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        let mut words = vec!["send-keys", "-t", "=t:"];
        words.extend(keys);
        assert!(self.command(&words).status().unwrap().success());
    }

    fn sees(&self, part: &str) {
        eventually(part, || {
            self.ask(&["capture-pane", "-p", "-t", "=t:"]).contains(part).then_some(())
        });
    }

    fn entry(&self) -> Arc<Entry> {
        self.ledger.load().pop().unwrap()
    }

    fn end(&self) -> ExitStatus {
        eventually("the end", || self.entry().end).0
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).stderr(Stdio::null()).status();
        if let Some(shim) = self.entry().shim {
            processes::end_session(shim, self.entry().pid, false, Duration::ZERO);
        }
    }
}

#[test]
fn a_shell_keeps_its_job_control() {
    let Some(tmux) = Tmux::start(&["bash", "--norc", "-i"]) else { return };
    tmux.sees("prompt>");
    let term = tmux.ask(&["show-options", "-gv", "default-terminal"]);
    tmux.keys(&["echo \"<$TERM$TMUX_PANE>\"", "Enter"]);
    tmux.sees(&format!("<{}%0>", term.trim()));
    tmux.keys(&["sleep 1000", "Enter"]);
    let current = || tmux.ask(&["display-message", "-p", "-t", "=t:", "#{pane_current_command}"]);
    eventually("the job", || (current().trim() == "sleep").then_some(()));
    tmux.keys(&["C-z"]);
    tmux.sees("Stopped");
    tmux.keys(&["fg", "Enter"]);
    eventually("the job", || (current().trim() == "sleep").then_some(()));
    tmux.keys(&["C-c"]);
    eventually("the shell", || (current().trim() == "bash").then_some(()));
    tmux.keys(&["exit 9", "Enter"]);
    assert_eq!(tmux.end(), ExitStatus::Code(9));
}

#[test]
fn a_shell_that_ignores_term_is_hung_up() {
    let Some(tmux) = Tmux::start(&["bash", "--norc", "-i"]) else { return };
    tmux.sees("prompt>");
    tmux.keys(&["sleep 1000 & disown; echo started", "Enter"]);
    tmux.sees("\nstarted");
    let entry = tmux.entry();
    let ending = processes::end_session(entry.shim.unwrap(), entry.pid, true, LONG);
    assert!(ending.gone && !ending.forced, "{ending:?}");
    assert_eq!(tmux.end(), ExitStatus::Signal(1));
}

#[test]
fn ctrl_z_and_ctrl_c_on_a_program() {
    // One process, for a shell that is just starting another (by vfork) cannot be stopped itself.
    let Some(tmux) = Tmux::start(&["sh", "-c", "echo ready; exec cat"]) else { return };
    tmux.sees("ready");
    tmux.keys(&["C-z"]);
    tmux.sees("^Z");
    tmux.keys(&["still here", "Enter"]);
    tmux.sees("still here\nstill here");
    tmux.keys(&["C-c"]);
    assert_eq!(tmux.end(), ExitStatus::Signal(2));
}

#[test]
fn each_program_finds_the_terminal_as_the_first_one_did() {
    // Each leaves the terminal without echo and line mode, and would be stopped in the background.
    let script = "stty | grep -q -- -echo && echo 'it is raw'; echo x >> runs; \
                  echo \"run $(wc -l < runs) is up\"; read line; echo \"heard $line\"; \
                  stty -echo -icanon; exit 3";
    let policy = "on-failure".parse().ok();
    let Some(tmux) = Tmux::start_again(&["sh", "-c", script], policy) else { return };
    for run in ["1", "2", "3"] {
        tmux.sees(&format!("run {run} is up"));
        tmux.keys(&[&format!("line {run}"), "Enter"]);
        tmux.sees(&format!("line {run}\nheard line {run}"));
    }
    assert!(!tmux.ask(&["capture-pane", "-p", "-t", "=t:"]).contains("it is raw"));
}

#[test]
fn ctrl_c_while_it_waits_ends_the_session() {
    let mut policy: RestartPolicy = "always".parse().unwrap();
    policy.backoff = Some(Duration::from_secs(3600));
    policy.max_backoff = policy.backoff;
    let Some(tmux) = Tmux::start_again(&["sh", "-c", "exit 4"], Some(policy)) else { return };
    eventually("the wait", || tmux.entry().restarting);
    tmux.keys(&["C-c"]);
    assert_eq!(tmux.end(), ExitStatus::Code(4));
}

#[test]
fn nothing_is_started_again_without_a_terminal() {
    let policy = "always".parse().ok();
    let Some(tmux) = Tmux::start_again(&["sleep", "1000"], policy) else { return };
    assert!(tmux.command(&["kill-session", "-t", "=t"]).status().unwrap().success());
    assert_eq!(tmux.end(), ExitStatus::Signal(1));
    end_of(tmux.entry().shim.unwrap());
    assert_eq!(tmux.entry().again, None);
}

#[test]
fn a_closed_terminal_reaches_the_program() {
    let Some(tmux) = Tmux::start(&["sleep", "1000"]) else { return };
    assert!(tmux.command(&["kill-session", "-t", "=t"]).status().unwrap().success());
    assert_eq!(tmux.end(), ExitStatus::Signal(1));
}

#[test]
fn a_failure_stands_on_the_terminal() {
    let (folder, ledger, mut inbox, ticket) = prepare(&["no-such-program-here"]);
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    let tmux = Tmux { folder, ledger };
    let variable = format!("KST_TEST_SHIM={}", path.display());
    let mut command = tmux.command(&["-f", "/dev/null", "start-server", ";"]);
    // Its own line about the end would push ours off the screen.
    command.args(["set-option", "-g", "remain-on-exit", "on", ";"]);
    command.args(["set-option", "-g", "remain-on-exit-format", "", ";"]);
    command.args(["new-session", "-d", "-s", "t", "--", "env", &variable]);
    if command.arg(std::env::current_exe().unwrap()).status().is_err() {
        return;
    }
    assert!(matches!(inbox.wait(Instant::now() + LONG), Ok(Report::Failed { code: 127, .. })));
    tmux.sees("kst: there is no program 'no-such-program-here' on PATH");
}

/// What the kernel has yet to hand over would be lost where tmux hears of the shim's end first.
#[test]
fn the_terminal_comes_to_its_end_before_the_shim_does() {
    let (_folder, ledger, _inbox, ticket) = prepare(&["sh", "-c", "echo last words"]);
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    // Nobody else may have it open, not even by being started at this moment.
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let engine = nix::pty::posix_openpt(flags).unwrap();
    nix::pty::unlockpt(&engine).unwrap();
    let slave = nix::pty::ptsname_r(&engine).unwrap();
    let slave = fs::File::options()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_NOCTTY)
        .open(slave)
        .unwrap();
    let stream = || Stdio::from(slave.try_clone().unwrap());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("KST_TEST_SHIM", &path).stdin(stream()).stdout(stream()).stderr(stream());
    // SAFETY: only system calls are made.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            match nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let mut shim = command.spawn().unwrap();
    drop((command, slave));
    let entry = || ledger.load().pop().unwrap();
    eventually("its end is known", || entry().end);
    // Its engine reads to the end, and hears that there is no more.
    let mut engine = fs::File::from(OwnedFd::from(engine));
    let mut text = Vec::new();
    let error = std::io::Read::read_to_end(&mut engine, &mut text).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::EIO));
    assert_eq!(text, b"last words\r\n");
    assert!(shim.try_wait().unwrap().is_none(), "it ended first");
    drop(engine);
    assert_eq!(shim.wait().unwrap().code(), Some(0));
}
