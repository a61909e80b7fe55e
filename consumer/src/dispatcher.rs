//! The task that has buffered events handled, so many at once, and hands what became of them to the settler.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_database::Claimed;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::attempt::{Attempts, End, Settlement};
use crate::holdings::{Held, Holdings, key};

/// How many events are taken out of the buffer at once.
const BATCH: usize = 256;

/// From the buffer through the handlers to the settler.
pub(crate) struct Dispatcher {
    pub(crate) buffer: mpsc::Receiver<Held>,
    pub(crate) concurrency: usize,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) settle: mpsc::Sender<Settlement>,
    /// The tasks that handle events.
    pub(crate) handling: JoinSet<Settlement>,
    /// Waits until nothing else is handled: a consumer may have died of it. Nothing is claimed until it is handled.
    pub(crate) alone: Option<Held>,
}

impl Dispatcher {
    /// Has events handled until `draining`. Then gives back what is buffered, and after `grace` what is unfinished.
    pub(crate) async fn run(mut self, draining: CancellationToken, grace: Duration) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        while !draining.is_cancelled() {
            if self.handling.is_empty()
                && let Some(held) = self.alone.take()
            {
                self.begin(held).await;
            }
            let places = if self.attempts.are_immediate() {
                BATCH
            } else {
                self.concurrency.saturating_sub(self.handling.len())
            };
            tokio::select! {
                () = draining.cancelled() => {}
                Some(ended) = self.handling.join_next() => self.ended(ended).await?,
                // Ends with the claimer, which ends when draining.
                taken = self.buffer.recv_many(&mut batch, places.min(BATCH)), if places > 0 => {
                    if taken == 0 {
                        break;
                    }
                }
            }
            for held in batch.drain(..) {
                if held.claim.alone {
                    self.alone = Some(held);
                } else {
                    self.begin(held).await;
                }
            }
        }
        self.drain(grace).await
    }

    async fn begin(&mut self, held: Held) {
        if !self.holdings.begin(&held) {
            return;
        }
        if self.attempts.are_immediate() {
            let settlement = self.attempts.make(held).await;
            self.settle(settlement).await;
        } else {
            let key = key(&held.claim);
            let attempts = Arc::clone(&self.attempts);
            let task = self.handling.spawn(async move { attempts.make(held).await });
            self.holdings.runs_as(key, task);
        }
    }

    /// The end of a task: with a settlement, or by force, when its claim was lost.
    async fn ended(&self, ended: Result<Settlement, JoinError>) -> anyhow::Result<()> {
        match ended {
            Ok(settlement) => self.settle(settlement).await,
            Err(error) if error.is_cancelled() => {}
            // Handlers' panics are caught. With this one, nobody knows which event it was.
            Err(error) => return Err(error).context("an attempt panicked"),
        }
        Ok(())
    }

    async fn settle(&self, settlement: Settlement) {
        if self.holdings.handled(key(&settlement.claim)) {
            // The settler outlives every sender; if it died, the process ends and the leases free the events.
            let _ = self.settle.send(settlement).await;
        }
    }

    /// The claimer ends with what it is doing, which may take longer than `grace`: what it still claims goes back as well.
    async fn drain(mut self, grace: Duration) -> anyhow::Result<()> {
        let deadline = tokio::time::sleep(grace);
        tokio::pin!(deadline);
        let mut claims_may_come = true;
        let alone = self.alone.take();
        self.give_back_unbegun(alone).await;
        while claims_may_come || !self.handling.is_empty() {
            tokio::select! {
                held = self.buffer.recv(), if claims_may_come => {
                    claims_may_come = held.is_some();
                    self.give_back_unbegun(held).await;
                }
                Some(ended) = self.handling.join_next() => self.ended(ended).await?,
                () = &mut deadline, if !self.handling.is_empty() => self.cut_off().await?,
            }
        }
        Ok(())
    }

    async fn give_back_unbegun(&self, held: Option<Held>) {
        if let Some(held) = held
            && self.holdings.begin(&held)
        {
            self.give_back(held.claim).await;
        }
    }

    /// Gives back what is unfinished.
    async fn cut_off(&mut self) -> anyhow::Result<()> {
        self.handling.abort_all();
        // Some may have ended by themselves in this moment.
        while let Some(ended) = self.handling.join_next().await {
            self.ended(ended).await?;
        }
        for claim in self.holdings.handling() {
            warn!(event.id = %claim.id, "event {} is given back unfinished", claim.id);
            self.give_back(claim).await;
        }
        Ok(())
    }

    async fn give_back(&self, claim: Claimed) {
        self.settle(Settlement { claim, end: End::GiveBack }).await;
    }
}
