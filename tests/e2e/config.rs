//! What is wrong in a config: told once, with its line, to whom it concerns.

use crate::support::{Engine, Outcome, World};

/// The problems that `config check` prints: their first lines, without the file.
fn checked(world: &World) -> Vec<String> {
    let check = world.kst(["config", "check"]);
    let out = check.out();
    let lines = out.lines().filter(|line| !line.starts_with(' ') && !line.is_empty());
    let short =
        |line: &str| line.replace(&format!("{}/", world.path("home/.config").display()), "");
    lines.map(short).collect()
}

fn count(outcome: &Outcome, text: &str) -> usize {
    outcome.err().matches(text).count()
}

#[test]
fn each_mistake_is_one_problem_with_its_line() {
    let world = World::bare();
    let file = "kstlib.conf.yml";
    world.config(
        "ops:\n  default_backend: tmxu\n  tmux_binary: /no/such\n  sessions:\n    a: {command: top}\n    \
         b: {backend: tmux, comand: top}\n    c: {backend: tmux, socket_name: a/b}\n",
    );
    let slash = "'a/b' is not a socket's name: it cannot hold '/' or control characters, or begin";
    assert_eq!(
        checked(&world),
        [
            format!("error: {file}:6: ops.sessions.b.comand: tmux has no option 'comand'"),
            format!("error: {file}:2: ops.default_backend: no backend is called 'tmxu'"),
            format!(
                "warning: {file}:3: ops.tmux_binary: /no/such, which is to stand for tmux, is not \
                 a file that can be executed"
            ),
            format!("error: {file}:7: ops.sessions.c.socket_name: socket_name: {slash} with '-'"),
        ]
    );
    world.kst(["config", "check"]).prints("did you mean 'command'?");
    // A start says where it stands, too.
    let place = |line: u32| format!("{file}:{line}");
    world.kst(["start", "b"]).exits(2).says(&place(6)).says("did you mean 'command'?");
    world.kst(["start", "c"]).exits(2).says(&place(7)).says("a/b");
    world.kst(["start", "a"]).exits(6).says(&place(2)).says("did you mean 'tmux'?");
    world.kst(["start", "a", "-b", "tmux"]).exits(6).says("tmux_binary");
    // Given on the command line, it is not the config's.
    let given = world.kst(["start", "c", "-o", "socket_name=x/y"]);
    given.exits(2).says("x/y");
    assert_eq!(count(&given, &place(7)), 0, "{given}");
}

#[test]
fn a_program_that_a_directory_chooses_has_its_line() {
    let world = World::bare();
    world.write("work/kstlib.conf.yml", "ops:\n  sessions: {}\n  tmux_binary: ./evil\n");
    world.kst(["list"]).exits(7).says("kstlib.conf.yml:3: the config of a directory");
}

#[test]
fn what_cannot_be_read_is_told_once() {
    let world = World::bare();
    let file = world.config("ops:\n  sessions:\n   a: {b: [}\n");
    let place = format!("{}:3: this is not YAML", file.display());
    for (args, code) in [
        (&["config", "show"][..], 0),
        (&["list"], 0),
        (&["status", "a"], 3),
        (&["start", "a"], 2),
        (&["start", "other"], 2),
    ] {
        let outcome = world.kst(args);
        outcome.exits(code);
        assert_eq!(count(&outcome, &place), 1, "{outcome}");
    }
    std::fs::remove_file(&file).expect("it can be removed");
    std::fs::create_dir(&file).expect("a folder");
    let show = world.kst(["config", "show"]);
    show.ok().says(&format!("{}: this is not a regular file", file.display()));
}

/// What the backend says of it is the error, and there is nothing to guess at before it.
#[test]
fn a_start_tells_of_a_mistyped_key_once() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let file = world.config("ops:\n  sessions:\n    a:\n      comand: top\n");
    let place = format!("{}:4: ops.sessions.a.comand: ", file.display());
    let start = world.kst(["start", "a"]);
    start.exits(2).says(&format!("error: {place}tmux has no option 'comand'"));
    start.says("did you mean 'command'?");
    assert_eq!(count(&start, "comand'"), 1, "{start}");
    assert_eq!(count(&start, "warning"), 0, "{start}");
    // What asks no backend goes on with a guess.
    let status = world.kst(["status", "a"]);
    status.says(&format!("warning: {place}'comand' is not a key that every session has"));
}

#[test]
fn other_sessions_mistakes_are_counted() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.config(
        "ops: {sessions: {good: {command: sleep 1000}, a: {comand: x}, b: {ports: {}}, c: {command: 'a && b'}}}",
    );
    for args in [
        &["start", "good"][..],
        &["status", "good"],
        &["list"],
        &["logs", "good"],
        &["stop", "good", "-t", "0"],
        &["remove", "good"],
    ] {
        let outcome = world.kst(args);
        outcome.ok().says("warning: 3 problems in the config; 'kst config check' shows them");
        assert_eq!(outcome.err().lines().count(), 1, "{outcome}");
    }
    let own = world.kst(["status", "c"]);
    own.exits(3).says("ops.sessions.c.command: ").says("2 other problems in the config");
    let own = world.kst(["start", "c"]);
    own.exits(2).says("2 problems in the config");
    assert_eq!(count(&own, "ops.sessions.c.command"), 1, "{own}");
}

#[test]
fn limits_are_raised_and_not_lowered() {
    let world = World::bare();
    world.config("ops:\n  limits:\n    runs: 10\n    memory: 256M\n    rnu_time: 20s\n");
    world.write("work/kstlib.conf.yml", "ops:\n  limits:\n    sessions: 20000\n");
    let check = world.kst(["config", "check"]);
    assert_eq!(check.code, Some(2), "{check}");
    check.prints("kstlib.conf.yml:3: ops.limits.runs: '10' is less than the default, 64");
    check.prints("hint: a limit can only be raised: leave it out for 64");
    check.prints("kstlib.conf.yml:5: ops.limits.rnu_time: ops.limits has no key 'rnu_time'");
    check.prints("hint: did you mean 'run_time'?");
    check.prints("kstlib.conf.yml:2: ops.limits: the config of a directory cannot raise limits");
    check.prints("hint: if you mean it, put the setting into your own config");
    // Every command says so, and goes on.
    world.kst(["list"]).ok().says("ops.limits.runs: '10' is less than the default");
    let shown = world.kst(["config", "show", "--json"]).ok().json();
    let origins = &shown["origins"];
    assert_eq!(origins["ops.limits.memory"]["value"], "256M");
    assert_eq!(origins["ops.limits.memory"]["line"], 4);
    assert_eq!(origins["ops.limits.sessions"]["value"], 10000);
    assert!(origins["ops.limits.sessions"]["file"].is_null());
    world.kst(["config", "show"]).ok().prints("component_size: \"64 MiB\"");
}
