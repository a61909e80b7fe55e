//! Requests to a task that answers them in batches.
//!
//! The requests that arrive while the task is busy are its next batch. An idle task thus answers requests one by one, and a
//! busy task many at a time, without a timer.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::error::{Answer, Unavailable};

/// Maximum time that a request waits for its answer.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// A request, and the channel for its answer.
#[derive(Debug)]
pub(crate) struct Request<I, O> {
    pub(crate) input: I,
    pub(crate) answer: oneshot::Sender<Answer<O>>,
}

/// The sending end of a mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox<I, O> {
    sender: mpsc::Sender<Request<I, O>>,
}

impl<I, O> Clone for Mailbox<I, O> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

/// The receiving end of a mailbox.
#[derive(Debug)]
pub(crate) struct Inbox<I, O> {
    receiver: mpsc::Receiver<Request<I, O>>,
}

/// Creates a mailbox, which refuses requests while `capacity` requests wait. The inbox closes when all clones of the mailbox
/// are dropped.
pub(crate) fn mailbox<I, O>(capacity: usize) -> (Mailbox<I, O>, Inbox<I, O>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Mailbox { sender }, Inbox { receiver })
}

impl<I, O> Mailbox<I, O> {
    /// Sends a request and returns its answer. Dropping the future withdraws a request that the task has not taken.
    pub(crate) async fn ask(&self, input: I) -> Answer<O> {
        let (answer, answered) = oneshot::channel();
        self.sender.try_send(Request { input, answer }).map_err(|_| Unavailable::Overloaded)?;
        match tokio::time::timeout(ANSWER_LIMIT, answered).await {
            Ok(Ok(answer)) => answer,
            // The task ended while it had the request, or the time is over.
            Ok(Err(_)) | Err(_) => Err(Unavailable::Timeout),
        }
    }
}

impl<I, O> Inbox<I, O> {
    /// Returns the number of requests that wait.
    pub(crate) fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Waits for requests and adds at most `limit` of them to `batch`. Returns `false` if the mailbox is closed. Cancel-safe.
    pub(crate) async fn receive(&mut self, batch: &mut Vec<Request<I, O>>, limit: usize) -> bool {
        self.receiver.recv_many(batch, limit).await > 0
    }

    /// Waits for requests and returns at most `limit` of them, or `None` if the mailbox is closed.
    ///
    /// Requests whose clients have left are dropped, so the batch may be empty. Cancel-safe.
    pub(crate) async fn next_batch(&mut self, limit: usize) -> Option<Vec<Request<I, O>>> {
        let mut batch = Vec::new();
        if !self.receive(&mut batch, limit).await {
            return None;
        }
        batch.retain(|request| !request.answer.is_closed());
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_that_wait_are_one_batch() {
        let (mailbox, mut inbox) = mailbox::<u32, u32>(8);
        let asking: Vec<_> = (0..3)
            .map(|input| {
                let mailbox = mailbox.clone();
                tokio::spawn(async move { mailbox.ask(input).await })
            })
            .collect();
        while inbox.receiver.len() < 3 {
            tokio::task::yield_now().await;
        }
        for request in inbox.next_batch(10).await.unwrap() {
            request.answer.send(Ok(request.input * 2)).unwrap();
        }
        for (input, asking) in (0..).zip(asking) {
            assert_eq!(asking.await.unwrap(), Ok(input * 2));
        }
    }

    #[tokio::test]
    async fn a_full_mailbox_refuses_at_once() {
        let (mailbox, inbox) = mailbox::<usize, ()>(8);
        let mut waiting = Vec::new();
        for input in 0..8 {
            let (answer, answered) = oneshot::channel();
            mailbox.sender.try_send(Request { input, answer }).unwrap();
            waiting.push(answered);
        }
        assert_eq!(mailbox.ask(0).await, Err(Unavailable::Overloaded));
        drop(inbox);
    }

    #[tokio::test]
    async fn a_request_whose_client_left_is_dropped() {
        let (mailbox, mut inbox) = mailbox::<u32, ()>(8);
        let (answer, answered) = oneshot::channel();
        mailbox.sender.try_send(Request { input: 1, answer }).unwrap();
        drop(answered);
        assert!(inbox.next_batch(10).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_answer_times_out() {
        let (mailbox, _inbox) = mailbox::<u32, ()>(8);
        assert_eq!(mailbox.ask(1).await, Err(Unavailable::Timeout));
    }
}
