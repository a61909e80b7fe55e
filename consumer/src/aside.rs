//! Settlements that could not be written down with the others, and are tried again apart from them.

use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Settlement;
use crate::backoff::doubled;

/// The pauses between tries: a lock of another client may be gone in milliseconds, or stay for hours.
const FIRST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_secs(1);

/// A settlement that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) settlement: Settlement,
    /// When it is given up; never, where only a lock is in the way: nobody else can have the event either.
    pub(crate) until: Option<Instant>,
}

/// All that one settler has aside.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    waiting: Vec<Waiting>,
    tries: u32,
    next: Option<Instant>,
}

impl Aside {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds some, and sets the time for the next try; the pauses grow while none succeeds.
    pub(crate) fn add(&mut self, waiting: Vec<Waiting>, again: bool) {
        if waiting.is_empty() {
            return;
        }
        self.tries = if again { self.tries.saturating_add(1) } else { 0 };
        self.next = Some(Instant::now() + doubled(FIRST, MOST, self.tries));
        self.waiting.extend(waiting);
    }

    /// Returns when it is time to try again; never, while nothing waits.
    pub(crate) async fn is_due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// All that waits.
    pub(crate) fn take(&mut self) -> Vec<Waiting> {
        self.next = None;
        std::mem::take(&mut self.waiting)
    }
}
