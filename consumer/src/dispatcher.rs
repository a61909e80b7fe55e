//! The task that passes buffered events to the handler, with limited concurrency, and passes the outcomes to the
//! settlers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_database::Claimed;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::attempt::{Attempts, Outcome, Settlement};
use crate::claim_key::key;
use crate::in_flight::{BufferedEvent, InFlight};
use crate::isolated::Isolated;

/// Maximum number of events that are taken from the buffer at once.
const BATCH: usize = 256;

/// Moves events from the buffer through the handlers to the settlers.
pub(crate) struct Dispatcher {
    pub(crate) buffer: mpsc::Receiver<BufferedEvent>,
    pub(crate) concurrency: usize,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) settle: mpsc::Sender<Settlement>,
    /// The tasks that handle events.
    pub(crate) handling: JoinSet<Settlement>,
    pub(crate) isolated: Isolated,
}

impl Dispatcher {
    /// Runs the handler for events until `draining`. Then releases buffered events at once, and unfinished ones after
    /// `grace`.
    pub(crate) async fn run(mut self, draining: CancellationToken, grace: Duration) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        while !draining.is_cancelled() {
            if self.isolated.are_waiting() && self.handling.is_empty() {
                for event in self.isolated.take() {
                    self.begin(event).await;
                }
            }
            let places = self.places();
            tokio::select! {
                () = draining.cancelled() => {}
                Some(ended) = self.handling.join_next() => self.ended(ended).await?,
                // The buffer closes when the claim task ends, which happens when draining.
                taken = self.buffer.recv_many(&mut batch, places), if places > 0 => {
                    if taken == 0 {
                        break;
                    }
                }
            }
            for event in batch.drain(..) {
                if let Some(event) = self.isolated.admit(event) {
                    self.begin(event).await;
                }
            }
        }
        self.drain(grace).await
    }

    /// Returns how many events may be taken from the buffer.
    fn places(&self) -> usize {
        if self.isolated.are_waiting() {
            0
        } else if self.attempts.are_immediate() {
            BATCH
        } else {
            self.concurrency.saturating_sub(self.handling.len()).min(BATCH)
        }
    }

    async fn begin(&mut self, event: BufferedEvent) {
        if !self.in_flight.begin(&event) {
            return;
        }
        if self.attempts.are_immediate() {
            let settlement = self.attempts.make(event).await;
            self.settle(settlement).await;
        } else {
            let key = key(&event.claim);
            let attempts = Arc::clone(&self.attempts);
            let task = self.handling.spawn(async move { attempts.make(event).await });
            self.in_flight.runs_as(key, task);
        }
    }

    /// Handles the end of an attempt: a settlement, or a cancellation because its claim was lost.
    async fn ended(&self, ended: Result<Settlement, JoinError>) -> anyhow::Result<()> {
        match ended {
            Ok(settlement) => self.settle(settlement).await,
            Err(error) if error.is_cancelled() => {}
            // Panics of handlers are caught elsewhere. The event of this one is unknown.
            Err(error) => return Err(error).context("an attempt panicked"),
        }
        Ok(())
    }

    async fn settle(&self, settlement: Settlement) {
        if self.in_flight.handled(key(&settlement.claim)) {
            // The settlers outlive every sender. If one died, the process ends and the leases expire.
            let _ = self.settle.send(settlement).await;
        }
    }

    /// Drains. The claim task finishes its operation, which may take longer than `grace`; those events are
    /// released as well.
    async fn drain(mut self, grace: Duration) -> anyhow::Result<()> {
        let deadline = tokio::time::sleep(grace);
        tokio::pin!(deadline);
        let mut claims_may_come = true;
        for event in self.isolated.take() {
            self.release_unhandled(Some(event)).await;
        }
        while claims_may_come || !self.handling.is_empty() {
            tokio::select! {
                event = self.buffer.recv(), if claims_may_come => {
                    claims_may_come = event.is_some();
                    self.release_unhandled(event).await;
                }
                Some(ended) = self.handling.join_next() => self.ended(ended).await?,
                () = &mut deadline, if !self.handling.is_empty() => self.cut_off().await?,
            }
        }
        Ok(())
    }

    async fn release_unhandled(&self, event: Option<BufferedEvent>) {
        if let Some(event) = event
            && self.in_flight.begin(&event)
        {
            self.release(event.claim).await;
        }
    }

    /// Cancels and releases unfinished attempts.
    async fn cut_off(&mut self) -> anyhow::Result<()> {
        self.handling.abort_all();
        // Some attempts may have just finished.
        while let Some(ended) = self.handling.join_next().await {
            self.ended(ended).await?;
        }
        for claim in self.in_flight.handling() {
            warn!(event.id = %claim.id, "released event {} unfinished", claim.id);
            self.release(claim).await;
        }
        Ok(())
    }

    async fn release(&self, claim: Claimed) {
        self.settle(Settlement { claim, outcome: Outcome::Release }).await;
    }
}
