//! The task that reads what clients ask for most, each batch in one query where it can be.

use std::collections::HashMap;

use eventpipeline_database::{Error, Event, EventId, Session, Snapshot};
use eventpipeline_service::error_chain;
use tracing::error;

use crate::error::Unavailable;
use crate::mailbox::{Answer, Inbox, Mailbox, Request, mailbox};

/// How many requests of a kind may wait.
const CAPACITY: usize = 8192;
/// How many events one query reads at the most.
const BATCH: usize = 512;
/// How many events in full, which are a query each, are read before others get their turn.
const IN_FULL: usize = 16;

/// What can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    /// An event's value and state; `None` when there is no such event.
    pub(crate) snapshot: Mailbox<EventId, Option<Snapshot>>,
    /// An event in full.
    pub(crate) event: Mailbox<EventId, Option<Event>>,
    /// How many events were ever created.
    pub(crate) count: Mailbox<(), i64>,
}

/// The task.
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

    /// Reads until the last mailbox of each kind is dropped.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { mut session, mut snapshots, mut events, mut counts } = self;
        loop {
            tokio::select! {
                Some(batch) = snapshots.next_batch(BATCH) => read(&mut session, batch).await,
                Some(batch) = events.next_batch(IN_FULL) => read_in_full(&mut session, batch).await,
                Some(batch) = counts.next_batch(CAPACITY) => {
                    let count = unavailable(session.count().await);
                    answer_all(batch, count);
                }
                else => break,
            }
        }
        session.close().await;
        Ok(())
    }
}

async fn read(session: &mut Session, batch: Vec<Request<EventId, Option<Snapshot>>>) {
    let ids: Vec<EventId> = batch.iter().map(|request| request.input).collect();
    let found = unavailable(session.read(&ids).await).map(|snapshots| {
        snapshots.into_iter().map(|snapshot| (snapshot.id, snapshot)).collect::<HashMap<_, _>>()
    });
    for request in batch {
        let answer = found.as_ref().map(|found| found.get(&request.input).cloned());
        let _ = request.answer.send(answer.map_err(|unavailable| *unavailable));
    }
}

async fn read_in_full(session: &mut Session, batch: Vec<Request<EventId, Option<Event>>>) {
    for Request { input, answer } in batch {
        let _ = answer.send(unavailable(session.event(input).await));
    }
}

/// Gives the same answer to all who asked the same.
pub(crate) fn answer_all<O: Copy>(batch: Vec<Request<(), O>>, with: Answer<O>) {
    for request in batch {
        let _ = request.answer.send(with);
    }
}

/// The answer to a failed reading, whose cause is in the log alone.
pub(crate) fn unavailable<T>(result: Result<T, Error>) -> Answer<T> {
    result.map_err(|failure| {
        let failure = error_chain(&failure);
        error!(error = failure, "a request could not be served");
        Unavailable::Database
    })
}

/// The answer to a failed change, which may have been made all the same.
pub(crate) fn unchanged<T>(result: Result<T, Error>) -> Answer<T> {
    result.map_err(|failure| {
        let answer = Unavailable::from(&failure);
        let failure = error_chain(&failure);
        error!(error = failure, "a change that was asked for failed: {answer}");
        answer
    })
}
