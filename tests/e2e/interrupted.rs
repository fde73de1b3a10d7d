//! Ctrl-C, a polite signal and a kill that nothing can catch, while an engine's program hangs: kst
//! leaves nothing running that it was only asking, and harms nothing that was made.

use std::fs;
use std::os::unix::net::UnixListener;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Key, Terminal, World, eventually, screen_plugin, until, wasm};

/// A world where tmux is this script, and seems to have a server: there is a socket.
fn with_tmux(script: &str) -> World {
    let world = World::bare();
    let folder = world.path("tmux").join(format!("tmux-{}", rustix::process::getuid().as_raw()));
    fs::create_dir(&folder).unwrap();
    UnixListener::bind(folder.join("default")).unwrap();
    world.fake("tmux", &format!("case $1 in -V) echo 'tmux 3.3a'; exit;; esac\n{script}"));
    world
}

/// Says that it hangs, and hangs with a child of its own.
const HANGS: &str = "sleep 1000 & echo hangs > \"$HOME/hangs\"; wait";

fn hangs(world: &World) {
    until("the engine's program hangs", || {
        fs::read_to_string(world.home().join("hangs")).is_ok_and(|text| text == "hangs\n")
    });
}

#[test]
fn ctrl_c_ends_the_whole_group_of_what_is_asked() {
    for args in [&["list"][..], &["list", "-b", "tmux"], &["status", "web"], &["stop", "web"]] {
        let world = with_tmux(HANGS);
        let mut terminal = world.terminal(args);
        hangs(&world);
        terminal.press(Key::Ctrl('c'));
        // As a shell expects it: by the signal, and not by an exit code.
        assert_eq!(terminal.exits(), None, "{args:?}: {}", terminal.screen());
        until("nothing is left", || world.processes().is_empty());
    }
}

#[test]
fn other_signals_do_the_same() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let world = with_tmux(HANGS);
        let kst = world.command(["list"]).spawn();
        hangs(&world);
        kst.signal(signal);
        assert_eq!(kst.wait().code, None, "{signal:?}");
        until("nothing is left", || world.processes().is_empty());
    }
}

/// `tmux new-session` starts the server, and ends; who interrupts it then has a server all the same.
const STARTS_A_SERVER: &str =
    "case $* in *new-session*) ;; *) echo 'no server running on x' >&2; exit 1;; esac
setsid sh -c 'echo $$ > \"$HOME/server\"; exec sleep 1000' &";

fn server(world: &World) -> Option<i32> {
    fs::read_to_string(world.home().join("server")).ok()?.trim().parse().ok()
}

#[test]
fn what_a_changing_program_has_made_is_not_harmed() {
    for signal in [Signal::INT, Signal::KILL] {
        let world = with_tmux(&format!("{STARTS_A_SERVER}\n{HANGS}"));
        let start = ["start", "web", "-b", "tmux", "--", "sleep", "1000"];
        let kst = world.command(start).spawn();
        hangs(&world);
        let server = eventually("there is a server", || server(&world));
        kst.signal(signal);
        assert_eq!(kst.wait().code, None);
        if signal == Signal::INT {
            until("the server alone is left", || world.processes() == [server]);
        } else {
            assert!(world.processes().contains(&server));
        }
    }
}

/// It has the time to finish what it is about.
#[test]
fn a_changing_program_is_asked_first() {
    let world = with_tmux(&format!(
        "{STARTS_A_SERVER}\ntrap 'echo done > \"$HOME/done\"; exit' INT\necho hangs > \"$HOME/hangs\"
         while :; do sleep 0.01; done"
    ));
    let kst = world.command(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).spawn();
    hangs(&world);
    kst.signal(Signal::INT);
    assert_eq!(kst.wait().code, None);
    assert!(world.home().join("done").exists(), "it was killed at once");
}

/// A signal that whoever started kst has it ignore (nohup) stays ignored.
#[test]
fn an_ignored_signal_stays_ignored() {
    let world =
        with_tmux("echo hangs > \"$HOME/hangs\"\nwhile [ ! -e \"$HOME/go\" ]; do sleep 0.01; done");
    let script = format!("trap '' HUP; exec '{}' list", env!("CARGO_BIN_EXE_kst"));
    let kst = world.program("sh").args(["-c", &script]).spawn();
    hangs(&world);
    kst.signal(Signal::HUP);
    world.write("home/go", "");
    kst.wait().ok();
}

/// A component that takes a minute to compile, and a `kst` that has begun to.
fn compiling(world: &mut World) -> (Terminal, i32) {
    world.with_own_cache();
    world.set("RAYON_NUM_THREADS", "1");
    let hard = wasm::hard_to_compile(b"\0asm\x0d\0\x01\0", 6, 60_000, 0);
    world.write("work/hard.wasm", hard);
    let terminal = world.terminal(["plugin", "inspect", "./hard.wasm"]);
    terminal.shows_when("it tells of it", |screen| screen.contains("compiling"));
    let kst = terminal.pid();
    let child = eventually("a process compiles", || {
        world.processes().into_iter().find(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            *pid != kst && line.starts_with(b"kst\0compile\0")
        })
    });
    until("it is at work", || computed(child) >= 10);
    (terminal, child)
}

/// How many hundredths of a second a process has computed.
fn computed(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before may hold anything but what ends it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().skip(11).take(2).filter_map(|time| time.parse::<u64>().ok()).sum()
}

#[test]
fn what_is_compiled_ends_with_kst() {
    for key in [true, false] {
        let mut world = World::bare();
        let (mut terminal, _) = compiling(&mut world);
        match key {
            true => terminal.press(Key::Ctrl('c')),
            false => kill(terminal.pid(), Signal::KILL),
        }
        assert_eq!(terminal.exits(), None, "{}", terminal.screen());
        until("nothing is left", || world.processes().is_empty());
    }
}

/// Its parent says who it is, and is not there any more where another process is the parent by now.
#[test]
fn a_compiler_whose_kst_is_gone_does_not_compile() {
    let world = World::bare();
    let component = fs::read(screen_plugin()).unwrap();
    let compile = |parent: u32| {
        let parent = parent.to_string();
        let words = ["compile", env!("CARGO_PKG_VERSION"), &parent, "60", "1073741824"];
        world.command(words).input(component.clone()).run()
    };
    assert!(compile(std::process::id()).ok().stdout.len() > 10_000);
    assert_eq!(compile(1).returns(64).stdout, b"");
}

/// Whatever else becomes of the compiler is told, too.
#[test]
fn a_compiler_that_is_killed() {
    let mut world = World::bare();
    let (mut terminal, child) = compiling(&mut world);
    kill(child, Signal::KILL);
    assert_eq!(terminal.exits(), Some(6), "{}", terminal.screen());
    assert!(terminal.screen().contains("it broke the compiler"), "{}", terminal.screen());
}

fn kill(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a process's number");
    kill_process(pid, signal).expect("it runs");
}
