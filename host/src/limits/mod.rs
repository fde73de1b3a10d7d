//! What components, and the programs that they have run, may use up: one table of it all.
//!
//! The table is the only place where a default stands. The config is checked by it (`ops.limits`),
//! its schema and `kst config show` are made of it, and a test holds docs/security.md against it.

mod amount;

use std::time::Duration;

use crate::guard::Guard;

pub use amount::{Unit, time};

macro_rules! limits {
    ($($(#[doc = $about:literal])+ $name:ident, $key:literal, $unit:ident, $default:expr,
        at most $ceiling:expr, $guard:expr;)+) => {
        /// A limit that a user can raise in their own config.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit {
            $($(#[doc = $about])+ $name,)+
        }

        impl Limit {
            /// All of them.
            pub const ALL: &[Limit] = &[$(Limit::$name),+];

            /// Its key in `ops.limits`.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Limit::$name => $key,)+
                }
            }

            /// What is counted.
            pub const fn unit(self) -> Unit {
                match self {
                    $(Limit::$name => Unit::$unit,)+
                }
            }

            /// What it is where nobody raised it, in bytes, seconds or pieces.
            pub const fn default(self) -> u64 {
                match self {
                    $(Limit::$name => $default,)+
                }
            }

            /// The most that it can be raised to: beyond that the limit would protect nothing.
            pub const fn ceiling(self) -> u64 {
                match self {
                    $(Limit::$name => $ceiling,)+
                }
            }

            /// What it bounds.
            pub fn about(self) -> &'static str {
                match self {
                    $(Limit::$name => concat!($($about),+).trim_ascii(),)+
                }
            }

            const fn guard(self) -> Guard {
                match self {
                    $(Limit::$name => $guard,)+
                }
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const HOUR: u64 = 3600;

limits! {
    /// a component's file
    ComponentSize, "component_size", Bytes, 64 * MIB, at most GIB, Guard::ComponentSize;
    /// processor time for compiling a component
    CompileTime, "compile_time", Time, 60, at most HOUR, Guard::CompileTime;
    /// memory for compiling a component
    CompileMemory, "compile_memory", Bytes, GIB, at most 64 * GIB, Guard::CompileMemory;
    /// linear memory of an instance, all of it together
    Memory, "memory", Bytes, 128 * MIB, at most 4 * GIB, Guard::Memory;
    /// elements of an instance's tables, all of them together
    TableElements, "table_elements", Count, 100_000, at most 10_000_000, Guard::Tables;
    /// core instances, memories and tables inside a component, each
    Instances, "instances", Count, 100, at most 10_000, Guard::Instances;
    /// processor time in the component, in one call
    CpuTime, "cpu_time", Time, 5, at most HOUR, Guard::Time;
    /// bytes passed to the host in one call
    Transfer, "transfer", Bytes, 16 * MIB, at most GIB, Guard::Transfer;
    /// sessions returned from one place
    Sessions, "sessions", Count, 10_000, at most 1_000_000, Guard::Sessions;
    /// one text returned
    TextSize, "text_size", Bytes, 4 * KIB, at most MIB, Guard::Texts;
    /// details of a session; the others are left out
    Details, "details", Count, 32, at most 10_000, Guard::Details;
    /// runs in one operation
    Runs, "runs", Count, 64, at most 1_000_000, Guard::RunCount;
    /// runs at once
    RunsAtOnce, "runs_at_once", Count, 8, at most 256, Guard::RunsAtOnce;
    /// time of one run
    RunTime, "run_time", Time, 10, at most 24 * HOUR, Guard::RunDeadline;
    /// time of a run that changes something in a `start` elsewhere, which may fetch an image
    StartTime, "start_time", Time, 600, at most 24 * HOUR, Guard::RunDeadline;
    /// time of one operation, and of describing itself
    OperationTime, "operation_time", Time, 60, at most 24 * HOUR, Guard::OperationDeadline;
    /// bytes of each of a run's two outputs
    OutputSize, "output_size", Bytes, 4 * MIB, at most GIB, Guard::OutputBytes;
    /// lines read of one output
    OutputLines, "output_lines", Count, 100_000, at most 10_000_000, Guard::OutputLines;
}

impl Limit {
    /// The limit of this key.
    pub fn of_key(key: &str) -> Option<Limit> {
        Limit::ALL.iter().copied().find(|limit| limit.key() == key)
    }

    /// An amount of what it counts, for people: `64 MiB`.
    pub fn shown(self, amount: u64) -> String {
        self.unit().shown(amount)
    }

    /// What to do for more, as the end of a sentence about it.
    pub(crate) fn raised_by(self) -> String {
        format!("`ops.limits.{}` in your own config raises that", self.key())
    }
}

/// The limits in force.
///
/// ```
/// use kst::limits::{Limit, Limits};
///
/// assert_eq!(Limits::default().get(Limit::Runs), 64);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// In the order of [`Limit::ALL`].
    amounts: [u64; Limit::ALL.len()],
}

impl Default for Limits {
    fn default() -> Self {
        let mut amounts = [0; Limit::ALL.len()];
        for (amount, limit) in amounts.iter_mut().zip(Limit::ALL) {
            *amount = limit.guard().limit(limit.default());
        }
        Limits { amounts }
    }
}

impl Limits {
    /// The limit, in bytes, seconds or pieces.
    pub fn get(&self, limit: Limit) -> u64 {
        self.amounts.get(limit as usize).copied().unwrap_or_else(|| limit.default())
    }

    /// Raise a limit: never below its default, and never above its ceiling.
    pub fn raise(&mut self, limit: Limit, amount: u64) {
        if let Some(own) = self.amounts.get_mut(limit as usize) {
            *own = amount.clamp(limit.default(), limit.ceiling());
        }
    }

    /// The same for what is in memory.
    pub(crate) fn size(&self, limit: Limit) -> usize {
        usize::try_from(self.get(limit)).unwrap_or(usize::MAX)
    }

    /// The same for a time.
    pub(crate) fn time(&self, limit: Limit) -> Duration {
        Duration::from_secs(self.get(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        for (place, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(*limit as usize, place);
            assert_eq!(Limit::of_key(limit.key()), Some(*limit));
            assert!(limit.default() < limit.ceiling(), "{}", limit.key());
            let shown = limit.shown(limit.default());
            assert_eq!(limit.unit().read(&shown), Ok(limit.default()), "{shown}");
        }
    }

    #[test]
    fn limits_are_raised_and_nothing_else() {
        let mut limits = Limits::default();
        limits.raise(Limit::Runs, 100);
        assert_eq!(limits.get(Limit::Runs), 100);
        limits.raise(Limit::Runs, 1);
        assert_eq!(limits.get(Limit::Runs), 64);
        limits.raise(Limit::Runs, u64::MAX);
        assert_eq!(limits.get(Limit::Runs), 1_000_000);
        assert_eq!(limits.get(Limit::Sessions), 10_000);
    }
}
