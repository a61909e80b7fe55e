//! The steps of the database's clock, and the conversion of its times to moments.

use crate::history::{Moment, now};

/// A step takes effect at most this long before or after its recorded moment.
const SLACK: Moment = 500_000;

/// The offset between the clocks of the database and of this machine over time.
///
/// After a step back, one time of the database's clock may stand for two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockSteps {
    /// The moment of each step, and the offset in microseconds from then on.
    steps: Vec<(Moment, i64)>,
}

impl ClockSteps {
    /// Records that the clock now differs by `offset` seconds from this machine's.
    pub fn record(&mut self, offset: i64) {
        self.steps.push((now(), offset * 1_000_000));
    }

    /// Returns the earliest moment at which the database's clock may have shown this time.
    pub fn earliest(&self, time: i64) -> Moment {
        self.moments(time).min().unwrap_or(time)
    }

    /// Returns the latest moment at which the database's clock may have shown this time.
    pub fn latest(&self, time: i64) -> Moment {
        self.moments(time).max().unwrap_or(time)
    }

    fn moments(&self, time: i64) -> impl Iterator<Item = Moment> {
        let first = [(Moment::MIN / 2, 0)].into_iter();
        let begins = first.chain(self.steps.iter().copied());
        let ends = self.steps.iter().map(|(at, _)| *at).chain([Moment::MAX / 2]);
        begins.zip(ends).filter_map(move |((begin, offset), end)| {
            let moment = time - offset;
            (begin - SLACK..=end + SLACK).contains(&moment).then_some(moment)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_clock_without_steps_shows_this_machine_s_time() {
        let clock = ClockSteps::default();
        assert_eq!([clock.earliest(7), clock.latest(7)], [7, 7]);
    }

    #[test]
    fn a_time_shown_twice_has_two_moments() {
        // Ten seconds ahead from second 100 to second 105.
        let clock = ClockSteps { steps: vec![(100 * SECOND, 10 * SECOND), (105 * SECOND, 0)] };
        assert_eq!([clock.earliest(99 * SECOND), clock.latest(99 * SECOND)], [99 * SECOND; 2]);
        assert_eq!([clock.earliest(112 * SECOND), clock.latest(112 * SECOND)], [102 * SECOND, 112 * SECOND]);
        assert_eq!([clock.earliest(120 * SECOND), clock.latest(120 * SECOND)], [120 * SECOND; 2]);
        // A time that the clock skipped.
        assert_eq!(clock.earliest(103 * SECOND), 103 * SECOND);
    }
}
