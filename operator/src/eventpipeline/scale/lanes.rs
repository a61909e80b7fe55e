//! The backlog of each lane, and the groups' shares of it. Pure.
//!
//! A group scales by the pending events of its own lane. Claimed events are not counted by lane: they keep one
//! consumer in the first active group of the pipeline, because consumers of any lane reclaim expired leases.

use std::collections::HashMap;

use crate::queue_stats::QueueStats;

/// The part of the queue by which a group scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// Pending events of the lane, without those for the groups before it.
    pub(super) pending: i64,
    /// Time since the oldest pending event of the lane became due.
    pub(super) oldest_pending_seconds: Option<f64>,
    /// True if the group must keep a consumer for claimed events.
    pub(super) any_claimed: bool,
}

/// The backlogs of all lanes, of which each group takes its share in spec order.
#[derive(Debug)]
pub(super) struct Backlogs<'a> {
    /// Queue statistics, if they are known.
    queue: Option<&'a QueueStats>,
    /// Pending events that groups have taken, by lane.
    taken: HashMap<Option<String>, i64>,
}

impl<'a> Backlogs<'a> {
    pub(super) fn new(queue: Option<&'a QueueStats>) -> Self {
        Self { queue, taken: HashMap::new() }
    }

    /// Returns what is left of a lane, if it is known. `None` is the default lane. `first` tells whether no group
    /// before is active.
    ///
    /// If the producer does not report lanes, each lane has the whole backlog: too many consumers are better than
    /// none. A lane that the producer does not list has no events yet.
    pub(super) fn share(&self, lane: Option<&str>, first: bool) -> Option<Share> {
        let queue = self.queue?;
        let reported = queue.lanes.iter().find(|reported| reported.lane.as_deref() == lane);
        let (pending, oldest_pending_seconds) = match reported {
            Some(reported) => (reported.pending, reported.oldest_pending_seconds),
            None if queue.lanes.is_empty() => (queue.pending, queue.oldest_pending_seconds),
            None => (0, None),
        };
        let taken = self.taken.get(&lane.map(str::to_owned)).copied().unwrap_or_default();
        let pending = pending.saturating_sub(taken).max(0);
        Some(Share { pending, oldest_pending_seconds, any_claimed: first && queue.processing > 0 })
    }

    /// Takes pending events of a lane.
    pub(super) fn take(&mut self, lane: Option<&str>, events: i64) {
        let taken = self.taken.entry(lane.map(str::to_owned)).or_default();
        *taken = taken.saturating_add(events);
    }
}

#[cfg(test)]
mod tests;
