//! What a consumer counts and measures.

use std::time::Duration;

use eventpipeline_service::Maker;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};

use crate::prefetch::Load;

/// Buckets for what takes from a millisecond to a minute, in seconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// Buckets for how many events go together.
const EVENTS: [f64; 9] = [1.0, 2.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// How handling ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
}

/// What told an idle consumer that there is work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimTrigger {
    /// A wake-up of another pod.
    Wakeup,
    /// Its own look at the table.
    Poll,
}

/// Why a settlement is not written down with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Another client of the database has the row locked.
    Locked,
    /// The database refuses what was to be written.
    Refused,
}

impl Obstacle {
    fn label(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Refused => "refused",
        }
    }
}

/// The consumer's metrics. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    claimed: IntCounter,
    completed: IntCounter,
    /// By `retry` and `dead`.
    failed: IntCounterVec,
    released: IntCounter,
    fenced: IntCounter,
    /// By [`Obstacle`].
    set_aside: IntCounterVec,
    waiting_aside: IntGauge,
    /// By `freed` and `dead`.
    reclaimed: IntCounterVec,
    leases_begun_anew: IntCounter,
    woken: IntCounterVec,
    buffered: IntGauge,
    in_flight: IntGauge,
    handled: Histogram,
    handled_in_vain: Histogram,
    created_to_value: Histogram,
    claim_batch: Histogram,
    completion_batch: Histogram,
}

impl Metrics {
    #[expect(clippy::too_many_lines, reason = "a list of the metrics")]
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = Maker(registry);
        let handled = make.histograms(
            "eventpipeline_handle_duration_seconds",
            "Time a handler took for an event.",
            ("outcome", &["done", "failed"]),
            &SECONDS,
        )?;
        let batch = make.histograms(
            "eventpipeline_batch_events",
            "Events that were claimed, or whose answers were written down, at once.",
            ("operation", &["claim", "complete"]),
            &EVENTS,
        )?;
        Ok(Self {
            claimed: make.counter("eventpipeline_events_claimed_total", "Events claimed by this process.")?,
            completed: make.counter("eventpipeline_events_completed_total", "Answers accepted.")?,
            failed: make.counters(
                "eventpipeline_events_failed_total",
                "Failed attempts that were written down, by what becomes of the event.",
                ("next", &["retry", "dead"]),
            )?,
            released: make.counter(
                "eventpipeline_events_released_total",
                "Claims given back to the queue without an attempt that counts.",
            )?,
            fenced: make.counter(
                "eventpipeline_events_fenced_total",
                "Claims of this process that were lost: others freed, claimed or ended their events.",
            )?,
            set_aside: make.counters(
                "eventpipeline_settlements_set_aside_total",
                "Settlements that could not be written down with the others: another client of the database has the event's \
                 row locked, or the database refuses what was to be written.",
                ("reason", &["locked", "refused"]),
            )?,
            waiting_aside: make.gauge(
                "eventpipeline_settlements_aside",
                "Settlements that are set aside and tried again, apart from the others.",
            )?,
            reclaimed: make.counters(
                "eventpipeline_events_reclaimed_total",
                "Events whose claim was not settled in its lease, by what became of them.",
                ("outcome", &["freed", "dead"]),
            )?,
            leases_begun_anew: make.counter(
                "eventpipeline_lease_renewals_total",
                "How often this process began the leases of all claims anew, because the database was away, its clock stepped, or no \
                 keeper had looked.",
            )?,
            woken: make.counters(
                "eventpipeline_claim_triggers_total",
                "How often an idle consumer went to claim, by what told it that there is work.",
                ("kind", &["wakeup", "poll"]),
            )?,
            buffered: make.gauge("eventpipeline_events_buffered", "Events claimed and not begun.")?,
            in_flight: make
                .gauge("eventpipeline_events_in_flight", "Events being handled by this process.")?,
            created_to_value: make.histogram(
                "eventpipeline_create_to_value_seconds",
                "Time from an event's creation until its answer was committed.",
                &SECONDS,
            )?,
            handled: handled.with_label_values(&["done"]),
            handled_in_vain: handled.with_label_values(&["failed"]),
            claim_batch: batch.with_label_values(&["claim"]),
            completion_batch: batch.with_label_values(&["complete"]),
        })
    }

    /// A claim gave so many events.
    pub(crate) fn claimed(&self, events: usize) {
        self.claimed.inc_by(many(events));
        if events > 0 {
            self.claim_batch.observe(size(events));
        }
    }

    /// Of `events` answers so many were accepted.
    pub(crate) fn completed(&self, events: usize, accepted: usize) {
        self.completion_batch.observe(size(events));
        self.completed.inc_by(many(accepted));
    }

    pub(crate) fn created_to_value(&self, took: Duration) {
        self.created_to_value.observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, retries: usize, deaths: usize) {
        self.failed.with_label_values(&["retry"]).inc_by(many(retries));
        self.failed.with_label_values(&["dead"]).inc_by(many(deaths));
    }

    pub(crate) fn released(&self, events: usize) {
        self.released.inc_by(many(events));
    }

    pub(crate) fn fenced(&self, events: usize) {
        self.fenced.inc_by(many(events));
    }

    pub(crate) fn set_aside(&self, by: Obstacle) {
        self.set_aside.with_label_values(&[by.label()]).inc();
    }

    /// So many more, or fewer, are aside.
    pub(crate) fn aside(&self, more: i64) {
        self.waiting_aside.add(more);
    }

    pub(crate) fn reclaimed(&self, freed: usize, dead: usize) {
        self.reclaimed.with_label_values(&["freed"]).inc_by(many(freed));
        self.reclaimed.with_label_values(&["dead"]).inc_by(many(dead));
    }

    pub(crate) fn began_leases_anew(&self) {
        self.leases_begun_anew.inc();
    }

    pub(crate) fn woken(&self, by: ClaimTrigger) {
        let kind = match by {
            ClaimTrigger::Wakeup => "wakeup",
            ClaimTrigger::Poll => "poll",
        };
        self.woken.with_label_values(&[kind]).inc();
    }

    pub(crate) fn holds(&self, load: Load) {
        self.buffered.set(i64::try_from(load.buffered).unwrap_or(i64::MAX));
        self.in_flight.set(i64::try_from(load.handling).unwrap_or(i64::MAX));
    }

    pub(crate) fn handled(&self, outcome: Outcome, took: Duration) {
        let histogram = match outcome {
            Outcome::Done => &self.handled,
            Outcome::Failed => &self.handled_in_vain,
        };
        histogram.observe(took.as_secs_f64());
    }
}

fn many(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}

fn size(events: usize) -> f64 {
    u32::try_from(events).unwrap_or(u32::MAX).into()
}
