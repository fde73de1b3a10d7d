//! tmux sessions that kst did not start, and the tmux options that their users have set.

use std::collections::BTreeSet;

use crate::support::{Engine, World, until};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

/// The names that tmux itself lists.
fn names(world: &World) -> BTreeSet<String> {
    let list = world.tmux(["-u", "list-sessions", "-F", "#{session_name}"]);
    list.out().lines().map(str::to_owned).collect()
}

/// The names that kst lists.
fn listed(world: &World) -> Vec<String> {
    let list = world.kst(["list", "-b", "tmux", "--json"]).ok().json();
    let sessions = list.as_array().expect("an array").iter();
    sessions.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn hostile_names_are_seen_and_reached_one_by_one() {
    let Some(world) = world() else { return };
    for name in [
        "a b",
        " leading",
        "a:b.c",
        "esc\x1b[31mred",
        "-dash",
        "--help",
        "=x",
        "x",
        "$0",
        "$1",
        "%1",
        "@1",
        "{last}",
        "~",
        "!",
        "\u{1f980}",
        "e\u{301}",
        "\u{202e}rtl",
        "a'b\"c",
        "back\\slash",
        "tab\there",
        "##(touch $HOME/hacked)",
        "##{pid}",
        "a,b $1 2.3 4",
        "*",
        "client-1",
        "name;",
        "x ; kill-server",
    ] {
        // A last `;` would end tmux's own command.
        let name = if name.ends_with(';') { name.replace(';', "\\;") } else { name.to_owned() };
        world.tmux(["-u", "new-session", "-d", "-s", &name, "sleep", "1000"]).ok();
    }
    let expected = names(&world);
    assert!(expected.len() >= 26, "{expected:?}");
    let seen = listed(&world);
    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(seen.len(), expected.len());
    world.kst(["list"]).ok().hides("\x1b");

    let mut left = expected.clone();
    for name in &expected {
        let status = world.kst(["status", "--json", "--", name]).ok().json();
        assert_eq!(status["name"].as_str(), Some(name.as_str()));
        assert_eq!(status["state"], "running");
        world.kst(["logs", "--", name]).ok();
        world.kst(["stop", "--force", "--", name]).ok();
        left.remove(name);
        assert_eq!(names(&world), left, "stop {name:?} ended another");
    }
    assert!(!world.path("home/hacked").exists(), "a name was run");
}

#[test]
fn names_that_begin_alike_are_strangers() {
    let Some(world) = world() else { return };
    for name in ["foo-bar-baz", "foo-bar"] {
        world.kst(["start", name, "-b", "tmux", "--", "sleep", "1000"]).ok();
    }
    world.tmux(["new-session", "-d", "-s", "foo-bar-ba", "sleep", "1000"]).ok();
    for command in ["status", "stop", "logs", "attach", "remove"] {
        world.kst([command, "foo"]).exits(3);
        world.kst([command, "foo-"]).exits(3);
    }
    // One that is a prefix of others can be started, stopped and started again.
    world.kst(["start", "foo", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.kst(["stop", "foo-bar"]).ok();
    world.kst(["stop", "foo"]).ok();
    let both: BTreeSet<_> = ["foo-bar-ba".to_owned(), "foo-bar-baz".to_owned()].into();
    assert_eq!(names(&world), both);
    // What ended is told although a longer name lives on.
    for ended in ["foo", "foo-bar"] {
        assert_eq!(world.status(ended)["state"], "stopped");
    }
    world.kst(["remove", "foo-bar"]).ok();
    assert_eq!(names(&world), both);
}

#[test]
fn who_is_attached_is_not_disturbed() {
    let Some(world) = world() else { return };
    let script = "trap 'echo resized' WINCH; stty -echo; echo ready; \
                  while :; do read line && echo \"got $line\"; done";
    world
        .tmux(["new-session", "-d", "-s", "theirs", "-x", "80", "-y", "23", "sh", "-c", script])
        .ok();
    let mut user = world.terminal_of(world.path("engines/tmux"), ["attach", "-t", "=theirs"]);
    user.shows("ready");
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    for command in [&["list"][..], &["status", "theirs"], &["logs", "theirs"], &["stop", "dev"]] {
        world.kst(command).ok();
    }
    world.kst(["start", "theirs", "-b", "tmux", "--", "sleep", "9"]).exits(4);
    let status = world.status("theirs");
    assert_eq!(status["details"]["attached"], "1", "{status}");
    assert!(user.runs());
    user.types("still here\r");
    user.shows("got still here");
    assert!(!user.screen().contains("resized"), "{}", user.screen());
    let status = world.tmux(["list-clients", "-F", "#{client_session}"]);
    assert_eq!(status.ok().out(), "theirs\n");
}

/// A world whose user has this `~/.tmux.conf`.
fn world_with(conf: &str) -> Option<World> {
    let world = world()?;
    world.write("home/.tmux.conf", conf);
    Some(world)
}

/// A session's whole life, which no option of the user's may change.
#[track_caller]
fn lives(world: &World) {
    let script = "echo hello; trap 'echo bye; exit 5' TERM; sleep 1000 & wait";
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", script]).ok();
    until("its output is in the log", || world.kst(["logs", "dev"]).ok().out() == "hello\n");
    assert_eq!(world.status("dev")["state"], "running");
    world.kst(["stop", "dev"]).ok();
    let status = world.status("dev");
    assert_eq!((status["state"].as_str(), &status["exit_code"]), (Some("stopped"), &5.into()));
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "hello\nbye\n");
    // Its name is free again, and a short one tells its end.
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", "echo again; exit 3"]).ok();
    until("it has ended", || world.status("dev")["state"] == "exited");
    assert_eq!(world.status("dev")["exit_code"], 3);
    assert_eq!(world.kst(["logs", "dev"]).ok().out(), "again\n");
    assert_eq!(names(world), BTreeSet::new());
}

#[test]
fn options_of_the_user_change_nothing() {
    let options = "set -g destroy-unattached on\nset -g default-shell /bin/false\n\
                   set -g default-command 'exit 3'\nset -g base-index 1\n\
                   setw -g pane-base-index 1\nset -g remain-on-exit on\nset -g status off\n\
                   set -g history-limit 0\nset -g renumber-windows on\nset -g detach-on-destroy off\n\
                   set -g update-environment ''\nset -g default-terminal vt100\nset -g prefix C-a\n\
                   setw -g automatic-rename off\nset -g mouse on\nset -g set-titles on\n";
    let Some(world) = world_with(options) else { return };
    lives(&world);
}

#[test]
fn hooks_of_the_user_change_nothing() {
    let hooks = "set-hook -g session-created 'rename-window mine'\n\
                 set-hook -g after-new-session 'split-window -d \"sleep 0.2\"'\n";
    let Some(world) = world_with(hooks) else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", "echo hello; sleep 1000"]).ok();
    until("its output is in the log", || world.kst(["logs", "dev"]).ok().out() == "hello\n");
    world.kst(["stop", "dev"]).ok();
    assert_eq!(world.status("dev")["state"], "stopped");
}

#[test]
fn commands_that_the_user_redefined_make_nothing_and_attach_to_nothing() {
    let Some(world) = world_with("set -s command-alias[100] new-session='display-message -p x'\n")
    else {
        return;
    };
    // A server parses its first command before it reads the file.
    world.tmux(["start-server", ";", "set-option", "-s", "exit-empty", "off"]).ok();
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).exits(1).says("tmux");
    world.kst(["status", "dev"]).exits(3);
    assert_eq!(listed(&world), [""; 0]);

    let Some(world) = world_with("set -s command-alias[100] new-session='new-session -A'\n") else {
        return;
    };
    lives(&world);
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep", "1000"]).ok();
    let theirs = world.status("theirs");
    // tmux does not say "duplicate session" then; but it neither makes nor attaches anything.
    world.kst(["start", "theirs", "-b", "tmux", "--", "sleep", "1000"]).exits(1).says("theirs");
    let mut terminal = world.terminal(["start", "theirs", "-b", "tmux", "--", "sleep", "1000"]);
    assert_eq!(terminal.exits(), Some(1), "{}", terminal.screen());
    assert_eq!(world.status("theirs"), theirs);
}

#[test]
fn a_config_of_the_user_that_is_broken_costs_nothing() {
    let Some(world) = world_with("no-such-command\nset -g nonsense 5\n") else { return };
    lives(&world);
}

#[test]
fn windows_that_the_user_opens_belong_to_the_session() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sh", "-c", "echo main; sleep 1000"]).ok();
    world.tmux(["new-window", "-d", "-t", "=dev:", "sleep 4321"]).ok();
    until("two windows are told", || world.status("dev")["window_count"] == 2);
    world.kst(["stop", "dev"]).ok();
    let alive = |mark: &str| {
        let lines = world.processes().into_iter();
        lines
            .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok())
            .any(|line| line.contains(mark))
    };
    until("what ran in the second window is gone", || !alive("4321"));
    assert_eq!(world.status("dev")["state"], "stopped");
}

#[test]
fn a_namesake_neither_hides_a_session_nor_stands_in_for_it() {
    let Some(world) = world() else { return };
    world.kst(["start", "dev", "-b", "tmux", "--", "sleep", "1000"]).ok();
    world.tmux(["rename-session", "-t", "=dev", "hidden"]).ok();
    world.tmux(["new-session", "-d", "-s", "dev", "sleep", "1000"]).ok();
    for args in [["stop", "dev"], ["status", "dev"], ["stop", "dev"]] {
        world.kst(args).exits(5);
    }
    assert!(names(&world).contains("dev"), "the namesake lives on");
}

#[test]
fn a_session_that_was_started_elsewhere_than_defined_is_found_there() {
    let Some(world) = world() else { return };
    world.config("ops: {sessions: {dev: {command: sleep 1000, socket_name: work}}}\n");
    world.kst(["start", "dev", "-L", "other"]).ok();
    assert_eq!(world.status("dev")["state"], "running");
    world.kst(["stop", "dev"]).ok();
    assert_eq!(world.status("dev")["state"], "stopped");
}

/// Every server counts its sessions from `$0`: with the last session of one gone, the first of the next
/// has its id.
#[test]
fn a_server_that_was_started_meanwhile_keeps_its_session() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sleep", "1000"]).ok();
    let real = world.path("engines/tmux");
    world.fake(
        "tmux",
        &format!(
            "real() {{ '{0}' \"$@\"; }}
             case \" $* \" in *' list-windows '*)
                 printf x >> \"$HOME/asked\"
                 # Asked for the first time after the end of web.
                 if [ \"$(cat \"$HOME/asked\")\" = xxx ]; then
                     for _ in 1 2 3 4 5 6 7 8 9 10; do
                         real list-sessions >/dev/null 2>&1 || break
                         sleep 0.2
                     done
                     real new-session -d -s other sleep 1000
                 fi;;
             esac
             exec '{0}' \"$@\"",
            real.display()
        ),
    );
    world.kst(["stop", "web", "-t", "5"]).ok();
    let sessions = world.tmux(["list-sessions", "-F", "#{session_id} #{session_name}"]);
    assert_eq!(sessions.ok().out(), "$0 other\n");
    assert_eq!(world.status("web")["state"], "stopped");
}
