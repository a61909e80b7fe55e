//! The metrics of events on their way through the consumer.

use std::time::Duration;

use eventpipeline_service::MetricFactory;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry};

use crate::prefetch::Load;

/// Buckets for durations from a millisecond to a minute, in seconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// Buckets for sizes of batches.
const EVENTS: [f64; 9] = [1.0, 2.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// The reason why an idle consumer claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimTrigger {
    /// A wake-up from another pod.
    Wakeup,
    /// A poll that found a due event.
    Poll,
}

impl ClaimTrigger {
    const LABELS: [&'static str; 2] = ["wakeup", "poll"];

    fn label(self) -> &'static str {
        match self {
            Self::Wakeup => "wakeup",
            Self::Poll => "poll",
        }
    }
}

/// The reason why a completion is deferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deferral {
    /// Another client of the database has the row locked.
    Locked,
    /// The database refuses the change.
    Refused,
}

impl Deferral {
    const LABELS: [&'static str; 2] = ["locked", "refused"];

    fn label(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Refused => "refused",
        }
    }
}

/// The metrics of events. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct EventMetrics {
    claims: ClaimMetrics,
    settlements: SettlementMetrics,
    buffered: IntGauge,
    in_flight: IntGauge,
    handled: Histogram,
    attempt_failed: Histogram,
}

#[derive(Debug, Clone)]
struct ClaimMetrics {
    claimed: IntCounter,
    batch: Histogram,
    triggers: IntCounterVec,
    fenced: IntCounter,
    reclaimed: IntCounterVec,
    lease_restarts: IntCounter,
}

#[derive(Debug, Clone)]
struct SettlementMetrics {
    completed: IntCounter,
    batch: Histogram,
    failed: IntCounterVec,
    released: IntCounter,
    deferrals: IntCounterVec,
    deferred: IntGauge,
    created_to_value: Histogram,
}

impl EventMetrics {
    /// Registers the metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        let handled = make.histograms(
            "eventpipeline_handle_duration_seconds",
            "Duration of an attempt of the handler.",
            ("outcome", &["done", "failed"]),
            &SECONDS,
        )?;
        let batches = make.histograms(
            "eventpipeline_batch_events",
            "Number of events claimed or completed in one batch.",
            ("operation", &["claim", "complete"]),
            &EVENTS,
        )?;
        Ok(Self {
            claims: ClaimMetrics::new(make, &batches)?,
            settlements: SettlementMetrics::new(make, &batches)?,
            buffered: make
                .gauge("eventpipeline_events_buffered", "Claimed events that wait for the handler.")?,
            in_flight: make
                .gauge("eventpipeline_events_in_flight", "Events being handled by this process.")?,
            handled: handled.with_label_values(&["done"]),
            attempt_failed: handled.with_label_values(&["failed"]),
        })
    }

    /// Counts a claim of this many events.
    pub(crate) fn claimed(&self, events: usize) {
        self.claims.claimed.inc_by(count(events));
        if events > 0 {
            self.claims.batch.observe(size(events));
        }
    }

    /// Counts a reason to claim.
    pub(crate) fn triggered(&self, by: ClaimTrigger) {
        self.claims.triggers.with_label_values(&[by.label()]).inc();
    }

    /// Counts claims that this process has lost.
    pub(crate) fn fenced(&self, events: usize) {
        self.claims.fenced.inc_by(count(events));
    }

    /// Counts events whose leases had expired.
    pub(crate) fn reclaimed(&self, freed: usize, dead: usize) {
        self.claims.reclaimed.with_label_values(&["freed"]).inc_by(count(freed));
        self.claims.reclaimed.with_label_values(&["dead"]).inc_by(count(dead));
    }

    /// Counts a restart of the leases of all claims.
    pub(crate) fn restarted_leases(&self) {
        self.claims.lease_restarts.inc();
    }

    /// Counts a batch of completions and those of them that were accepted.
    pub(crate) fn completed(&self, events: usize, accepted: usize) {
        self.settlements.batch.observe(size(events));
        self.settlements.completed.inc_by(count(accepted));
    }

    pub(crate) fn created_to_value(&self, took: Duration) {
        self.settlements.created_to_value.observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, retries: usize, deaths: usize) {
        self.settlements.failed.with_label_values(&["retry"]).inc_by(count(retries));
        self.settlements.failed.with_label_values(&["dead"]).inc_by(count(deaths));
    }

    pub(crate) fn released(&self, events: usize) {
        self.settlements.released.inc_by(count(events));
    }

    /// Counts a deferred completion.
    pub(crate) fn deferred(&self, reason: Deferral) {
        self.settlements.deferrals.with_label_values(&[reason.label()]).inc();
    }

    /// Changes the number of completions that are deferred at the moment.
    pub(crate) fn deferred_changed(&self, by: i64) {
        self.settlements.deferred.add(by);
    }

    pub(crate) fn load(&self, load: Load) {
        self.buffered.set(i64::try_from(load.buffered).unwrap_or(i64::MAX));
        self.in_flight.set(i64::try_from(load.handling).unwrap_or(i64::MAX));
    }

    pub(crate) fn handled(&self, took: Duration) {
        self.handled.observe(took.as_secs_f64());
    }

    pub(crate) fn attempt_failed(&self, took: Duration) {
        self.attempt_failed.observe(took.as_secs_f64());
    }
}

impl ClaimMetrics {
    fn new(make: MetricFactory<'_>, batches: &HistogramVec) -> anyhow::Result<Self> {
        Ok(Self {
            claimed: make.counter("eventpipeline_events_claimed_total", "Events claimed by this process.")?,
            batch: batches.with_label_values(&["claim"]),
            triggers: make.counters(
                "eventpipeline_claim_triggers_total",
                "Claims of an idle consumer, by what triggered them.",
                ("kind", &ClaimTrigger::LABELS),
            )?,
            fenced: make.counter(
                "eventpipeline_events_fenced_total",
                "Claims lost by this process: others freed, claimed or ended their events.",
            )?,
            reclaimed: make.counters(
                "eventpipeline_events_reclaimed_total",
                "Events whose lease expired before they were settled, by what happened to them.",
                ("outcome", &["freed", "dead"]),
            )?,
            lease_restarts: make.counter(
                "eventpipeline_lease_renewals_total",
                "Restarts of the leases of all claims by this process, because the database was unavailable, its clock \
                 stepped, or no consumer had checked leases.",
            )?,
        })
    }
}

impl SettlementMetrics {
    fn new(make: MetricFactory<'_>, batches: &HistogramVec) -> anyhow::Result<Self> {
        Ok(Self {
            completed: make.counter("eventpipeline_events_completed_total", "Events completed.")?,
            batch: batches.with_label_values(&["complete"]),
            failed: make.counters(
                "eventpipeline_events_failed_total",
                "Failed attempts, by what follows for the event.",
                ("next", &["retry", "dead"]),
            )?,
            released: make.counter(
                "eventpipeline_events_released_total",
                "Claims released without an attempt that counts.",
            )?,
            deferrals: make.counters(
                "eventpipeline_completions_deferred_total",
                "Completions that were deferred, because another client of the database has the event's row locked, or because \
                 the database refuses the change.",
                ("reason", &Deferral::LABELS),
            )?,
            deferred: make.gauge(
                "eventpipeline_deferred_completions",
                "Completions that are deferred and retried separately.",
            )?,
            created_to_value: make.histogram(
                "eventpipeline_create_to_value_seconds",
                "Time from an event's creation until its value was committed.",
                &SECONDS,
            )?,
        })
    }
}

fn count(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}

fn size(events: usize) -> f64 {
    u32::try_from(events).unwrap_or(u32::MAX).into()
}
