//! What the fuzzers call, on the same made-up engine output each time.

mod backends;
#[path = "../steady.rs"]
mod steady;

use std::cell::Cell;

/// Run it on made-up output; some of it holds sessions.
fn run(kind: &str, target: fn(&[u8]) -> bool) {
    let whole = Cell::new(0_u32);
    let seeds = steady::files(&format!("tests/fuzz/seeds/{kind}"), "");
    steady::run(&seeds, 10_000, |data| whole.set(whole.get() + u32::from(target(data))));
    assert!(whole.get() > 1000, "only {}", whole.get());
}

#[test]
fn output_of_tmux_made_up() {
    run("tmux", backends::tmux);
}

#[test]
fn output_of_containers_made_up() {
    run("container", backends::container);
}

#[test]
fn output_of_screen_made_up() {
    run("screen", backends::screen);
}
