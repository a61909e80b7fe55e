//! The task that creates events: what arrived while the last commit was running is the next transaction.

use eventpipeline_database::{EventId, NewEvent, Session};
use eventpipeline_service::chain;
use tracing::error;

use crate::error::Unavailable;
use crate::mailbox::{Inbox, Request};
use crate::metrics::Metrics;

/// How many events one transaction creates at the most, so that a commit stays a matter of milliseconds.
const BATCH: usize = 512;
/// How many bytes of payload it creates at the most: a quarter of what MariaDB takes in one packet by default.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

type Create = Request<NewEvent, EventId>;

/// Creates events until the last mailbox is dropped.
pub(crate) async fn run(
    mut session: Session,
    mut inbox: Inbox<NewEvent, EventId>,
    metrics: Metrics,
) -> anyhow::Result<()> {
    while let Some(batch) = inbox.next_batch(BATCH).await {
        for transaction in within_bytes(batch) {
            create(&mut session, transaction, &metrics).await;
        }
    }
    session.close().await;
    Ok(())
}

/// The batch in parts of at most [`BATCH_BYTES`], each as long as it can be.
fn within_bytes(batch: Vec<Create>) -> Vec<Vec<Create>> {
    let mut parts: Vec<Vec<Create>> = Vec::new();
    let mut bytes = 0;
    for request in batch {
        let more = request.input.payload.as_ref().map_or(0, String::len);
        match parts.last_mut() {
            Some(part) if bytes + more <= BATCH_BYTES => {
                part.push(request);
                bytes += more;
            }
            _ => {
                parts.push(vec![request]);
                bytes = more;
            }
        }
    }
    parts
}

async fn create(session: &mut Session, batch: Vec<Create>, metrics: &Metrics) {
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
            let failure = chain(&failure);
            error!(events, error = failure, "{events} events were not created");
            for answer in answers {
                let _ = answer.send(Err(Unavailable::Database));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_transaction_has_a_limit_in_bytes_and_nothing_is_left_out() {
        let sizes = [3, 2, 1, 5, 0, 0].map(|mebibytes| mebibytes * 1024 * 1024);
        let batch = sizes.map(|size| Request {
            input: NewEvent { payload: Some("x".repeat(size)) },
            answer: oneshot::channel().0,
        });
        let parts = within_bytes(batch.into());
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 1, 2]);
        let length = |request: &Create| request.input.payload.as_ref().unwrap().len();
        assert_eq!(parts.iter().flatten().map(length).collect::<Vec<_>>(), sizes);
        assert!(within_bytes(Vec::new()).is_empty());
    }
}
