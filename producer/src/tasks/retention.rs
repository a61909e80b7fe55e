//! The task that removes finished events after their retention, and measures the space that removed events have left.
//!
//! Every producer runs it, so that events are removed while no consumer runs. Producers skip each other's locked events.

mod rules;

use std::time::{Duration, Instant};

use eventpipeline_database::{Finished, LARGEST_REMOVAL, Session, State};
use eventpipeline_service::{MetricFactory, error_chain};
use prometheus::{IntCounterVec, Registry};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::storage::Storage;
pub(crate) use rules::RetentionArgs;
use rules::Rule;

/// Bounds of the period between removals, which is half of the shortest retention.
const REMOVAL_PERIODS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// Ratio of a pause to the duration of the removal before it, while there are more events to remove.
const PAUSE_RATIO: u32 = 4;
/// Period between measurements of the reusable space.
const SPACE_PERIOD: Duration = Duration::from_secs(5);

/// The metrics of removals.
#[derive(Debug, Clone)]
pub(crate) struct RetentionMetrics {
    removed: IntCounterVec,
}

impl RetentionMetrics {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let removed = MetricFactory(registry).counters(
            "eventpipeline_events_removed_total",
            "Finished events that were removed after their retention.",
            ("state", &[State::Done, State::Dead, State::Cancelled].map(Into::into)),
        )?;
        Ok(Self { removed })
    }

    fn removed(&self, finished: Finished, events: usize) {
        let state: &str = State::from(finished).into();
        self.removed.with_label_values(&[state]).inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }
}

/// Removes finished events after their retention.
#[derive(Debug)]
pub(crate) struct RetentionTask {
    session: Session,
    rules: Vec<Rule>,
    /// Receives the reusable space. `None` if the volume is not watched.
    storage: Option<Storage>,
    metrics: RetentionMetrics,
}

impl RetentionTask {
    pub(crate) fn new(
        session: Session,
        settings: RetentionArgs,
        storage: Option<Storage>,
        metrics: RetentionMetrics,
    ) -> Self {
        Self { session, rules: settings.rules(), storage, metrics }
    }

    /// Removes events and measures the reusable space periodically, until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) -> anyhow::Result<()> {
        let mut removal = self.period().map(|period| after(period / 10));
        let mut measurement = self.storage.as_ref().map(|_| Instant::now());
        loop {
            let next = removal.into_iter().chain(measurement).min();
            tokio::select! {
                biased;
                () = end.cancelled() => break,
                () = until(next) => {}
            }
            if let Some(due) = measurement
                && due <= Instant::now()
            {
                self.measure_space().await;
                measurement = Some(after(SPACE_PERIOD));
            } else {
                removal = Some(after(self.remove().await));
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// Returns the period between removals, or `None` if all events are kept forever.
    fn period(&self) -> Option<Duration> {
        let [shortest, longest] = REMOVAL_PERIODS;
        let retention = self.rules.iter().map(|rule| rule.retention).min()?;
        Some((retention / 2).clamp(shortest, longest))
    }

    /// Removes one batch per rule, and returns the pause until the next ones.
    async fn remove(&mut self) -> Duration {
        let begun = Instant::now();
        let period = self.period().unwrap_or(REMOVAL_PERIODS[1]);
        let mut more = false;
        for Rule { finished, retention, mark } in &mut self.rules {
            match self.session.remove(mark, *finished, *retention, LARGEST_REMOVAL).await {
                Ok(removal) => {
                    self.metrics.removed(*finished, removal.events);
                    more |= removal.more;
                }
                Err(failure) => {
                    warn!(error = error_chain(&failure), "failed to remove old {finished} events");
                }
            }
        }
        if more { begun.elapsed() * PAUSE_RATIO } else { period }
    }

    async fn measure_space(&mut self) {
        let Some(storage) = &self.storage else { return };
        match self.session.reusable_bytes().await {
            Ok(bytes) => storage.set_reusable(bytes),
            Err(failure) => {
                warn!(
                    error = error_chain(&failure),
                    "failed to read the reusable space of the events' tablespace"
                );
            }
        }
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next.into()).await,
        None => std::future::pending().await,
    }
}

/// Returns the end of a pause with jitter, so that producers that started together drift apart.
fn after(pause: Duration) -> Instant {
    Instant::now() + pause.mul_f64(0.75 + rand::random::<f64>() / 2.0)
}
