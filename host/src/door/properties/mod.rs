//! What holds of the door for every form, every request and every word of a backend: tests over many
//! of them, made up.
//!
//! The forms are made by [`usage`] from the grammar in `wit/manifest.wit`, and what the door made of
//! one is read by [`read_back`], which shares no code with the door's own writing. Each run tries the
//! same cases. To look further: `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=$RANDOM cargo test -p kst
//! --lib properties`.

mod binding;
mod changing;
mod escaping;
mod parsing;
mod read_back;
mod reading;
mod texts;
mod undo;
mod usage;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

/// Try a property on so many values.
fn holds<S: Strategy>(cases: u32, values: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let given = Config::default();
    let set = |variable: &str| std::env::var_os(variable).is_some();
    let config = Config {
        cases: if set("PROPTEST_CASES") { given.cases } else { cases },
        rng_seed: if set("PROPTEST_RNG_SEED") { given.rng_seed } else { RngSeed::Fixed(1) },
        failure_persistence: None,
        ..given
    };
    if let Err(error) = TestRunner::new(config).run(values, test) {
        panic!("{error}");
    }
}

/// Counts how many of a property's cases were of the kind that it is about: one that no case comes
/// to shows nothing.
#[derive(Default)]
struct Share {
    of: std::cell::Cell<u32>,
    counted: std::cell::Cell<u32>,
}

impl Share {
    /// Note a case.
    fn note(&self, counts: bool) {
        self.of.set(self.of.get() + 1);
        self.counted.set(self.counted.get() + u32::from(counts));
    }

    /// At least so many of a hundred cases were of that kind.
    fn at_least(&self, percent: u32) {
        let (counted, of) = (self.counted.get(), self.of.get());
        assert!(counted * 100 >= of * percent, "only {counted} of {of} cases");
    }
}
