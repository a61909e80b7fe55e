//! What becomes of an event whose attempt failed.

use std::time::Duration;

use eventpipeline_database::{MaxAttempts, Next};

use crate::backoff::{doubled, jittered};

/// What a failure says about further attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another attempt may succeed.
    Retry,
    /// Another attempt may succeed, but not before this time has passed.
    RetryAfter(Duration),
    /// No attempt will succeed.
    GiveUp,
}

/// When an event is tried again, and when no more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// The pause after the first attempt; each further one doubles it.
    pub(crate) first: Duration,
    /// The longest pause of this policy's own. A handler may ask for a longer one.
    pub(crate) most: Duration,
    pub(crate) max_attempts: MaxAttempts,
}

impl RetryPolicy {
    /// What comes after a failed attempt; `chance`, 0 to 1, spreads what failed together.
    pub(crate) fn next(&self, attempt: i32, verdict: Verdict, chance: f64) -> Next {
        let attempts = u32::try_from(attempt).unwrap_or(0);
        if attempts >= self.max_attempts.get() {
            return Next::Dead;
        }
        match verdict {
            Verdict::GiveUp => Next::Dead,
            Verdict::Retry => {
                let pause = doubled(self.first, self.most, attempts.saturating_sub(1));
                Next::Retry { after: jittered(pause, chance) }
            }
            // Never earlier than asked for.
            Verdict::RetryAfter(after) => Next::Retry { after: after + after.mul_f64(chance / 10.0) },
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn a_handler_decides_when_it_says_so() {
        let asked = Duration::from_mins(2);
        assert_eq!(pause(1, Verdict::RetryAfter(asked), 0.0), Some(asked));
        assert!(pause(1, Verdict::RetryAfter(asked), 1.0).unwrap() > asked);
        assert_eq!(pause(10, Verdict::RetryAfter(asked), 0.0), None);
        assert_eq!(pause(1, Verdict::GiveUp, 0.0), None);
    }
}
