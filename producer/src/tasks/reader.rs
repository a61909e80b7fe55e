//! The task that reads single events and the event count. It answers many requests with one query where possible.

use std::collections::HashMap;

use eventpipeline_database::{Event, EventId, Session, Snapshot};

use super::mailbox::{Inbox, Mailbox, Request, mailbox};
use crate::error::answer_to_read;

/// Maximum number of requests of a kind that wait.
const CAPACITY: usize = 8192;
/// Maximum number of events that one query reads.
const BATCH: usize = 512;
/// Maximum number of full events, one query each, that are read before other requests get their turn.
const FULL_EVENTS: usize = 16;

/// The requests that the reader answers.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    /// The value and state of an event; `None` if the event does not exist.
    pub(crate) snapshot: Mailbox<EventId, Option<Snapshot>>,
    /// A full event; `None` if it does not exist.
    pub(crate) event: Mailbox<EventId, Option<Event>>,
    /// The number of events ever created.
    pub(crate) count: Mailbox<(), i64>,
}

/// Answers reads in batches.
#[derive(Debug)]
pub(crate) struct Reader {
    session: Session,
    snapshots: Inbox<EventId, Option<Snapshot>>,
    events: Inbox<EventId, Option<Event>>,
    counts: Inbox<(), i64>,
}

impl Reader {
    pub(crate) fn new(session: Session) -> (Self, Reads) {
        let (snapshot, snapshots) = mailbox(CAPACITY);
        let (event, events) = mailbox(CAPACITY);
        let (count, counts) = mailbox(CAPACITY);
        (Self { session, snapshots, events, counts }, Reads { snapshot, event, count })
    }

    /// Answers requests until all mailboxes are dropped.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { mut session, mut snapshots, mut events, mut counts } = self;
        loop {
            tokio::select! {
                Some(batch) = snapshots.next_batch(BATCH) => read_snapshots(&mut session, batch).await,
                Some(batch) = events.next_batch(FULL_EVENTS) => read_events(&mut session, batch).await,
                Some(batch) = counts.next_batch(CAPACITY) => {
                    read_count(&mut session, batch).await;
                }
                else => break,
            }
        }
        session.close().await;
        Ok(())
    }
}

async fn read_snapshots(session: &mut Session, batch: Vec<Request<EventId, Option<Snapshot>>>) {
    let ids: Vec<EventId> = batch.iter().map(|request| request.input).collect();
    let found = answer_to_read(session.read(&ids).await).map(|snapshots| {
        snapshots.into_iter().map(|snapshot| (snapshot.id, snapshot)).collect::<HashMap<_, _>>()
    });
    for request in batch {
        let answer = found.as_ref().map(|found| found.get(&request.input).cloned());
        let _ = request.answer.send(answer.map_err(|unavailable| *unavailable));
    }
}

async fn read_events(session: &mut Session, batch: Vec<Request<EventId, Option<Event>>>) {
    for Request { input, answer } in batch {
        let _ = answer.send(answer_to_read(session.event(input).await));
    }
}

async fn read_count(session: &mut Session, batch: Vec<Request<(), i64>>) {
    let count = answer_to_read(session.count().await);
    for request in batch {
        let _ = request.answer.send(count);
    }
}
