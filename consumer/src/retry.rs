//! The retry policy for failed attempts.

use std::time::Duration;

use eventpipeline_database::{MaxAttempts, Next};

use crate::backoff::{doubled, jittered};

/// Maximum pause that a handler can ask for.
const DAY: Duration = Duration::from_hours(24);

/// The effect of a failure on further attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another attempt may succeed.
    Retry,
    /// Another attempt may succeed, but not before this time has passed.
    RetryAfter(Duration),
    /// No attempt will succeed.
    GiveUp,
}

/// The backoff and the maximum number of attempts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Pause after the first attempt. It doubles with each further attempt.
    pub(crate) first: Duration,
    /// Maximum pause of the policy. A handler can ask for a longer one.
    pub(crate) most: Duration,
    pub(crate) max_attempts: MaxAttempts,
}

impl RetryPolicy {
    /// Returns what follows a failed attempt. `chance`, 0 to 1, is the jitter.
    pub(crate) fn next(&self, attempt: i32, verdict: Verdict, chance: f64) -> Next {
        let attempts = u32::try_from(attempt).unwrap_or(0);
        if attempts >= self.max_attempts.get() {
            return Next::Dead;
        }
        let own = jittered(doubled(self.first, self.most, attempts.saturating_sub(1)), chance);
        match verdict {
            Verdict::GiveUp => Next::Dead,
            Verdict::Retry => Next::Retry { after: own },
            // At least the requested pause and the group's backoff, and at most a day.
            Verdict::RetryAfter(asked) => {
                let spread = asked.saturating_add(asked.mul_f64(chance / 10.0));
                Next::Retry { after: spread.min(DAY).max(own) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: fn() -> RetryPolicy = || RetryPolicy {
        first: Duration::from_secs(1),
        most: Duration::from_mins(1),
        max_attempts: MaxAttempts::new(10).unwrap(),
    };

    #[track_caller]
    fn pause(attempt: i32, verdict: Verdict, chance: f64) -> Option<Duration> {
        match POLICY().next(attempt, verdict, chance) {
            Next::Retry { after } => Some(after),
            Next::Dead => None,
        }
    }

    #[test]
    fn each_attempt_doubles_the_pause_until_the_last_one_ends_it() {
        let pauses: Vec<Option<u64>> = (1..=10)
            .map(|attempt| pause(attempt, Verdict::Retry, 1.0).map(|pause| pause.as_secs()))
            .collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Some);
        assert_eq!(pauses, [&seconds[..], &[None]].concat());
        assert_eq!(pause(i32::MAX, Verdict::Retry, 1.0), None);
    }

    #[test]
    fn a_handler_can_ask_for_a_pause() {
        let asked = Duration::from_mins(2);
        assert_eq!(pause(1, Verdict::RetryAfter(asked), 0.0), Some(asked));
        assert!(pause(1, Verdict::RetryAfter(asked), 1.0).unwrap() > asked);
        assert_eq!(pause(10, Verdict::RetryAfter(asked), 0.0), None);
        assert_eq!(pause(1, Verdict::GiveUp, 0.0), None);
        assert_eq!(pause(1, Verdict::RetryAfter(DAY), 1.0), Some(DAY));
    }

    /// Uses the defaults of `BACKOFF_SECONDS`, `BACKOFF_MAX_SECONDS` and `MAX_ATTEMPTS`.
    #[test]
    fn an_event_survives_an_hour_without_a_handler() {
        let policy = RetryPolicy {
            first: Duration::from_secs(1),
            most: Duration::from_mins(10),
            max_attempts: MaxAttempts::new(25).unwrap(),
        };
        let pause = |attempt| match policy.next(attempt, Verdict::Retry, 0.0) {
            Next::Retry { after } => after,
            Next::Dead => panic!("attempt {attempt} was the last"),
        };
        let all: Duration = (1..25).map(pause).sum();
        assert!(all > Duration::from_hours(1), "{all:?}");
    }

    proptest! {
        #[test]
        fn no_request_makes_a_pause_shorter_or_endless(
            attempt in 1..10_i32, seconds in 0..u64::MAX, chance in 0.0..1.0_f64
        ) {
            let asked = Duration::from_secs(seconds).min(DAY);
            let own = pause(attempt, Verdict::Retry, chance).unwrap();
            let after = pause(attempt, Verdict::RetryAfter(asked), chance).unwrap();
            prop_assert!(own <= after && asked <= after && after <= DAY, "{own:?} {asked:?} {after:?}");
        }
    }
}
