//! What a component may use up.

use std::time::Duration;

use crate::guard::Guard;
use crate::limits::{Limit, Limits};

/// The wasm stack, in bytes. It is a setting of the engine and not of a call, so nothing raises it; and
/// the native stack has to hold it: a thread's has 2 MiB.
pub(super) fn stack_bytes() -> usize {
    if Guard::Stack.holds() { 512 << 10 } else { 1 << 20 }
}

/// The limits of one call into a component. Past one, the call ends with an error that names the
/// plugin and the limit; the host and the other backends go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestLimits {
    /// All linear memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// Elements of all its tables.
    pub table_elements: usize,
    /// Core instances, memories and tables inside a component, each.
    pub instances: usize,
    /// Processor time spent in the component's own code during a call. Waiting, in the host or for its
    /// turn on a busy machine, is not counted.
    pub cpu: Duration,
    /// How long a component may take to describe itself, waiting included. Other calls have the time
    /// of their operation.
    pub describing: Duration,
    /// How long a call may go on when the time of its operation is over (5 s).
    pub grace: Duration,
    /// Bytes that one call may pass to the host.
    pub transfer_bytes: usize,
    /// Sessions returned from one location.
    pub sessions: usize,
    /// Bytes of any one text returned, logs apart.
    pub text_bytes: usize,
    /// Detail pairs of a session.
    pub details: usize,
}

impl GuestLimits {
    /// Those of the table.
    pub fn of(limits: &Limits) -> Self {
        GuestLimits {
            memory_bytes: limits.size(Limit::Memory),
            table_elements: limits.size(Limit::TableElements),
            instances: limits.size(Limit::Instances),
            cpu: limits.time(Limit::CpuTime),
            describing: limits.time(Limit::OperationTime),
            grace: Duration::from_secs(5),
            transfer_bytes: limits.size(Limit::Transfer),
            sessions: limits.size(Limit::Sessions),
            text_bytes: limits.size(Limit::TextSize),
            details: limits.size(Limit::Details),
        }
    }
}

impl Default for GuestLimits {
    fn default() -> Self {
        GuestLimits::of(&Limits::default())
    }
}
