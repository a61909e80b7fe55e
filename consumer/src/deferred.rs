//! Settlements that the database did not take together with others, and that are retried separately.

use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Settlement;
use crate::backoff::doubled;

/// First and longest pause between retries: another client may hold a lock for milliseconds or for hours.
const FIRST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_secs(1);

/// A settlement that is retried.
#[derive(Debug)]
pub(crate) struct DeferredSettlement {
    pub(crate) settlement: Settlement,
    /// Time after which it is dropped. `None` if only a lock prevents it: then no other consumer can have the
    /// event.
    pub(crate) until: Option<Instant>,
}

/// The deferred settlements of one settler.
#[derive(Debug, Default)]
pub(crate) struct Deferred {
    settlements: Vec<DeferredSettlement>,
    retries: u32,
    next: Option<Instant>,
}

impl Deferred {
    pub(crate) fn is_empty(&self) -> bool {
        self.settlements.is_empty()
    }

    /// Adds settlements and schedules the next retry. The pauses grow while these are `retried`.
    pub(crate) fn add(&mut self, settlements: Vec<DeferredSettlement>, retried: bool) {
        if settlements.is_empty() {
            return;
        }
        self.retries = if retried { self.retries.saturating_add(1) } else { 0 };
        self.next = Some(Instant::now() + doubled(FIRST, MOST, self.retries));
        self.settlements.extend(settlements);
    }

    /// Waits for the time of the next retry; forever while there is none.
    pub(crate) async fn is_due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// Removes and returns all settlements.
    pub(crate) fn take(&mut self) -> Vec<DeferredSettlement> {
        self.next = None;
        std::mem::take(&mut self.settlements)
    }
}
