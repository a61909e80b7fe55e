//! Remembers whether other clients keep rows of events locked, so that statements skip locked rows instead of waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time for which the state stays on after a lock of another client was met.
const LASTS: Duration = Duration::from_mins(1);
/// Duration after which a statement probably waits for a lock.
const SUSPICIOUS: Duration = Duration::from_millis(250);

/// The state is off while no other client keeps events locked, which is nearly always: waiting for locks costs a fifth less than
/// asking for them first. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contention(Arc<Mutex<Option<Instant>>>);

impl Contention {
    /// Records that a lock of another client was met.
    pub(crate) fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LASTS);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    /// Waits for a statement. If it is slow, warns the process's other sessions before the wait ends.
    pub(crate) async fn watch<T>(&self, statement: impl Future<Output = T>) -> T {
        let mut statement = std::pin::pin!(statement);
        if let Ok(done) = tokio::time::timeout(SUSPICIOUS, &mut statement).await {
            return done;
        }
        self.raise();
        statement.await
    }
}
