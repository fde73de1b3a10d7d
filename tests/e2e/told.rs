//! What kst tells a person: of slips, of what runs, of what is out of reach.

use crate::support::{Engine, World};

fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

#[test]
fn a_name_that_is_nearly_one_of_the_config() {
    let Some(world) = world() else { return };
    world.config("ops: {sessions: {api: {command: sleep 1000}, plain: {}}}");
    let started = world.kst(["start", "apii"]);
    started.ok().prints("runs your shell");
    started.says("no session 'apii' is in the config, so it runs your shell");
    started.says("did you mean 'api'?");
    assert_eq!(world.status("apii")["state"], "running");

    // Nothing to be said where the name was meant, or what is to run.
    for args in [
        &["start", "api"][..],
        &["start", "plain"],
        &["start", "other"],
        &["start", "apia", "--", "sleep", "1000"],
        &["start", "apib", "-c", "sleep 1000"],
    ] {
        let started = world.kst(args);
        assert_eq!(started.ok().err(), "", "{started}");
        let shell = args == ["start", "plain"] || args == ["start", "other"];
        assert_eq!(started.out().contains("your shell"), shell, "{started}");
    }
    // The same again is no slip either, and it is said what that is.
    world.kst(["stop", "apia", "-t", "0"]).ok();
    let again = world.kst(["start", "apia"]);
    again.ok().prints("runs 'sleep 1000' as before");
    assert_eq!(again.err(), "", "{again}");
}

#[test]
fn a_command_without_its_dashes() {
    let world = World::bare();
    let refused = world.kst(["start", "x", "sleep", "5"]);
    refused.exits(2).says("kst start x -- sleep 5");
}

#[test]
fn status_tells_what_a_session_runs_and_who_says_so() {
    let Some(world) = world() else { return };
    let config = world.config(
        "ops: {sessions: {api: {command: sleep 1000, env: {TOKEN: s3cret}}, idle: {command: top}}}",
    );
    world.kst(["start", "api", "-e", "MORE=s3cret"]).ok();
    let defined_in = format!("defined in:  {}\n", config.display());
    let status = world.kst(["status", "api"]);
    status.ok().prints("command:     sleep 1000\n").prints(&defined_in).hides("s3cret");
    world.kst(["status", "idle"]).ok().prints("command:     top\n").prints(&defined_in);
    let json = world.kst(["status", "api", "--json"]);
    json.ok().hides("s3cret");
    assert_eq!(json.json()["command"], "sleep 1000");
    assert_eq!(json.json()["defined_in"], config.display().to_string());

    // What was given goes before the config, also here; and it stays known.
    world.kst(["stop", "api", "-t", "0"]).ok();
    world.kst(["start", "api", "--", "sleep", "2000"]).ok();
    world.kst(["stop", "api", "-t", "0"]).ok();
    world.kst(["status", "api"]).ok().prints("command:     sleep 2000\n");

    // Of others' sessions nothing of the kind is known.
    world.tmux(["new-session", "-d", "-s", "theirs", "sleep 1000"]).ok();
    world.kst(["status", "theirs"]).ok().hides("command:").hides("defined in");
    assert!(world.status("theirs")["command"].is_null());
}
