//! The task that creates events: what arrived while the last commit was running is the next transaction.

use eventpipeline_database::{EventId, NewEvent, Session};
use tracing::error;

use crate::error::Unavailable;
use crate::mailbox::{Inbox, Request};
use crate::metrics::Metrics;

/// How many events one transaction creates at the most, so that a commit stays a matter of milliseconds.
const BATCH: usize = 512;

/// Creates events until the last mailbox is dropped.
pub(crate) async fn run(
    mut session: Session,
    mut inbox: Inbox<NewEvent, EventId>,
    metrics: Metrics,
) -> anyhow::Result<()> {
    while let Some(batch) = inbox.next_batch(BATCH).await {
        let (events, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|Request { input, answer }| (input, answer)).unzip();
        match session.create(&events).await {
            Ok(ids) => {
                metrics.created(ids.len());
                for (answer, id) in answers.into_iter().zip(ids) {
                    // A client that left in the meantime has its event all the same.
                    let _ = answer.send(Ok(id));
                }
            }
            Err(failure) => {
                let events = events.len();
                let failure = format!("{:#}", anyhow::Error::new(failure));
                error!(events, error = failure, "{events} events were not created");
                for answer in answers {
                    let _ = answer.send(Err(Unavailable::Database));
                }
            }
        }
    }
    session.close().await;
    Ok(())
}
