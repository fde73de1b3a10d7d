//! One call into a component: a fresh store under limits, and the door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder, Trap, UpdateDeadline};

use super::engine::start_ticking;
use super::guest::Fault;
use super::limits::GuestLimits;
use crate::door::{Call, DoorError};

/// What a store holds during a call.
pub(super) struct State {
    /// `None` while the component describes itself: the door is shut.
    door: Option<Arc<Call>>,
    limits: GuestLimits,
    memory: StoreLimits,
    began: Instant,
    /// How much of the time since `began` was spent in the host.
    outside: Duration,
    /// The limit that was crossed, to be told instead of the trap that follows.
    crossed: Option<String>,
}

impl State {
    /// Use the door, off the component's clock.
    pub(super) fn outside<T>(
        &mut self,
        use_door: impl FnOnce(&Call) -> Result<T, DoorError>,
    ) -> Result<T, DoorError> {
        match self.door.clone() {
            Some(door) => self.timed(|| use_door(&door)),
            None => Err(shut()),
        }
    }

    /// The same, for several runs at once.
    pub(super) fn outside_all<T>(
        &mut self,
        count: usize,
        use_door: impl FnOnce(&Call) -> Vec<Result<T, DoorError>>,
    ) -> Vec<Result<T, DoorError>> {
        match self.door.clone() {
            Some(door) => self.timed(|| use_door(&door)),
            None => (0..count).map(|_| Err(shut())).collect(),
        }
    }

    /// The same, for services that answer nothing where the door is shut.
    pub(super) fn outside_or_default<T: Default>(
        &mut self,
        use_door: impl FnOnce(&Call) -> T,
    ) -> T {
        match self.door.clone() {
            Some(door) => self.timed(|| use_door(&door)),
            None => T::default(),
        }
    }

    /// A line for the debug log.
    pub(super) fn tell(&self, text: &str) {
        if let Some(door) = &self.door {
            door.note(text);
        }
    }

    fn timed<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let value = work();
        self.outside += began.elapsed();
        value
    }

    /// Whether the component has used up its time.
    fn out_of_cpu(&self) -> bool {
        self.began.elapsed().saturating_sub(self.outside) > self.limits.cpu
    }
}

/// The refusal while the component describes itself.
fn shut() -> DoorError {
    DoorError::Refused("nothing can be run while a backend describes itself".into())
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limits.memory_bytes {
            self.crossed = Some(format!(
                "it wanted more memory than the limit of {} MiB",
                self.limits.memory_bytes >> 20
            ));
        }
        self.memory.memory_growing(current, desired, maximum)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limits.table_elements {
            self.crossed = Some(format!(
                "it wanted a table larger than the limit of {} elements",
                self.limits.table_elements
            ));
        }
        self.memory.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.limits.core_instances
    }

    fn tables(&self) -> usize {
        self.limits.core_instances
    }

    fn memories(&self) -> usize {
        self.limits.core_instances
    }
}

/// A store for one call, with `door` open or (for `describe`) shut.
pub(super) fn store(
    engine: &'static wasmtime::Engine,
    limits: GuestLimits,
    door: Option<Arc<Call>>,
) -> Store<State> {
    start_ticking();
    let memory = StoreLimitsBuilder::new()
        .memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .instances(limits.core_instances)
        .memories(limits.core_instances)
        .tables(limits.core_instances)
        .build();
    let state = State {
        door,
        limits,
        memory,
        began: Instant::now(),
        outside: Duration::ZERO,
        crossed: None,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.transfer_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        if state.out_of_cpu() {
            state.crossed = Some(format!(
                "it computed for longer than the limit of {} seconds",
                state.limits.cpu.as_secs_f32()
            ));
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::Continue(1))
    });
    store
}

/// What went wrong in the component, as a sentence about it.
pub(super) fn fault(store: &mut Store<State>, error: &wasmtime::Error) -> Fault {
    if let Some(crossed) = store.data_mut().crossed.take() {
        return Fault(crossed);
    }
    Fault(match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => format!(
            "it used more stack than the limit of {} KiB",
            store.data().limits.stack_bytes >> 10
        ),
        Some(Trap::UnreachableCodeReached) => {
            "it gave up (it ran into 'unreachable', which is how a panic ends)".into()
        }
        Some(trap) => format!("it trapped: {trap}"),
        None => format!("it broke: {}", first_line(&format!("{error:#}"))),
    })
}

fn first_line(text: &str) -> String {
    crate::text::escape_controls(text.lines().next().unwrap_or_default())
}
