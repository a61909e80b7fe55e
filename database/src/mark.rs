//! Where a look along the index begins.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::event::EventId;
use crate::look::{Look, Seen};

/// A look from the start may cost this share of the time: one part in eight.
const SHARE: u32 = 8;
/// The longest time without a look from the start.
const LONGEST: Duration = Duration::from_mins(1);
/// A look from the start that took no longer than this one met few entries that are not purged: a claim can make it, which
/// locks its way along and takes eight times as long. The largest claims take half of it.
const CHEAP: Duration = Duration::from_millis(20);
/// How far a look goes back once those from the start have taken too long.
const REACH: Duration = Duration::from_hours(24 * 8);

/// A low-water mark: the place, in the order of `due`, up to which somebody has dealt with everything.
///
/// An index entry of an event that went on to another state stays where it was until the server has purged it, which a
/// transaction that somebody left open prevents; a look from the start walks over all of them. So most looks begin at the
/// mark, and those from the start, which find what came in before it, are as frequent as they are cheap: every few
/// milliseconds while the server purges, rarely while it cannot. One that failed, for it took too long, counts like one that
/// succeeded.
/// Source of the technique: the "checkpoint" of FOQS, Facebook's queue on MySQL.
///
/// Of events that wait to be claimed, urgent ones come in before the mark all the time, at places that are known: see `Look`.
/// What a look has seen to be due is remembered until a claim has asked for it, so that no claim looks elsewhere.
#[derive(Debug, Default)]
pub struct LowWaterMark {
    /// Microseconds since 1970.
    place: Option<i64>,
    /// Of the last look that left nothing out: the database's time, in microseconds since 1970.
    complete: Option<i64>,
    /// When the last look from the start ended, and how long it took.
    last_walk: Option<(Instant, Duration)>,
    /// How far looks from the start go back; all the way while they end in time.
    reach: Option<Duration>,
    /// Seen to be due, in line, and not asked for yet.
    seen: VecDeque<EventId>,
}

impl LowWaterMark {
    /// The next look goes from the start: something came back that may be before the mark.
    pub fn invalidate(&mut self) {
        self.last_walk = None;
    }

    /// Where the next look begins; `None` is the start.
    pub(crate) fn start(&self, now: Instant) -> Option<i64> {
        if self.walk_is_due(now) { None } else { self.place }
    }

    /// A look that began at `from` took so long, and everything before `dealt_with` is dealt with, as far as it says so.
    pub(crate) fn walked(&mut self, from: Option<i64>, took: Duration, dealt_with: Option<i64>) {
        if from.is_none() {
            self.last_walk = Some((Instant::now(), took));
        }
        if let Some(place) = dealt_with {
            self.place = self.place.max(Some(place));
        }
    }

    /// A look that began at `from` took so long and failed. Where the database was away or hung, what came back meanwhile is to be
    /// found soon.
    pub(crate) fn not_walked(&mut self, from: Option<i64>, took: Duration, error: &Error) {
        if from.is_none() && matches!(error, Error::Timeout { .. }) {
            self.last_walk = Some((Instant::now(), took / SHARE));
        }
    }

    fn walk_is_due(&self, now: Instant) -> bool {
        self.last_walk
            .is_none_or(|(ended, took)| now.saturating_duration_since(ended) >= (took * SHARE).min(LONGEST))
    }

    /// Which way to look for what is due. Without locks, a look from the start costs little.
    pub(crate) fn look(&self, now: Instant) -> Look {
        match (self.place, self.complete) {
            (Some(place), Some(since)) if !self.walk_is_due(now) => Look::Lately { place, since },
            _ => Look::Whole { reach: self.reach },
        }
    }

    /// Which way a claim is to look; `None` where it is to be looked from the start first, without locks.
    pub(crate) fn locking_look(&self, now: Instant) -> Option<Look> {
        match self.look(now) {
            Look::Whole { .. } if self.last_walk.is_none_or(|(_, took)| took > CHEAP) => None,
            look => Some(look),
        }
    }

    /// A look took so long and saw this.
    pub(crate) fn looked(&mut self, look: Look, took: Duration, seen: &Seen) {
        if matches!(look, Look::Whole { .. }) {
            self.last_walk = Some((Instant::now(), took));
            self.reach = self.reach.map(|reach| reach * 2).filter(|reach| *reach <= REACH);
        }
        if self.complete > Some(seen.now) {
            // The database's clock went back: new events come in before the mark.
            (self.place, self.complete) = (None, None);
            return;
        }
        match (look, seen.cut) {
            (_, None) => self.place = Some(seen.now - Look::SLACK),
            (Look::Lately { place, .. }, Some(cut)) if cut < place => return,
            (_, Some(cut)) => self.place = Some(cut),
        }
        self.complete = Some(seen.now);
    }

    /// A look took so long and failed. Where the database was away or hung, what came back meanwhile is to be found soon.
    pub(crate) fn failed(&mut self, look: Look, took: Duration, error: &Error) {
        if let (Look::Whole { reach }, Error::Timeout { .. }) = (look, error) {
            self.last_walk = Some((Instant::now(), took / SHARE));
            self.reach = Some(reach.map_or(REACH, |reach| reach / 2));
        }
    }

    /// These are due, and the next claims are for them.
    pub(crate) fn remember(&mut self, seen: impl IntoIterator<Item = EventId>) {
        self.seen = seen.into_iter().collect();
    }

    /// Whether anything is remembered.
    pub(crate) fn remembers(&self) -> bool {
        !self.seen.is_empty()
    }

    /// The first of what is remembered.
    pub(crate) fn remembered(&self, limit: usize) -> Vec<EventId> {
        self.seen.iter().take(limit).copied().collect()
    }

    /// So many of what is remembered were asked for, and these were too much.
    pub(crate) fn asked_for(&mut self, many: usize, left: Vec<EventId>) {
        self.seen.drain(..many.min(self.seen.len()));
        for id in left.into_iter().rev() {
            self.seen.push_front(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Look = Look::Whole { reach: None };
    const SECOND: i64 = 1_000_000;

    /// When the last look from the start ended, which is when the time without one begins.
    fn ended(mark: &LowWaterMark) -> Instant {
        mark.last_walk.unwrap().0
    }

    fn seen(now: i64, cut: Option<i64>) -> Seen {
        Seen { now, cut, ids: Vec::new() }
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
        mark.invalidate();
        assert_eq!(mark.start(Instant::now()), None);
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

    #[test]
    fn a_claim_walks_only_where_that_is_known_to_be_cheap() {
        let mut mark = LowWaterMark::default();
        assert_eq!(mark.locking_look(Instant::now()), None, "not known yet");
        mark.looked(WHOLE, Duration::from_millis(1), &seen(10 * SECOND, None));
        assert_eq!(mark.locking_look(ended(&mark) + LONGEST), Some(WHOLE));
        mark.looked(WHOLE, Duration::from_millis(100), &seen(11 * SECOND, None));
        assert_eq!(mark.locking_look(ended(&mark) + LONGEST), None);
        let lately = Look::Lately { place: 11 * SECOND - Look::SLACK, since: 11 * SECOND };
        assert_eq!(mark.locking_look(ended(&mark)), Some(lately));
    }

    #[test]
    fn a_look_that_was_cut_short_is_gone_on_with() {
        let mut mark = LowWaterMark::default();
        let slow = Duration::from_secs(1);
        mark.looked(WHOLE, slow, &seen(100 * SECOND, Some(5 * SECOND)));
        let next = mark.look(ended(&mark));
        assert_eq!(next, Look::Lately { place: 5 * SECOND, since: 100 * SECOND });
        mark.looked(next, slow, &seen(101 * SECOND, Some(7 * SECOND)));
        let next = mark.look(ended(&mark));
        assert_eq!(next, Look::Lately { place: 7 * SECOND, since: 101 * SECOND });
        // Cut among the urgent ones, so that there may be more of them.
        mark.looked(next, slow, &seen(102 * SECOND, Some(6 * SECOND)));
        assert_eq!(mark.look(ended(&mark)), next);
        // From the start: what comes behind was left out.
        mark.looked(WHOLE, slow, &seen(103 * SECOND, Some(2 * SECOND)));
        let next = mark.look(ended(&mark));
        assert_eq!(next, Look::Lately { place: 2 * SECOND, since: 103 * SECOND });
    }

    #[test]
    fn after_the_clock_went_back_it_is_looked_from_the_start() {
        let mut mark = LowWaterMark::default();
        mark.looked(WHOLE, Duration::from_secs(1), &seen(100 * SECOND, None));
        let lately = mark.look(ended(&mark));
        mark.looked(lately, Duration::from_millis(1), &seen(40 * SECOND, None));
        assert_eq!(mark.look(ended(&mark)), WHOLE);
    }

    #[test]
    fn looks_that_take_too_long_go_back_less_far_until_one_ends() {
        let mut mark = LowWaterMark::default();
        let late = Error::Timeout { operation: "look", limit: Duration::from_secs(10) };
        let mut reaches = Vec::new();
        for _ in 0..3 {
            let look = mark.look(Instant::now());
            mark.failed(look, Duration::from_secs(10), &late);
            reaches.push(mark.reach.unwrap());
        }
        assert_eq!(reaches, [REACH, REACH / 2, REACH / 4]);
        for _ in 0..3 {
            let look = mark.look(Instant::now() + LONGEST);
            mark.looked(look, Duration::from_secs(1), &seen(SECOND, None));
        }
        assert_eq!(mark.look(Instant::now() + LONGEST), WHOLE);
    }

    #[test]
    fn what_was_seen_is_asked_for_once() {
        let mut mark = LowWaterMark::default();
        let ids = |ids: &[i64]| ids.iter().map(|id| EventId::from_row(*id)).collect::<Vec<_>>();
        mark.remember(ids(&[1, 2, 3, 4]));
        assert_eq!(mark.remembered(3), ids(&[1, 2, 3]));
        mark.asked_for(3, ids(&[2, 3]));
        assert_eq!(mark.remembered(9), ids(&[2, 3, 4]));
        mark.asked_for(3, Vec::new());
        assert!(!mark.remembers());
    }
}
