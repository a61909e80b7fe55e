//! Where a claimer begins to look.

use std::time::{Duration, Instant};

/// A look from the start may cost this share of the time: one part in eight.
const SHARE: u32 = 8;
/// The longest time without a look from the start.
const LONGEST: Duration = Duration::from_secs(5);

/// The low-water mark of a claimer: the place in line of the last event that it claimed.
///
/// An index entry of an event that was claimed stays where it was until the server has purged it, which a transaction that
/// somebody left open prevents; a look from the start walks over all of them. So most looks begin at the mark, and those
/// from the start, which find what came in before it (urgent events, those that were given back), are as frequent as they
/// are cheap: every few milliseconds while the server purges, rarely while it cannot.
/// Source of the technique: the "checkpoint" of FOQS, Facebook's queue on MySQL.
#[derive(Debug, Default)]
pub struct ClaimCursor {
    /// Microseconds since 1970.
    mark: Option<i64>,
    /// When the last look from the start ended, and how long it took.
    last_walk: Option<(Instant, Duration)>,
}

impl ClaimCursor {
    /// Where the next look begins; `None` is the start.
    pub(super) fn start(&self, now: Instant) -> Option<i64> {
        let (ended, took) = self.last_walk?;
        let pause = (took * SHARE).min(LONGEST);
        if now.saturating_duration_since(ended) < pause { self.mark } else { None }
    }

    /// A look that began at `from` took so long, and `last` is the place of the last event that it claimed, if any.
    pub(super) fn walked(&mut self, from: Option<i64>, took: Duration, last: Option<i64>) {
        if from.is_none() {
            self.last_walk = Some((Instant::now(), took));
        }
        if let Some(last) = last {
            // Urgent events stand before the mark; it stays where the line is.
            self.mark = self.mark.max(Some(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_from_the_start_are_as_rare_as_they_are_slow() {
        let mut cursor = ClaimCursor::default();
        assert_eq!(cursor.start(Instant::now()), None);
        cursor.walked(None, Duration::from_millis(100), Some(7));
        let now = Instant::now();
        assert_eq!(cursor.start(now), Some(7));
        assert_eq!(cursor.start(now + Duration::from_millis(500)), Some(7));
        assert_eq!(cursor.start(now + Duration::from_millis(800)), None);
        cursor.walked(None, Duration::from_mins(1), None);
        assert_eq!(cursor.start(Instant::now() + Duration::from_secs(4)), Some(7));
        assert_eq!(cursor.start(Instant::now() + LONGEST), None);
    }

    #[test]
    fn the_mark_only_advances() {
        let mut cursor = ClaimCursor::default();
        cursor.walked(None, Duration::from_millis(100), Some(7));
        cursor.walked(Some(7), Duration::from_millis(100), Some(9));
        cursor.walked(Some(9), Duration::from_millis(100), None);
        cursor.walked(None, Duration::from_millis(100), Some(3));
        assert_eq!(cursor.start(Instant::now()), Some(9));
    }
}
