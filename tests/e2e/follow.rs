//! `kst logs --follow`: what sessions print, as they print it. (Containers: see `container`.)

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::in_tmux::{start, until_ended, world};
use crate::support::{Engine, Key, Started, World, numbers, screen_plugin, until};

/// A `kst logs` that runs, and what it has printed so far.
struct Following {
    kst: Started,
    out: PathBuf,
}

impl Following {
    #[track_caller]
    fn begin(world: &World, args: &str) -> Following {
        let out = world.path(format!("followed-{}", args.replace([' ', '/'], "_")));
        let script = format!(
            "exec '{}' logs {args} > '{}'",
            crate::support::program().display(),
            out.display()
        );
        let kst = world.program("sh").args(["-c", &script]).spawn();
        Following { kst, out }
    }

    fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    #[track_caller]
    fn prints(&self, text: &str) {
        until(&format!("it prints {text:?}"), || self.out().contains(text));
    }

    /// Waits for its end, which is a success; all that it printed.
    #[track_caller]
    fn ends(self) -> String {
        self.kst.wait().ok();
        fs::read_to_string(&self.out).expect("it was made")
    }
}

#[test]
fn nothing_is_lost_or_doubled_from_the_last_lines_to_the_end() {
    let Some(world) = world() else { return };
    let script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; [ $((i % 100)) = 0 ] && sleep 0.02; done; \
                  printf 'no line end'; exit 3";
    start(&world, "count", script);
    until("it prints", || world.kst(["logs", "count"]).ok().out().lines().count() > 50);
    // Several, begun at different moments.
    let following: Vec<Following> = ["-f count -n 7", "-f count -n 100000", "--follow -n 0 count"]
        .map(|args| Following::begin(&world, args))
        .into();
    for (following, least) in following.into_iter().zip([7, 3001, 0]) {
        let text = following.ends();
        let first: u32 = text.lines().next().and_then(|line| line.parse().ok()).unwrap_or(3001);
        assert_eq!(text, numbers(first, 3000) + "no line end");
        assert!(text.lines().count() >= least, "{text}");
    }
    // Of one that has ended, too.
    let text = Following::begin(&world, "-f count -n 3").ends();
    assert_eq!(text, "2999\n3000\nno line end");
}

#[test]
fn what_is_printed_is_there_within_a_tenth_of_a_second() {
    let Some(world) = world() else { return };
    let fifo = world.path("fifo");
    world.program("mkfifo").args([&fifo]).run().ok();
    start(
        &world,
        "echo",
        &format!("exec 3<> '{}'; while read line <&3; do echo $line; done", fifo.display()),
    );
    let following = Following::begin(&world, "-f echo");
    let mut times: Vec<Duration> = (0..21)
        .map(|number| {
            let word = format!("word{number}.");
            let begin = Instant::now();
            fs::write(&fifo, format!("{word}\n")).expect("somebody reads");
            while !following.out().contains(&word) {
                assert!(begin.elapsed() < Duration::from_secs(20), "{word} does not come");
                std::thread::sleep(Duration::from_millis(1));
            }
            begin.elapsed()
        })
        .collect();
    times.sort();
    assert!(times[10] < Duration::from_millis(100), "{times:?}");
    following.kst.signal(Signal::INT);
    assert_eq!(following.kst.wait().code, None);
}

#[test]
fn ctrl_c_ends_it_at_once_and_the_session_goes_on() {
    let Some(world) = world() else { return };
    start(&world, "dev", "echo ready; exec sleep 1000");
    let mut terminal = world.terminal(["logs", "-f", "dev"]);
    terminal.shows("ready");
    let begin = Instant::now();
    terminal.press(Key::Ctrl('c'));
    assert_eq!(terminal.exits(), None, "{}", terminal.screen());
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn a_reader_that_stalls_holds_up_no_session() {
    let Some(world) = world() else { return };
    let script = format!(
        "seq 1 300000; touch '{0}/done'; until [ -e '{0}/go' ]; do sleep 0.01; done",
        world.work().display()
    );
    start(&world, "loud", &script);
    let (kst, out) = (crate::support::program(), world.path("out"));
    // It reads nothing before it is told to.
    let script = format!(
        "'{}' logs -f loud -n 1000000 | {{ until [ -e go ]; do sleep 0.01; done; cat > '{}'; }}",
        kst.display(),
        out.display()
    );
    let pipe = world.program("sh").args(["-c", &script]).spawn();
    until("the session goes on", || world.work().join("done").exists());
    world.write("work/go", "");
    pipe.wait().ok();
    assert_eq!(fs::read_to_string(out).expect("it was written"), numbers(1, 300_000));
}

#[test]
fn a_reader_that_leaves_ends_it() {
    let Some(world) = world() else { return };
    start(&world, "quiet", "echo one; exec sleep 1000");
    let script = format!("'{}' logs -f quiet | head -1", crate::support::program().display());
    world.program("sh").args(["-c", &script]).run().ok().prints("one");
}

#[test]
fn output_cannot_act_on_the_terminal_and_keeps_its_colours() {
    let Some(world) = world() else { return };
    let script = "printf '\\033[31mred\\n\\033]0;title\\007\\033[2Jstill red\\033[0m\\n10%%\\r'; \
                  sleep 0.2; printf '20%%\\r\\n'; printf 'name? '; sleep 0.2; echo yes; sleep 0.2";
    start(&world, "dev", &format!("until [ -e go ]; do sleep 0.01; done; {script}"));
    let mut terminal = world.terminal(["logs", "-f", "dev"]);
    let following = Following::begin(&world, "-f dev");
    let raw = Following::begin(&world, "-f dev --raw");
    world.write("work/go", "");
    terminal.shows("name? ");
    assert_eq!(terminal.exits(), Some(0));
    let screen = terminal.screen();
    assert!(
        screen.starts_with("red\nstill red\n20%\nname? yes\nsession 'dev' has ended: exit code 0"),
        "{screen}"
    );
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(bytes.contains("\u{1b}[31mstill red") && !bytes.contains("title"), "{bytes:?}");
    assert_eq!(following.ends(), "red\nstill red\n20%\nname? yes\n");
    let raw = raw.ends();
    assert!(raw.contains("\u{1b}]0;title\u{7}\u{1b}[2Jstill red\u{1b}[0m\n10%\r20%\n"), "{raw:?}");
}

#[test]
fn several_are_merged_by_lines_with_their_names() {
    let Some(mut world) = world() else { return };
    let step = |first: &str, second: &str| {
        format!("printf {first}; until [ -e go ]; do sleep 0.01; done; echo {second}; echo end")
    };
    start(&world, "api", &step("one-", "two"));
    start(&world, "worker", &step("three-", "four"));
    let following = ["-f api worker", "-f api worker --no-prefix", "-f --all --json"]
        .map(|args| Following::begin(&world, args));
    let mut terminal = world.terminal(["logs", "-f", "worker", "api"]);
    world.set("NO_COLOR", "1");
    let mut colourless = world.terminal(["logs", "-f", "--all", "-b", "tmux"]);
    until("all are there", || world.processes().len() >= 5);
    world.write("work/go", "");
    let [merged, bare, json] = following.map(Following::ends);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let lines = ["api    | end", "api    | one-two", "worker | end", "worker | three-four"];
    assert_eq!(sorted(&merged), lines);
    assert_eq!(sorted(&bare), ["end", "end", "one-two", "three-four"]);
    let json: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let has =
        |name: &str, line: &str| json.iter().any(|one| one["name"] == name && one["line"] == line);
    assert!(json.len() == 4 && has("api", "one-two") && has("worker", "end"), "{json:?}");
    assert_eq!((terminal.exits(), colourless.exits()), (Some(0), Some(0)));
    assert!(terminal.bytes().windows(5).any(|part| part == b"\x1b[36m"), "{}", terminal.screen());
    assert!(!colourless.bytes().contains(&0x1b), "{}", colourless.screen());
    assert!(colourless.screen().contains("worker | three-four"), "{}", colourless.screen());
    let after = world.kst(["logs", "worker", "api", "-n", "1"]).ok().out();
    assert_eq!(after, "worker | end\napi    | end\n");
}

#[test]
fn one_that_is_started_again_is_followed_on() {
    let Some(world) = world() else { return };
    let end = "until [ -e end ]; do sleep 0.01; done";
    start(&world, "stays", end);
    start(&world, "comes", &format!("echo first run; {end}"));
    let following = Following::begin(&world, "-f stays comes");
    let alone = Following::begin(&world, "-f comes");
    let all = Following::begin(&world, "-f --all");
    for one in [&following, &alone, &all] {
        one.prints("first run");
    }
    world.kst(["stop", "comes"]).ok();
    // With nothing else to follow it is over.
    assert_eq!(alone.ends(), "first run\n");
    start(&world, "comes", &format!("echo second run; {end}"));
    start(&world, "new", "echo a new one; sleep 0.1");
    for one in [&following, &all] {
        one.prints("comes | second run\n");
    }
    all.prints("new   | a new one\n");
    world.write("work/end", "");
    assert_eq!(following.ends(), "comes | first run\ncomes | second run\n");
    all.ends();
}

#[test]
fn twenty_at_once() {
    let Some(world) = world() else { return };
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    for name in &names {
        start(&world, name, "until [ -e go ]; do sleep 0.02; done; seq 1 500");
    }
    let following = Following::begin(&world, "-f --all -n 0");
    let named = Following::begin(&world, &format!("-f -n 0 {}", names.join(" ")));
    until("both follow", || {
        let watches = |kst: &Started| {
            let folder = format!("/proc/{}/fdinfo", kst.pid());
            let files = fs::read_dir(folder).into_iter().flatten().flatten();
            files
                .filter_map(|file| fs::read_to_string(file.path()).ok())
                .map(|text| text.matches("inotify wd").count())
                .sum::<usize>()
        };
        watches(&following.kst) >= 20 && watches(&named.kst) >= 20
    });
    world.write("work/go", "");
    for text in [following.ends(), named.ends()] {
        for name in &names {
            let lines = text.lines().filter_map(|line| line.split_once('|'));
            let own = lines.filter(|(label, _)| label.trim() == name);
            let own: String = own.map(|(_, line)| format!("{}\n", line.trim())).collect();
            assert_eq!(own, numbers(1, 500), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_followed_is_said() {
    let Some(world) = world() else { return };
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    start(&world, "ours", "echo mine");
    until_ended(&world, "ours");
    world.kst(["logs", "-f", "theirs"]).exits(1).says("kst did not start");
    world.kst(["logs", "-f", "ours", "theirs"]).exits(1).says("'theirs'");
    world.kst(["logs", "-f", "ours", "nowhere"]).exits(3).says("nowhere");
    // Where all are meant, the others are.
    world.kst(["logs", "-f", "--all"]).ok().says("'theirs'").prints("mine");
    world.kst(["logs", "-f"]).exits(2);
    world.kst(["logs", "-f", "ours", "--all"]).exits(2);
    world.kst(["logs", "-f", "--all", "-b", "container"]).says("no session to follow");
    world.config("ops:\n  sessions:\n    api: {command: sleep 9}\n");
    world.kst(["logs", "-f", "api"]).exits(3).says("kst start api");
}

#[test]
fn a_session_in_screen_is_followed_to_its_end() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let content = fs::read(&plugin).expect("it was built");
    world.write("home/.local/share/kst/plugins/screen.wasm", content);
    let script = "until [ -e go ]; do sleep 0.01; done; seq 1 3000; printf last; exit 4";
    world.kst(["start", "dev", "-b", "screen", "--", "sh", "-c", script]).ok();
    let following = Following::begin(&world, "-f dev -n 10000");
    world.write("work/go", "");
    assert_eq!(following.ends(), numbers(1, 3000) + "last");
    assert_eq!(world.status("dev")["exit_code"], 4);
}

/// Its shim can say nothing any more, and its program goes with it or is killed.
#[test]
fn a_session_whose_shim_is_killed_has_an_end() {
    let Some(world) = world() else { return };
    start(&world, "dev", "echo ready; exec sleep 1000");
    let following = Following::begin(&world, "-f dev");
    following.prints("ready");
    let pid = world.status("dev")["pid"].as_i64();
    for pid in world.processes() {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line.windows(6).any(|part| part == b"\0shim\0") {
            kill(pid);
        }
    }
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        kill(pid);
    }
    assert_eq!(following.ends(), "ready\n");
}

fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// The one hears its terminal hang up; the other goes on, and nobody hears it any more.
#[test]
fn an_engine_that_is_killed_is_not_taken_for_the_end() {
    let Some(world) = world() else { return };
    let on = "until [ -e go ]; do sleep 0.01; done; exit 4";
    start(&world, "soft", "echo hello; exec sleep 1000");
    start(&world, "hard", &format!("trap '' HUP; echo hello; {on}"));
    let both = Following::begin(&world, "-f soft hard");
    let soft = Following::begin(&world, "-f soft");
    let mut terminal = world.terminal(["logs", "-f", "hard"]);
    terminal.shows("hello");
    both.prints("hard | hello");
    soft.prints("hello");
    let server = world.tmux(["display-message", "-p", "#{pid}"]).ok().out();
    kill(server.trim().parse().expect("a pid"));
    assert_eq!(soft.ends(), "hello\n");
    terminal.shows("its engine has gone");
    world.kst(["logs", "hard"]).ok().says("its engine has gone").prints("hello");
    // The engine is there again, with another session.
    start(&world, "other", "exec sleep 1000");
    assert_eq!(world.status("hard")["state"], "running");
    world.write("work/go", "");
    assert_eq!(terminal.exits(), Some(0), "{}", terminal.screen());
    let shown = terminal.screen();
    assert!(shown.contains("session 'hard' has ended: exit code 4"), "{shown}");
    let all = both.kst.wait();
    let warnings = all.ok().err().matches("its engine has gone").count();
    assert!(warnings == 1 && all.err().contains("'hard'"), "{all}");
    // Started anew, it is in the new server.
    start(&world, "hard", "echo again");
    until_ended(&world, "hard");
    assert_eq!(world.kst(["logs", "hard"]).ok().out(), "again\n");
}
