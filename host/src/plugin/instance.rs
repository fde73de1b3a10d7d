//! One call into a component: a fresh store under limits, and the door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{ResourceLimiter, Store, Trap, UpdateDeadline};

use super::engine::start_ticking;
use super::guest::Fault;
use super::limits::{GuestLimits, stack_bytes};
use super::wasi::Empty;
use crate::door::{Call, DoorError};
use crate::limits::Limit;

/// What a store holds during a call.
pub(super) struct State {
    /// `None` while the component describes itself: the door is shut.
    door: Option<Arc<Call>>,
    limits: GuestLimits,
    /// The bytes of all its memories, and the elements of all its tables. What was granted counts to
    /// the end, whether or not it could be had.
    memory: usize,
    elements: usize,
    /// What this thread had computed when the call began. The call stays on it.
    computed_before: Duration,
    /// How much of what it computed since was the host's own work.
    outside: Duration,
    /// When the whole call must be over, waiting included.
    until: Instant,
    /// The limit that was crossed, to be told instead of the trap that follows.
    crossed: Option<String>,
    /// What it gets of WASI, where it imports that.
    pub(super) wasi: Empty,
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

    /// Tell this instead of the error that follows.
    pub(super) fn cross(&mut self, what: String) {
        self.crossed = Some(what);
    }

    /// A line for the debug log.
    pub(super) fn tell(&self, text: &str) {
        if let Some(door) = &self.door {
            door.note(text);
        }
    }

    fn timed<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = computed();
        let value = work();
        self.outside += computed().saturating_sub(before);
        value
    }

    /// How long the component's own code has computed. Neither waiting in the host counts, nor for
    /// its turn on a busy machine.
    fn used(&self) -> Duration {
        computed().saturating_sub(self.computed_before).saturating_sub(self.outside)
    }

    /// The limit on time that was crossed, as a sentence about the component.
    fn out_of_time(&self) -> Option<String> {
        if self.used() > self.limits.cpu {
            return Some(format!(
                "it computed for longer than the limit of {} seconds; {}",
                self.limits.cpu.as_secs_f32(),
                Limit::CpuTime.raised_by()
            ));
        }
        (Instant::now() > self.until).then(|| {
            let raised_by = Limit::OperationTime.raised_by();
            format!("it went on when the time of the whole operation was over; {raised_by}")
        })
    }
}

/// The processor time that this thread has had.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
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
        let all = self.memory.saturating_add(desired.saturating_sub(current));
        if all > self.limits.memory_bytes {
            self.crossed = Some(format!(
                "it wanted more memory than the limit of {}; {}",
                Limit::Memory.shown(self.limits.memory_bytes as u64),
                Limit::Memory.raised_by()
            ));
            return Ok(false);
        }
        self.memory = all;
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.elements.saturating_add(desired.saturating_sub(current));
        if all > self.limits.table_elements {
            self.crossed = Some(format!(
                "it wanted larger tables than the limit of {} elements; {}",
                self.limits.table_elements,
                Limit::TableElements.raised_by()
            ));
            return Ok(false);
        }
        self.elements = all;
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.instances
    }

    fn memories(&self) -> usize {
        self.limits.instances
    }
}

/// A store for one call, with `door` open or (for `describe`) shut.
pub(super) fn store(
    engine: &'static wasmtime::Engine,
    limits: GuestLimits,
    door: Option<Arc<Call>>,
) -> Store<State> {
    start_ticking();
    let time = door.as_ref().map_or(limits.describing, |door| door.time());
    let state = State {
        door,
        limits,
        memory: 0,
        elements: 0,
        computed_before: computed(),
        outside: Duration::ZERO,
        until: Instant::now() + time + limits.grace,
        crossed: None,
        wasi: Empty::default(),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.transfer_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        if let Some(what) = state.out_of_time() {
            state.crossed = Some(what);
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::Continue(1))
    });
    store
}

/// What went wrong in the component, as a sentence about it.
pub(super) fn fault(store: &mut Store<State>, error: &wasmtime::Error) -> Fault {
    let state = store.data_mut();
    let what = match state.crossed.take() {
        Some(crossed) => crossed,
        None => trap(error, &state.limits),
    };
    Fault(match state.wasi.last_words() {
        Some(words) => format!("{what}; the last it said is: {words}"),
        None => what,
    })
}

fn trap(error: &wasmtime::Error, limits: &GuestLimits) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            format!("it used more stack than the limit of {} KiB", stack_bytes() >> 10)
        }
        Some(Trap::UnreachableCodeReached) => {
            "it gave up (it ran into 'unreachable', which is how a panic ends)".into()
        }
        Some(trap) => format!("it trapped: {trap}"),
        None => {
            let text = format!("{error:#}");
            bounded(&text, limits).unwrap_or_else(|| format!("it broke: {}", first_line(&text)))
        }
    }
}

/// What wasmtime says where a limit was crossed that it keeps itself, in the words of the others.
fn bounded(text: &str, limits: &GuestLimits) -> Option<String> {
    let counted = ["instance", "memory", "table"];
    let plural = ["instances", "memories", "tables"];
    let said = |what: &&str| text.contains(&format!("exceeded: {what} count"));
    if let Some(kind) = counted.iter().position(said) {
        return Some(format!(
            "it has more {} than the limit of {}; {}",
            plural.get(kind)?,
            limits.instances,
            Limit::Instances.raised_by()
        ));
    }
    text.contains("allocated for hostcalls").then(|| {
        format!(
            "it passed more to the host in one call than the limit of {}; {}",
            Limit::Transfer.shown(limits.transfer_bytes as u64),
            Limit::Transfer.raised_by()
        )
    })
}

fn first_line(text: &str) -> String {
    crate::text::escape_controls(text.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    fn state(time: Duration) -> State {
        State {
            door: None,
            limits: GuestLimits { cpu: SHORT, ..GuestLimits::default() },
            memory: 0,
            elements: 0,
            computed_before: computed(),
            outside: Duration::ZERO,
            until: Instant::now() + time,
            crossed: None,
            wasi: Empty::default(),
        }
    }

    /// Computes until this thread has had so much processor time more.
    fn compute(time: Duration) {
        let end = computed() + time;
        while computed() < end {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn waiting_and_the_hosts_work_are_not_the_components() {
        let mut state = state(Duration::from_secs(600));
        // As on a machine that is busy with others: the thread does not get its turn.
        thread::sleep(SHORT * 3);
        state.timed(|| thread::sleep(SHORT * 3));
        state.timed(|| compute(SHORT * 3));
        assert_eq!(state.out_of_time(), None);
        compute(SHORT);
        let what = state.out_of_time().expect("it has used up its time");
        assert!(what.contains("computed for longer than the limit of 0.02 seconds"), "{what}");
    }

    #[test]
    fn the_whole_call_has_an_end_all_the_same() {
        let state = state(Duration::ZERO);
        thread::sleep(Duration::from_millis(1));
        let what = state.out_of_time().expect("its time is over");
        assert!(what.contains("whole operation"), "{what}");
    }
}
