//! Whether rows of events are to be locked without waiting for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long after a lock of another client was met.
const LASTS: Duration = Duration::from_mins(1);
/// A statement that takes longer than this one may be waiting for a lock.
const SUSPICIOUS: Duration = Duration::from_millis(250);

/// Off while nobody else keeps events locked, which is nearly always: a statement that waits for locks costs a fifth less than one
/// that asks for them first. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caution(Arc<Mutex<Option<Instant>>>);

impl Caution {
    /// A lock of another client was met.
    pub(crate) fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LASTS);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    /// Waits for a statement. The sessions beside this one are warned before its wait is over.
    pub(crate) async fn watch<T>(&self, statement: impl Future<Output = T>) -> T {
        let mut statement = std::pin::pin!(statement);
        if let Ok(done) = tokio::time::timeout(SUSPICIOUS, &mut statement).await {
            return done;
        }
        self.raise();
        statement.await
    }
}
