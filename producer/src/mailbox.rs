//! Requests to a task that serves many at once.
//!
//! A task takes what arrived while it was busy as its next batch: one by one when idle, many at a time under load, and
//! no timer in between.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::error::Unavailable;

/// How long a request waits for its answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// What a task answers.
pub(crate) type Answer<O> = Result<O, Unavailable>;

/// A request and where its answer goes.
#[derive(Debug)]
pub(crate) struct Request<I, O> {
    pub(crate) input: I,
    pub(crate) answer: oneshot::Sender<Answer<O>>,
}

/// The senders' end of a mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox<I, O> {
    sender: mpsc::Sender<Request<I, O>>,
}

impl<I, O> Clone for Mailbox<I, O> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

/// A mailbox for one who must not keep it open.
#[derive(Debug, Clone)]
pub(crate) struct WeakMailbox<I, O> {
    sender: mpsc::WeakSender<Request<I, O>>,
}

impl<I, O> WeakMailbox<I, O> {
    /// Asks and waits for the answer, while others keep the mailbox open.
    pub(crate) async fn ask(&self, input: I) -> Answer<O> {
        match self.sender.upgrade() {
            Some(sender) => Mailbox { sender }.ask(input).await,
            None => Err(Unavailable::Database),
        }
    }
}

/// The task's end of a mailbox.
#[derive(Debug)]
pub(crate) struct Inbox<I, O> {
    receiver: mpsc::Receiver<Request<I, O>>,
}

/// A mailbox and its inbox. The inbox is closed when the last mailbox is dropped. `capacity` requests may wait; beyond,
/// the answer is 503 at once rather than late.
pub(crate) fn mailbox<I, O>(capacity: usize) -> (Mailbox<I, O>, Inbox<I, O>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Mailbox { sender }, Inbox { receiver })
}

impl<I, O> Mailbox<I, O> {
    pub(crate) fn downgrade(&self) -> WeakMailbox<I, O> {
        WeakMailbox { sender: self.sender.downgrade() }
    }

    /// Asks and waits for the answer. Dropping the future withdraws the request if it was not begun.
    pub(crate) async fn ask(&self, input: I) -> Answer<O> {
        let (answer, answered) = oneshot::channel();
        self.sender.try_send(Request { input, answer }).map_err(|_| Unavailable::Overloaded)?;
        match tokio::time::timeout(ANSWER_LIMIT, answered).await {
            Ok(Ok(answer)) => answer,
            // The task ended in the middle of it.
            Ok(Err(_)) | Err(_) => Err(Unavailable::Late),
        }
    }
}

impl<I, O> Inbox<I, O> {
    /// The requests that wait, at least one and at most `limit`, without those whose askers have left (so that the batch
    /// may come out empty). `None` when no more can come. Dropping the future loses nothing.
    pub(crate) async fn next_batch(&mut self, limit: usize) -> Option<Vec<Request<I, O>>> {
        let mut batch = Vec::new();
        if self.receiver.recv_many(&mut batch, limit).await == 0 {
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
    async fn what_arrives_meanwhile_is_one_batch() {
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
    async fn a_request_whose_asker_left_is_not_served() {
        let (mailbox, mut inbox) = mailbox::<u32, ()>(8);
        let (answer, answered) = oneshot::channel();
        mailbox.sender.try_send(Request { input: 1, answer }).unwrap();
        drop(answered);
        assert!(inbox.next_batch(10).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_is_late() {
        let (mailbox, _inbox) = mailbox::<u32, ()>(8);
        assert_eq!(mailbox.ask(1).await, Err(Unavailable::Late));
    }
}
