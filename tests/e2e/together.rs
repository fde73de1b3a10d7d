//! The config's sessions together: `kst up` and `kst down`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Engine, Key, Outcome, Started, World, until};

/// Sessions that note in `order` that they begin. `db` is ready, and `migrate` ends, when told to.
const CONFIG: &str = r#"
ops:
  sessions:
    web:
      command: [sh, -c, 'echo web >> "$HOME/order"; exec sleep 1000']
      depends_on: [api, db]
    api:
      command: [sh, -c, 'echo api >> "$HOME/order"; exec sleep 1000']
      depends_on: {migrate: succeeded}
    migrate:
      command: [sh, -c, 'echo migrate >> "$HOME/order"; until [ -e "$HOME/go-migrate" ]; do sleep 0.02; done']
      depends_on: db
    db:
      command:
        - sh
        - -c
        - |
          echo db >> "$HOME/order"
          until [ -e "$HOME/go-db" ]; do sleep 0.02; done
          printf 'db is \033[32mup\033[0m now\n'
          exec sleep 1000
      ready: {log: is up now}
    other: {command: [sleep, '1000']}
  groups: {front: [web], alone: other}
"#;

fn world() -> Option<World> {
    let world = World::with([Engine::Tmux])?;
    world.config(CONFIG);
    Some(world)
}

fn order(world: &World) -> String {
    fs::read_to_string(world.home().join("order")).unwrap_or_default().replace('\n', " ")
}

fn go(world: &World) {
    for file in ["home/go-db", "home/go-migrate"] {
        world.write(file, "");
    }
}

/// Whether it reads nothing for longer than anything that looks again and again waits.
fn is_quiet(world: &World, up: &Started) -> bool {
    let before = up.reads();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(400) {
        world.kst(["config", "path"]);
    }
    up.reads() == before
}

/// What came of each session, as `NAME RESULT`.
fn results(outcome: &Outcome) -> Vec<String> {
    let json = outcome.json();
    let one = |one: &Value| format!("{} {}", one["name"], one["result"]).replace('"', "");
    json.as_array().expect("an array").iter().map(one).collect()
}

#[test]
fn each_is_started_when_what_it_needs_is_so_far() {
    let Some(world) = world() else { return };
    let up = world.command(["up", "front"]).spawn();
    until("the first is there", || order(&world) == "db ");
    // What waits is not there, however long it takes.
    assert_eq!(world.status("db")["state"], "running");
    world.kst(["status", "migrate", "--json"]).ok().prints("defined");
    world.write("home/go-db", "");
    until("the second is there", || order(&world) == "db migrate ");
    world.kst(["status", "api", "--json"]).ok().prints("defined");
    world.write("home/go-migrate", "");
    let outcome = up.wait();
    outcome.ok();
    assert_eq!(order(&world), "db migrate api web ");
    // As it came about, a line for each step.
    let said = outcome.out();
    let steps: Vec<&str> =
        said.lines().filter_map(|line| line.split([' ', '(']).nth(1).map(|_| line)).collect();
    let begins = [
        "db: started",
        "db: ready after",
        "migrate: started",
        "migrate: done",
        "api: started",
        "web: started",
    ];
    assert_eq!(steps.len(), begins.len(), "{outcome}");
    for (step, begin) in steps.iter().zip(begins) {
        assert!(step.starts_with(begin), "{outcome}");
    }
    // The other one was not named, and nobody needs it.
    assert_eq!(world.status("other")["state"], "defined");
    // Again: nothing is left to do, and nothing is done.
    let pids = |name: &str| world.status(name)["pid"].clone();
    let before: Vec<Value> = ["db", "api", "web"].map(pids).into();
    let again = world.kst(["up", "front", "--json"]);
    assert_eq!(
        results(again.ok()),
        ["db ready", "migrate succeeded", "api running", "web running"],
        "{again}"
    );
    assert_eq!(before, ["db", "api", "web"].map(pids));
    assert_eq!(order(&world), "db migrate api web ");
}

#[test]
fn down_goes_the_other_way_and_up_then_does_it_all_again() {
    let Some(world) = world() else { return };
    go(&world);
    world.kst(["up"]).ok();
    // What needs it goes with it, before it.
    let down = world.kst(["down", "api", "--json"]);
    assert_eq!(results(down.ok()), ["web stopped", "api stopped"]);
    assert_eq!(world.status("db")["state"], "running");
    let up = world.kst(["up", "--json"]);
    // The work that api waits for is done again before it.
    assert_eq!(up.ok().json()[1]["result"], "succeeded", "{up}");
    assert_eq!(order(&world), "db migrate api web migrate api web ");
    let down = world.kst(["down", "--json"]);
    let mut results = results(down.ok());
    results.retain(|one| !one.starts_with("other"));
    assert_eq!(results, ["web stopped", "api stopped", "migrate not running", "db stopped"]);
    assert!(world.processes().is_empty());
    world.kst(["down"]).ok().prints("web: not running");
    // What they printed is still there.
    world.kst(["logs", "db"]).ok().prints("db is up now");
}

#[test]
fn a_dry_run_tells_the_order_and_does_nothing() {
    let Some(world) = world() else { return };
    let up = world.kst(["up", "front", "--dry-run"]);
    let lines: Vec<String> = up
        .ok()
        .out()
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "NAME ACTION AFTER READY",
            "db start - is waited for",
            "migrate start db ready -",
            "api start migrate succeeded -",
            "web start api started, db ready -",
        ]
    );
    assert_eq!(order(&world), "");
    let json = world.kst(["up", "alone", "--dry-run", "--json"]).ok().json();
    assert_eq!(json, json!([{ "name": "other", "action": "start", "after": [] }]));
    world.kst(["start", "other"]).ok();
    let json = world.kst(["down", "other", "--dry-run", "--json"]).ok().json();
    assert_eq!(json, json!([{ "name": "other", "action": "stop", "after": [] }]));
    assert_eq!(world.status("other")["state"], "running");
}

/// Of what fails, the last lines are shown; what needs it waits in vain, and nothing else does.
#[test]
fn what_fails_keeps_back_what_needs_it_and_nothing_else() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.config(
        "ops:
  sessions:
    ends: {command: [sh, -c, 'echo cannot open the door; exit 3'], ready: {log: ready}}
    slow: {command: [sleep, '1000'], ready: {tcp: 1, timeout: 2s}}
    job: {command: [sh, -c, 'exit 4']}
    missing: {command: [/no/such/program]}
    broken: {command: 'a | b'}
    after-ends: {command: sleep 1000, depends_on: ends}
    after-that: {command: sleep 1000, depends_on: after-ends}
    after-job: {command: sleep 1000, depends_on: {job: succeeded}}
    after-broken: {command: sleep 1000, depends_on: broken}
    fine: {command: sleep 1000}
",
    );
    let up = world.kst(["up", "--json"]);
    up.exits(1);
    let json = up.json();
    let of = |name: &str| {
        let all = json.as_array().expect("an array");
        all.iter().find(|one| one["name"] == name).expect(name).clone()
    };
    for name in ["ends", "slow", "job", "missing", "broken"] {
        assert_eq!(of(name)["result"], "failed", "{up}");
    }
    assert_eq!(of("ends")["last_output"], "cannot open the door\n");
    assert_eq!(of("slow")["exit_code"], 8);
    assert_eq!(of("broken")["exit_code"], 2);
    for (name, because) in [
        ("after-ends", "ends"),
        ("after-that", "after-ends"),
        ("after-job", "job"),
        ("after-broken", "broken"),
    ] {
        assert_eq!(
            (&of(name)["result"], &of(name)["because"]),
            (&json!("skipped"), &json!(because))
        );
        assert_eq!(world.status(name)["state"], "defined");
    }
    assert_eq!(of("fine")["result"], "started");
    up.says(
        "session 'ends' ended with code 3 before it was ready\n    ends | cannot open the door",
    )
    .says("session 'slow' was not ready within 2.")
    .says("session 'job' ended with code 4 and others wait for it to succeed")
    .says("session 'missing' was not started: /no/such/program does not exist")
    .says("kstlib.conf.yml:7");
    world.kst(["up", "slow", "-t", "1"]).exits(8).says("was not ready when the time was up");
    // It is left running: whoever wants to know why it is not ready can look.
    assert_eq!(world.status("slow")["state"], "running");
}

#[test]
fn a_command_tells_that_it_is_ready_with_the_sessions_own_variables() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.write("work/vars.env", "# comment\nFILE=from-file\nOTHER='a b'\n");
    world.write(
        "work/kstlib.conf.yml",
        "ops:
  sessions:
    api:
      command: [sh, -c, 'echo \"$OTHER $FILE\"; touch \"$FILE\"; exec sleep 1000']
      env_file: ${KST_TEST_FILES:-vars}.env
      env: {FILE: '${HOME}/made'}
      ready: {command: 'test -e \"$FILE\"'}
",
    );
    let up = world.kst(["up"]);
    up.ok().prints("api: ready after");
    assert!(world.home().join("made").exists());
    world.kst(["logs", "api"]).ok().prints(&format!("a b {}/made", world.home().display()));
    world.kst(["down"]).ok();
    fs::remove_file(world.path("work/vars.env")).unwrap();
    world.kst(["up"]).exits(2).says("session 'api': ").says("vars.env: the file cannot be read");
    world.kst(["config", "check"]).ok().prints("vars.env cannot be read");
}

#[test]
fn a_port_tells_that_it_is_ready() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    world.config(&format!(
        "ops: {{sessions: {{api: {{command: [sleep, '1000'], ready: {{tcp: '127.0.0.1:{port}'}}}}}}}}"
    ));
    let mut up = world.command(["up"]).spawn();
    until("it runs", || world.status("api")["state"] == "running");
    assert!(up.runs());
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    up.wait().ok().prints("api: ready after");
}

/// Killed at any moment: the next one goes on where it was.
#[test]
fn one_that_is_killed_can_be_gone_on_with() {
    let Some(world) = world() else { return };
    let up = world.command(["up", "front"]).spawn();
    until("the first is there", || order(&world) == "db ");
    up.signal(rustix::process::Signal::KILL);
    assert_eq!(up.wait().code, None);
    let pid = world.status("db")["pid"].clone();
    go(&world);
    world.kst(["up", "front"]).ok().prints("db: runs already").prints("web: started");
    assert_eq!(world.status("db")["pid"], pid);
    assert_eq!(order(&world), "db migrate api web ");
}

/// Each session runs once, whoever was quicker.
#[test]
fn several_at_once() {
    let Some(world) = world() else { return };
    world.write("home/go-db", "");
    let many: Vec<_> = (0..4).map(|_| world.command(["up"]).spawn()).collect();
    until("the work is being done", || order(&world).contains("migrate"));
    world.write("home/go-migrate", "");
    for up in many {
        up.wait().ok();
    }
    for name in ["db", "api", "web"] {
        assert_eq!(order(&world).matches(name).count(), 1, "{}", order(&world));
    }
    let sessions = world.tmux(["list-sessions", "-F", "#{session_name}"]).ok().out();
    let mut sessions: Vec<&str> = sessions.lines().collect();
    sessions.sort_unstable();
    assert_eq!(sessions, ["api", "db", "other", "web"]);
    let downs: Vec<_> = (0..3).map(|_| world.command(["down"]).spawn()).collect();
    downs.into_iter().for_each(|down| {
        down.wait().ok();
    });
    assert!(world.processes().is_empty());
}

#[test]
fn what_others_started_is_left_alone() {
    let Some(world) = world() else { return };
    world.tmux(["new-session", "-d", "-s", "other", "sleep", "1000"]).ok();
    world.kst(["up", "alone"]).ok().prints("not started by kst");
    world.kst(["down", "alone"]).ok().prints("other: left alone");
    world.tmux(["has-session", "-t", "=other"]).ok();
}

/// A run of kst's of the same name has ended well, and had printed what is waited for.
#[test]
fn what_others_started_is_not_taken_for_an_ended_run_of_the_same_name() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    world.config(
        "ops:
  sessions:
    job: {command: [sh, -c, 'echo up now'], ready: {log: up now}}
    after: {command: sleep 1000, depends_on: {job: succeeded}}
",
    );
    world.kst(["start", "job"]).ok();
    world.kst(["wait", "job"]).ok();
    let script = "until [ -e ready ]; do sleep 0.02; done; echo up now; \
                  until [ -e over ]; do sleep 0.02; done";
    world.tmux(["new-session", "-d", "-s", "job", "sh", "-c", script]).ok();
    let mut up = world.command(["up"]).spawn();
    let looked = up.reads() + 100;
    until("it has looked again and again", || up.reads() > looked);
    assert!(up.runs());
    world.write("work/ready", "");
    until("it waits for the end", || is_quiet(&world, &up));
    assert!(up.runs());
    world.kst(["status", "after", "--json"]).ok().prints("defined");
    world.write("work/over", "");
    let up = up.wait();
    // tmux does not tell how it ended.
    up.exits(1).prints("job: ready").says("nobody knows how, and others wait for it to succeed");
    let run = world.status("job");
    assert_eq!((&run["exit_code"], &run["ours"]), (&json!(0), &json!(true)), "{run}");
    assert_eq!(run["ready_at"], Value::Null, "another one became ready: {run}");
}

/// What is waited for tells of its end by itself.
#[test]
fn the_end_that_others_wait_for_is_not_looked_for_again_and_again() {
    let Some(world) = world() else { return };
    world.write("home/go-db", "");
    let mut up = world.command(["up", "front"]).spawn();
    until("the work is being done", || order(&world) == "db migrate ");
    until("it sleeps", || is_quiet(&world, &up));
    assert!(up.runs());
    world.write("home/go-migrate", "");
    up.wait().ok().prints("web: started");
    world.kst(["down"]).ok();
    fs::remove_file(world.home().join("go-migrate")).expect("it is there");
    // Its time may be up, and it may be ended otherwise than by itself.
    let up = world.kst(["up", "front", "-t", "900ms"]);
    up.exits(8).says("session 'migrate' had not ended when the time was up");
    let up = world.command(["up", "front"]).spawn();
    until("the work is being done", || world.status("migrate")["state"] == "running");
    until("the work is waited for", || is_quiet(&world, &up));
    world.kst(["stop", "migrate"]).ok();
    up.wait().exits(1).says("session 'migrate' was stopped and others wait for it to succeed");
    assert_eq!(world.status("api")["state"], "stopped");
}

#[test]
fn a_terminal_shows_a_line_for_each_which_is_written_over() {
    let Some(world) = world() else { return };
    let mut terminal = world.terminal(["up", "front"]);
    terminal.shows_when("it waits for db", |screen| {
        screen.contains("db       getting ready") && screen.contains("web      waiting")
    });
    world.write("home/go-db", "");
    terminal.shows("migrate  at work");
    terminal.press(Key::Ctrl('c'));
    assert_eq!(terminal.exits(), None);
    assert_eq!(world.status("migrate")["state"], "running");
    go(&world);
    let mut terminal = world.terminal(["up", "front"]);
    assert_eq!(terminal.exits(), Some(0), "{}", terminal.screen());
    let screen = terminal.screen();
    let lines: Vec<&str> =
        screen.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "{screen}");
    assert!(lines[3].starts_with("web      started (tmux, pid "), "{screen}");
}

/// The config may have been edited since.
#[test]
fn down_stops_what_needs_itself_and_what_is_broken() {
    let Some(world) = World::with([Engine::Tmux]) else { return };
    let config = |a: &str, more: &str| {
        world.config(&format!(
            "ops: {{sessions: {{a: {{command: sleep 1000, depends_on: [{a}]}}, \
             b: {{command: sleep 1000, depends_on: a}}, c: {{command: sleep 1000, depends_on: b}}{more}}}}}"
        ));
    };
    config("", "");
    world.kst(["up"]).ok();
    config(
        "b",
        ", never: {command: 'true', env: {X: '${NOT_SET}'}}, own: {command: 'true', depends_on: own}",
    );
    let down = world.kst(["down"]);
    down.ok().prints("never: not running").prints("own: not running");
    for name in ["a", "b", "c"] {
        down.prints(&format!("{name}: stopped"));
    }
    assert!(down.duration < std::time::Duration::from_secs(20), "{down}");
    config("", "");
    for name in ["a", "b", "c"] {
        assert_eq!(world.status(name)["state"], "stopped");
    }
}

#[test]
fn what_cannot_be_meant() {
    let Some(world) = world() else { return };
    world.kst(["up", "fron"]).exits(3).says("did you mean 'front'?");
    world.kst(["down", "nobody"]).exits(3).says("sessions and groups of the config");
    world.kst(["up", ""]).exits(2);
    for time in ["-1", "soon", "", "1e9", "99999999999d"] {
        world.kst(["up", "-t", time]).exits(2).says("--timeout");
    }
    world.config("ops: {sessions: }");
    world.kst(["up"]).exits(2).says("the config defines no session");
    world.config(
        "ops: {sessions: {a: {depends_on: b}, b: {depends_on: a}, c: {command: sleep 1000}}}",
    );
    world.kst(["up"]).exits(2).says("they wait for each other: a → b → a");
    assert_eq!(world.status("c")["state"], "running");
    world.config("ops: [");
    world.kst(["up"]).exits(2).says("kstlib.conf.yml:1");
}
