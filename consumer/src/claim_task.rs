//! The task that claims events: without a pause while there is work and room for it, otherwise after a
//! wake-up or when a poll finds work.

use std::sync::Arc;
use std::time::Instant;

use eventpipeline_database::{ClaimLimit, Error, Isolation, Lease, LowWaterMark, Owner, Session};
use eventpipeline_service::{Check, error_chain};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::backoff::Backoff;
use crate::in_flight::{BufferedEvent, InFlight};
use crate::metrics::{ClaimTrigger, EventMetrics};
use crate::prefetch::{ClaimReport, Prefetch};
use crate::work::{Idle, WorkSignal};

/// The lane to claim from, and whether it exists.
pub(crate) struct NamedLane {
    pub(crate) name: String,
    pub(crate) check: Check,
}

/// Claims events into the buffer.
pub(crate) struct ClaimTask {
    pub(crate) session: Session,
    /// `None` for the default lane.
    pub(crate) lane: Option<NamedLane>,
    pub(crate) mark: LowWaterMark,
    pub(crate) owner: Owner,
    pub(crate) lease: Lease,
    pub(crate) prefetch: Prefetch,
    pub(crate) in_flight: Arc<InFlight>,
    /// The buffer, with a capacity of the largest claim.
    pub(crate) buffer: mpsc::Sender<BufferedEvent>,
    pub(crate) work: Arc<WorkSignal>,
    pub(crate) idle: Idle,
    pub(crate) metrics: EventMetrics,
    pub(crate) backoff: Backoff,
    /// Time when the last claim returned.
    pub(crate) last: Instant,
    /// True if the last claim's events must be handled without others.
    pub(crate) isolated: bool,
}

/// The rest of the queue after a claim.
enum Remaining {
    /// The claim was full: there may be more events.
    Maybe,
    /// No other event can be claimed at the moment.
    None,
}

impl ClaimTask {
    /// Claims until `draining`.
    pub(crate) async fn run(mut self, draining: CancellationToken) -> anyhow::Result<()> {
        self.find_lane(&draining).await;
        // Nothing may cancel an operation, so `draining` is checked only between them.
        while !draining.is_cancelled() {
            self.prefetch.waited(self.in_flight.take_longest_wait());
            let Some(room) = self.room() else {
                tokio::select! {
                    () = draining.cancelled() => {}
                    () = self.in_flight.changed() => {}
                }
                continue;
            };
            match self.claim(room).await {
                Ok(Remaining::Maybe) => self.backoff.succeeded(),
                Ok(Remaining::None) => {
                    self.backoff.succeeded();
                    self.until_work(&draining).await;
                }
                Err(failure) => self.pause(&failure, &draining).await,
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// Waits until the lane exists. It may be defined after this program starts.
    async fn find_lane(&mut self, draining: &CancellationToken) {
        let Some(NamedLane { name, check }) = self.lane.take() else { return };
        while !draining.is_cancelled() {
            let found = self.session.lane(&name).await;
            check.report(&found.as_ref().map(drop));
            match found {
                Ok(lane) => {
                    self.backoff.succeeded();
                    self.mark = LowWaterMark::of(lane);
                    return;
                }
                Err(failure) => self.pause(&failure, draining).await,
            }
        }
    }

    /// Returns how much to claim now. Nothing is claimed next to isolated events: if one of them kills the consumer, no event of
    /// another claim loses an attempt.
    fn room(&mut self) -> Option<ClaimLimit> {
        let load = self.in_flight.load();
        self.isolated &= load.buffered + load.handling > 0;
        if self.isolated { None } else { self.prefetch.room(load) }
    }

    async fn claim(&mut self, room: ClaimLimit) -> Result<Remaining, Error> {
        if self.work.take() {
            self.mark.invalidate();
        }
        let since = Instant::now();
        let claims = self.session.claim(&mut self.mark, &self.owner, self.lease, room).await?;
        self.metrics.claimed(claims.events.len());
        if claims.events.is_empty() {
            self.idle.claimed_nothing();
        } else {
            self.idle.over();
        }
        self.learn(claims.more, since);
        self.in_flight.claimed(&claims.events, since);
        self.isolated = claims.events.iter().any(|claim| claim.isolation != Isolation::None);
        let arrived = Instant::now();
        for claim in claims.events {
            // The dispatcher outlives this sender; if it died, the process ends.
            let _ = self.buffer.send(BufferedEvent { claim, arrived }).await;
        }
        Ok(if claims.more { Remaining::Maybe } else { Remaining::None })
    }

    fn learn(&mut self, full: bool, sent: Instant) {
        self.prefetch.learn(&ClaimReport {
            full,
            took: sent.elapsed(),
            ran_dry: self.in_flight.load().buffered == 0,
            handled: self.in_flight.take_handled(),
            since: self.last.elapsed(),
        });
        self.last = Instant::now();
    }

    /// Waits for a wake-up, or until a poll finds that an event is due.
    async fn until_work(&mut self, draining: &CancellationToken) {
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                () = self.idle.until_wakeup(&self.work) => return self.metrics.triggered(ClaimTrigger::Wakeup),
                () = self.idle.until_poll() => {}
            }
            self.idle.polls();
            match self.session.has_due(&mut self.mark).await {
                Ok(true) => return self.metrics.triggered(ClaimTrigger::Poll),
                Ok(false) => self.backoff.succeeded(),
                Err(failure) => self.pause(&failure, draining).await,
            }
        }
    }

    async fn pause(&mut self, failure: &Error, draining: &CancellationToken) {
        let pause = self.backoff.failed();
        warn!(error = error_chain(failure), pause_ms = pause.as_millis(), "failed to claim");
        tokio::select! {
            () = draining.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
