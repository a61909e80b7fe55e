//! The task that writes down what became of events: what arrived during the last commit is the next transaction.

use std::collections::HashSet;
use std::time::Duration;

use eventpipeline_database::{Error, Session};
use eventpipeline_service::chain;
use tokio::sync::mpsc;
use tracing::warn;

use crate::metrics::Metrics;
use crate::processor::Settlement;

/// How many events one transaction settles at the most.
const BATCH: usize = 256;
/// How long to wait before a failed transaction is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Settles until the last sender is dropped.
///
/// A transaction that failed is tried again until it succeeds: the fence decides whether it came in time, also when an
/// earlier try took effect without saying so.
pub(crate) async fn run(
    mut session: Session,
    mut settlements: mpsc::Receiver<Settlement>,
    metrics: Metrics,
) -> anyhow::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    while settlements.recv_many(&mut batch, BATCH).await > 0 {
        let (mut completions, mut releases) = (Vec::new(), Vec::new());
        for settlement in batch.drain(..) {
            match settlement {
                Settlement::Complete(completion) => completions.push(completion),
                Settlement::Release(claim) => releases.push(claim),
            }
        }
        if !completions.is_empty() {
            let accepted = loop {
                match session.complete(&completions).await {
                    Ok(accepted) => break accepted,
                    Err(failure) => pause("write answers down", completions.len(), failure).await,
                }
            };
            let accepted: HashSet<_> = accepted.into_iter().collect();
            metrics.completed(accepted.len(), completions.len() - accepted.len());
            for late in completions.iter().filter(|completion| !accepted.contains(&completion.claim.id)) {
                let id = late.claim.id;
                warn!(event.id = %id, "the answer to event {id} came late and was dropped: its claim was not the last");
            }
        }
        if !releases.is_empty() {
            while let Err(failure) = session.release(&releases).await {
                pause("give events back", releases.len(), failure).await;
            }
        }
    }
    session.close().await;
    Ok(())
}

async fn pause(what: &str, events: usize, failure: Error) {
    let error = chain(&failure);
    warn!(events, error, "failed to {what}; trying again");
    tokio::time::sleep(PAUSE).await;
}
