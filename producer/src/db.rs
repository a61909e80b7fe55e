//! Lists, queue statistics and admin changes: requests that are rare, or read many rows.
//!
//! They share a small pool of sessions, so that they never delay a creation or the read of one event.

mod page;
mod pool;
mod shared_read;

use std::time::Duration;

use eventpipeline_database::{
    EventId, Finished, LARGEST_REMOVAL, Listing, LowWaterMark, Removal, Session, Stats, Transition,
};

use crate::error::{Answer, answer_to_change, answer_to_read};
use crate::memory_budget::MemoryBudget;
pub(crate) use page::Page;
use page::PageReader;
use pool::{PooledSession, SessionPool};
use shared_read::SharedRead;

/// Number of sessions in the pool.
const SESSIONS: usize = 2;

/// The operations of the pool.
#[derive(Debug)]
pub(crate) struct Db {
    pool: SessionPool,
    pages: PageReader,
    stats: SharedRead<Stats>,
    queue_stats: SharedRead<Stats>,
}

/// The events to remove.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purge {
    pub(crate) finished: Finished,
    pub(crate) older_than: Duration,
}

impl Db {
    /// `payload_bytes` is the maximum length of a payload; `responses` limits the memory of pages.
    pub(crate) fn new(
        session: impl FnMut() -> Session,
        payload_bytes: usize,
        responses: MemoryBudget,
    ) -> Self {
        Self {
            pool: SessionPool::new(std::iter::repeat_with(session).take(SESSIONS)),
            pages: PageReader::new(payload_bytes, responses),
            stats: SharedRead::default(),
            queue_stats: SharedRead::default(),
        }
    }

    /// Returns a page of a list.
    pub(crate) async fn page(&self, listing: Listing) -> Answer<Page> {
        let pages = self.pages.clone();
        self.pool.run(move |mut session| async move { pages.read(&mut session, listing).await }).await
    }

    /// Returns the statistics of the whole queue.
    pub(crate) async fn stats(&self) -> Answer<Stats> {
        self.stats
            .get(self.pool.run(|mut session| async move { answer_to_read(session.stats().await) }))
            .await
    }

    /// Returns the statistics without counting the events that are done, which is fast.
    pub(crate) async fn queue_stats(&self) -> Answer<Stats> {
        let read = self.pool.run(|mut session| async move { answer_to_read(session.queue_stats().await) });
        self.queue_stats.get(read).await
    }

    /// Makes a dead or cancelled event pending again.
    pub(crate) async fn retry(&self, id: EventId) -> Answer<Transition> {
        self.pool.run(move |mut session| async move { answer_to_change(session.retry(id).await) }).await
    }

    /// Cancels a pending event.
    pub(crate) async fn cancel(&self, id: EventId) -> Answer<Transition> {
        self.pool.run(move |mut session| async move { answer_to_change(session.cancel(id).await) }).await
    }

    /// Removes up to [`LARGEST_REMOVAL`] events.
    pub(crate) async fn purge(&self, Purge { finished, older_than }: Purge) -> Answer<Removal> {
        let remove = move |mut session: PooledSession| async move {
            // Purges are rare, so each one starts at the oldest event.
            let mut mark = LowWaterMark::default();
            answer_to_change(session.remove(&mut mark, finished, older_than, LARGEST_REMOVAL).await)
        };
        self.pool.run(remove).await
    }

    /// Closes the sessions, each when its operation has ended.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
