//! Sessions in GNU screen: a component that doesn't come with kst, used as its user would.
//! (Terminals in its sessions: see `attach`. Whether strangers' components may run: `trust`.)

use serde_json::Value;

use crate::support::{Engine, Outcome, World, screen_plugin, until};

/// A world whose user installed `screen.wasm` in the plugins folder, and approved it.
fn world() -> Option<World> {
    let world = World::with([Engine::Screen])?;
    let plugin = screen_plugin();
    world.trust(&plugin);
    let content = std::fs::read(&plugin).expect("it was built");
    world.write("home/.local/share/kst/plugins/screen.wasm", content);
    Some(world)
}

#[track_caller]
fn start(world: &World, name: &str, command: &[&str]) -> Outcome {
    world.kst(["start", name, "-b", "screen", "--"].iter().chain(command))
}

/// The pids and names that screen itself lists: `4871.dev`.
fn listed(world: &World) -> Vec<String> {
    let list = world.engine(Engine::Screen, ["-ls"]).out();
    let lines = list.lines().filter_map(|line| line.strip_prefix('\t'));
    lines.filter_map(|line| Some(line.split_once('\t')?.0.to_owned())).collect()
}

/// Makes a screen without kst.
#[track_caller]
fn foreign(world: &World, name: &str) {
    let before = listed(world).len();
    world.engine(Engine::Screen, ["-dmS", name, "sleep", "1000"]).ok();
    until("screen lists it", || listed(world).len() > before);
}

#[test]
fn a_session_lives_and_ends() {
    let Some(world) = world() else { return };
    let script = "echo hello; trap 'echo bye; exit 0' TERM HUP; while :; do sleep 0.05; done";
    start(&world, "dev", &["sh", "-c", script]).ok();
    let [screen] = &listed(&world)[..] else { panic!("{:?}", listed(&world)) };
    assert!(screen.ends_with(".dev"), "{screen}");
    let status = world.status("dev");
    assert_eq!((&status["state"], &status["backend"]), (&"running".into(), &"screen".into()));
    let pid = status["pid"].as_i64().expect("a running session has a pid");
    let list = world.kst(["list", "-b", "screen", "--json"]).ok().json();
    assert_eq!((&list[0]["name"], &list[0]["pid"]), (&"dev".into(), &pid.into()), "{list}");
    until("its output is in the log", || world.kst(["logs", "dev"]).ok().out().contains("hello"));

    start(&world, "dev", &["sleep", "1"]).exits(4).says("dev");
    assert_eq!(world.status("dev")["pid"], pid);
    world.kst(["remove", "dev"]).exits(1).says("kst stop dev");

    world.kst(["stop", "dev"]).ok();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "stop returned too early");
    assert_eq!(listed(&world), Vec::<String>::new());
    let status = world.status("dev");
    assert_eq!((&status["state"], &status["exit_code"]), (&"stopped".into(), &0.into()));
    world.kst(["logs", "dev"]).ok().prints("hello").prints("bye");
    world.kst(["attach", "dev"]).exits(1).says("not running");
    world.kst(["stop", "dev"]).ok();

    world.kst(["remove", "dev"]).ok();
    world.kst(["status", "dev"]).exits(3);
    world.kst(["logs", "dev"]).exits(3);
}

#[test]
fn what_ended_by_itself_tells_how() {
    let Some(world) = world() else { return };
    start(&world, "short", &["sh", "-c", "echo last words; exit 7"]).ok();
    until("it has ended", || world.status("short")["state"] == "exited");
    assert_eq!(world.status("short")["exit_code"], 7);
    world.kst(["logs", "short"]).ok().prints("last words");
    start(&world, "shot", &["sh", "-c", "kill -9 $$"]).ok();
    until("it has ended", || world.status("shot")["state"] == "exited");
    assert_eq!(world.status("shot")["signal"], 9);
    // What has ended gives way.
    start(&world, "short", &["sh", "-c", "echo again; exit 8"]).ok();
    until("it has ended", || world.status("short")["exit_code"] == 8);
    let log = world.kst(["logs", "short"]).ok().out();
    assert!(log.contains("again") && !log.contains("last words"), "{log}");
}

#[test]
fn the_command_gets_exactly_its_words_and_the_callers_environment() {
    let Some(mut world) = world() else { return };
    world.set("KST_TEST_VALUE", "from the caller; $(not run)");
    let words = ["a b", "", "%d", "$HOME", "*", ";", "-x", "^C", "\\", "Grüße"];
    let script = "printf '<%s>\\n' \"$@\"; printf '{%s}\\n' \"$KST_TEST_VALUE\" \"$GIVEN\"; pwd";
    let begin = ["start", "exact", "-b", "screen", "-e", "GIVEN=two\nlines", "--"];
    world.kst(begin.into_iter().chain(["sh", "-c", script, "sh"]).chain(words)).ok();
    until("it has ended", || world.status("exact")["state"] == "exited");
    let log = world.kst(["logs", "exact", "--raw"]).ok().out().replace('\r', "");
    for word in words {
        assert!(log.contains(&format!("<{word}>\n")), "{word:?} is not in\n{log}");
    }
    assert!(log.contains("{from the caller; $(not run)}\n{two\nlines}\n"), "{log}");
    assert!(log.contains(&format!("{}\n", world.work().display())), "{log}");
}

#[test]
fn what_cannot_run_makes_nothing() {
    let Some(world) = world() else { return };
    start(&world, "dev", &["no-such-program-here"]).exits(1).says("no-such-program-here");
    let nowhere = ["start", "dev", "-b", "screen", "-w", "/no/such/folder", "--", "sleep", "9"];
    world.kst(nowhere).exits(1).says("/no/such/folder");
    world.kst(["status", "dev"]).exits(3);
    assert_eq!(listed(&world), Vec::<String>::new());
}

#[test]
fn of_starts_at_once_one_wins() {
    let Some(world) = world() else { return };
    let starts: Vec<_> = (0..8)
        .map(|_| world.command(["start", "dev", "-b", "screen", "--", "sleep", "1000"]).spawn())
        .collect();
    let mut codes: Vec<_> = starts.into_iter().map(|start| start.wait().code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [[Some(0)].as_slice(), &[Some(4); 7]].concat());
    assert_eq!(listed(&world).len(), 1);
    assert_eq!(world.status("dev")["state"], "running");
}

#[test]
fn force_leaves_nothing() {
    let Some(world) = world() else { return };
    let stubborn =
        "trap '' TERM HUP INT; setsid sleep 1000 & echo up; while :; do sleep 0.05; done";
    start(&world, "stubborn", &["sh", "-c", stubborn]).ok();
    until("it runs", || world.kst(["logs", "stubborn"]).ok().out().contains("up"));
    world.kst(["stop", "stubborn", "--force"]).ok();
    assert_eq!(listed(&world), Vec::<String>::new());
    until("nothing is left", || world.processes().is_empty());
}

#[test]
fn a_screen_that_was_killed_gives_way() {
    let Some(world) = world() else { return };
    start(&world, "dev", &["sh", "-c", "echo first; exec sleep 1000"]).ok();
    until("its output is in the log", || world.kst(["logs", "dev"]).ok().out().contains("first"));
    let [screen] = &listed(&world)[..] else { panic!("{:?}", listed(&world)) };
    let pid = screen.split('.').next().and_then(|pid| pid.parse().ok()).expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("no process is 0");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
    // Its socket stays, and screen goes on listing it.
    until("its end is known", || world.status("dev")["state"] == "exited");
    assert_eq!(world.status("dev")["signal"], 1);
    assert_eq!(listed(&world).len(), 1);
    world.kst(["logs", "dev"]).ok().prints("first");
    start(&world, "dev", &["sleep", "1000"]).ok();
    assert_eq!(world.status("dev")["state"], "running");
    assert_eq!(listed(&world).len(), 1);
    world.kst(["stop", "dev"]).ok();
    world.kst(["remove", "dev"]).ok();
    assert_eq!(listed(&world), Vec::<String>::new());
}

#[test]
fn names_match_exactly() {
    let Some(world) = world() else { return };
    start(&world, "develop", &["sleep", "1000"]).ok();
    foreign(&world, "dev.elop");
    let pid = listed(&world)[0].split('.').next().expect("a pid").to_owned();
    for near in ["dev", "develo", "elop", "d", &pid, &format!("{pid}.develop")] {
        for command in ["stop", "status", "logs", "attach"] {
            world.kst([command, near]).exits(3);
        }
    }
    assert_eq!(listed(&world).len(), 2);
}

#[test]
fn foreign_screens_are_reached_by_their_names_and_never_removed() {
    let Some(world) = world() else { return };
    // screen itself ends names at control characters, or shows them as they are.
    let names = ["not ours", "a:b", "[x]", "(Detached)", "%d", "$(touch x)", "é\u{301}", "dot.dot"];
    for name in names {
        foreign(&world, name);
    }
    let list = world.kst(["list", "-b", "screen", "--json"]).ok().json();
    let mut seen: Vec<&str> =
        list.as_array().expect("an array").iter().filter_map(|one| one["name"].as_str()).collect();
    let mut made = names;
    seen.sort_unstable();
    made.sort_unstable();
    assert_eq!(seen, made);
    for (ended, name) in names.into_iter().enumerate() {
        assert_eq!(world.status(name)["state"], "running", "{name}");
        world.kst(["remove", name]).exits(1);
        world.kst(["stop", name]).ok();
        assert_eq!(listed(&world).len(), names.len() - ended - 1, "{name}");
        world.kst(["status", name]).exits(3);
    }
}

#[test]
fn what_a_name_holds_is_not_for_the_terminal() {
    let Some(world) = world() else { return };
    foreign(&world, "a\u{1b}[31mb\u{9b}31m\u{202e}c");
    foreign(&world, "tab\t(x)\t(Attached)");
    let list = world.kst(["list", "-b", "screen"]).ok().out();
    assert!(!list.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\t']), "{list:?}");
    let list = world.kst(["list", "-b", "screen", "--json"]).ok().json();
    let list = list.as_array().expect("an array");
    assert_eq!(list.len(), 2, "{list:?}");
    for session in list {
        assert_eq!(session["state"], "running", "{session}");
        // What no terminal shows as it is, is not for the command line either.
        let name = session["name"].as_str().expect("a name");
        let stop = world.kst(["stop", name]);
        stop.exits(2).says("no session can be called so");
        assert!(!stop.err().contains(['\u{1b}', '\u{9b}', '\u{202e}', '\t']), "{stop:?}");
    }
    assert_eq!(listed(&world).len(), 2);
}

#[test]
fn a_name_that_screen_has_twice_is_ambiguous() {
    let Some(world) = world() else { return };
    foreign(&world, "twin");
    foreign(&world, "twin");
    let states = |name: &str| -> Vec<(Value, Value)> {
        let list = world.kst(["list", "-b", "screen", "--json"]).ok().json();
        let list = list.as_array().expect("an array").iter();
        let of_that_name = list.filter(|one| one["name"] == name);
        of_that_name.map(|one| (one["state"].clone(), one["pid"].clone())).collect()
    };
    assert_eq!(states("twin").len(), 2);
    for command in ["status", "stop", "logs", "attach", "remove"] {
        world.kst([command, "twin"]).exits(5).says("screen").says("end or rename one of them");
    }
    world.kst(["start", "twin", "-b", "screen", "--", "sleep", "9"]).exits(4);
    assert_eq!(listed(&world).len(), 2);

    // One of kst's own and somebody's: neither is touched for the other.
    start(&world, "dev", &["sleep", "1000"]).ok();
    let pid = world.status("dev")["pid"].clone();
    foreign(&world, "dev");
    world.kst(["stop", "dev", "--force"]).exits(5);
    let dev = states("dev");
    assert_eq!(dev.len(), 2);
    assert!(dev.contains(&("running".into(), pid)), "{dev:?}");
    assert_eq!(listed(&world).len(), 4);
}

#[test]
fn the_config_can_name_the_file() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = plugin.display();
    world.config(&format!(
        "ops:\n  plugins:\n    screen: {{path: {plugin}}}\n  sessions:\n    dev:\n      \
         backend: screen\n      command: sleep 1000\n    odd:\n      backend: screen\n      \
         command: sleep 9\n      image: x\n"
    ));
    let list = world.kst(["list", "-b", "screen", "--json"]).ok().json();
    assert_eq!(list[0]["state"], "defined", "{list}");
    world.kst(["start", "dev"]).ok();
    assert_eq!(world.status("dev")["backend"], "screen");
    world.kst(["stop", "dev"]).ok();
    // screen has no such option.
    world.kst(["start", "odd"]).exits(2).says("image");
}

#[test]
fn without_screen_it_says_what_is_missing() {
    let world = World::bare();
    let plugin = screen_plugin();
    world.trust(&plugin);
    let plugin = plugin.to_str().expect("UTF-8");
    let start = ["--plugin", plugin, "start", "dev", "--", "sleep", "9"];
    world.kst(start).exits(6).says("screen").says("install");
    world.kst(["--plugin", plugin, "list", "--json"]).ok();
}
