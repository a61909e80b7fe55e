//! Where a look along the index begins.

use std::time::{Duration, Instant};

/// A look from the start may cost this share of the time: one part in eight.
const SHARE: u32 = 8;
/// The longest time without a look from the start.
const LONGEST: Duration = Duration::from_mins(1);

/// A low-water mark: the place, in the order of `due`, up to which somebody has dealt with everything.
///
/// An index entry of an event that went on to another state stays where it was until the server has purged it, which a
/// transaction that somebody left open prevents; a look from the start walks over all of them. So most looks begin at the
/// mark, and those from the start, which find what came in before it (urgent events, those that were given back), are as
/// frequent as they are cheap: every few milliseconds while the server purges, rarely while it cannot. One that failed, for it
/// took too long, counts like one that succeeded.
/// Source of the technique: the "checkpoint" of FOQS, Facebook's queue on MySQL.
#[derive(Debug, Default)]
pub struct LowWaterMark {
    /// Microseconds since 1970.
    place: Option<i64>,
    /// When the last look from the start ended, and how long it took.
    last_walk: Option<(Instant, Duration)>,
}

impl LowWaterMark {
    /// Where the next look begins; `None` is the start.
    pub(crate) fn start(&self, now: Instant) -> Option<i64> {
        let (ended, took) = self.last_walk?;
        let pause = (took * SHARE).min(LONGEST);
        if now.saturating_duration_since(ended) < pause { self.place } else { None }
    }

    /// A look that began at `from` took so long, and everything before `dealt_with` is dealt with, as far as it says so.
    pub(crate) fn walked(&mut self, from: Option<i64>, took: Duration, dealt_with: Option<i64>) {
        if from.is_none() {
            self.last_walk = Some((Instant::now(), took));
        }
        if let Some(place) = dealt_with {
            // Urgent events stand before the mark; it stays where the line is.
            self.place = self.place.max(Some(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the last look from the start ended, which is when the time without one begins.
    fn ended(mark: &LowWaterMark) -> Instant {
        mark.last_walk.unwrap().0
    }

    #[test]
    fn looks_from_the_start_are_as_rare_as_they_are_slow() {
        let mut mark = LowWaterMark::default();
        assert_eq!(mark.start(Instant::now()), None);
        mark.walked(None, Duration::from_millis(100), Some(7));
        assert_eq!(mark.start(ended(&mark)), Some(7));
        assert_eq!(mark.start(ended(&mark) + Duration::from_millis(799)), Some(7));
        assert_eq!(mark.start(ended(&mark) + Duration::from_millis(800)), None);
        mark.walked(None, Duration::from_mins(10), None);
        assert_eq!(mark.start(ended(&mark) + Duration::from_secs(59)), Some(7));
        assert_eq!(mark.start(ended(&mark) + LONGEST), None);
    }

    #[test]
    fn the_mark_only_advances() {
        let mut mark = LowWaterMark::default();
        mark.walked(None, Duration::from_millis(100), Some(7));
        mark.walked(Some(7), Duration::from_millis(100), Some(9));
        mark.walked(Some(9), Duration::from_millis(100), None);
        mark.walked(None, Duration::from_millis(100), Some(3));
        assert_eq!(mark.start(ended(&mark)), Some(9));
    }
}
