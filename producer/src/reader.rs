//! The task that reads events and the counter, each batch in one query.

use std::collections::HashMap;

use eventpipeline_database::{EventId, Session, Snapshot};
use eventpipeline_service::chain;
use tracing::error;

use crate::error::Unavailable;
use crate::mailbox::{Answer, Inbox, Request};

/// How many events one query reads at the most.
const BATCH: usize = 512;

/// Asks for one event; the answer is `None` when there is no such event.
pub(crate) type EventInbox = Inbox<EventId, Option<Snapshot>>;
/// Asks how many events were ever created.
pub(crate) type CountInbox = Inbox<(), i64>;

/// Reads until the last mailbox of both kinds is dropped.
pub(crate) async fn run(
    mut session: Session,
    mut events: EventInbox,
    mut counts: CountInbox,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            Some(batch) = events.next_batch(BATCH) => read(&mut session, batch).await,
            Some(batch) = counts.next_batch(BATCH) => count(&mut session, batch).await,
            else => break,
        }
    }
    session.close().await;
    Ok(())
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

async fn count(session: &mut Session, batch: Vec<Request<(), i64>>) {
    let count = unavailable(session.count().await);
    for request in batch {
        let _ = request.answer.send(count);
    }
}

fn unavailable<T>(result: Result<T, eventpipeline_database::Error>) -> Answer<T> {
    result.map_err(|failure| {
        error!(error = chain(&failure), "a read failed");
        Unavailable::Database
    })
}
