//! How long to wait before a program that keeps ending is started again.

use std::time::Duration;

use crate::session::{ExitStatus, RestartPolicy};

/// A program that ran for so long was well: the next wait is the first one again.
const WELL: Duration = Duration::from_secs(10);

/// A policy, and how far it has come.
#[derive(Debug)]
pub(super) struct Again {
    policy: RestartPolicy,
    /// How often the program was started again.
    so_often: u32,
    /// How long the next wait is.
    next: Duration,
}

impl Again {
    pub(super) fn new(policy: RestartPolicy) -> Self {
        let (next, _) = policy.waits();
        Again { policy, so_often: 0, next }
    }

    /// The program has ended so, after so long: how long to wait before it is started again. `None`: it
    /// is not.
    pub(super) fn after(&mut self, exit: ExitStatus, ran: Duration) -> Option<Duration> {
        if !self.policy.restarts(exit, self.so_often) {
            return None;
        }
        let (first, longest) = self.policy.waits();
        if ran >= WELL {
            self.next = first;
        }
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(longest);
        Some(wait)
    }

    /// It is started again: the how-many-th time that is.
    pub(super) fn count(&mut self) -> u32 {
        self.so_often = self.so_often.saturating_add(1);
        self.so_often
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: ExitStatus = ExitStatus::Code(1);

    fn again(text: &str, first: u64, longest: u64) -> Again {
        let policy: RestartPolicy = text.parse().unwrap();
        Again::new(RestartPolicy {
            backoff: Some(Duration::from_millis(first)),
            max_backoff: Some(Duration::from_millis(longest)),
            ..policy
        })
    }

    fn waits(again: &mut Again, ran: Duration, times: usize) -> Vec<Option<u128>> {
        let one = |_| {
            let wait = again.after(FAILED, ran);
            if wait.is_some() {
                again.count();
            }
            wait.map(|wait| wait.as_millis())
        };
        (0..times).map(one).collect()
    }

    #[test]
    fn each_wait_is_twice_as_long_up_to_the_longest() {
        let mut again = again("on-failure", 100, 700);
        let all = waits(&mut again, Duration::ZERO, 5);
        assert_eq!(all, [100, 200, 400, 700, 700].map(Some));
        assert_eq!(again.so_often, 5);
    }

    #[test]
    fn a_program_that_was_well_waits_as_the_first_time() {
        let mut again = again("on-failure", 100, 700);
        waits(&mut again, WELL - Duration::from_millis(1), 3);
        assert_eq!(waits(&mut again, WELL, 1), [Some(100)]);
        assert_eq!(waits(&mut again, Duration::ZERO, 1), [Some(200)]);
        // What it did before counts all the same.
        assert_eq!(again.so_often, 5);
    }

    #[test]
    fn the_limit_is_one() {
        let mut again = again("on-failure:2", 100, 700);
        assert_eq!(waits(&mut again, WELL, 4), [Some(100), Some(100), None, None]);
        assert_eq!(again.so_often, 2);
    }

    #[test]
    fn the_longest_waits_do_not_overflow() {
        let day = 24 * 3_600_000;
        let mut again = again("always", day, day);
        assert_eq!(waits(&mut again, Duration::ZERO, 70).last(), Some(&Some(u128::from(day))));
    }
}
