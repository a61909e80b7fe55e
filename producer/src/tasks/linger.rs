//! A short wait before a slow commit, for the clients that the previous commit has answered.
//!
//! Clients that send their next request after a response form two groups, which take turns to wait for the commit of the other
//! group. If commits are slow, because the disk is slow or because the server is busy with other producers, then it is faster
//! and cheaper to wait a moment until both groups can share a commit. Fast commits do not wait, and neither do few requests.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::mailbox::{Inbox, Request};

/// Duration of a commit from which the next one waits.
const SLOW: Duration = Duration::from_millis(2);
/// Inverse of the part of a commit's duration that the next one waits at most.
const PART: u32 = 2;
/// Longest wait.
const LONGEST: Duration = Duration::from_millis(5);
/// Number of requests below which clients are unlikely to return together.
const FEW: usize = 4;

/// The previous commit.
#[derive(Debug, Default)]
pub(super) struct Linger {
    /// Number of its requests, and of those that waited at its end.
    clients: usize,
    /// Time of its end, and its duration.
    ended: Option<(Instant, Duration)>,
}

impl Linger {
    /// Stores the measurements of the commit that ends now.
    pub(super) fn created(&mut self, requests: usize, waiting: usize, took: Duration) {
        self.clients = requests + waiting;
        self.ended = Some((Instant::now(), took));
    }

    /// Adds requests to the next batch, until it has as many as both groups or the time is over.
    pub(super) async fn fill<I, O>(
        &self,
        batch: &mut Vec<Request<I, O>>,
        inbox: &mut Inbox<I, O>,
        limit: usize,
    ) {
        let Some(deadline) = self.deadline() else { return };
        while batch.len() < self.clients.min(limit) {
            match timeout_at(deadline, inbox.receive(batch, limit - batch.len())).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Returns the end of the wait, or `None` if there is none.
    fn deadline(&self) -> Option<Instant> {
        let (ended, took) = self.ended?;
        (self.clients >= FEW && took >= SLOW).then(|| ended + (took / PART).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::advance;

    use super::super::mailbox::{Mailbox, mailbox};
    use super::*;

    const FAST: Duration = Duration::from_micros(1900);
    const COMMIT: Duration = Duration::from_millis(6);

    /// Sends a request whose client waits forever.
    fn send(mailbox: &Mailbox<u32, ()>) {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.ask(0).await });
    }

    fn batch(requests: usize) -> Vec<Request<u32, ()>> {
        (0..requests).map(|_| Request { input: 0, answer: oneshot::channel().0 }).collect()
    }

    /// Fills a batch of one request after a commit, and returns its size and the duration of the wait. `late` clients return
    /// after a millisecond.
    async fn fill(clients: usize, took: Duration, late: usize) -> (usize, Duration) {
        let (mailbox, mut inbox) = mailbox(100);
        let mut linger = Linger::default();
        linger.created(clients - 1, 1, took);
        let begun = Instant::now();
        let clients = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            (0..late).for_each(|_| send(&mailbox));
            std::future::pending::<()>().await;
        });
        let mut batch = batch(1);
        linger.fill(&mut batch, &mut inbox, 10).await;
        clients.abort();
        (batch.len(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_commit_waits_until_its_clients_have_returned() {
        assert_eq!(fill(8, COMMIT, 7).await, (8, Duration::from_millis(1)));
        // A batch has a limit.
        assert_eq!(fill(50, COMMIT, 30).await, (10, Duration::from_millis(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_commit_waits_for_a_part_of_its_duration_at_most() {
        assert_eq!(fill(8, COMMIT, 3).await, (4, Duration::from_millis(3)));
        let (requests, waited) = fill(8, Duration::from_secs(8), 3).await;
        assert!(requests == 4 && waited <= LONGEST + Duration::from_millis(1), "{requests}, {waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn fast_commits_and_few_clients_do_not_wait() {
        assert_eq!(fill(8, FAST, 7).await, (1, Duration::ZERO));
        assert_eq!(fill(3, COMMIT, 2).await, (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_begins_at_the_end_of_the_commit() {
        let (_mailbox, mut inbox) = mailbox(100);
        let mut linger = Linger::default();
        linger.created(8, 0, COMMIT);
        advance(COMMIT).await;
        let (begun, mut batch) = (Instant::now(), batch(1));
        linger.fill(&mut batch, &mut inbox, 10).await;
        assert_eq!((batch.len(), begun.elapsed()), (1, Duration::ZERO));
    }
}
