//! The task that changes events on behalf of people: tries them again, cancels and removes them.

use std::time::Duration;

use eventpipeline_database::{
    EventId, Finished, LARGEST_REMOVAL, LowWaterMark, Removal, Session, Transition,
};

use crate::mailbox::{Inbox, Mailbox, mailbox};
use crate::reader::unchanged;

/// How many requests may wait.
const CAPACITY: usize = 256;

/// What can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    pub(crate) retry: Mailbox<EventId, Transition>,
    pub(crate) cancel: Mailbox<EventId, Transition>,
    pub(crate) purge: Mailbox<Purge, Removal>,
}

/// What is to be removed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purge {
    pub(crate) finished: Finished,
    pub(crate) older_than: Duration,
}

/// The task.
#[derive(Debug)]
pub(crate) struct Changer {
    session: Session,
    retries: Inbox<EventId, Transition>,
    cancels: Inbox<EventId, Transition>,
    purges: Inbox<Purge, Removal>,
}

impl Changer {
    pub(crate) fn new(session: Session) -> (Self, Changes) {
        let (retry, retries) = mailbox(CAPACITY);
        let (cancel, cancels) = mailbox(CAPACITY);
        let (purge, purges) = mailbox(CAPACITY);
        (Self { session, retries, cancels, purges }, Changes { retry, cancel, purge })
    }

    /// Changes events until the last mailbox of each kind is dropped.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { mut session, mut retries, mut cancels, mut purges } = self;
        loop {
            tokio::select! {
                Some(batch) = retries.next_batch(1) => for request in batch {
                    let _ = request.answer.send(unchanged(session.retry(request.input).await));
                },
                Some(batch) = cancels.next_batch(1) => for request in batch {
                    let _ = request.answer.send(unchanged(session.cancel(request.input).await));
                },
                Some(batch) = purges.next_batch(1) => for request in batch {
                    let Purge { finished, older_than } = request.input;
                    // From the start: people ask for all that there is, and seldom.
                    let mut start = LowWaterMark::default();
                    let removal = session.remove(&mut start, finished, older_than, LARGEST_REMOVAL).await;
                    let _ = request.answer.send(unchanged(removal));
                },
                else => break,
            }
        }
        session.close().await;
        Ok(())
    }
}
