//! Estimates when the space will be used up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::guard::Space;

/// Length of the history.
const SPAN: Duration = Duration::from_hours(1);
/// Resolution of the history.
const STEP: Duration = Duration::from_secs(30);
/// Minimum length of a history that yields an estimate.
const MIN_SPAN: Duration = Duration::from_mins(15);
/// Maximum estimate.
const HORIZON: Duration = Duration::from_hours(30 * 24);

/// The history of the available space.
#[derive(Debug, Default)]
pub(super) struct Trend {
    samples: VecDeque<(Instant, u64)>,
    last: Option<(Instant, Space)>,
}

impl Trend {
    /// Adds the space at `now`, which is later than all earlier calls.
    pub(super) fn add(&mut self, now: Instant, space: Space) {
        self.last = Some((now, space));
        let is_due = self.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= STEP);
        if is_due {
            self.samples.push_back((now, space.available()));
        }
        while self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > SPAN) {
            self.samples.pop_front();
        }
    }

    /// Returns the estimated seconds until creations are refused, or `None` if the history is too short, the available space
    /// does not shrink, or the estimate is beyond the horizon.
    pub(super) fn seconds_to_full(&self) -> Option<u64> {
        let ((now, space), (first, before)) = (self.last?, *self.samples.front()?);
        let took = now.duration_since(first);
        let used = before.checked_sub(space.available()).filter(|used| *used > 0)?;
        let left = space.available().saturating_sub(space.required);
        let seconds = u128::from(left) * u128::from(took.as_secs()) / u128::from(used);
        let seconds = u64::try_from(seconds).ok()?;
        (took >= MIN_SPAN && seconds <= HORIZON.as_secs()).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::super::volume::Volume;
    use super::*;

    const GIB: u64 = 1 << 30;

    /// Returns the estimate for a volume of 20 GiB with a reserve of 1 GiB. `free` is its free space in GiB every ten minutes.
    fn estimate(free: &[u64]) -> Option<u64> {
        let (begun, mut trend) = (Instant::now(), Trend::default());
        for (step, gibibytes) in (0..).zip(free) {
            let volume = Volume { capacity_bytes: 20 * GIB, free_bytes: gibibytes * GIB };
            trend.add(begun + Duration::from_mins(10 * step), Space::new(volume, 0, 0));
        }
        trend.seconds_to_full()
    }

    #[test]
    fn the_estimate_continues_the_history() {
        assert_eq!(estimate(&[13, 12, 11]), Some(6000));
        assert_eq!(estimate(&[13, 11, 11]), Some(6000));
        assert_eq!(estimate(&[3, 2, 1]), Some(0));
    }

    #[test]
    fn a_short_history_or_space_that_does_not_shrink_yields_no_estimate() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[13, 12]), None);
        assert_eq!(estimate(&[13, 14, 15]), None);
        assert_eq!(estimate(&[13, 13, 13]), None);
    }
}
