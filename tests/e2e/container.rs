//! Sessions in podman and docker.
//!
//! What hangs on a client's own output runs with each docker client that is installed; the rest with
//! podman and the docker client that is first on the PATH.

mod bad_days;
mod daemon;
mod definition;
mod exec;
mod follow;
mod foreign;
mod large_logs;
mod lifecycle;
mod log_times;
mod names;
mod output;
mod restart_policy;
mod together;
mod truth;
mod wait;

use crate::support::{Engine, World, until};

/// podman, and every docker client.
fn each_client(test: impl Fn(&World, Engine)) {
    let clients = [Engine::Podman, Engine::DockerClient(20), Engine::DockerClient(28)];
    each_of(&clients, test);
}

/// podman, and docker.
fn each_engine(test: impl Fn(&World, Engine)) {
    each_of(&[Engine::Podman, Engine::Docker], test);
}

fn each_of(engines: &[Engine], test: impl Fn(&World, Engine)) {
    for &engine in engines {
        // A newer client than Debian's is a bonus, not a must.
        if engine == Engine::DockerClient(28) && engine.find().is_err() {
            continue;
        }
        let Some(world) = World::with([engine]) else { continue };
        test(&world, engine);
    }
}

/// Starts a session that runs `script` with sh.
#[track_caller]
fn start(world: &World, name: &str, script: &str) {
    let image = world.image();
    let args = ["start", name, "-b", "container", "-i", &image, "--", "sh", "-c", script];
    world.kst(args).ok();
}

/// Runs a container that kst knows nothing of.
#[track_caller]
fn run_foreign(world: &World, engine: Engine, name: &str, script: &str) -> String {
    let image = world.image();
    let args = ["run", "-d", "--name", name, &image, "sh", "-c", script];
    world.engine(engine, args).ok().out().trim().to_owned()
}

/// The names of all containers in an engine.
#[track_caller]
fn names(world: &World, engine: Engine) -> Vec<String> {
    let names = world.engine(engine, ["ps", "-a", "--format", "{{.Names}}"]);
    names.ok().out().lines().map(str::to_owned).collect()
}

/// The full id of the container of this name.
#[track_caller]
fn id(world: &World, engine: Engine, name: &str) -> String {
    let format = ["container", "inspect", "--format", "{{.ID}}", name];
    world.engine(engine, format).ok().out().trim().to_owned()
}

#[track_caller]
fn until_ended(world: &World, name: &str) {
    until("it has ended", || world.status(name)["state"] == "exited");
}
