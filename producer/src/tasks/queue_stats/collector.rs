//! The queue statistics as metrics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use eventpipeline_database::{LaneStats, Stats, TypeStats};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Opts, Registry};
use strum::IntoStaticStr;

use super::lanes::LaneGauges;

/// The `state` label of `eventpipeline_events`.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum StateLabel {
    Pending,
    Scheduled,
    Blocked,
    Processing,
    Done,
    Dead,
    Cancelled,
    Removed,
}

/// A collector that exports consistent statistics: the states add up at every scrape. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct QueueStatsCollector {
    events: IntGaugeVec,
    counted: IntGauge,
    oldest: Gauge,
    read_at: Gauge,
    lanes: LaneGauges,
    /// `true` after the first read. The lock is held during updates and scrapes.
    known: Arc<Mutex<bool>>,
}

impl QueueStatsCollector {
    /// Registers the collector. It exports nothing before the first read.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let events = Opts::new(
            "eventpipeline_events",
            "Events by state, as stored in the database. Their sum is eventpipeline_events_counted. Every producer \
             exports the whole queue.",
        );
        let collector = Self {
            events: IntGaugeVec::new(events, &["state"])?,
            counted: IntGauge::new(
                "eventpipeline_events_counted",
                "Events ever created by any producer, as counted by the database.",
            )?,
            oldest: Gauge::new(
                "eventpipeline_oldest_pending_age_seconds",
                "Age of the oldest pending event; 0 if no event is pending.",
            )?,
            read_at: Gauge::new(
                "eventpipeline_queue_stats_timestamp_seconds",
                "Unix time of the last successful read of the queue statistics.",
            )?,
            lanes: LaneGauges::new()?,
            known: Arc::default(),
        };
        registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    /// Exports an empty queue, for the reference of all metrics.
    pub(crate) fn set_empty(&self) {
        let lane = |name: Option<&str>| LaneStats {
            lane: name.map(str::to_owned),
            pending: 0,
            scheduled: 0,
            oldest_pending: None,
        };
        let lanes = vec![lane(None), lane(Some("orders"))];
        let types =
            vec![TypeStats { event_type: None, lane: None, pending: 0, oldest_pending: Duration::ZERO }];
        self.set(&Stats { lanes, types, ..Stats::default() }, SystemTime::UNIX_EPOCH);
    }

    pub(super) fn set(&self, stats: &Stats, read_at: SystemTime) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (label, events) in [
            (StateLabel::Pending, stats.pending),
            (StateLabel::Scheduled, stats.scheduled),
            (StateLabel::Blocked, stats.blocked),
            (StateLabel::Processing, stats.processing),
            (StateLabel::Done, stats.done),
            (StateLabel::Dead, stats.dead),
            (StateLabel::Cancelled, stats.cancelled),
            (StateLabel::Removed, stats.removed),
        ] {
            let label: &'static str = label.into();
            self.events.with_label_values(&[label]).set(events);
        }
        self.counted.set(stats.created);
        self.oldest.set(stats.oldest_pending.unwrap_or_default().as_secs_f64());
        self.read_at.set(read_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        self.lanes.set(stats);
        *known = true;
    }
}

impl Collector for QueueStatsCollector {
    fn desc(&self) -> Vec<&Desc> {
        let all = [self.events.desc(), self.counted.desc(), self.oldest.desc(), self.read_at.desc()];
        [all.concat(), self.lanes.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !*known {
            return Vec::new();
        }
        let all =
            [self.events.collect(), self.counted.collect(), self.oldest.collect(), self.read_at.collect()];
        [all.concat(), self.lanes.collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(events: i64) -> Stats {
        Stats {
            created: 8 * events,
            pending: events,
            scheduled: events,
            blocked: events,
            processing: events,
            done: events,
            dead: events,
            cancelled: events,
            removed: events,
            ..Stats::default()
        }
    }

    fn scrape(registry: &Registry, name: &str) -> Vec<f64> {
        let families = registry.gather();
        let metrics =
            families.iter().filter(|family| family.name() == name).flat_map(MetricFamily::get_metric);
        metrics.map(|metric| metric.get_gauge().get_value()).collect()
    }

    #[test]
    fn nothing_is_exported_before_the_first_read_and_zeros_afterwards() {
        let registry = Registry::new();
        let collector = QueueStatsCollector::new(&registry).unwrap();
        assert!(registry.gather().is_empty());
        collector.set(&stats(0), SystemTime::now());
        assert_eq!(scrape(&registry, "eventpipeline_events"), [0.0; 8]);
        assert_eq!(scrape(&registry, "eventpipeline_oldest_pending_age_seconds"), [0.0]);
    }

    #[test]
    fn the_states_add_up_at_every_scrape() {
        let registry = Registry::new();
        let collector = QueueStatsCollector::new(&registry).unwrap();
        collector.set(&stats(0), SystemTime::now());
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| {
                for events in 1..20_000 {
                    collector.set(&stats(events), SystemTime::now());
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
