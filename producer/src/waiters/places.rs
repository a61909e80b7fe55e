//! Who waits for which event, and which events are said to have ended.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Bound;

use eventpipeline_database::EventId;
use tokio::sync::oneshot;

use super::Outcome;

/// How many ended events are remembered that nobody waits for (yet).
const REMEMBERED: usize = 8192;

#[derive(Debug, Default)]
pub(super) struct Places {
    /// Requests that repeat each other wait for the same event. In order of the ids, which are looked for in that order.
    waiting: BTreeMap<EventId, Vec<oneshot::Sender<Outcome>>>,
    clients: usize,
    /// Some of `waiting`: to be looked for at once.
    announced: BTreeSet<EventId>,
    /// A wake-up may be faster than the request that will wait for it.
    early: Recent,
    joined: bool,
}

impl Places {
    /// A new place. With `look` the event is looked for at once, as it also is when it is known to have ended.
    pub(super) fn join(&mut self, id: EventId, look: bool) -> oneshot::Receiver<Outcome> {
        let (sender, outcome) = oneshot::channel();
        self.waiting.entry(id).or_default().push(sender);
        self.clients += 1;
        self.joined = true;
        if look || self.early.contains(id) {
            self.announced.insert(id);
        }
        outcome
    }

    /// Forgets the places of an event whose clients have left.
    pub(super) fn leave(&mut self, id: EventId) {
        if let Entry::Occupied(mut entry) = self.waiting.entry(id) {
            let before = entry.get().len();
            entry.get_mut().retain(|sender| !sender.is_closed());
            self.clients -= before - entry.get().len();
            if entry.get().is_empty() {
                entry.remove();
                self.announced.remove(&id);
            }
        }
    }

    /// These are said to have ended; says whether anybody waits for one of them.
    pub(super) fn ended(&mut self, ids: impl IntoIterator<Item = EventId>) -> bool {
        for id in ids {
            if self.waiting.contains_key(&id) {
                self.announced.insert(id);
            } else {
                self.early.push(id);
            }
        }
        !self.announced.is_empty()
    }

    /// Answers those who wait for an event, if anybody does.
    pub(super) fn answer(&mut self, id: EventId, outcome: &Outcome) -> bool {
        let Some(senders) = self.waiting.remove(&id) else {
            return false;
        };
        self.announced.remove(&id);
        self.clients -= senders.len();
        for sender in senders {
            let _ = sender.send(outcome.clone());
        }
        true
    }

    /// What is to be looked for at once.
    pub(super) fn take_announced(&mut self) -> Vec<EventId> {
        std::mem::take(&mut self.announced).into_iter().collect()
    }

    /// Whether anybody came since this was asked last.
    pub(super) fn take_joined(&mut self) -> bool {
        std::mem::take(&mut self.joined)
    }

    /// All that is waited for.
    pub(super) fn all(&self) -> Vec<EventId> {
        self.waiting.keys().copied().collect()
    }

    /// Up to `limit` of all, after one of them, or from the first.
    pub(super) fn some_after(&self, after: Option<EventId>, limit: usize) -> Vec<EventId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.waiting.range((from, Bound::Unbounded)).map(|(id, _)| *id).take(limit).collect()
    }

    /// How many clients wait.
    pub(super) fn clients(&self) -> usize {
        self.clients
    }
}

/// The last ids, each once.
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
    fn all_who_wait_for_an_event_are_answered() {
        let mut places = Places::default();
        let mut first = places.join(id(7), false);
        let mut second = places.join(id(7), false);
        let mut other = places.join(id(8), false);
        assert_eq!(places.clients(), 3);
        assert!(places.answer(id(7), &Outcome::Dead));
        assert!(!places.answer(id(7), &Outcome::Dead));
        assert_eq!(first.try_recv(), Ok(Outcome::Dead));
        assert_eq!(second.try_recv(), Ok(Outcome::Dead));
        assert!(other.try_recv().is_err());
        assert_eq!((places.clients(), places.all()), (1, vec![id(8)]));
    }

    #[test]
    fn who_leaves_frees_his_place_and_no_other() {
        let mut places = Places::default();
        let first = places.join(id(7), true);
        let second = places.join(id(7), true);
        drop(first);
        places.leave(id(7));
        assert_eq!((places.clients(), places.take_announced()), (1, vec![id(7)]));
        drop(second);
        places.leave(id(7));
        assert_eq!((places.clients(), places.all()), (0, vec![]));
        places.leave(id(7));
    }

    #[test]
    fn a_wakeup_counts_for_who_comes_after_it() {
        let mut places = Places::default();
        let _waiter = places.join(id(1), false);
        assert!(!places.ended([id(2)]));
        assert!(places.ended([id(1)]));
        let _late = places.join(id(2), false);
        assert_eq!(places.take_announced(), [id(1), id(2)]);
        assert_eq!(places.take_announced(), []);
    }

    #[test]
    fn wakeups_that_nobody_waits_for_are_not_kept_for_ever() {
        let mut places = Places::default();
        for number in (1..).take(REMEMBERED + 1) {
            places.ended([id(number), id(number)]);
        }
        assert_eq!((places.early.ids.len(), places.early.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!places.early.contains(id(1)) && places.early.contains(id(2)));
    }

    #[test]
    fn all_are_checked_in_turn() {
        let mut places = Places::default();
        let _waiters: Vec<_> = (1..=3).map(|number| places.join(id(number), false)).collect();
        assert_eq!(places.some_after(None, 2), [id(1), id(2)]);
        assert_eq!(places.some_after(Some(id(2)), 2), [id(3)]);
        assert_eq!(places.some_after(Some(id(3)), 2), []);
    }
}
