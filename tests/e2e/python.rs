//! A backend of another toolchain: the example in Python, which imports WASI, on the real screen.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Engine, World, project, shared};

/// Compiling an interpreter takes a debug build of kst half a minute, and longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The component of the example and of a module that spies (`python/spy.py`), made by componentize-py.
/// `None`, said loudly, where that cannot be had; where `CI=true` that is a failure.
fn component() -> Option<PathBuf> {
    let sources = [project().join("examples/python-backend"), project().join("tests/e2e/python")];
    let built = shared().join("spy.wasm");
    if is_newer(&built, &sources) {
        return Some(built);
    }
    let venv = shared().join("python");
    let tool = venv.join("bin/componentize-py");
    let requirements = sources[0].join("requirements.txt");
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&venv)).and_then(|()| {
        run(Command::new(venv.join("bin/pip")).args(["install", "-q", "-r"]).arg(requirements))
    });
    if let Err(why) = made {
        let text = format!("NOT RUN: python: componentize-py cannot be installed: {why}");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
        let _ = writeln!(std::io::stderr(), "{text}");
        return None;
    }
    let mut componentize = Command::new(tool);
    componentize.args(["-q", "-w", "runner", "-d"]).arg(project().join("wit")).arg("componentize");
    for source in &sources {
        componentize.arg("-p").arg(source);
    }
    // Under another name until it is whole.
    let making = shared().join("spy.wasm.new");
    run(componentize.arg("spy").arg("-o").arg(&making).env("PYTHONDONTWRITEBYTECODE", "1"))
        .unwrap_or_else(|why| panic!("componentize-py: {why}"));
    fs::rename(making, &built).expect("a file can be renamed");
    Some(built)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Whether `file` is newer than all that it is made of.
fn is_newer(file: &Path, folders: &[PathBuf]) -> bool {
    let Ok(made) = file.metadata().and_then(|meta| meta.modified()) else { return false };
    let wit = project().join("wit");
    let files =
        folders.iter().chain([&wit]).flat_map(|folder| fs::read_dir(folder).expect("sources"));
    files
        .flatten()
        .all(|entry| entry.metadata().is_ok_and(|meta| meta.modified().is_ok_and(|at| at < made)))
}

/// One after the other in one test, for the component is compiled but once.
#[test]
fn a_backend_in_python() {
    let Some(world) = World::with([Engine::Screen]) else { return };
    let Some(component) = component() else { return };
    fs::copy(component, world.path("work/spy.wasm")).expect("a copy");

    // A debug build takes half of what the limit allows, and may be on a slow machine.
    world.config("ops: {limits: {compile_time: 10min}}");
    // Its first use may compile it. From then on the code is there, and no command takes long.
    let inspect = world.command(["plugin", "inspect", "./spy.wasm"]).deadline(PATIENCE).run();
    inspect
        .ok()
        .prints("pyscreen 0.1.0")
        .prints("an empty WASI 0.2 (")
        .prints("kst:runner/process@");
    assert!(!inspect.out().contains("wasi:"), "{inspect}");
    let inspect = world.kst(["--verbose", "plugin", "inspect", "./spy.wasm"]);
    inspect.ok().prints("\n            wasi:cli/environment@0.2");
    let kst = |args: &[&str]| {
        let run = world.command(["--plugin", "./spy.wasm"]).args(args);
        run.deadline(Duration::from_secs(20)).run()
    };
    kst(&["list"]).exits(7).says("not trusted");
    world.command(["plugin", "trust", "./spy.wasm", "--yes"]).run().ok();
    kst(&["start", "dev", "--", "sh", "-c", "echo hello; sleep 1000"]).ok();
    kst(&["start", "dev", "--", "true"]).exits(4);
    let status = kst(&["status", "dev", "--json"]).ok().json();
    assert_eq!((&status["state"], &status["backend"]), (&"running".into(), &"pyscreen".into()));
    assert_eq!(kst(&["list", "--json"]).ok().json()[0]["name"], "dev");
    assert_eq!(kst(&["logs", "dev"]).ok().out(), "hello\n");
    kst(&["stop", "dev", "-t", "5"]).ok();
    assert_eq!(kst(&["status", "dev", "--json"]).ok().json()["state"], "stopped");
    assert_eq!(kst(&["logs", "dev"]).ok().out(), "hello\n");
    kst(&["remove", "dev"]).ok();
    kst(&["status", "dev"]).exits(3);

    // There is nothing behind what it calls.
    let spied = kst(&["--verbose", "list", "--health", "-b", "pyscreen"]);
    spied.ok().prints("pyscreen");
    for told in [
        "environment: {}",
        "arguments: []",
        "input: ''",
        "read: no: ",
        "write: no: ",
        "link: no: ",
        "time: True",
        "sleep: None",
        "slept: True",
        "address: no: ",
        "listen: no: ",
        "process: no: ",
        "pyscreen: printed",
        "pyscreen: complained",
    ] {
        spied.says(told);
    }
    assert!(!Path::new("/tmp/kst-spy").exists());
    let random = |outcome: &crate::support::Outcome| {
        outcome.err().lines().find(|line| line.contains("random: ")).map(str::to_owned)
    };
    let again = kst(&["--verbose", "list", "--health", "-b", "pyscreen"]);
    assert!(random(&spied).is_some() && random(&spied) == random(&again), "{spied}\n{again}");

    // An exception is told by its last line; it is no process, so it cannot end one.
    world.engine(Engine::Screen, ["-dmS", "foreign", "sleep", "1000"]).ok();
    kst(&["logs", "foreign"])
        .exits(9)
        .says("RuntimeError: no \\x1b[2Jlogs of foreign")
        .hides("\u{1b}");
    kst(&["--dry-run", "attach", "foreign"]).exits(9).says("it wanted to end its process");
}
