//! The low-water mark, from which scans of the index begin.

mod backlog;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::event::EventId;
use crate::lane::Lane;
use crate::scan::{Scan, Seen};
use backlog::Backlog;
pub(crate) use backlog::Start;

/// Inverse of the share of time that full scans may take: one eighth.
const SHARE: u32 = 8;
/// Longest interval between full scans.
const MAX_INTERVAL: Duration = Duration::from_mins(1);
/// Longest duration of a full scan that a claim may do itself: it met few entries that are not yet purged. The largest claims
/// take half of this.
const CHEAP: Duration = Duration::from_millis(20);
/// Shortest interval between full scans in a shared backlog. Events that are still free after it were lost by the consumer that took
/// their range.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(2);
/// Ratio of the durations of a scan with locks and one without, over entries that are not yet purged.
const LOCKING: u32 = 8;
/// Initial reach of full scans after one has timed out.
const FIRST_REACH: Duration = Duration::from_hours(24 * 8);

/// A low-water mark: the position, in the order of `due`, before which every event has been handled.
///
/// The index entry of an event that changed its state remains until the server purges it, which any open transaction
/// prevents. A full scan reads all these entries. Therefore most scans begin at the mark, and full scans, which find
/// events that arrived before it, are as frequent as they are cheap: every few milliseconds while the server purges,
/// rarely while it cannot. A full scan that timed out counts like a completed one. The technique is the "checkpoint" of
/// FOQS, Facebook's queue on MySQL.
///
/// Urgent events constantly arrive before the mark, at known positions: see `Scan`. The mark remembers the events that a scan
/// found until a claim has requested them, so that no claim searches elsewhere.
#[derive(Debug, Default)]
pub struct LowWaterMark {
    lane: Lane,
    /// The position, in microseconds since 1970.
    place: Option<i64>,
    /// The database's time of the last complete scan, in microseconds since 1970.
    complete: Option<i64>,
    /// End and duration of the last full scan.
    last_full_scan: Option<(Instant, Duration)>,
    /// Reach of full scans into the past; `None` is unlimited, the default while they do not time out.
    reach: Option<Duration>,
    /// The position at the last full scan. In a shared backlog the next one ends there, because other consumers are about to claim
    /// what lies between it and the position.
    behind: Option<i64>,
    /// Events that a scan found and no claim has requested yet, in the order of the queue.
    seen: VecDeque<EventId>,
    /// A locking scan was slow: it met many entries that are not yet purged, or that other clients have just changed. Claims are for
    /// events that a scan without locks found, until such a scan is fast and finds the end of the queue.
    locking_is_slow: bool,
    backlog: Backlog,
    /// The stored events are the first of the queue, and more are due before the mark.
    first: bool,
    /// The next range of the backlog begins at the mark, because the shared cursor has passed events that returned.
    rewind: bool,
    /// Time until which no range is taken, because another client keeps the shared cursor locked.
    without_cursor_until: Option<Instant>,
}

impl LowWaterMark {
    /// Creates the mark of a lane. The default one is that of the default lane.
    pub fn of(lane: Lane) -> Self {
        Self { lane, ..Self::default() }
    }

    /// Returns the lane.
    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    /// Makes the next scan a full one, because an event may have returned to a position before the mark.
    pub fn invalidate(&mut self) {
        self.last_full_scan = None;
    }

    /// Returns the position at which the next scan begins, or `None` for a full scan.
    pub(crate) fn start(&self, now: Instant) -> Option<i64> {
        if self.full_scan_is_due(now) { None } else { self.place }
    }

    /// Records a scan from `from` that took `took`. `dealt_with` is the position before which all events are handled, if known.
    pub(crate) fn walked(&mut self, from: Option<i64>, took: Duration, dealt_with: Option<i64>) {
        if from.is_none() {
            self.last_full_scan = Some((Instant::now(), took));
        }
        if let Some(place) = dealt_with {
            self.place = self.place.max(Some(place));
        }
    }

    /// Records a failed scan from `from` that took `took`. Only timeouts count: after an outage, events that returned meanwhile
    /// must be found soon.
    pub(crate) fn walk_failed(&mut self, from: Option<i64>, took: Duration, error: &Error) {
        if from.is_none() && matches!(error, Error::Timeout { .. }) {
            self.last_full_scan = Some((Instant::now(), took / SHARE));
        }
    }

    /// Returns whether a full scan is due.
    pub(crate) fn full_scan_is_due(&self, now: Instant) -> bool {
        let least = if self.shares_backlog() { BACKLOG_INTERVAL } else { Duration::ZERO };
        self.last_full_scan.is_none_or(|(ended, took)| {
            now.saturating_duration_since(ended) >= (took * SHARE).clamp(least, MAX_INTERVAL)
        })
    }

    /// Forgets the positions, because the database's clock went back: new events arrive before the mark.
    fn forget_place(&mut self) {
        (self.place, self.complete) = (None, None);
        self.backlog = Backlog::None;
    }

    /// Returns the next scan without locks, for which a full scan is cheap.
    pub(crate) fn scan(&self, now: Instant) -> Scan {
        match (self.place, self.complete) {
            (Some(place), Some(since)) if !self.full_scan_is_due(now) => Scan::Recent { place, since },
            _ => Scan::Full { reach: self.reach, until: self.behind.filter(|_| self.shares_backlog()) },
        }
    }

    /// Returns the next locking scan while there is no backlog, or `None` if a scan without locks must come first.
    pub(crate) fn locking_scan(&self, now: Instant) -> Option<Scan> {
        match self.scan(now) {
            _ if self.locking_is_slow => None,
            Scan::Full { .. } if self.last_full_scan.is_none_or(|(_, took)| took > CHEAP) => None,
            scan => Some(scan),
        }
    }

    /// Returns whether a scan without locks must come before the next claim.
    pub(crate) fn must_look(&self, now: Instant) -> bool {
        !self.has_found() && self.locking_scan(now).is_none()
    }

    /// Returns the scan of the next claim, after [`LowWaterMark::must_look`]. Only scans without locks pass what lies before the
    /// mark of a backlog.
    pub(crate) fn claiming_scan(&self, now: Instant) -> Scan {
        match (self.place, self.complete) {
            (Some(place), Some(since)) if self.shares_backlog() => Scan::Recent { place, since },
            _ => self.locking_scan(now).unwrap_or_else(|| self.scan(now)),
        }
    }

    /// Records a scan that took `took` and what it found.
    pub(crate) fn scanned(&mut self, scan: Scan, took: Duration, seen: &Seen) {
        self.advance(scan, seen);
        if matches!(scan, Scan::Full { .. }) {
            self.last_full_scan = Some((Instant::now(), took));
            self.reach = self.reach.map(|reach| reach * 2).filter(|reach| *reach <= FIRST_REACH);
            self.behind = self.place;
        }
    }

    fn advance(&mut self, scan: Scan, seen: &Seen) {
        if self.complete > Some(seen.now) {
            self.forget_place();
            return;
        }
        match (scan, seen.cut) {
            (Scan::Full { until: Some(_), .. }, None) => return,
            (_, None) => self.place = Some(seen.now - Scan::SLACK),
            (Scan::Recent { place, .. }, Some(cut)) if cut < place => {
                self.set_backlog(seen);
                return;
            }
            (_, Some(cut)) => self.place = Some(cut),
        }
        self.set_backlog(seen);
        self.complete = Some(seen.now);
    }

    /// Records a failed scan. Only timeouts count: after an outage, events that returned meanwhile must be found soon.
    pub(crate) fn scan_failed(&mut self, scan: Scan, took: Duration, error: &Error) {
        if let (Scan::Full { reach, .. }, Error::Timeout { .. }) = (scan, error) {
            self.last_full_scan = Some((Instant::now(), took / SHARE));
            self.reach = Some(reach.map_or(FIRST_REACH, |reach| reach / 2));
        }
    }

    /// Records the duration of a locking scan and the number of its events.
    pub(crate) fn locked(&mut self, took: Duration, events: usize) {
        self.locking_is_slow = took > CHEAP;
        self.passed_others(took, events);
    }

    /// Records the duration of a scan without locks. In a backlog, a locking scan would be slow again.
    pub(crate) fn scanned_without_locks(&mut self, took: Duration) {
        self.locking_is_slow &= took * LOCKING > CHEAP || self.backlog != Backlog::None;
    }

    /// Stores the events that a scan found, for the next claims.
    pub(crate) fn remember(&mut self, scan: Scan, seen: Seen) {
        self.first = seen.cut.is_some() && matches!(scan, Scan::Full { .. });
        self.seen = seen.ids.into();
    }

    /// Returns whether more events may be due, after a claim of stored ones.
    pub(crate) fn may_have_more(&self) -> bool {
        self.backlog != Backlog::None || self.has_found()
    }

    /// Returns whether events are stored for the next claim.
    pub(crate) fn has_found(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Drops the stored events.
    pub(crate) fn forget_found(&mut self) {
        self.seen.clear();
    }

    /// Returns the first of the stored events.
    pub(crate) fn found(&self, limit: usize) -> Vec<EventId> {
        self.seen.iter().take(limit).copied().collect()
    }

    /// Removes the first `many` stored events, which a claim has requested, except those that exceeded its limits. `claimed` is
    /// the number of events that it has claimed.
    pub(crate) fn requested(&mut self, many: usize, claimed: usize, left: Vec<EventId>) {
        let taken_by_others = many.saturating_sub(claimed + left.len());
        self.rewind |= self.first && taken_by_others == 0;
        if taken_by_others > 0 {
            self.share_backlog();
        }
        self.seen.drain(..many.min(self.seen.len()));
        self.left(left);
    }

    /// Stores events that exceeded the limits of a claim, for the next one.
    pub(crate) fn left(&mut self, left: Vec<EventId>) {
        for id in left.into_iter().rev() {
            self.seen.push_front(id);
        }
    }
}
