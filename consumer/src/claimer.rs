//! The task that claims: while there is work and room for it without a rest, else when there is a hint or a poll finds it.

use std::sync::Arc;
use std::time::Instant;

use eventpipeline_database::{ClaimLimit, Error, Lease, LowWaterMark, Owner, Session};
use eventpipeline_service::chain;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::backoff::Tries;
use crate::holdings::{Held, Holdings};
use crate::metrics::{Metrics, WakeUp};
use crate::prefetch::{Claim, Prefetch};
use crate::wake::{Idle, Work};

/// Claims events into the buffer.
pub(crate) struct ClaimLoop {
    pub(crate) session: Session,
    pub(crate) mark: LowWaterMark,
    pub(crate) claimer: Owner,
    pub(crate) lease: Lease,
    pub(crate) prefetch: Prefetch,
    pub(crate) holdings: Arc<Holdings>,
    /// Has room for all that is ever claimed at once.
    pub(crate) buffer: mpsc::Sender<Held>,
    pub(crate) work: Arc<Work>,
    pub(crate) idle: Idle,
    pub(crate) metrics: Metrics,
    pub(crate) tries: Tries,
    /// When the last claim came back.
    pub(crate) last: Instant,
    /// Whether the last claim was of an event that is to be handled alone.
    pub(crate) alone: bool,
}

/// What is left after a claim.
enum Left {
    /// As much as was asked for: there may be more.
    More,
    /// Nothing that could be had at this moment.
    Nothing,
}

impl ClaimLoop {
    /// Claims until `draining`.
    pub(crate) async fn run(mut self, draining: CancellationToken) -> anyhow::Result<()> {
        // Nothing may end an operation half-way, so that this is asked for only between them.
        while !draining.is_cancelled() {
            self.prefetch.waited(self.holdings.take_longest_wait());
            let Some(room) = self.room() else {
                tokio::select! {
                    () = draining.cancelled() => {}
                    () = self.holdings.changed() => {}
                }
                continue;
            };
            match self.claim(room).await {
                Ok(Left::More) => self.tries.succeeded(),
                Ok(Left::Nothing) => {
                    self.tries.succeeded();
                    self.until_work(&draining).await;
                }
                Err(failure) => self.pause(&failure, &draining).await,
            }
        }
        self.session.close().await;
        Ok(())
    }

    /// How much to claim now. Nothing beside an event that is to be alone: if the consumer dies of it, nothing else is claimed.
    fn room(&mut self) -> Option<ClaimLimit> {
        let load = self.holdings.load();
        self.alone &= load.buffered + load.handling > 0;
        if self.alone { None } else { self.prefetch.room(load) }
    }

    async fn claim(&mut self, room: ClaimLimit) -> Result<Left, Error> {
        if self.work.take() {
            self.mark.invalidate();
        }
        let since = Instant::now();
        let claims = self.session.claim(&mut self.mark, &self.claimer, self.lease, room).await?;
        self.metrics.claimed(claims.events.len());
        if claims.events.is_empty() {
            self.idle.claimed_nothing();
        } else {
            self.idle.over();
        }
        self.learn(claims.more, since);
        self.holdings.claimed(&claims.events, since);
        self.alone = claims.events.iter().any(|claim| claim.alone);
        let arrived = Instant::now();
        for claim in claims.events {
            // The dispatcher goes on until this sender is dropped; if it died, the process ends.
            let _ = self.buffer.send(Held { claim, arrived }).await;
        }
        Ok(if claims.more { Left::More } else { Left::Nothing })
    }

    fn learn(&mut self, full: bool, sent: Instant) {
        self.prefetch.learn(&Claim {
            full,
            took: sent.elapsed(),
            ran_dry: self.holdings.load().buffered == 0,
            handled: self.holdings.take_handled(),
            since: self.last.elapsed(),
        });
        self.last = Instant::now();
    }

    /// Returns when there is a hint, or when something was found to be due.
    async fn until_work(&mut self, draining: &CancellationToken) {
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                () = self.idle.until_hint(&self.work) => return self.metrics.woken(WakeUp::Hint),
                () = self.idle.until_look() => {}
            }
            self.idle.looks();
            match self.session.has_due(&mut self.mark).await {
                Ok(true) => return self.metrics.woken(WakeUp::Poll),
                Ok(false) => self.tries.succeeded(),
                Err(failure) => self.pause(&failure, draining).await,
            }
        }
    }

    async fn pause(&mut self, failure: &Error, draining: &CancellationToken) {
        let pause = self.tries.failed();
        warn!(error = chain(failure), pause_ms = pause.as_millis(), "failed to claim");
        tokio::select! {
            () = draining.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
