//! The model of keys: one event of each key is not blocked.

use eventpipeline_database::State;

use super::run::Run;

impl Run {
    /// Adds a pending event to its key, if it has one: it is blocked if the key has another event.
    pub(super) fn join(&mut self, index: usize) {
        let Some(key) = self.events[index].as_ref().and_then(|event| event.key) else { return };
        let others =
            self.events.iter().flatten().any(|event| event.key == Some(key) && event.joined.is_some());
        self.joined += 1;
        let joined = self.joined;
        let event = self.events[index].as_mut().unwrap();
        event.joined = Some(joined);
        if others {
            event.row.state = State::Blocked;
            self.tally.count("block", true);
        }
    }

    /// Removes an event that has ended from its key, and unblocks the next one.
    pub(super) fn leave(&mut self, index: usize) {
        let now = self.now();
        let event = self.events[index].as_mut().unwrap();
        let (Some(key), Some(_)) = (event.key, event.joined.take()) else { return };
        let of_key = self.events.iter_mut().flatten().filter(|event| event.key == Some(key));
        let next = of_key.filter(|event| event.joined.is_some()).min_by_key(|event| event.joined);
        if let Some(next) = next.filter(|event| event.row.state == State::Blocked) {
            next.row.state = State::Pending;
            next.due = now - next.priority;
            self.tally.count("unblock", true);
        }
    }
}
