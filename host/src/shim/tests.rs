//! The shim on real processes. It needs a process of its own with one thread; the test program plays
//! it itself: started with `KST_TEST_SHIM` or `KST_TEST_RECORD`, it never gets to the tests.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Instant;

use super::*;
use crate::session::ExitStatus;
use crate::session::ledger::{Entry, Ledger};
use crate::session::processes::{self, Identity, alive};

mod again;
mod terminal;

/// Long past any delay of a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

// SAFETY: the section holds functions of this type, which the C library calls before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static ENTRY: extern "C" fn() = entry;

extern "C" fn entry() {
    if let Some(ticket) = std::env::var_os("KST_TEST_SHIM") {
        std::process::exit(run(Path::new(&ticket)));
    }
    if let Some(log) = std::env::var_os("KST_TEST_RECORD") {
        std::process::exit(record(Path::new(&log), u64::MAX));
    }
}

/// A session: a shim, and what is needed to watch it.
pub(crate) struct Session {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) ledger: Ledger,
    pub(crate) inbox: Inbox,
    pub(crate) shim: Child,
}

pub(crate) fn prepare(words: &[&str]) -> (tempfile::TempDir, Ledger, Inbox, Ticket) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("state")).unwrap();
    let inbox = Inbox::create(&ledger.tickets().unwrap()).unwrap();
    ledger
        .append(&Event::Start {
            run: "r1".into(),
            name: "dev".into(),
            backend: "tmux".into(),
            location: "default".into(),
            boot: processes::boot_id().unwrap(),
            at: jiff::Timestamp::now(),
            number: 1,
            log: None,
            here: true,
            restart: None,
        })
        .unwrap();
    let ticket = Ticket {
        argv: words.iter().map(OsString::from).collect(),
        arg0: None,
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        dir: folder.path().to_owned(),
        keeps: vec![],
        stop_signal: None,
        restart: None,
        ledger: ledger.file(),
        run: "r1".into(),
        report: inbox.path().to_owned(),
        log: Some(("/no/such/log".into(), 1 << 20)),
    };
    (folder, ledger, inbox, ticket)
}

pub(crate) fn shim(ticket: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // In a group of its own, so that it leaves a terminal alone that the tests were started from.
    command.env("KST_TEST_SHIM", ticket).stdin(Stdio::null()).process_group(0);
    command
}

/// Start `sh -c SCRIPT` in a session, in its temporary folder; output goes to `out` there.
pub(crate) fn begin(script: &str) -> Session {
    begin_words(&["sh", "-c", script])
}

fn begin_words(words: &[&str]) -> Session {
    begin_ticket(prepare(words))
}

fn begin_ticket(
    (folder, ledger, inbox, ticket): (tempfile::TempDir, Ledger, Inbox, Ticket),
) -> Session {
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    let out = fs::File::create(folder.path().join("out")).unwrap();
    let shim = shim(&path).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    Session { folder, ledger, inbox, shim }
}

impl Session {
    pub(crate) fn report(&mut self) -> Report {
        self.inbox.wait(Instant::now() + LONG).unwrap()
    }

    pub(crate) fn entry(&self) -> Arc<Entry> {
        self.ledger.load().pop().unwrap()
    }

    /// The shim's exit code.
    pub(crate) fn wait(&mut self) -> i32 {
        self.shim.wait().unwrap().code().unwrap()
    }

    pub(crate) fn shim_identity(&self) -> Identity {
        (self.shim.id(), processes::start_time(self.shim.id()).unwrap())
    }

    pub(crate) fn out(&self) -> String {
        fs::read_to_string(self.folder.path().join("out")).unwrap()
    }

    /// Wait for a line of output and return it.
    pub(crate) fn line(&self, number: usize) -> String {
        eventually("a line of output", || {
            let out = self.out();
            let complete = out.matches('\n').count() > number;
            complete.then(|| out.lines().nth(number).unwrap().to_owned())
        })
    }

    /// Wait for a line of output. A shell adds its own when a signal ends its children.
    pub(crate) fn says(&self, line: &str) {
        eventually(line, || self.out().lines().any(|each| each == line).then_some(()));
    }

    pub(crate) fn identity_in_line(&self, number: usize) -> Identity {
        let pid = self.line(number).trim().parse().unwrap();
        (pid, processes::start_time(pid).unwrap())
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.shim.id() as i32);
        nix::sys::signal::kill(pid, signal).unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Ok(None) = self.shim.try_wait() {
            processes::end_session(self.shim_identity(), None, false, Duration::ZERO);
            let _ = self.shim.wait();
        }
    }
}

pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        sleep(Duration::from_millis(10));
    }
}

pub(crate) fn end_of(identity: Identity) {
    eventually("the end of a process", || (!alive(identity.0, identity.1)).then_some(()));
}

fn kill((pid, start): Identity) {
    let held = processes::Held::open((pid, start)).unwrap();
    held.signal(rustix::process::Signal::KILL).unwrap();
}

#[test]
fn tells_the_start_and_the_end() {
    let mut session = begin("read line; exit 7");
    let Report::Started { pid } = session.report() else { panic!() };
    assert_eq!(session.wait(), 7);
    let entry = session.entry();
    assert_eq!(entry.pid.unwrap().0, pid);
    assert_eq!(entry.shim.unwrap().0, session.shim.id());
    let (exit, at) = entry.end.unwrap();
    assert_eq!(exit, ExitStatus::Code(7));
    assert!(at >= entry.started_at);
    assert!(!entry.failed && !entry.stopping);
}

#[test]
fn tells_the_signal() {
    let mut session = begin("kill -9 $$");
    assert_eq!(session.wait(), 137);
    assert_eq!(session.entry().end.unwrap().0, ExitStatus::Signal(9));
}

#[test]
fn tells_what_cannot_be_started() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("plain"), "hello").unwrap();
    fs::write(path("script"), "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(path("script"), fs::Permissions::from_mode(0o700)).unwrap();
    for (program, wanted, part) in [
        ("no-such-program-here".to_owned(), 127, "no program 'no-such-program-here' on PATH"),
        (path("missing"), 127, "no program"),
        (path("plain"), 126, "cannot be run"),
        (path("script"), 126, "interpreter"),
        (path(""), 126, "cannot be run"),
    ] {
        let mut session = begin_words(&[&program]);
        let Report::Failed { what, code } = session.report() else { panic!("{program}") };
        assert_eq!((code, session.wait()), (wanted, wanted), "{program}");
        assert!(what.contains(part), "{what}");
        assert!(session.out().contains(part), "{}", session.out());
        let entry = session.entry();
        assert!(entry.failed && entry.end.is_none() && entry.pid.is_none());
    }
}

#[test]
fn a_missing_folder_is_not_a_missing_program() {
    let (folder, ledger, mut inbox, mut ticket) = prepare(&["true"]);
    ticket.dir = folder.path().join("missing");
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    let mut shim = shim(&path).stderr(Stdio::null()).spawn().unwrap();
    let Report::Failed { what, code } = inbox.wait(Instant::now() + LONG).unwrap() else {
        panic!()
    };
    assert_eq!(code, 126);
    assert!(what.contains("cannot enter the folder"), "{what}");
    assert_eq!(shim.wait().unwrap().code(), Some(126));
}

#[test]
fn gives_exactly_the_environment_arguments_and_folder() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"a\xff\nb;'$HOME \\".to_vec());
    let (folder, ledger, _inbox, mut ticket) = prepare(&[]);
    let script =
        "env -0 > env; pwd > pwd; printf '%s\\0' \"$@\" > argv; cat /proc/$$/cmdline > cmdline";
    ticket.argv = ["sh", "-c", script, "zero", "", "two words"].map(OsString::from).into();
    ticket.argv.push(odd.clone());
    ticket.arg0 = Some("other".into());
    ticket.env.extend([
        ("ODD".into(), odd.clone()),
        ("EMPTY".into(), "".into()),
        ("TERM".into(), "callers".into()),
        ("STY".into(), "callers".into()),
    ]);
    ticket.keeps = vec!["TERM".into(), "TMUX".into(), "STY".into()];
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    let mut shim = shim(&path);
    shim.env("TERM", "kept")
        .env("TMUX", "kept too")
        .env("OTHER", "not passed on")
        .env_remove("STY");
    assert_eq!(shim.status().unwrap().code(), Some(0));

    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let mut env: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for variable in read("env").split(|&byte| byte == 0).filter(|variable| !variable.is_empty()) {
        let equals = variable.iter().position(|&byte| byte == b'=').unwrap();
        env.insert(variable[..equals].to_vec(), variable[equals + 1..].to_vec());
    }
    // What sh sets by itself.
    for own in ["PWD", "OLDPWD", "SHLVL", "_"] {
        env.remove(own.as_bytes());
    }
    let path = std::env::var_os("PATH").unwrap().into_vec();
    let wanted: [(&[u8], &[u8]); 5] = [
        (b"EMPTY", b""),
        (b"ODD", b"a\xff\nb;'$HOME \\"),
        (b"PATH", &path),
        (b"TERM", b"kept"),
        (b"TMUX", b"kept too"),
    ];
    assert_eq!(env, wanted.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect());
    assert_eq!(read("argv"), b"\0two words\0a\xff\nb;'$HOME \\\0");
    assert!(read("cmdline").starts_with(b"other\0-c\0"));
    assert_eq!(read("pwd"), format!("{}\n", folder.path().display()).into_bytes());
}

#[test]
fn the_program_gets_signals_as_any_other() {
    let mut session = begin("grep -E 'Sig(Blk|Ign)' /proc/self/status");
    assert_eq!(session.wait(), 0);
    let out = session.out();
    let masks: Vec<u64> = out
        .lines()
        .map(|line| u64::from_str_radix(line.split_once(":\t").unwrap().1, 16).unwrap())
        .collect();
    // Those from 32 on are the C library's own, and out of a program's reach.
    assert!(masks.len() == 2 && masks.iter().all(|mask| mask & 0x7fff_ffff == 0), "{out}");
}

#[test]
fn nobody_needs_to_listen_or_to_keep_a_ledger() {
    let (folder, ledger, inbox, mut ticket) = prepare(&["sh", "-c", "exit 3"]);
    drop(inbox);
    ticket.ledger = folder.path().join("missing/ledger.jsonl");
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    assert_eq!(shim(&path).status().unwrap().code(), Some(3));
}

#[test]
fn a_ticket_is_read_once() {
    let (_folder, ledger, _inbox, ticket) = prepare(&["true"]);
    let path = ticket.write(&ledger.tickets().unwrap()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let taken: Vec<_> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..8).map(|_| scope.spawn(|| Ticket::take(&path).ok())).collect();
        takers.into_iter().filter_map(|taker| taker.join().unwrap()).collect()
    });
    assert_eq!(taken, [ticket]);
    assert!(!path.exists());
    assert_eq!(shim(&path).stderr(Stdio::null()).status().unwrap().code(), Some(125));
}

#[test]
fn an_unsafe_ticket_is_not_used() {
    let (folder, ledger, _inbox, ticket) = prepare(&["true"]);
    let tickets = ledger.tickets().unwrap();
    let path = ticket.write(&tickets).unwrap();
    let link = tickets.join("link");
    symlink(&path, &link).unwrap();
    assert!(Ticket::take(&link).unwrap_err().to_string().contains("symbolic link"));
    assert!(Ticket::take(&tickets).is_err());

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Ticket::take(&path).unwrap_err().to_string().contains("others may read"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let elsewhere = ticket.write(&open).unwrap();
    assert!(Ticket::take(&elsewhere).unwrap_err().to_string().contains("folder is not safe"));

    let text = fs::read(&path).unwrap();
    for len in 0..text.len() {
        fs::write(&path, &text[..len]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Ticket::take(&path).unwrap_err().to_string().contains("damaged"), "{len}");
    }
}

#[test]
fn a_ticket_holds_only_what_a_program_can_be_given() {
    let (_folder, ledger, _inbox, ticket) = prepare(&["true"]);
    let tickets = ledger.tickets().unwrap();
    let nul = Ticket { argv: vec!["a\0b".into()], ..ticket.clone() };
    assert!(nul.write(&tickets).unwrap_err().to_string().contains("NUL"));
    for name in ["", "A=B", "A\0"] {
        let bad = Ticket { env: vec![(name.into(), "x".into())], ..ticket.clone() };
        bad.write(&tickets).unwrap_err();
    }
    let secret = Ticket { env: vec![("KEY".into(), "hunter2".into())], ..ticket };
    assert!(!format!("{secret:?}").contains("hunter2"));
}

#[test]
fn an_end_of_its_own_leaves_daemons_alone() {
    let mut session = begin("setsid sleep 1000 >/dev/null 2>&1 & echo $!; exit 0");
    let daemon = session.identity_in_line(0);
    assert_eq!(session.wait(), 0);
    assert!(alive(daemon.0, daemon.1));
    kill(daemon);
}

#[test]
fn passes_signals_on() {
    use nix::sys::signal::Signal;
    let script = "for s in HUP INT USR1 USR2; do trap \"echo got SIG$s\" $s; done
        trap 'echo got SIGTERM; exit 5' TERM
        echo ready; while :; do sleep 0.05; done";
    let mut session = begin(script);
    session.says("ready");
    for signal in
        [Signal::SIGHUP, Signal::SIGINT, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGTERM]
    {
        session.signal(signal);
        session.says(&format!("got {signal}"));
    }
    assert_eq!(session.wait(), 5);
}

#[test]
fn a_stop_reaches_what_was_left_behind() {
    use nix::sys::signal::Signal;
    // Neither its parent nor its terminal's session is left to it.
    let mut session =
        begin("(setsid sh -c 'echo $$; exec sleep 1000' &); read x </dev/null; exec sleep 1000");
    let daemon = session.identity_in_line(0);
    session.signal(Signal::SIGTERM);
    assert_eq!(session.wait(), 143);
    end_of(daemon);
    assert_eq!(session.entry().end.unwrap().0, ExitStatus::Signal(15));
}

#[test]
fn a_program_stopped_by_its_terminal_goes_on() {
    let mut session = begin("kill -TSTP $$; exit 4");
    assert_eq!(session.wait(), 4);
}

#[test]
fn a_log_is_written_to_its_last_byte() {
    use nix::sys::signal::{Signal, kill};
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("r1.log");
    fs::write(&log, "before\n").unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .env("KST_TEST_RECORD", &log)
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut pipe = writer.stdin.take().unwrap();
    pipe.write_all(b"first\n").unwrap();
    eventually("the first line", || {
        fs::read_to_string(&log).unwrap().contains("first").then_some(())
    });
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
        kill(nix::unistd::Pid::from_raw(writer.id() as i32), signal).unwrap();
    }
    assert!(!wait_for_writer(&log, Duration::from_millis(50)));
    let big = vec![b'x'; 3 << 20];
    pipe.write_all(&big).unwrap();
    pipe.write_all(b"\nlast").unwrap();
    drop(pipe);
    assert!(wait_for_writer(&log, LONG));
    let text = fs::read(&log).unwrap();
    assert_eq!(text.len(), "before\nfirst\n\nlast".len() + big.len());
    assert!(text.ends_with(b"x\nlast"));
    assert!(writer.wait().unwrap().success());
    assert!(!wait_for_writer(&folder.path().join("none"), Duration::from_millis(50)));
}

#[test]
fn a_report_survives_the_way() {
    for report in [
        Report::Started { pid: 7 },
        Report::Failed { what: "two words\tand more".into(), code: 127 },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::create(folder.path()).unwrap();
        report::send(inbox.path(), &report);
        assert_eq!(inbox.wait(Instant::now() + LONG).unwrap(), report);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut inbox = Inbox::create(folder.path()).unwrap();
    let error = inbox.wait(Instant::now() + Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let long = Report::Failed { what: "ä\n".repeat(9000), code: 126 };
    report::send(inbox.path(), &long);
    assert!(matches!(inbox.wait(Instant::now() + LONG), Ok(Report::Failed { code: 126, .. })));
    let path = inbox.path().to_owned();
    drop(inbox);
    assert!(!path.exists());
}
