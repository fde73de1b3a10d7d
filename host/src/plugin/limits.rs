//! What a component may use up.

use std::time::Duration;

use crate::guard::Guard;

/// The limits of one call into a component. Past one, the call ends with an error that names the
/// plugin and the limit; the host and the other backends go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestLimits {
    /// The component's file, in bytes (64 MiB).
    pub component_bytes: u64,
    /// All linear memory of an instance, in bytes (128 MiB: an interpreter fits).
    pub memory_bytes: usize,
    /// Elements of one table (100,000).
    pub table_elements: usize,
    /// Core instances, memories and tables inside a component, each (100).
    pub core_instances: usize,
    /// Processor time spent in the component's own code during a call (5 s). Waiting, in the host or
    /// for its turn on a busy machine, is not counted.
    pub cpu: Duration,
    /// How long a component may take to describe itself, waiting included (60 s). Other calls have
    /// the time of their operation.
    pub describing: Duration,
    /// How long a call may go on when the time of its operation is over (5 s).
    pub grace: Duration,
    /// The wasm stack, in bytes (512 KiB).
    pub stack_bytes: usize,
    /// Bytes that one call may pass to the host (16 MiB).
    pub transfer_bytes: usize,
    /// Sessions returned from one location (10,000).
    pub sessions: usize,
    /// Bytes of any one text returned (4 KiB), logs apart.
    pub text_bytes: usize,
    /// Detail pairs of a session (32).
    pub details: usize,
}

impl Default for GuestLimits {
    fn default() -> Self {
        GuestLimits {
            component_bytes: Guard::ComponentSize.limit(64 << 20),
            memory_bytes: Guard::Memory.limit(128 << 20),
            table_elements: Guard::Tables.limit(100_000),
            core_instances: 100,
            cpu: Duration::from_secs(Guard::Time.limit(5)),
            describing: Duration::from_secs(Guard::Time.limit(60)),
            grace: Duration::from_secs(5),
            // The native stack has to hold it: a thread's has 2 MiB.
            stack_bytes: if Guard::Stack.holds() { 512 << 10 } else { 1 << 20 },
            transfer_bytes: Guard::Transfer.limit(16 << 20),
            sessions: Guard::Sessions.limit(10_000),
            text_bytes: Guard::Texts.limit(4096),
            details: Guard::Details.limit(32),
        }
    }
}
