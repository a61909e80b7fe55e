//! The task that frees what crashed consumers left locked. Each consumer runs one; one of them would do.

use std::time::Duration;

use eventpipeline_database::{Lease, Session};
use eventpipeline_service::chain;
use rand::RngExt as _;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::Metrics;

/// Looks about four times in a lease's time, each time a little earlier or later than the other consumers.
pub(crate) async fn run(
    mut session: Session,
    lease: Duration,
    end: CancellationToken,
    metrics: Metrics,
) -> anyhow::Result<()> {
    loop {
        let pause = (lease / 4).mul_f64(rand::rng().random_range(0.75..1.25));
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
        match session.reclaim(Lease::new(lease)).await {
            Ok(freed) => {
                metrics.reclaimed(freed.len());
                for id in freed {
                    warn!(event.id = %id, "event {id} is free again: its claim was not settled in time");
                }
            }
            Err(failure) => warn!(error = chain(&failure), "failed to reclaim"),
        }
    }
    session.close().await;
    Ok(())
}
