//! The queue's ledger as metrics: where all the events are that were ever created.
//!
//! One task reads it now and then, whoever scrapes how often, and a scrape shows figures that were read together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use eventpipeline_database::{Session, Stats};
use eventpipeline_service::error_chain;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Opts, Registry};
use strum::IntoStaticStr;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::storage::Storage;

/// How often it is read. A table of a million events takes the server a tenth of a second each time.
const PERIOD: Duration = Duration::from_secs(5);
/// Larger tables are read less often: the pause is so many times as long as the reading, two hundredths of the time.
const RESTS: u32 = 50;
/// The longest pause after a reading that failed.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Where an event is.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum Place {
    Pending,
    Scheduled,
    Processing,
    Done,
    Dead,
    Cancelled,
    Removed,
}

/// The metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    events: IntGaugeVec,
    counted: IntGauge,
    oldest: Gauge,
    read_at: Gauge,
    /// Whether they were ever read. Held while they are changed or shown, so that they add up at every scrape.
    known: Arc<Mutex<bool>>,
}

impl Figures {
    /// Metrics in `registry`, which it shows once they are known.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let events = Opts::new(
            "eventpipeline_events",
            "Events by state, as the database has them; their sum is eventpipeline_events_counted. Every producer \
             shows the whole queue.",
        );
        let figures = Self {
            events: IntGaugeVec::new(events, &["state"])?,
            counted: IntGauge::new(
                "eventpipeline_events_counted",
                "Events that were ever created, by whomever, as the database has counted them.",
            )?,
            oldest: Gauge::new(
                "eventpipeline_oldest_pending_age_seconds",
                "How long the oldest pending event has waited; 0 where there is none.",
            )?,
            read_at: Gauge::new(
                "eventpipeline_events_read_timestamp_seconds",
                "When the figures of the queue were read from the database, since 1970.",
            )?,
            known: Arc::default(),
        };
        registry.register(Box::new(figures.clone()))?;
        Ok(figures)
    }

    /// As if an empty queue had been read: what there is to see.
    pub(crate) fn show_nothing(&self) {
        self.show(&Stats::default(), SystemTime::UNIX_EPOCH);
    }

    fn show(&self, stats: &Stats, read_at: SystemTime) {
        let Stats { created, pending, scheduled, processing, done, dead, cancelled, removed, oldest_pending } =
            *stats;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, events) in [
            (Place::Pending, pending),
            (Place::Scheduled, scheduled),
            (Place::Processing, processing),
            (Place::Done, done),
            (Place::Dead, dead),
            (Place::Cancelled, cancelled),
            (Place::Removed, removed),
        ] {
            let label: &'static str = place.into();
            self.events.with_label_values(&[label]).set(events);
        }
        self.counted.set(created);
        self.oldest.set(oldest_pending.unwrap_or_default().as_secs_f64());
        self.read_at.set(read_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        *known = true;
    }
}

impl Collector for Figures {
    fn desc(&self) -> Vec<&Desc> {
        [self.events.desc(), self.counted.desc(), self.oldest.desc(), self.read_at.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !*known {
            return Vec::new();
        }
        [self.events.collect(), self.counted.collect(), self.oldest.collect(), self.read_at.collect()]
            .concat()
    }
}

/// The task that reads.
pub(crate) struct Ledger {
    session: Session,
    figures: Figures,
    /// Who has to leave room for what is unfinished.
    storage: Storage,
}

impl Ledger {
    pub(crate) fn new(session: Session, figures: Figures, storage: Storage) -> Self {
        Self { session, figures, storage }
    }

    /// Reads until `end`. Where a reading fails, the figures stay what they were, with their time.
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

    /// Gives the pause until the next reading.
    async fn read(&mut self) -> Duration {
        let connected = self.session.connect().await;
        // The reading alone: a slow connection says nothing of the table.
        let begun = Instant::now();
        let read = match connected {
            Ok(()) => self.session.stats().await,
            Err(failure) => Err(failure),
        };
        let pause = PERIOD.max(begun.elapsed() * RESTS);
        match read {
            Ok(stats) => {
                self.figures.show(&stats, SystemTime::now());
                self.storage.unfinished(stats.pending + stats.scheduled + stats.processing);
                pause
            }
            Err(failure) => {
                warn!(error = error_chain(&failure), "failed to read the figures of the queue");
                pause.min(LONGEST_AFTER_FAILURE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(events: i64) -> Stats {
        Stats {
            created: 7 * events,
            pending: events,
            scheduled: events,
            processing: events,
            done: events,
            dead: events,
            cancelled: events,
            removed: events,
            oldest_pending: None,
        }
    }

    fn scrape(registry: &Registry, name: &str) -> Vec<f64> {
        let families = registry.gather();
        let metrics =
            families.iter().filter(|family| family.name() == name).flat_map(MetricFamily::get_metric);
        metrics.map(|metric| metric.get_gauge().get_value()).collect()
    }

    #[test]
    fn nothing_is_shown_before_it_is_known_and_zeros_are() {
        let registry = Registry::new();
        let figures = Figures::new(&registry).unwrap();
        assert!(registry.gather().is_empty());
        figures.show(&stats(0), SystemTime::now());
        assert_eq!(scrape(&registry, "eventpipeline_events"), [0.0; 7]);
        assert_eq!(scrape(&registry, "eventpipeline_oldest_pending_age_seconds"), [0.0]);
    }

    #[test]
    fn the_figures_add_up_at_every_scrape() {
        let registry = Registry::new();
        let figures = Figures::new(&registry).unwrap();
        figures.show(&stats(0), SystemTime::now());
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| {
                for events in 1..20_000 {
                    figures.show(&stats(events), SystemTime::now());
                }
            });
            while !writer.is_finished() {
                let families = registry.gather();
                let sum = |name: &str| -> f64 {
                    let family = families.iter().find(|family| family.name() == name).unwrap();
                    family.get_metric().iter().map(|metric| metric.get_gauge().get_value()).sum()
                };
                let difference = sum("eventpipeline_events") - sum("eventpipeline_events_counted");
                assert!(difference.abs() < 0.5, "{difference}");
            }
        });
    }
}
