//! The registry of waiting clients, and of events that are reported as finished.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Bound;

use eventpipeline_database::EventId;
use tokio::sync::oneshot;

use super::Outcome;

/// Maximum number of remembered events that are reported as finished while no client waits for them (yet).
const REMEMBERED: usize = 8192;

/// The waiting clients by event.
#[derive(Debug, Default)]
pub(super) struct WaitRegistry {
    /// Clients of each awaited event. Requests with the same idempotency key wait for the same event. Ordered by id, which is
    /// the order of the reads.
    waiting: BTreeMap<EventId, Vec<oneshot::Sender<Outcome>>>,
    clients: usize,
    /// Awaited events that are reported as finished.
    reported: BTreeSet<EventId>,
    /// Other events that are reported as finished. A wake-up may arrive before the client starts to wait.
    early: Recent,
    joined: bool,
}

impl WaitRegistry {
    /// Adds a client. The event is read at once if `read` is true or if it is already reported as finished.
    pub(super) fn join(&mut self, id: EventId, read: bool) -> oneshot::Receiver<Outcome> {
        let (sender, outcome) = oneshot::channel();
        self.waiting.entry(id).or_default().push(sender);
        self.clients += 1;
        self.joined = true;
        if read || self.early.contains(id) {
            self.reported.insert(id);
        }
        outcome
    }

    /// Removes the clients of an event that have left.
    pub(super) fn leave(&mut self, id: EventId) {
        if let Entry::Occupied(mut entry) = self.waiting.entry(id) {
            let before = entry.get().len();
            entry.get_mut().retain(|sender| !sender.is_closed());
            self.clients -= before - entry.get().len();
            if entry.get().is_empty() {
                entry.remove();
                self.reported.remove(&id);
            }
        }
    }

    /// Adds events that are reported as finished. Returns `true` if there are events to read.
    pub(super) fn finished(&mut self, ids: impl IntoIterator<Item = EventId>) -> bool {
        for id in ids {
            if self.waiting.contains_key(&id) {
                self.reported.insert(id);
            } else {
                self.early.push(id);
            }
        }
        !self.reported.is_empty()
    }

    /// Answers the clients of an event. Returns `false` if there are none.
    pub(super) fn answer(&mut self, id: EventId, outcome: &Outcome) -> bool {
        let Some(senders) = self.waiting.remove(&id) else {
            return false;
        };
        self.reported.remove(&id);
        self.clients -= senders.len();
        for sender in senders {
            let _ = sender.send(outcome.clone());
        }
        true
    }

    /// Returns the events to read at once, and forgets them.
    pub(super) fn take_reported(&mut self) -> Vec<EventId> {
        std::mem::take(&mut self.reported).into_iter().collect()
    }

    /// Returns `true` if a client joined since the last call.
    pub(super) fn take_joined(&mut self) -> bool {
        std::mem::take(&mut self.joined)
    }

    /// Returns all awaited events.
    pub(super) fn all(&self) -> Vec<EventId> {
        self.waiting.keys().copied().collect()
    }

    /// Returns at most `limit` awaited events that follow `after`, or the first ones.
    pub(super) fn some_after(&self, after: Option<EventId>, limit: usize) -> Vec<EventId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.waiting.range((from, Bound::Unbounded)).map(|(id, _)| *id).take(limit).collect()
    }

    /// Returns the number of waiting clients.
    pub(super) fn clients(&self) -> usize {
        self.clients
    }
}

/// A set of the most recent ids.
#[derive(Debug, Default)]
struct Recent {
    ids: HashSet<EventId>,
    order: VecDeque<EventId>,
}

impl Recent {
    fn push(&mut self, id: EventId) {
        if !self.ids.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    fn contains(&self, id: EventId) -> bool {
        self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: i64) -> EventId {
        EventId::new(id).unwrap()
    }

    #[test]
    fn all_clients_of_an_event_are_answered() {
        let mut registry = WaitRegistry::default();
        let mut first = registry.join(id(7), false);
        let mut second = registry.join(id(7), false);
        let mut other = registry.join(id(8), false);
        assert_eq!(registry.clients(), 3);
        assert!(registry.answer(id(7), &Outcome::Dead));
        assert!(!registry.answer(id(7), &Outcome::Dead));
        assert_eq!(first.try_recv(), Ok(Outcome::Dead));
        assert_eq!(second.try_recv(), Ok(Outcome::Dead));
        assert!(other.try_recv().is_err());
        assert_eq!((registry.clients(), registry.all()), (1, vec![id(8)]));
    }

    #[test]
    fn a_client_that_leaves_removes_only_its_own_entry() {
        let mut registry = WaitRegistry::default();
        let first = registry.join(id(7), true);
        let second = registry.join(id(7), true);
        drop(first);
        registry.leave(id(7));
        assert_eq!((registry.clients(), registry.take_reported()), (1, vec![id(7)]));
        drop(second);
        registry.leave(id(7));
        assert_eq!((registry.clients(), registry.all()), (0, vec![]));
        registry.leave(id(7));
    }

    #[test]
    fn a_wakeup_counts_for_a_client_that_joins_after_it() {
        let mut registry = WaitRegistry::default();
        let _wait = registry.join(id(1), false);
        assert!(!registry.finished([id(2)]));
        assert!(registry.finished([id(1)]));
        let _late = registry.join(id(2), false);
        assert_eq!(registry.take_reported(), [id(1), id(2)]);
        assert_eq!(registry.take_reported(), []);
    }

    #[test]
    fn only_recent_wakeups_without_a_client_are_remembered() {
        let mut registry = WaitRegistry::default();
        for number in (1..).take(REMEMBERED + 1) {
            registry.finished([id(number), id(number)]);
        }
        assert_eq!((registry.early.ids.len(), registry.early.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!registry.early.contains(id(1)) && registry.early.contains(id(2)));
    }

    #[test]
    fn events_are_listed_in_batches() {
        let mut registry = WaitRegistry::default();
        let _waits: Vec<_> = (1..=3).map(|number| registry.join(id(number), false)).collect();
        assert_eq!(registry.some_after(None, 2), [id(1), id(2)]);
        assert_eq!(registry.some_after(Some(id(2)), 2), [id(3)]);
        assert_eq!(registry.some_after(Some(id(3)), 2), []);
    }
}
