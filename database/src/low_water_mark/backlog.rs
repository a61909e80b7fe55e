//! A backlog: more events are due after the mark than a scan returns. Consumers that share one take ranges of it from a cursor.
//!
//! A consumer notices the others because they have claimed events that its scan found, or because they make its locking reads slow.

use std::time::{Duration, Instant};

use super::LowWaterMark;
use crate::scan::Seen;

/// Time in microseconds for which the events at the mark of a shared backlog have been due. A range costs a commit, which would delay
/// events that consumers claim as fast as they are created.
const LATE: i64 = 1_000_000;
/// Time for which no range is taken from the shared cursor after another client kept it locked.
const WITHOUT_CURSOR: Duration = Duration::from_mins(1);
/// Duration of a locking scan without its events, if it passes no claims of other consumers. It takes less than a millisecond on an
/// idle server.
const ALONE: Duration = Duration::from_millis(5);
/// Additional duration per event; about 5 µs on an idle server.
const ALONE_PER_EVENT: Duration = Duration::from_micros(15);

/// A consumer's knowledge of a backlog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Backlog {
    /// The last scan did not end at its limit.
    #[default]
    None,
    /// More events are due after the mark. Either they are not `late`, or no other consumer was noticed.
    Own {
        /// True if the events at the mark have been due for longer than [`LATE`].
        late: bool,
    },
    /// More events are due after the mark, have been so for longer than [`LATE`], and other consumers claim them, too.
    Shared,
}

/// The start of a range of the backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The mark, in microseconds since 1970.
    pub(crate) place: i64,
    /// The database's time of the last complete scan.
    pub(crate) since: i64,
    /// True if the range begins at the mark, wherever the shared cursor is.
    pub(crate) rewind: bool,
}

impl LowWaterMark {
    /// Returns whether the last scan ended at its limit, and other consumers claim from the same backlog.
    pub(crate) fn shares_backlog(&self) -> bool {
        self.backlog == Backlog::Shared
    }

    /// Begins or continues a backlog if a limit ended the scan, otherwise ends it.
    pub(super) fn set_backlog(&mut self, seen: &Seen) {
        self.backlog = match (seen.cut, self.backlog) {
            (None, _) => Backlog::None,
            (Some(_), Backlog::None) => Backlog::Own { late: false },
            (Some(_), known) => known,
        };
        let late = seen.cut.is_some_and(|cut| seen.now - cut > LATE);
        match &mut self.backlog {
            Backlog::Own { late: known } => *known = late,
            Backlog::Shared if !late => self.backlog = Backlog::Own { late },
            _ => {}
        }
    }

    /// Records that other consumers claim from the backlog, if there is one.
    pub(super) fn share_backlog(&mut self) {
        if self.backlog == (Backlog::Own { late: true }) {
            self.backlog = Backlog::Shared;
        }
    }

    /// Notices other consumers by the duration of a locking scan with this many events.
    pub(super) fn passed_others(&mut self, took: Duration, events: usize) {
        let alone = ALONE + ALONE_PER_EVENT * u32::try_from(events).unwrap_or(u32::MAX);
        if took > alone {
            self.share_backlog();
        }
    }

    /// Returns the start of the next range of the backlog, or `None` if a scan must come first.
    pub(crate) fn range(&self, now: Instant) -> Option<Start> {
        let has_cursor = self.without_cursor_until.is_none_or(|until| now >= until);
        let (place, since) = self.place.zip(self.complete)?;
        (self.shares_backlog() && has_cursor && !self.full_scan_is_due(now)).then_some(Start {
            place,
            since,
            rewind: self.rewind,
        })
    }

    /// Records a range of the backlog. It has fewer events than requested if no cut is known; then the backlog ends.
    pub(crate) fn took_range(&mut self, seen: Seen) {
        self.rewind = false;
        if self.complete > Some(seen.now) {
            self.forget_place();
            return;
        }
        self.complete = Some(seen.now);
        self.place = self.place.max(seen.cut);
        self.set_backlog(&seen);
        self.first = false;
        self.seen = seen.ids.into();
    }

    /// Records that another client keeps the shared cursor locked.
    pub(crate) fn cursor_is_locked(&mut self, now: Instant) {
        self.without_cursor_until = Some(now + WITHOUT_CURSOR);
    }
}

#[cfg(test)]
mod tests {
    use super::super::BACKLOG_INTERVAL;
    use super::*;
    use crate::event::EventId;
    use crate::scan::Scan;

    const SECOND: i64 = 1_000_000;
    const ALL: Scan = Scan::Full { reach: None, until: None };

    fn seen(now: i64, cut: Option<i64>) -> Seen {
        Seen { now, cut, ids: Vec::new() }
    }

    /// Returns a mark at 5 s whose last scan, at 100 s, ended at its limit, after others have claimed one of the events.
    fn in_backlog() -> LowWaterMark {
        let mut mark = LowWaterMark::default();
        mark.scanned(ALL, Duration::from_millis(1), &seen(100 * SECOND, Some(5 * SECOND)));
        mark.requested(1, 0, Vec::new());
        mark
    }

    #[test]
    fn a_consumer_alone_takes_no_ranges() {
        let mut mark = LowWaterMark::default();
        mark.locked(Duration::from_secs(1), 10);
        let cheap = Duration::from_millis(1);
        mark.scanned(ALL, cheap, &seen(100 * SECOND, Some(5 * SECOND)));
        mark.requested(10, 8, vec![EventId::from_row(1), EventId::from_row(2)]);
        mark.locked(Duration::from_millis(20), 1000);
        assert_eq!(mark.range(Instant::now()), None);
        mark.locked(Duration::from_millis(21), 1000);
        assert!(mark.range(Instant::now()).is_some());
    }

    #[test]
    fn a_backlog_that_is_not_late_is_not_shared() {
        let mut mark = in_backlog();
        mark.took_range(seen(101 * SECOND, Some(100 * SECOND - 1)));
        assert!(mark.range(Instant::now()).is_some());
        mark.took_range(seen(101 * SECOND, Some(100 * SECOND)));
        mark.requested(1, 0, Vec::new());
        assert_eq!(mark.range(Instant::now()), None);
        mark.scanned(mark.scan(Instant::now()), Duration::ZERO, &seen(103 * SECOND, Some(101 * SECOND)));
        assert_eq!(mark.range(Instant::now()), None);
        mark.requested(1, 0, Vec::new());
        assert!(mark.range(Instant::now()).is_some());
    }

    #[test]
    fn ranges_begin_at_the_mark_until_one_is_too_small() {
        let mut mark = in_backlog();
        let now = Instant::now();
        let start = Start { place: 5 * SECOND, since: 100 * SECOND, rewind: false };
        assert_eq!(mark.range(now), Some(start));
        mark.took_range(seen(101 * SECOND, Some(8 * SECOND)));
        assert_eq!(mark.range(now), Some(Start { place: 8 * SECOND, since: 101 * SECOND, ..start }));
        mark.took_range(seen(102 * SECOND, None));
        assert_eq!(mark.range(now), None);
        assert_eq!(mark.scan(now), Scan::Recent { place: 8 * SECOND, since: 102 * SECOND });
    }

    #[test]
    fn full_scans_of_a_backlog_end_at_an_earlier_mark_and_are_rare() {
        let mut mark = in_backlog();
        let later = Instant::now() + BACKLOG_INTERVAL;
        assert!(mark.range(Instant::now()).is_some() && mark.range(later).is_none());
        let full = Scan::Full { reach: None, until: Some(5 * SECOND) };
        let recent = Scan::Recent { place: 5 * SECOND, since: 100 * SECOND };
        assert_eq!((mark.scan(later), mark.claiming_scan(later)), (full, recent));
        mark.took_range(seen(101 * SECOND, Some(8 * SECOND)));
        assert_eq!(mark.scan(later), full, "others claim what lies between the last full scan and the mark");
        mark.scanned(full, Duration::from_millis(1), &seen(102 * SECOND, None));
        let start = Start { place: 8 * SECOND, since: 101 * SECOND, rewind: false };
        assert_eq!(mark.range(Instant::now()), Some(start), "the backlog has not ended");
        let next = Scan::Full { reach: None, until: Some(8 * SECOND) };
        assert_eq!(mark.scan(Instant::now() + BACKLOG_INTERVAL), next);
    }

    #[test]
    fn the_cursor_moves_back_to_events_that_nobody_else_takes() {
        for (claimed, rewind) in [(2, true), (1, false)] {
            let mut mark = in_backlog();
            let ids = vec![EventId::from_row(1), EventId::from_row(2)];
            mark.remember(ALL, Seen { ids, ..seen(100 * SECOND, Some(5 * SECOND)) });
            mark.requested(2, claimed, Vec::new());
            assert_eq!(mark.range(Instant::now()).unwrap().rewind, rewind);
            mark.took_range(seen(101 * SECOND, Some(8 * SECOND)));
            assert!(!mark.range(Instant::now()).unwrap().rewind);
        }
    }

    #[test]
    fn a_cursor_that_another_client_locks_is_not_used_for_a_while() {
        let mut mark = in_backlog();
        let now = Instant::now();
        mark.cursor_is_locked(now);
        assert_eq!(mark.range(now), None);
        assert_eq!(mark.scan(now), Scan::Recent { place: 5 * SECOND, since: 100 * SECOND });
    }

    #[test]
    fn a_clock_that_went_back_ends_the_backlog() {
        let mut mark = in_backlog();
        mark.took_range(seen(99 * SECOND, Some(8 * SECOND)));
        assert_eq!(mark.range(Instant::now()), None);
        assert_eq!(mark.scan(Instant::now()), ALL);
    }
}
