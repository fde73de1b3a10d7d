//! Components and programs that take more than their share: of time, memory, output, processes.

use std::fs;
use std::time::Duration;

use kst::guard::Guard;

use super::script::LAUNCH;
use super::{Attack, Script, Seen};
use crate::support::{World, padded, wasm};

const WEB: &str = "echo '1 up 0 web'";

/// What is typed so that an export is called.
const EXPORTS: [(&str, &[&str]); 9] = [
    ("describe", &["list", "-b", "evil"]),
    ("probe", &["list", "--health", "-b", "evil"]),
    ("list", &["list", "-b", "evil"]),
    ("status", &["status", "web", "-b", "evil"]),
    ("start", &["start", "web", "-b", "evil", "--", "true"]),
    ("stop", &["stop", "web", "-b", "evil", "-t", "1"]),
    ("remove", &["remove", "old", "-b", "evil"]),
    ("logs", &["logs", "web", "-b", "evil"]),
    ("attach", &["--dry-run", "attach", "web", "-b", "evil"]),
];

/// An attack from within this export; the others are honest. `old` is an ended session of kst's.
fn from(export: &str, steps: &[&[&str]]) -> Attack {
    let script = Script::launching();
    let script = match export {
        "start" => script,
        _ => script.on("start", &[&["try", "new"]]),
    };
    let attack = Attack::by(script.on(export, steps))
        .engine("new", LAUNCH)
        .engine("ls", "echo '1 up 0 web'; echo '7 down 0 old'")
        .running_anything();
    match export {
        "remove" => attack.kst(&["start", "old", "-b", "evil", "--", "true"]),
        _ => attack,
    }
}

/// An honest script that leaves a mark when it is asked for a list.
fn marks() -> Script {
    let script = Script::honest().form("mark", "list", "reads", "mark");
    script.only("list", &[&["try", "mark"]])
}

/// The component in its place, grown. What another test keeps of it, which was allowed more, is not for
/// this one: a component that is known need not describe itself.
fn grown(grow: impl Fn(&[u8]) -> Vec<u8> + 'static) -> impl Fn(&mut World) {
    move |world| {
        world.with_own_cache();
        let file = world.path("work/evil.wasm");
        let component = grow(&fs::read(&file).expect("it was written"));
        fs::write(file, component).expect("it can be written");
    }
}

fn list(script: Script) -> Attack {
    Attack::by(script).kst(&["list", "-b", "evil"]).running_anything()
}

/// The exit code where a component breaks in this export: what cannot describe itself is no plugin.
fn broken(export: &str) -> i32 {
    if export == "describe" { 6 } else { 9 }
}

#[test]
fn an_endless_loop_in_each_export() {
    // Each takes the processor for as long as it may, so there are not more at once than processors.
    std::thread::scope(|scope| {
        for half in [&EXPORTS[..4], &EXPORTS[4..]] {
            scope.spawn(move || {
                for (export, command) in half {
                    from(export, &[&["loop"]])
                        .kst(command)
                        .exits(broken(export))
                        .says("it computed for longer than the limit of 5 seconds")
                        .cannot_land("another test takes the limit away", |_| false);
                }
            });
        }
    });
}

#[test]
fn an_endless_loop() {
    from("list", &[&["loop"]])
        .kst(&["list", "-b", "evil"])
        .stopped_by(&[Guard::Time])
        .says("it computed for longer than the limit of 5 seconds")
        .goes_on_for(Duration::from_secs(9));
}

#[test]
fn a_trap_in_each_export() {
    for (export, command) in EXPORTS {
        for (step, says) in [("panic", "gave up"), ("index", "gave up")] {
            from(export, &[&["trap", step]])
                .kst(command)
                .exits(broken(export))
                .says(says)
                .cannot_land("the sandbox's: a trap ends its own instance", |seen| {
                    seen.outcome.code.is_none() || seen.shows("panicked")
                });
        }
    }
}

#[test]
fn more_memory() {
    let script = Script::honest().form("mark", "list", "reads", "mark");
    list(script.only("list", &[&["grow", "3200"], &["try", "mark"]]))
        .stopped_by(&[Guard::Memory])
        .says("limit of 128 MiB")
        .lands_when(Seen::marked);
}

#[test]
fn more_memory_in_its_description() {
    list(Script::honest().on("describe", &[&["grow", "3200"]]))
        .stopped_by(&[Guard::Memory])
        .exits(6)
        .says("limit of 128 MiB")
        .lands_when(|seen| seen.outcome.code == Some(0));
}

#[test]
fn more_of_a_table() {
    list(Script::raw("table"))
        .stopped_by(&[Guard::Tables])
        .exits(6)
        .says("limit of 100000 elements")
        .lands_when(|seen| seen.shows("gave up"));
}

#[test]
fn more_of_the_stack() {
    let script = |depth: &str| {
        let script = Script::honest().form("mark", "list", "reads", "mark");
        script.only("list", &[&["recurse", depth], &["try", "mark"]])
    };
    list(script("15000"))
        .stopped_by(&[Guard::Stack])
        .says("it used more stack than the limit of 512 KiB")
        .lands_when(Seen::marked);
    list(script("0"))
        .says("it used more stack than the limit of 512 KiB")
        .cannot_land("the test above takes it away", Seen::marked);
}

#[test]
fn more_bytes_of_output() {
    list(Script::honest().only("list", &[&["try", "ls"]]))
        .engine("ls", "head -c 5000000 /dev/zero | tr '\\0' 'a'")
        .stopped_by(&[Guard::OutputBytes])
        .exits(1)
        .says("box printed more than 4194304 bytes and was killed")
        .lands_when(|seen| seen.outcome.code == Some(0));
}

#[test]
fn output_without_end() {
    list(Script::honest())
        .engine("ls", "yes 1 up 0 web")
        .exits(1)
        .says("box printed more than")
        .cannot_land("the test above takes it away", |seen| !seen.world().processes().is_empty());
}

#[test]
fn more_lines_of_output() {
    list(Script::honest().only("list", &[&["try", "ls"]]))
        .engine("ls", "yes 1 up 0 x | head -n 100001")
        .stopped_by(&[Guard::OutputLines])
        .exits(1)
        .says("box printed more than 100000 lines")
        .lands_when(|seen| seen.outcome.code == Some(0));
}

#[test]
fn a_hundred_thousand_runs() {
    let times: &[&[&str]] = &[&["times", "100000"], &["run", "ls"], &["try", "ls"]];
    list(Script::honest().only("list", times))
        .stopped_by(&[Guard::RunCount])
        .says("it asked for more than 64 runs in one operation")
        .lands_when(|seen| seen.ran.len() > 64);
}

#[test]
fn many_runs_at_once() {
    let all: Vec<&str> = std::iter::once("all").chain(vec!["ls"; 200]).collect();
    list(Script::honest().only("list", &[&all]))
        .stopped_by(&[Guard::RunCount])
        .says("it asked for more than 64 runs in one operation")
        .lands_when(|seen| seen.ran.len() > 64);
}

#[test]
fn a_run_that_never_ends() {
    list(Script::honest())
        .engine("ls", "trap '' TERM HUP INT; sleep 1000; sleep 1000")
        .stopped_by(&[Guard::RunDeadline])
        .exits(8)
        .says("box did not end within 10 s and was killed")
        .goes_on_for(Duration::from_secs(13));
}

#[test]
fn a_run_whose_children_stay() {
    list(Script::honest())
        .engine("ls", "trap '' TERM HUP INT; sleep 1000 & sleep 1000 & sleep 1000")
        .stopped_by(&[Guard::WholeGroup])
        .exits(8)
        .says("box did not end within 10 s and was killed")
        .lands_when(|seen| !seen.world().processes().is_empty());
}

/// It leaves its process group and keeps the output open. That is in its own power, and must hold
/// up nobody.
#[test]
fn a_program_that_forks_beyond_its_group() {
    list(Script::honest())
        .engine("ls", &format!("setsid sleep 1000 & {WEB}"))
        .stopped_by(&[Guard::EndsWithItsProgram])
        .exits(0)
        .lands_when(|seen| seen.outcome.code == Some(8));
}

/// A backend that is held up costs its own line, and the others nothing.
#[test]
fn the_others_go_on() {
    let web = Script::honest().named("good").component();
    list(Script::honest().only("list", &[&["trap", "panic"]]))
        .with(move |world| drop(world.write("home/.local/share/kst/plugins/good.wasm", &web)))
        .approving("home/.local/share/kst/plugins/good.wasm")
        .engine("ls", WEB)
        .kst(&["list"])
        .exits(0)
        .says("evil: it gave up")
        .cannot_land("each backend is asked for itself", |seen| {
            !seen.outcome.out().contains("web")
        });
}

#[test]
fn a_larger_component() {
    list(marks())
        .with(grown(|component| padded(component, 65 << 20)))
        .stopped_by(&[Guard::ComponentSize])
        .exits(6)
        .says("larger than the limit of 64 MiB")
        .lands_when(Seen::marked);
}

/// Each memory is small enough.
#[test]
fn many_memories() {
    // 64 MiB each.
    list(marks())
        .with(grown(|component| wasm::with_memories(component, 3, 1024, 1)))
        .stopped_by(&[Guard::Memory])
        .exits(6)
        .says("it wanted more memory than the limit of 128 MiB")
        .lands_when(Seen::marked);
}

#[test]
fn many_tables() {
    list(marks())
        .with(grown(|component| wasm::with_tables(component, 3, 50_000, 1)))
        .stopped_by(&[Guard::Tables])
        .exits(6)
        .says("it wanted larger tables than the limit of 100000 elements")
        .lands_when(Seen::marked);
}

#[test]
fn more_instances() {
    type Grow = fn(&[u8]) -> Vec<u8>;
    let each: [(&str, Grow); 3] = [
        ("instances", |component| wasm::with_instances(component, 101)),
        ("memories", |component| wasm::with_memories(component, 51, 0, 2)),
        ("tables", |component| wasm::with_tables(component, 51, 0, 2)),
    ];
    for (what, grow) in each {
        list(marks())
            .with(grown(grow))
            .stopped_by(&[Guard::Instances])
            .exits(6)
            .says(&format!("it has more {what} than the limit of 100"))
            .lands_when(Seen::marked);
    }
}

/// A component that is looked at, and is compiled for that.
fn inspected(hard: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Attack {
    Attack::by(marks())
        .not_approved()
        .without_plugin()
        .with(grown(hard))
        // With many processors it would take its time in less time, and memory for each.
        .with(|world| world.set("RAYON_NUM_THREADS", "1"))
        .kst(&["plugin", "inspect", "./evil.wasm"])
        .exits(6)
        .patience(Duration::from_secs(600))
}

#[test]
fn a_component_that_takes_long_to_compile() {
    inspected(|component| wasm::hard_to_compile(component, 12, 60_000, 0))
        .stopped_by(&[Guard::CompileTime])
        .says("compiling it takes more processor time than the limit of 60 s")
        .computes_for(Duration::from_secs(61));
}

#[test]
fn a_component_that_takes_memory_to_compile() {
    inspected(|component| wasm::hard_to_compile(component, 1, 20_000, 1_000))
        .stopped_by(&[Guard::CompileMemory])
        .says("compiling it takes more memory than the limit of 1 GiB")
        .lands_when(|seen| seen.outcome.code == Some(0));
}

#[test]
fn more_programs_at_once() {
    let all: Vec<&str> = std::iter::once("all").chain(vec!["ls"; 12]).collect();
    // Each waits a second for eight others, and tells when they are there.
    let waits = "mkdir -p ~/here; : > ~/here/$$; i=0
        while [ $i -lt 10 ]; do
            set -- ~/here/*; [ $# -gt 8 ] && : > ~/crowd && break
            sleep 0.1; i=$((i + 1))
        done
        rm ~/here/$$";
    list(Script::honest().only("list", &[&all]))
        .engine("ls", waits)
        .stopped_by(&[Guard::RunsAtOnce])
        .exits(0)
        .running_anything()
        .lands_when(|seen| seen.path("home/crowd").exists());
}

#[test]
fn a_pause_without_end() {
    list(Script::honest().only("list", &[&["pause", "3600000"], &["try", "ls"]]))
        .patience(Duration::from_secs(120))
        .stopped_by(&[Guard::OperationDeadline])
        .exits(8)
        .says("the operation took longer than 60 s")
        .goes_on_for(Duration::from_secs(63));
}

#[test]
fn a_log_that_comes_without_end() {
    Attack::by(
        Script::honest()
            .form("tail", "logs", "plan", "box tail {id}")
            .on("logs", &[&["try", "ls"], &["plan", "tail"]]),
    )
    .engine("ls", "echo '1 up 0 web'")
    .engine("tail", "while :; do echo line; sleep 0.5; done")
    .kst(&["logs", "web", "-b", "evil"])
    .patience(Duration::from_secs(120))
    .stopped_by(&[Guard::OperationDeadline])
    .exits(8)
    .says("the operation took longer than 60 s")
    .running_anything()
    .goes_on_for(Duration::from_secs(63));
}

#[test]
fn a_program_that_wants_input() {
    list(Script::honest())
        .engine("ls", "if read -r word; then echo \"1 up 0 $word\"; fi")
        .with_input("secret\n")
        .stopped_by(&[Guard::NoInput])
        .exits(0)
        .running_anything()
        .lands_when(|seen| seen.shows("secret"));
}

#[test]
fn a_directory_that_raises_a_limit() {
    list(Script::honest().only("list", &[&["times", "65"], &["run", "ls"], &["try", "ls"]]))
        .with(|world| {
            world.write("work/kstlib.conf.yml", "ops: {limits: {runs: 100}}\n");
        })
        .stopped_by(&[Guard::DirectoryConfig])
        .says("kstlib.conf.yml:1: ops.limits: the config of a directory cannot raise limits")
        .says(
            "it asked for more than 64 runs in one operation; `ops.limits.runs` in your own config",
        )
        .running_anything()
        .lands_when(|seen| seen.outcome.code == Some(0));
}

/// What the user's own config allows, and no other.
#[test]
fn limits_that_are_raised() {
    list(Script::honest().only("list", &[&["times", "65"], &["run", "ls"], &["try", "ls"]]))
        .says("`ops.limits.runs` in your own config raises that")
        .running_anything()
        .lands_with("runs: 100", |seen| seen.outcome.code == Some(0) && seen.ran.len() == 66);
    list(Script::honest().only("list", &[&["try", "ls"]]))
        .engine("ls", "head -c 5000000 /dev/zero | tr '\\0' 'a'")
        .exits(1)
        .says("`ops.limits.output_size` in your own config raises that")
        .running_anything()
        .lands_with("output_size: 8 MiB", |seen| seen.outcome.code == Some(0));
    list(Script::honest().only("list", &[&["try", "ls"]]))
        .engine("ls", "yes 1 up 0 x | head -n 100001")
        .exits(1)
        .says("`ops.limits.output_lines` in your own config raises that")
        .running_anything()
        .lands_with("output_lines: 200000", |seen| seen.outcome.code == Some(0));
    let script = Script::honest().form("mark", "list", "reads", "mark");
    list(script.only("list", &[&["grow", "3200"], &["try", "mark"]]))
        .says("`ops.limits.memory` in your own config raises that")
        .lands_with("memory: 512 MiB", Seen::marked);
    list(Script::honest().only("list", &[&["sessions", "20000"]]))
        .says("`ops.limits.sessions` in your own config raises that")
        .lands_with("sessions: 20000", |seen| seen.shows("s19999"));
    let long = format!("image={}", "a".repeat(5000));
    list(Script::honest().only("list", &[&["session", "web", "running", &long]]))
        .says("`ops.limits.text_size` in your own config raises that")
        .lands_with("text_size: 8 KiB", |seen| seen.outcome.code == Some(0));
    list(marks())
        .with(grown(|component| wasm::with_instances(component, 101)))
        .exits(6)
        .says("`ops.limits.instances` in your own config raises that")
        .lands_with("instances: 200", Seen::marked);
    list(marks())
        .with(grown(|component| wasm::with_tables(component, 3, 50_000, 1)))
        .exits(6)
        .says("`ops.limits.table_elements` in your own config raises that")
        .lands_with("table_elements: 200000", Seen::marked);
    list(marks())
        .with(grown(|component| padded(component, 65 << 20)))
        .exits(6)
        .says("`ops.limits.component_size` in your own config raises that")
        .lands_with("component_size: 70 MiB", Seen::marked);
}

#[test]
fn a_run_that_is_given_longer() {
    list(Script::honest())
        .engine("ls", "sleep 11; echo '1 up 0 web'")
        .exits(8)
        .says("`ops.limits.run_time` in your own config raises that")
        .running_anything()
        .lands_with("run_time: 30s", |seen| seen.shows("web"));
}
