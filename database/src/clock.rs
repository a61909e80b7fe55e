//! Observes the database's clock, by which events are removed, and compares it with this process's clocks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::time::{duration, microseconds};

/// Difference from which a deviation counts as a step, and not as drift or a slow answer.
const STEP: Duration = Duration::from_secs(30);
/// Period after a step during which nothing is removed.
pub(crate) const QUIET: Duration = Duration::from_mins(5);

/// This process's observations of the database's clock. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<History>>);

impl Clock {
    /// Records that the database's time is `database` while this process's is `wall`, in microseconds since 1970.
    pub(crate) fn observe(&self, database: i64, wall: i64) -> Observation {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(database, Instant::now(), wall)
    }
}

#[derive(Debug, Default)]
struct History {
    /// The database's last time in microseconds since 1970, and the moment of its observation.
    last: Option<(i64, Instant)>,
    last_step: Option<Instant>,
    /// Sum of all steps, in microseconds.
    stepped: i64,
}

/// An observation of the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observation {
    /// The step since the last observation, in microseconds; 0 if there was none.
    pub(crate) step: i64,
    /// The database's clock minus this process's, in microseconds.
    pub(crate) offset: i64,
    /// Sum of all steps since the process started, if they lead forward.
    pub(crate) ahead: Duration,
    /// True if the clock stepped within the last [`QUIET`].
    pub(crate) quiet: bool,
}

impl History {
    fn observe(&mut self, database: i64, now: Instant, wall: i64) -> Observation {
        let step = self.last.map_or(0, |(before, at)| {
            let elapsed = microseconds(now.saturating_duration_since(at));
            Some(database.saturating_sub(before).saturating_sub(elapsed))
                .filter(|step| step.unsigned_abs() > STEP.as_micros().try_into().unwrap_or(u64::MAX))
                .unwrap_or_default()
        });
        self.last = Some((database, now));
        if step != 0 {
            self.last_step = Some(now);
            self.stepped = self.stepped.saturating_add(step);
        }
        Observation {
            step,
            offset: database.saturating_sub(wall),
            ahead: duration(self.stepped),
            quiet: self.last_step.is_some_and(|at| now.saturating_duration_since(at) < QUIET),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Observes, every ten seconds by a correct clock, a clock that is `ahead` by some seconds.
    fn observations<const N: usize>(ahead: [i64; N]) -> [Observation; N] {
        let (mut history, begun) = (History::default(), Instant::now());
        let mut wall = 1_795_000_000 * SECOND;
        let mut at = begun;
        ahead.map(|ahead| {
            at += Duration::from_secs(10);
            wall += 10 * SECOND;
            history.observe(wall + ahead * SECOND, at, wall)
        })
    }

    #[test]
    fn neither_the_first_observation_nor_drift_is_a_step() {
        for observation in observations([1000, 1020, 1040, 1030]) {
            let Observation { step, ahead, quiet, .. } = observation;
            assert!(step == 0 && !quiet && ahead.is_zero(), "{observation:?}");
        }
        assert_eq!(observations([-7])[0].offset, -7 * SECOND);
    }

    #[test]
    fn a_forward_step_counts_until_it_is_reverted() {
        let day = 86_400;
        let [_, forward, still, back] = observations([0, day, day, 0]);
        assert_eq!((forward.step, forward.ahead.as_secs(), forward.quiet), (day * SECOND, 86_400, true));
        assert_eq!((still.step, still.ahead.as_secs(), still.quiet), (0, 86_400, true));
        assert_eq!((back.step, back.ahead.as_secs(), back.quiet), (-day * SECOND, 0, true));
    }

    #[test]
    fn a_step_is_followed_by_a_quiet_period() {
        let mut ahead = [60; 40];
        ahead[0] = 0;
        let observations = observations(ahead);
        assert!(observations[1..=30].iter().all(|observation| observation.quiet));
        assert!(observations[31..].iter().all(|observation| !observation.quiet));
    }
}
