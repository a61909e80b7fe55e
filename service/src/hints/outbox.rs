//! What is to be announced, put together until it can be sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Hint;

/// How many finished events wait to be announced at the most.
const CAPACITY: usize = 8192;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    something: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    work: bool,
    finished: Vec<i64>,
}

impl Outbox {
    pub(super) fn work(&self) {
        self.lock().work = true;
        self.something.notify_one();
    }

    /// Gives how many were dropped for want of room.
    pub(super) fn finished(&self, ids: impl IntoIterator<Item = i64>) -> u64 {
        let mut ids = ids.into_iter();
        let mut waiting = self.lock();
        let room = CAPACITY - waiting.finished.len();
        waiting.finished.extend(ids.by_ref().take(room));
        drop(waiting);
        self.something.notify_one();
        ids.count() as u64
    }

    /// What there is to announce, at least one hint.
    pub(super) async fn next(&self) -> Vec<Hint> {
        loop {
            let Waiting { work, finished } = std::mem::take(&mut *self.lock());
            let work = work.then_some(Hint::Work);
            let finished = (!finished.is_empty()).then_some(Hint::Finished(finished));
            let hints: Vec<Hint> = work.into_iter().chain(finished).collect();
            if !hints.is_empty() {
                return hints;
            }
            self.something.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hints_are_put_together_and_bounded() {
        let outbox = Outbox::default();
        outbox.work();
        outbox.work();
        assert_eq!(outbox.finished([1, 2]), 0);
        assert_eq!(outbox.finished(3..=10_000), 10_000 - CAPACITY as u64);
        let all = Hint::Finished((1..=8192).collect());
        assert_eq!(outbox.next().await, [Hint::Work, all]);
        assert_eq!(outbox.finished([4]), 0);
        assert_eq!(outbox.next().await, [Hint::Finished(vec![4])]);
    }
}
