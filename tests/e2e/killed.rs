//! A `kst stop` or `kst restart` that is killed before and after each program that it runs: the next
//! command sees the truth and can go on, and what the session printed is still there.

use std::fs;

use crate::support::{Engine, World, until};

/// Has tmux kill the `kst` that runs it for this: before it does so, or after.
fn kills_kst(world: &World, command: &str, form: &str, after: bool) {
    let real = world.path("engines/tmux");
    let (real, first) = (real.display(), if after { "real \"$@\"; " } else { "" });
    let script = format!(
        "real() {{ '{real}' \"$@\"; }}
         case \"$(tr '\\0' ' ' < /proc/$PPID/cmdline) $* \" in
         *' {command} web '*' {form} '*) {first}kill -9 $PPID;;
         *) exec '{real}' \"$@\";;
         esac"
    );
    world.fake("tmux", &script);
}

fn itself_again(world: &World) {
    fs::remove_file(world.path("bin/tmux")).expect("the fake can go");
}

fn goes_on_after(world: &World, command: &str, form: &str, after: bool) {
    let told = format!("{command}, killed at {form}, {}", if after { "after" } else { "before" });
    let script =
        "exec 2>/dev/null; echo hello; trap 'echo bye; exit 3' TERM; while :; do sleep 0.05; done";
    world.kst(["start", "web", "-b", "tmux", "--", "sh", "-c", script]).ok();
    until("it has begun", || world.kst(["logs", "web"]).ok().out() == "hello\n");
    kills_kst(world, command, form, after);
    let outcome = world.kst([command, "web", "-t", "5"]);
    assert_eq!(outcome.code, None, "{told}: it was to be killed\n{outcome}");
    itself_again(world);

    // Whichever it is, it is true.
    let status = world.status("web");
    let running = status["state"] == "running";
    assert!(running || status["state"] == "stopped", "{told}: {status}");
    let processes = |pid: &serde_json::Value| {
        pid.as_u64().is_some_and(|pid| fs::exists(format!("/proc/{pid}")).unwrap_or(false))
    };
    assert_eq!(processes(&status["pid"]), running, "{told}: {status}");
    if !running {
        assert_eq!(status["exit_code"], 3, "{told}: {status}");
        assert_eq!(world.kst(["logs", "web"]).ok().out(), "hello\nbye\n", "{told}");
    }
    // The same again, and then the others.
    world.kst([command, "web", "-t", "5"]).ok();
    world.kst(["stop", "web"]).ok();
    let status = world.status("web");
    assert_eq!((&status["state"], &status["exit_code"]), (&"stopped".into(), &3.into()), "{told}");
    assert_eq!(world.kst(["logs", "web"]).ok().out(), "hello\nbye\n", "{told}");
    world.kst(["restart", "web"]).ok();
    assert_eq!(world.status("web")["state"], "running", "{told}");
    world.kst(["stop", "web", "--force"]).ok();
    world.kst(["remove", "web"]).ok();
    world.kst(["status", "web"]).exits(3);
    until("nothing is left", || world.processes().is_empty());
}

#[test]
fn a_stop_that_is_killed_can_be_gone_on_with() {
    for after in [false, true] {
        let Some(world) = World::with([Engine::Tmux]) else { return };
        goes_on_after(&world, "stop", "list-windows", after);
    }
}

#[test]
fn a_restart_that_is_killed_can_be_gone_on_with() {
    for form in ["list-windows", "new-session"] {
        for after in [false, true] {
            let Some(world) = World::with([Engine::Tmux]) else { return };
            goes_on_after(&world, "restart", form, after);
        }
    }
}

/// While it waits for the program to end, which takes its time.
#[test]
fn a_stop_that_is_killed_while_it_waits() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let script = "exec 2>/dev/null; trap 'touch \"$HOME/asked\"' TERM; echo hello; while [ ! -e \"$HOME/go\" ]; do sleep 0.02; done; echo bye; exit 4";
    world.kst(["start", "web", "-b", "tmux", "--", "sh", "-c", script]).ok();
    until("it has begun", || world.kst(["logs", "web"]).ok().out() == "hello\n");
    let stop = world.command(["stop", "web", "-t", "60"]).spawn();
    until("it was asked", || world.home().join("asked").exists());
    stop.signal(rustix::process::Signal::KILL);
    assert_eq!(stop.wait().code, None);
    assert_eq!(world.status("web")["state"], "running");
    world.write("home/go", "");
    until("it has ended", || world.status("web")["state"] != "running");
    let status = world.status("web");
    assert_eq!(
        (&status["state"], &status["exit_code"]),
        (&"stopped".into(), &4.into()),
        "{status}"
    );
    assert_eq!(world.kst(["logs", "web"]).ok().out(), "hello\nbye\n");
}
