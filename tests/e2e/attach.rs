//! A person's terminal in a session, the same on every backend: what is typed, what the terminal's
//! keys do, how it is left, and what is left behind.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Engine, Key, Outcome, Terminal, World, screen_plugin, until};

/// A backend to attach to, with a session in the making.
struct Place {
    world: World,
    /// What stands before each subcommand.
    globals: Vec<String>,
    /// What `start` is told besides the name and the command.
    start: Vec<String>,
    session: String,
    /// Types what leaves the session.
    leave: fn(&mut Terminal),
}

impl Place {
    fn tmux() -> Option<Place> {
        Some(Place::new(World::with([Engine::Tmux])?, &["-b", "tmux"], |terminal| {
            terminal.press_apart(&[Key::Ctrl('b')]);
            terminal.types("d");
        }))
    }

    fn screen() -> Option<Place> {
        let world = World::with([Engine::Screen])?;
        let plugin = screen_plugin();
        world.trust(&plugin);
        let mut place = Place::new(world, &[], |terminal| {
            terminal.press_apart(&[Key::Ctrl('a')]);
            terminal.types("d");
        });
        place.globals = vec!["--plugin".into(), plugin.to_string_lossy().into_owned()];
        Some(place)
    }

    fn podman() -> Option<Place> {
        Place::container(Engine::Podman)
    }

    fn docker() -> Option<Place> {
        Place::container(Engine::Docker)
    }

    fn container(engine: Engine) -> Option<Place> {
        let world = World::with([engine])?;
        let image = world.image();
        Some(Place::new(world, &["-b", "container", "-i", &image], |terminal| {
            // podman knows them only when each is all that it reads at a time.
            terminal.press_apart(&[Key::Ctrl('p'), Key::Ctrl('q')]);
        }))
    }

    fn new(world: World, start: &[&str], leave: fn(&mut Terminal)) -> Place {
        let session = world.name("dev");
        let start = start.iter().map(|&word| word.to_owned()).collect();
        Place { world, globals: Vec::new(), start, session, leave }
    }

    /// `kst` with the session's name after the subcommand.
    fn command(&self, command: &str) -> Vec<String> {
        let words = [command.to_owned(), self.session.clone()];
        self.globals.iter().cloned().chain(words).collect()
    }

    #[track_caller]
    fn kst(&self, command: &str) -> Outcome {
        self.world.kst(self.command(command))
    }

    /// Starts the session, and waits until its log holds `ready`.
    #[track_caller]
    fn runs(&self, command: &[&str], ready: &str) {
        let mut words = self.command("start");
        words.extend(self.start.iter().cloned());
        words.push("--".into());
        words.extend(command.iter().map(|&word| word.to_owned()));
        self.world.kst(words).ok();
        until("the session is ready", || self.kst("logs").ok().out().contains(ready));
    }

    fn attach(&self) -> Terminal {
        self.world.terminal(self.command("attach"))
    }

    #[track_caller]
    fn status(&self) -> Value {
        let mut words = self.command("status");
        words.push("--json".into());
        self.world.kst(words).ok().json()
    }

    /// Leaves the session by the engine's own keys.
    #[track_caller]
    fn leaves(&self, terminal: &mut Terminal) {
        assert_eq!(terminal.exits_by(self.leave), Some(0), "{}", terminal.screen());
        assert!(terminal.is_cooked(), "the terminal is not as it was");
        assert_eq!(self.status()["state"], "running");
    }
}

/// A module for each backend, with a test for each of these functions.
macro_rules! on_every_backend {
    ($($test:ident),* $(,)?) => {
        on_every_backend!(@ tmux, $($test)*);
        on_every_backend!(@ podman, $($test)*);
        on_every_backend!(@ docker, $($test)*);
        on_every_backend!(@ screen, $($test)*);
    };
    (@ $backend:ident, $($test:ident)*) => {
        mod $backend {
            $(
                #[test]
                fn $test() {
                    if let Some(place) = super::Place::$backend() {
                        super::$test(&place);
                    }
                }
            )*
        }
    };
}

on_every_backend!(
    a_program_hears_the_terminal,
    a_shell_has_job_control,
    its_end_ends_the_attachment,
    a_hang_up_leaves_the_session_running,
    how_to_leave_is_said_once,
    a_start_goes_there,
);

/// Answers each line, and tells of interrupts and of its terminal's size.
const LISTENER: &str = "trap 'echo interrupted' INT; trap 'echo \"size $(stty size)\"' WINCH; \
    echo ready; misses=0; while [ $misses -lt 99 ]; do if read -r line; then misses=0; \
    [ \"$line\" = bye ] && exit 5; echo \"got <$line>\"; else misses=$((misses + 1)); fi; done";

fn a_program_hears_the_terminal(place: &Place) {
    place.runs(&["sh", "-c", LISTENER], "ready");
    let mut terminal = place.attach();
    until("it says how to leave", || {
        String::from_utf8_lossy(&terminal.bytes()).contains("leaves the session running")
    });
    terminal.types_until("anybody?\r", "got <anybody?>");
    assert!(!terminal.is_cooked(), "what is typed is the session's to echo");

    terminal.types("hello there");
    terminal.shows("hello there");
    assert!(!terminal.screen().contains("got <hello"), "it was sent before Enter");
    terminal.press(Key::Enter);
    terminal.shows("got <hello there>");

    terminal.press(Key::Ctrl('c'));
    terminal.shows("interrupted");

    // No shell is there to continue it.
    terminal.press(Key::Ctrl('z'));
    terminal.types_until("still there?\r", "still there?>");

    terminal.resize(40, 120);
    terminal.shows_when("the program is told of the new size", |screen| {
        // Some engines keep a line for themselves.
        screen.contains("size 40 120") || screen.contains("size 39 120")
    });

    place.leaves(&mut terminal);
    // And back again.
    let mut terminal = place.attach();
    terminal.types_until("me again\r", "got <me again>");
    place.leaves(&mut terminal);
}

fn a_shell_has_job_control(place: &Place) {
    place.runs(&["sh"], "");
    let mut terminal = place.attach();
    terminal.types_until("echo re\"\"ady\r", "ready");
    // What the job prints itself is printed when it has the terminal. (It starts nothing: a shell
    // that is stopped while it does may wait for ever.)
    let job = "trap \"echo con\"\"tinued\" CONT; echo \"u\"p; while :; do read line; done";
    terminal.types(&format!("sh -c '{job}'\r"));
    terminal.shows_when("the job runs", |screen| screen.lines().any(|line| line.trim() == "up"));
    terminal.press(Key::Ctrl('z'));
    terminal.shows("Stopped");
    terminal.types("echo shell go\"\"es on\r");
    terminal.shows("shell goes on");
    terminal.types("fg\r");
    terminal.shows("continued");
    terminal.press(Key::Ctrl('c'));
    terminal.types_until("echo job en\"\"ded\r", "job ended");
    terminal.types_until("jobs; echo jobs le\"\"ft: $(jobs | wc -l)\r", "jobs left: 0");
    place.leaves(&mut terminal);
}

fn its_end_ends_the_attachment(place: &Place) {
    place.runs(&["sh", "-c", LISTENER], "ready");
    place.kst("attach").exits(1).says("no terminal");

    let mut terminal = place.attach();
    terminal.types_until("hello\r", "got <hello>");
    terminal.types("bye\r");
    assert_eq!(terminal.exits(), Some(0), "{}", terminal.screen());
    assert!(terminal.is_cooked(), "the terminal is not as it was");
    // What was on the screen before comes back, and below it how it ended.
    terminal.shows("has ended: exit code 5");
    until("its end is known", || place.status()["state"] != "running");
    let status = place.status();
    assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &5.into()));

    let mut terminal = place.attach();
    assert_eq!(terminal.exits(), Some(1));
    terminal.shows("it is not running (exited)");
    terminal.shows("kst start");
}

fn a_hang_up_leaves_the_session_running(place: &Place) {
    place.runs(&["sh", "-c", LISTENER], "ready");
    // Below a shell that stays: when that ends, the kernel hangs everybody up.
    let attach = ["-c", "\"$@\"; exec sleep 1000", "sh", env!("CARGO_BIN_EXE_kst")];
    let attach = attach.map(str::to_owned).into_iter().chain(place.command("attach"));
    let mut terminal = place.world.terminal_of("sh", attach);
    terminal.types_until("hello\r", "got <hello>");

    let kst = format!("{}\0", env!("CARGO_BIN_EXE_kst"));
    let attaches = |line: &str| line.starts_with(&kst) && line.contains("\0attach\0");
    let kst = process(&place.world, "cmdline", attaches);
    let client = process(&place.world, "status", |it| it.contains(&format!("\nPPid:\t{kst}\n")));
    let kst = Pid::from_raw(kst).expect("no process is 0");
    kill_process(kst, Signal::HUP).expect("it runs");
    // It would go on reading the terminal, which is somebody else's by now.
    until("the engine's client has gone", || !place.world.processes().contains(&client));
    assert_eq!(place.status()["state"], "running");
}

fn how_to_leave_is_said_once(place: &Place) {
    place.runs(&["sh", "-c", LISTENER], "ready");
    let said = |terminal: &Terminal| {
        String::from_utf8_lossy(&terminal.bytes()).contains("leaves the session running")
    };
    let mut terminal = place.attach();
    terminal.types_until("hello\r", "got <hello>");
    assert!(said(&terminal));
    place.leaves(&mut terminal);
    let mut terminal = place.attach();
    terminal.types_until("back again\r", "got <back again>");
    assert!(!said(&terminal), "{}", terminal.screen());
    place.leaves(&mut terminal);
}

fn a_start_goes_there(place: &Place) {
    let start = |name: &str, script: &str| {
        let mut words = place.globals.clone();
        words.extend(["start".to_owned(), name.to_owned(), "--attach".to_owned()]);
        words.extend(place.start.iter().cloned());
        words.extend(["--", "sh", "-c", script].map(str::to_owned));
        words
    };
    // Without a terminal nothing is started.
    let refused = place.world.kst(start(&place.session, LISTENER));
    refused.exits(1).says("there is no terminal here, so it was not started");
    place.kst("status").exits(3);

    let mut terminal = place.world.terminal(start(&place.session, LISTENER));
    terminal.types_until("hello\r", "got <hello>");
    terminal.resize(30, 100);
    terminal.shows_when("the program is told of the new size", |screen| {
        screen.contains("size 30 100") || screen.contains("size 29 100")
    });
    place.leaves(&mut terminal);
    // It runs, so it is not started again, and nobody is put into it.
    let mut terminal = place.world.terminal(start(&place.session, LISTENER));
    assert_eq!(terminal.exits(), Some(4), "{}", terminal.screen());

    // What ends at once has been started all the same.
    let name = place.world.name("brief");
    let mut terminal = place.world.terminal(start(&name, "echo a word; exit 3"));
    assert_eq!(terminal.exits(), Some(0), "{}", terminal.screen());
    terminal.shows("has ended: exit code 3");
    let mut logs = place.globals.clone();
    logs.extend(["logs".to_owned(), name]);
    place.world.kst(logs).ok().prints("a word");
}

/// The world's process of whose file in /proc this holds.
#[track_caller]
fn process(world: &World, file: &str, is_it: impl Fn(&str) -> bool) -> i32 {
    let content = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
    let found = world.processes().into_iter().find(|pid| content(pid).is_ok_and(|it| is_it(&it)));
    found.expect("such a process runs")
}

/// The sessions that tmux clients of a server look at.
fn looked_at(world: &World, socket: &str) -> Vec<String> {
    let clients = world.tmux(["-L", socket, "list-clients", "-F", "#{session_name}"]).out();
    clients.lines().map(str::to_owned).collect()
}

#[test]
fn inside_the_same_tmux_server_it_switches() {
    let Some(place) = Place::tmux() else { return };
    place.runs(&["sh", "-c", LISTENER], "ready");
    let mut terminal = place.world.terminal_of("tmux", ["new-session", "-s", "outer", "sh"]);
    terminal.types_until("echo he\"\"re\r", "here");
    let kst = env!("CARGO_BIN_EXE_kst");
    terminal.types(&format!("{kst} attach {}; echo code $? >code\r", place.session));
    until("the terminal has switched", || {
        looked_at(&place.world, "default") == [place.session.clone()]
    });
    terminal.types_until("hello\r", "got <hello>");
    let code = || std::fs::read_to_string(place.world.work().join("code")).unwrap_or_default();
    until("kst has ended", || code() == "code 0\n");
    assert_eq!(place.status()["state"], "running");
}

#[test]
fn inside_another_tmux_server_it_nests() {
    let Some(place) = Place::tmux() else { return };
    place.runs(&["sh", "-c", LISTENER], "ready");
    let outer = ["-L", "other", "new-session", "-s", "outer", "sh"];
    let mut terminal = place.world.terminal_of("tmux", outer);
    terminal.types_until("echo he\"\"re\r", "here");
    let kst = env!("CARGO_BIN_EXE_kst");
    terminal.types(&format!("{kst} attach {}; echo co\"\"de $?\r", place.session));
    terminal.types_until("hello\r", "got <hello>");
    assert_eq!(looked_at(&place.world, "default"), [place.session.as_str()]);
    assert_eq!(looked_at(&place.world, "other"), ["outer"]);
    // The first is for the outer one, which passes on the second.
    terminal.press_apart(&[Key::Ctrl('b'), Key::Ctrl('b')]);
    terminal.types("d");
    terminal.shows("code 0");
    assert_eq!(place.status()["state"], "running");
}

#[test]
fn a_dry_run_shows_the_command_and_verbose_when_it_has_ended() {
    let Some(place) = Place::tmux() else { return };
    place.runs(&["sh", "-c", LISTENER], "ready");
    let dry = ["--dry-run", "attach", &place.session];
    place.world.kst(dry).ok().prints("attach-session -t '$");
    let mut terminal = place.world.terminal(["--verbose", "attach", &place.session]);
    terminal.types_until("hello\r", "got <hello>");
    place.leaves(&mut terminal);
    terminal.shows_when("the command that was run", |screen| {
        screen.lines().any(|line| line.contains("exit 0") && line.contains("attach-session"))
    });
}
