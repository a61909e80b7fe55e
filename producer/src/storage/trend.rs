//! In how long the room will be used up, if it goes on as it has.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::guard::Room;

/// How far it looks back, and how often it remembers.
const SPAN: Duration = Duration::from_hours(1);
const STEP: Duration = Duration::from_secs(30);
/// What happened in less time says nothing.
const SHORTEST: Duration = Duration::from_mins(2);
/// What lies further ahead is not foreseen.
const FURTHEST: Duration = Duration::from_hours(30 * 24);

/// What there was.
#[derive(Debug, Default)]
pub(super) struct Trend {
    seen: VecDeque<(Instant, u64)>,
    last: Option<(Instant, Room)>,
}

impl Trend {
    /// Remembers what there is at `now`, which is later than what was added before.
    pub(super) fn add(&mut self, now: Instant, room: Room) {
        self.last = Some((now, room));
        let is_due = self.seen.back().is_none_or(|(at, _)| now.duration_since(*at) >= STEP);
        if is_due {
            self.seen.push_back((now, room.available()));
        }
        while self.seen.front().is_some_and(|(at, _)| now.duration_since(*at) > SPAN) {
            self.seen.pop_front();
        }
    }

    /// Seconds until events will be refused; `None` while that is not in sight.
    pub(super) fn seconds_to_full(&self) -> Option<u64> {
        let ((now, room), (first, before)) = (self.last?, *self.seen.front()?);
        let took = now.duration_since(first);
        let used = before.checked_sub(room.available()).filter(|used| *used > 0)?;
        let left = room.available().saturating_sub(room.required);
        let seconds = u128::from(left) * u128::from(took.as_secs()) / u128::from(used);
        let seconds = u64::try_from(seconds).ok()?;
        (took >= SHORTEST && seconds <= FURTHEST.as_secs()).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::super::agent::Volume;
    use super::*;

    const GIB: u64 = 1 << 30;

    /// A volume of 20 GiB, of which 1 GiB has to stay free, at one GiB for each minute.
    fn after(free: &[u64]) -> Option<u64> {
        let (begun, mut trend) = (Instant::now(), Trend::default());
        for (minute, gibibytes) in (0..).zip(free) {
            let volume = Volume { capacity_bytes: 20 * GIB, free_bytes: gibibytes * GIB };
            trend.add(begun + Duration::from_mins(minute), Room::new(volume, 0, 0));
        }
        trend.seconds_to_full()
    }

    #[test]
    fn it_goes_on_as_it_has() {
        assert_eq!(after(&[13, 12, 11]), Some(600));
        assert_eq!(after(&[13, 11, 11]), Some(600));
        assert_eq!(after(&[3, 2, 1]), Some(0));
    }

    #[test]
    fn nothing_is_foreseen_of_little_or_of_what_does_not_shrink() {
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[13, 12]), None);
        assert_eq!(after(&[13, 14, 15]), None);
        assert_eq!(after(&[13, 13, 13]), None);
    }
}
