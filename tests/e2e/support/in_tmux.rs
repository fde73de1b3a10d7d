//! What most tests of sessions in tmux begin with.

use super::{Engine, World, until};

/// A world with tmux; `None`, said loudly, where there is none.
#[track_caller]
pub fn world() -> Option<World> {
    World::with([Engine::Tmux])
}

/// Starts a session that runs a shell script.
#[track_caller]
pub fn start(world: &World, name: &str, script: &str) {
    world.kst(["start", name, "-b", "tmux", "--", "sh", "-c", script]).ok();
}

/// Waits until a session has ended by itself.
#[track_caller]
pub fn until_ended(world: &World, name: &str) {
    until("it has ended", || world.status(name)["state"] == "exited");
}
