//! Announcements that wait to be sent, merged.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Wakeup;

/// Maximum number of finished events that wait to be announced.
const CAPACITY: usize = 8192;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    announced: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    work: bool,
    finished: Vec<i64>,
}

impl Outbox {
    pub(super) fn work(&self) {
        self.lock().work = true;
        self.announced.notify_one();
    }

    /// Returns how many were dropped because the outbox is full.
    pub(super) fn finished(&self, ids: impl IntoIterator<Item = i64>) -> u64 {
        let mut ids = ids.into_iter();
        let mut waiting = self.lock();
        let room = CAPACITY - waiting.finished.len();
        waiting.finished.extend(ids.by_ref().take(room));
        drop(waiting);
        self.announced.notify_one();
        ids.count() as u64
    }

    /// Waits for announcements and returns them, at least one.
    pub(super) async fn next(&self) -> Vec<Wakeup> {
        loop {
            let Waiting { work, finished } = std::mem::take(&mut *self.lock());
            let work = work.then_some(Wakeup::Work);
            let finished = (!finished.is_empty()).then_some(Wakeup::Finished(finished));
            let wakeups: Vec<Wakeup> = work.into_iter().chain(finished).collect();
            if !wakeups.is_empty() {
                return wakeups;
            }
            self.announced.notified().await;
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
    async fn announcements_are_merged_and_bounded() {
        let outbox = Outbox::default();
        outbox.work();
        outbox.work();
        assert_eq!(outbox.finished([1, 2]), 0);
        assert_eq!(outbox.finished(3..=10_000), 10_000 - CAPACITY as u64);
        let all = Wakeup::Finished((1..=8192).collect());
        assert_eq!(outbox.next().await, [Wakeup::Work, all]);
        assert_eq!(outbox.finished([4]), 0);
        assert_eq!(outbox.next().await, [Wakeup::Finished(vec![4])]);
    }
}
