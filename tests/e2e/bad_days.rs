//! A machine that is not as it should be: no home, nothing to write to, strange paths, kst itself
//! gone, nobody to read what is printed.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use std::time::{Duration, Instant};

use crate::support::{Engine, Key, Outcome, World, until};

const XDG: [&str; 5] =
    ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

/// What looks works; `start` says why it cannot, and leaves nothing.
#[track_caller]
fn reads_work_and_start_refuses(world: &World, advice: &str) {
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]);
    let list = world.kst(["list", "-b", "tmux", "--json"]).ok().json();
    assert_eq!(list[0]["name"], "theirs", "{list}");
    assert_eq!(world.status("theirs")["state"], "running");
    world.kst(["status", "nosuch", "-b", "tmux"]).exits(3);
    world.kst(["logs", "theirs", "-b", "tmux"]).ok();
    world.kst(["config", "check"]).ok();
    world.kst(["plugin", "list"]).ok();
    let start = world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]);
    start.exits(1).says(advice);
    assert_eq!(start.err().matches("error: ").count(), 1, "{start}");
    assert_eq!(world.tmux(["list-sessions", "-F", "#{session_name}"]).out(), "theirs\n");
}

#[test]
fn no_home() {
    let Some(mut world) = world() else { return };
    let cache = world.with_own_cache();
    for variable in XDG.iter().chain(&["HOME"]) {
        world.unset(variable);
    }
    reads_work_and_start_refuses(&world, "HOME");
    // To be quick: it is as well without a cache.
    world.set("XDG_CACHE_HOME", cache);
    // Relative ones count as none, and an empty one is none.
    for home in ["", "home", "./x"] {
        world.set("HOME", home);
        reads_work_and_start_refuses(&world, "HOME");
    }
    assert!(fs::read_dir(world.work()).unwrap().next().is_none(), "something was made here");
    // With a folder for what it keeps, it is fine again.
    world.set("XDG_STATE_HOME", world.path("state"));
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    assert_eq!(world.status("web")["state"], "running");
}

#[test]
fn a_home_that_nothing_can_be_made_in() {
    let Some(mut world) = world() else { return };
    let file = world.write("file", "");
    // Root could write to a folder of any mode, and cannot to these.
    for home in [file.as_path(), &file.join("below"), Path::new("/proc/1"), Path::new("/nowhere")] {
        if home == Path::new("/nowhere") && rustix::process::geteuid().is_root() {
            continue;
        }
        world.set("HOME", home);
        reads_work_and_start_refuses(&world, &home.display().to_string());
    }
}

/// A real read-only file system, in a name space of its own.
#[test]
fn a_read_only_home() {
    let Some(world) = world() else { return };
    let home = world.home();
    let inside = |script: &str| {
        let script = format!("mount -t tmpfs -o ro none '{}' && {script}", home.display());
        world.program("unshare").args(["-m", "sh", "-c", &script]).run()
    };
    if inside("true").code != Some(0) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI can mount");
        eprintln!("NOT RUN: no file system can be mounted here");
        return;
    }
    let kst = env!("CARGO_BIN_EXE_kst");
    inside(&format!("exec '{kst}' list -b tmux --json")).ok().prints("[]");
    inside(&format!("exec '{kst}' status web")).exits(3);
    let start = inside(&format!("exec '{kst}' start web -b tmux -- sleep 1000"));
    start.exits(1).says("Read-only file system").says("state");
    assert!(fs::read_dir(world.path("tmux")).unwrap().next().is_none(), "a server was started");
}

/// How a session ended is known though not a byte was free when it did: its shim has kept some room.
#[test]
fn a_disk_that_is_full_when_a_session_ends() {
    let Some(world) = world() else { return };
    let state = world.home().join(".local/state");
    fs::create_dir_all(&state).unwrap();
    let inside = |script: &str| {
        let mount = format!("mount -t tmpfs -o size=256k,mode=700 none '{}'", state.display());
        world.program("unshare").args(["-m", "sh", "-c", &format!("{mount} && {script}")]).run()
    };
    if inside("true").code != Some(0) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI can mount");
        eprintln!("NOT RUN: no file system can be mounted here");
        return;
    }
    let script = format!(
        "kst() {{ '{kst}' \"$@\"; }}
         kst start web -b tmux -- sh -c 'while [ ! -e \"$HOME/go\" ]; do sleep 0.01; done; exit 7'
         # Empty lines, which say nothing, up to the last byte of the ledger's last block.
         yes '' >> '{state}/kst/ledger.jsonl'
         echo x > '{state}/more' && echo there is room
         touch \"$HOME/go\"
         tries=0
         while kst status web --json | grep -q running; do
             tries=$((tries + 1)); [ $tries -lt 200 ] || break; sleep 0.05
         done
         kst status web --json",
        kst = env!("CARGO_BIN_EXE_kst"),
        state = state.display(),
    );
    let outcome = inside(&script);
    outcome.ok().says("No space left").hides("there is room").prints("\"exited\"");
    assert!(outcome.out().replace(' ', "").contains("\"exit_code\":7"), "{outcome}");
}

#[test]
fn a_state_folder_that_others_can_write_to() {
    let Some(world) = world() else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let state = world.home().join(".local/state/kst");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    for mode in [0o777, 0o770, 0o722] {
        fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
        world.kst(["start", "two", "-b", "tmux", "--", "true"]).exits(1).says("chmod 700");
        // What runs is still there to be seen.
        assert_eq!(world.status("web")["state"], "running", "{mode:o}");
    }
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let moved = world.path("moved");
    fs::rename(&state, &moved).unwrap();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    // Without its ledger the session is somebody's, and safe.
    assert_eq!(world.status("web")["state"], "running");
    world.kst(["remove", "web"]).exits(1);
    fs::remove_dir_all(&state).unwrap();
    fs::rename(&moved, &state).unwrap();
    world.kst(["stop", "web", "-t", "1"]).ok();
    assert_eq!(world.status("web")["state"], "stopped");
}

#[test]
fn a_damaged_ledger() {
    let Some(world) = world() else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let ledger = world.home().join(".local/state/kst/ledger.jsonl");
    let sound = fs::read(&ledger).unwrap();
    let garbage: Vec<u8> = (0..5000_u32).map(|n| ((n * 7919) >> 3) as u8).collect();
    let damaged = [
        ("garbage before", [b"what is this\n".to_vec(), sound.clone()].concat(), Some(true)),
        ("a line cut off", [sound.clone(), b"{\"event\":\"st".to_vec()].concat(), Some(true)),
        (
            "another version's line",
            [b"{\"event\":\"new\",\"x\":1}\n".to_vec(), sound.clone()].concat(),
            Some(true),
        ),
        ("bytes", [sound.clone(), garbage.clone()].concat(), Some(true)),
        ("nothing", Vec::new(), Some(false)),
        ("garbage alone", garbage, Some(false)),
        ("half of it", sound[..sound.len() / 2].to_vec(), None),
        ("deep", b"[".repeat(100_000), Some(false)),
    ];
    for (what, bytes, ours) in damaged {
        fs::write(&ledger, bytes).unwrap();
        let status = world.kst(["status", "web", "--json"]);
        assert_eq!(status.ok().json()["state"], "running", "{what}");
        if let Some(ours) = ours {
            assert_eq!(status.json()["ours"], ours, "{what}");
        }
        world.kst(["list"]).ok().prints("web");
        world.kst(["start", "web", "-b", "tmux", "--", "true"]).exits(4);
        world.kst(["logs", "web"]).ok();
        world.tmux(["has-session", "-t", "=web"]).ok();
        // What is started now is kept behind what is broken.
        world.kst(["start", "next", "-b", "tmux", "--", "sleep", "1000"]).ok();
        assert_eq!(world.status("next")["state"], "running", "{what}");
        world.kst(["stop", "next", "-t", "1"]).ok();
        assert_eq!(world.status("next")["state"], "stopped", "{what}");
        world.kst(["remove", "next"]).ok();
    }
    // Something else in its place.
    fs::remove_file(&ledger).unwrap();
    fs::create_dir(&ledger).unwrap();
    world.kst(["list"]).ok().prints("web");
    world.kst(["start", "next", "-b", "tmux", "--", "true"]).exits(1).says("state folder");
    fs::remove_dir(&ledger).unwrap();
    let elsewhere = world.write("elsewhere", "");
    symlink(&elsewhere, &ledger).unwrap();
    world.kst(["start", "next", "-b", "tmux", "--", "true"]);
    assert_eq!(fs::read(&elsewhere).unwrap(), b"", "a link was followed");
    fs::remove_file(&ledger).unwrap();
    fs::write(&ledger, sound).unwrap();
    world.kst(["stop", "web", "-t", "1"]).ok();
}

/// Text that means something to sh, to tmux's formats, to strftime, to a terminal.
const STRANGE: [&str; 6] = [
    "it's a \"home\"",
    "a #{pid} #(id) ## #[x]",
    "100% %H%M $HOME `id`",
    "semi;colon; & | <x> *",
    "umlaut äöü 日本 🦀",
    "back\\slash -x ~ !1",
];

#[test]
fn a_home_with_a_strange_path() {
    for strange in STRANGE {
        let Some(mut world) = world() else { return };
        let home = world.path(strange);
        fs::create_dir(&home).unwrap();
        world.set("HOME", &home);
        lives_and_is_logged(&world, env!("CARGO_BIN_EXE_kst").as_ref(), strange);
        assert!(home.join(".local/state/kst").is_dir());
    }
}

#[test]
fn kst_in_a_strange_path() {
    let Some(world) = world() else { return };
    for (index, strange) in STRANGE.into_iter().enumerate() {
        let folder = world.path(strange);
        fs::create_dir(&folder).unwrap();
        let kst = folder.join(format!("kst{strange}"));
        copy_of_kst(&kst);
        lives_and_is_logged(&world, kst.as_os_str(), &format!("{index}"));
        fs::remove_file(kst).unwrap();
    }
}

fn copy_of_kst(to: &Path) {
    let kst = env!("CARGO_BIN_EXE_kst");
    // A link would be one program with one name for the system; this one can be removed.
    fs::hard_link(kst, to).or_else(|_| fs::copy(kst, to).map(drop)).unwrap();
}

/// A session's life by this kst: exact words, output, exit code.
#[track_caller]
fn lives_and_is_logged(world: &World, kst: &OsStr, what: &str) {
    let run = |args: &[&str]| world.program(kst).args(args).run();
    let script = "printf '[%s]\\n' \"$1\" \"$HOME\"; echo done; exit 5";
    run(&["start", "web", "-b", "tmux", "--", "sh", "-c", script, "sh", what]).ok();
    let status = || run(&["status", "web", "--json"]).ok().json();
    until("it has ended", || status()["state"] == "exited");
    assert_eq!(status()["exit_code"], 5, "{what}");
    run(&["logs", "web"]).ok().prints(&format!("[{what}]\n")).prints("done\n");
    run(&["remove", "web"]).ok();
}

#[test]
fn kst_is_removed_or_replaced_while_sessions_run() {
    let Some(world) = world() else { return };
    let kst = world.path("mine");
    copy_of_kst(&kst);
    let script = "echo one; until test -e go; do sleep 0.02; done; echo two; exit 3";
    world.program(&kst).args(["start", "web", "-b", "tmux", "--", "sh", "-c", script]).run().ok();
    fs::remove_file(&kst).unwrap();
    assert_eq!(world.status("web")["state"], "running");
    fs::write(&kst, "#!/bin/sh\necho not kst\n").unwrap();
    fs::set_permissions(&kst, Permissions::from_mode(0o755)).unwrap();
    world.write("work/go", "");
    until("it has ended", || world.status("web")["state"] == "exited");
    assert_eq!(world.status("web")["exit_code"], 3);
    world.kst(["logs", "web"]).ok().prints("one\n").prints("two\n").hides("not kst");
}

#[test]
fn tickets_that_are_none() {
    let world = World::bare();
    let folder = world.path("tickets");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let file = folder.join("ticket");
    let absent = folder.join("absent");
    let shim = |ticket: &Path| {
        world
            .program(env!("CARGO_BIN_EXE_kst"))
            .args([OsStr::new("shim"), ticket.as_os_str()])
            .run()
    };
    let refused = |outcome: &Outcome, what: &str| {
        let code = outcome.code.unwrap_or(-1);
        assert!((1..=255).contains(&code), "{what}\n{outcome}");
        assert!(!outcome.err().contains("panicked"), "{what}\n{outcome}");
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{what}\n{outcome}");
    };
    refused(&shim(&absent), "absent");
    refused(&shim(Path::new("")), "empty");
    refused(&shim(&folder), "a folder");
    refused(&shim(Path::new("/dev/zero")), "endless");
    for content in
        [&b""[..], b"{}", b"[]", b"garbage", b"{\"argv\":[\"/bin/echo\",\"ran\"]}", &[0; 100]]
    {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let outcome = shim(&file);
        refused(&outcome, &String::from_utf8_lossy(content));
        outcome.hides("ran\n");
    }
    refused(&world.program(env!("CARGO_BIN_EXE_kst")).args(["shim"]).run(), "no ticket");
}

#[test]
fn no_terminal() {
    let Some(world) = world() else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.kst(["attach", "web"]).exits(1).says("terminal");
    world.kst(["attach", "nosuch"]).exits(3);
    assert_eq!(world.status("web")["state"], "running");
    // A terminal that can do nothing is one.
    for term in ["", "nosuch-terminal", "dumb"] {
        let mut world = World::with([Engine::Tmux]).expect("it was there");
        world.set("TERM", term);
        world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
        world.kst(["list", "-b", "tmux"]).ok().prints("web").hides("\u{1b}");
    }
}

/// From a pane of one server everything reaches the others as from outside.
#[test]
fn inside_tmux() {
    let Some(mut world) = world() else { return };
    world.kst(["start", "web", "-b", "tmux", "-L", "other", "--", "sleep", "1000"]).ok();
    let kst = env!("CARGO_BIN_EXE_kst");
    let script = format!(
        "'{kst}' start here -b tmux -- sleep 1000; '{kst}' list -q; \
         '{kst}' status web -q && echo web-is-there; '{kst}' stop here -t 1; echo all-done; sleep 1000"
    );
    world
        .tmux(["-L", "outer", "new-session", "-d", "-x", "120", "-y", "40", "sh", "-c", &script])
        .ok();
    let screen = || world.tmux(["-L", "outer", "capture-pane", "-p"]).out();
    until("the commands in the pane are done", || screen().contains("all-done"));
    let shown = screen();
    for text in ["'here' started", "web-is-there"] {
        assert!(shown.contains(text), "{shown}");
    }
    // Started on the default socket, not on the one that it happened to be inside of.
    assert_eq!(world.status("here")["socket_name"], world_default(&world), "{shown}");
    // What the variable says may be anything.
    for nonsense in ["", ",", "/nowhere,1,0", "/dev/null,x,y", "a\nb"] {
        world.set("TMUX", nonsense);
        world.kst(["status", "web"]).ok();
        world.kst(["list", "-b", "tmux"]).ok().prints("web");
    }
}

/// How a session on the default socket tells its socket.
fn world_default(world: &World) -> serde_json::Value {
    world.kst(["start", "plain", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.status("plain")["socket_name"].clone()
}

#[test]
fn nobody_reads() {
    let Some(world) = world() else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sh", "-c", "seq 1 5000; sleep 1000"]).ok();
    until("its output is there", || world.kst(["logs", "web"]).out().contains("5000"));
    let kst = env!("CARGO_BIN_EXE_kst");
    let sh = |script: &str| {
        let script = script.replace("KST", &format!("'{kst}'"));
        world.program("bash").args(["-c", &script]).run()
    };
    for command in
        ["list", "list --json", "status web", "logs web -n 5000", "--help", "config show"]
    {
        for sink in ["| head -c 0", "| true", ">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"] {
            let outcome = sh(&format!("KST {command} {sink}; exit ${{PIPESTATUS[0]}}"));
            let code = outcome.code.unwrap_or(-1);
            assert!(matches!(code, 0 | 1), "{command} {sink}\n{outcome}");
            assert!(!outcome.err().contains("panicked"), "{command} {sink}\n{outcome}");
        }
        let full = sh(&format!("KST {command} >/dev/full"));
        full.exits(1).says("No space left on device");
        assert_eq!(full.err().lines().count(), 1, "{full}");
        sh(&format!("KST {command} 2>/dev/full >/dev/null")).ok();
        sh("KST nonsense 2>/dev/full").code.filter(|code| *code == 2).expect("2");
    }
    // What changes something does it, whoever listens.
    sh("KST start two -b tmux -- sleep 1000 >&- 2>&-");
    assert_eq!(world.status("two")["state"], "running");
    sh("KST stop two -t 1 | true");
    assert_eq!(world.status("two")["state"], "stopped");
    sh("KST start three -b tmux -- sleep 1000 <&- >/dev/full 2>/dev/full");
    assert_eq!(world.status("three")["state"], "running");
}

/// The descriptors that a session gets are its own, whatever kst was started without.
#[test]
fn a_session_started_without_descriptors_has_its_own() {
    let Some(world) = world() else { return };
    let kst = env!("CARGO_BIN_EXE_kst");
    let script =
        format!("'{kst}' start web -b tmux -- sh -c 'ls -l /proc/$$/fd; tty' <&- >&- 2>&-");
    world.program("bash").args(["-c", &script]).run();
    until("it has ended", || world.status("web")["state"] == "exited");
    let logs = world.kst(["logs", "web"]).ok().out();
    assert!(logs.contains("/dev/pts/"), "{logs}");
    assert!(!logs.contains("not a tty"), "{logs}");
}

/// Ctrl-C while kst waits for an engine ends kst, at once.
#[test]
fn an_interrupted_command_ends() {
    let world = World::bare();
    world.fake("tmux", "case $1 in -V) echo 'tmux 3.3a'; exit;; esac\nsleep 1000");
    let folder = world.path("tmux").join(format!("tmux-{}", rustix::process::getuid().as_raw()));
    fs::create_dir(&folder).unwrap();
    std::os::unix::net::UnixListener::bind(folder.join("default")).unwrap();
    let mut terminal = world.terminal(["status", "web", "-b", "tmux"]);
    until("the engine is asked", || world.processes().len() >= 3);
    let pressed = Instant::now();
    terminal.press(Key::Ctrl('c'));
    let code = terminal.exits();
    assert!(pressed.elapsed() < Duration::from_secs(5), "it waited for the engine");
    assert!(code.is_none() || code == Some(130), "{code:?}\n{}", terminal.screen());
}

/// What a foreign folder says is not taken for granted.
#[test]
fn a_working_directory_that_is_gone() {
    let Some(world) = world() else { return };
    let gone: PathBuf = world.path("gone");
    fs::create_dir(&gone).unwrap();
    let kst = env!("CARGO_BIN_EXE_kst");
    let script = |command: &str| {
        format!("cd '{0}' && rmdir '{0}' && exec '{kst}' {command}", gone.display())
    };
    for (command, codes) in [
        ("list", &[0][..]),
        ("status nosuch", &[3]),
        ("config check", &[0, 1]),
        ("start web -b tmux -- sleep 1000", &[1]),
    ] {
        fs::create_dir_all(&gone).unwrap();
        let outcome = world.program("sh").args(["-c", &script(command)]).run();
        let code = outcome.code.unwrap_or(-1);
        assert!(codes.contains(&code), "{command}\n{outcome}");
        assert!(!outcome.err().contains("panicked"), "{outcome}");
    }
}
