//! The wasmtime engine, one for the process, and the ticking of its epoch.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine, OptLevel};

use super::code::Executable;
use super::limits::stack_bytes;

/// How often a running component is looked at.
const TICK: Duration = Duration::from_millis(10);

/// The engine. It is made at first use and lives as long as the process.
pub(super) fn engine() -> Result<&'static Engine, String> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    ENGINE
        .get_or_init(|| Engine::new(&config()).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(Clone::clone)
}

/// Settings that matter: epochs bound the time of a call, features that no toolchain needs for a
/// component are off, and what would only enlarge the compiled code is left out.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack_bytes())
        .concurrency_support(false)
        .with_custom_code_memory(Some(Arc::new(Executable)))
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // A component runs for a millisecond: compiling it in half the time, at its first use, is
        // worth more than faster code.
        .cranelift_opt_level(OptLevel::None)
        // An instance lives for a millisecond: reserving gigabytes of address space and preparing
        // copy-on-write images costs more than it saves.
        .memory_reservation(0)
        .memory_guard_size(0)
        .memory_reservation_for_growth(1 << 20)
        .memory_init_cow(false);
    config
}

/// Begin to count epochs, once for the process, on a thread that first sets the engine up if nobody
/// has yet. So whoever has something else to do first calls this before it.
pub(crate) fn start_ticking() {
    static TICKING: OnceLock<()> = OnceLock::new();
    TICKING.get_or_init(|| {
        let ticker = || {
            let Ok(engine) = engine() else { return };
            loop {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        };
        // Without a thread to count, a component would be unbounded; the call's deadline in the
        // door still holds for everything but a busy loop.
        let _ = thread::Builder::new().name("epoch".into()).stack_size(1 << 20).spawn(ticker);
    });
}
