//! A start that is killed, at each of its steps: the next command sees what there is.

use std::fs;
use std::path::Path;

use crate::support::{Engine, World, until};

/// Has the engine's program do this where it would make a session, and be itself otherwise.
fn at_making(world: &World, engine: Engine, making: &str) {
    let real = world.path("engines").join(engine.program());
    let script = format!(
        "real() {{ '{0}' \"$@\"; }}
         case \" $* \" in *' new-session '*|*' run -d '*) {making};; *) exec '{0}' \"$@\";; esac",
        real.display()
    );
    world.fake(engine.program(), &script);
}

fn itself_again(world: &World, engine: Engine) {
    fs::remove_file(world.path("bin").join(engine.program())).expect("the fake can go");
}

#[track_caller]
fn is_killed(world: &World, args: &[&str]) {
    let outcome = world.kst(args);
    assert_eq!(outcome.code, None, "it was to be killed\n{outcome}");
}

const LIVES: [&str; 7] = ["start", "web", "-b", "tmux", "--", "sleep", "1000"];

#[test]
fn before_anything_is_made() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    at_making(&world, Engine::Tmux, "kill -9 $PPID");
    is_killed(&world, &LIVES);
    itself_again(&world, Engine::Tmux);
    world.kst(["status", "web"]).exits(3);
    assert_eq!(world.kst(["list", "--json"]).ok().json(), serde_json::json!([]));
    world.kst(LIVES).ok();
    assert_eq!(world.status("web")["ours"], true);
}

/// What was there before is still told: it was not undone by a start that made nothing.
#[test]
fn before_another_is_made_in_its_place() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.kst(["start", "web", "-b", "tmux", "--", "sh", "-c", "echo hello; exit 3"]).ok();
    until("it has ended", || world.status("web")["state"] == "exited");
    at_making(&world, Engine::Tmux, "kill -9 $PPID");
    is_killed(&world, &LIVES);
    itself_again(&world, Engine::Tmux);
    let status = world.status("web");
    assert_eq!((&status["state"], &status["exit_code"]), (&"exited".into(), &3.into()), "{status}");
    assert_eq!(world.kst(["logs", "web"]).ok().out(), "hello\n");
    world.kst(LIVES).ok();
    assert_eq!(world.status("web")["state"], "running");
    world.kst(["stop", "web"]).ok();
    world.kst(["remove", "web"]).ok();
    world.kst(["status", "web"]).exits(3);
}

#[test]
fn after_it_is_made() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    at_making(&world, Engine::Tmux, "real \"$@\"; kill -9 $PPID");
    is_killed(&world, &LIVES);
    itself_again(&world, Engine::Tmux);
    // At once: nobody waits for anything first.
    let status = world.status("web");
    assert_eq!((&status["state"], &status["ours"]), (&"running".into(), &true.into()), "{status}");
    world.kst(LIVES).exits(4);
    world.kst(["stop", "web"]).ok();
    assert_eq!(world.status("web")["state"], "stopped");
    world.kst(["remove", "web"]).ok();
}

#[test]
fn after_a_short_one_is_made() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    at_making(&world, Engine::Tmux, "real \"$@\"; kill -9 $PPID");
    is_killed(&world, &["start", "web", "-b", "tmux", "--", "sh", "-c", "echo hello; exit 4"]);
    itself_again(&world, Engine::Tmux);
    until("its end is known", || world.kst(["status", "web"]).code == Some(0));
    until("it has ended", || world.status("web")["state"] == "exited");
    assert_eq!(world.status("web")["exit_code"], 4);
    assert_eq!(world.kst(["logs", "web"]).ok().out(), "hello\n");
}

/// The session is there, and its shim has not come to writing down whose it is: the next command
/// waits for that.
#[test]
fn before_its_shim_has_reported() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let ledger = world.home().join(".local/state/kst/ledger.jsonl");
    let held = format!(
        "( flock 9; touch \"$HOME/held\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.005; done ) \
         9>>'{}' & while [ ! -e \"$HOME/held\" ]; do sleep 0.005; done
         real \"$@\"; kill -9 $PPID",
        ledger.display()
    );
    at_making(&world, Engine::Tmux, &held);
    is_killed(&world, &LIVES);
    // From here on the engine's program says when it has been asked.
    at_making(&world, Engine::Tmux, "");
    let real = world.path("engines/tmux");
    world.fake(
        "tmux",
        &format!("'{}' \"$@\"; code=$?; touch \"$HOME/go\"; exit $code", real.display()),
    );
    let status = world.status("web");
    assert!(Path::new(&world.home().join("go")).exists());
    assert_eq!((&status["state"], &status["ours"]), (&"running".into(), &true.into()), "{status}");
}

/// A container is known by the label of the start that made it.
#[test]
fn of_containers() {
    let Some(world) = World::with([Engine::Podman]) else { return };
    let (name, image) = (world.name("web"), world.image());
    let start = |command: &[&'static str]| {
        let words = ["start", &name, "-b", "container", "-i", &image, "--"];
        words.iter().chain(command).map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    world.kst(start(&["sh", "-c", "echo hello; exit 3"])).ok();
    until("it has ended", || world.status(&name)["state"] == "exited");
    at_making(&world, Engine::Podman, "kill -9 $PPID");
    // It is removed before another is made in its place; nothing is left of either.
    assert_eq!(world.kst(start(&["sleep", "1000"])).code, None);
    itself_again(&world, Engine::Podman);
    world.kst(["status", &name]).exits(3);

    at_making(&world, Engine::Podman, "real \"$@\"; kill -9 $PPID");
    assert_eq!(world.kst(start(&["sleep", "1000"])).code, None);
    itself_again(&world, Engine::Podman);
    let status = world.status(&name);
    assert_eq!((&status["state"], &status["ours"]), (&"running".into(), &true.into()), "{status}");
    world.kst(["stop", &name, "--force"]).ok();

    // Killed when it has written down that it starts: the ended one stays kst's own, and gives way.
    let real = world.path("engines/podman");
    let fake = format!(
        "case \" $* \" in *' inspect '*) kill -9 $PPID;; *) exec '{}' \"$@\";; esac",
        real.display()
    );
    world.fake("podman", &fake);
    assert_eq!(world.kst(start(&["sleep", "1000"])).code, None);
    itself_again(&world, Engine::Podman);
    let status = world.status(&name);
    assert_eq!((&status["state"], &status["ours"]), (&"stopped".into(), &true.into()), "{status}");
    world.kst(start(&["sleep", "1000"])).ok();
    world.kst(["stop", &name, "--force"]).ok();
    world.kst(["remove", &name]).ok();
}
