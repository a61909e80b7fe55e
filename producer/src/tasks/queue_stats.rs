//! The task that reads the queue statistics periodically. A scrape thus never reads the database.

mod collector;
mod lanes;

use std::time::{Duration, Instant, SystemTime};

use eventpipeline_database::Session;
use eventpipeline_service::error_chain;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::storage::Storage;
pub(crate) use collector::QueueStatsCollector;

/// Minimum pause between two reads. A read of a million events takes the server a tenth of a second.
const PERIOD: Duration = Duration::from_secs(5);
/// Ratio of a pause to the duration of the read before it, so that large tables are read less often.
const PAUSE_RATIO: u32 = 50;
/// Maximum pause after a failed read.
const MAX_PAUSE_AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Reads the queue statistics periodically.
pub(crate) struct QueueStatsTask {
    session: Session,
    collector: QueueStatsCollector,
    /// Reserves space for the events that are not finished.
    storage: Storage,
}

impl QueueStatsTask {
    pub(crate) fn new(session: Session, collector: QueueStatsCollector, storage: Storage) -> Self {
        Self { session, collector, storage }
    }

    /// Reads until `end`. After a failed read the collector keeps the last statistics with their timestamp.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        loop {
            let pause = self.read().await;
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// Reads once, and returns the pause until the next read.
    async fn read(&mut self) -> Duration {
        let connected = self.session.connect().await;
        // Connecting is not part of the read, because a slow connection does not make the read expensive.
        let begun = Instant::now();
        let read = match connected {
            Ok(()) => self.session.stats().await,
            Err(failure) => Err(failure),
        };
        let pause = PERIOD.max(begun.elapsed() * PAUSE_RATIO);
        match read {
            Ok(stats) => {
                self.collector.set(&stats, SystemTime::now());
                self.storage
                    .set_unfinished(stats.pending + stats.scheduled + stats.blocked + stats.processing);
                pause
            }
            Err(failure) => {
                warn!(error = error_chain(&failure), "failed to read the queue statistics");
                pause.min(MAX_PAUSE_AFTER_FAILURE)
            }
        }
    }
}
