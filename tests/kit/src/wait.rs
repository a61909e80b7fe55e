//! Waiting for a predicate, never for a time.

use std::time::{Duration, Instant};

use crate::{error::Error, or_panic};

/// How often a predicate is asked.
const PACE: Duration = Duration::from_millis(20);

/// Asks until there is an answer; `None` when the deadline passes first.
pub async fn until<T>(within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Asks until there is an answer, and gives it.
///
/// # Panics
/// When there is none within a minute.
pub async fn eventually<T>(ask: impl AsyncFnMut() -> Option<T>) -> T {
    const LIMIT: Duration = Duration::from_mins(1);
    let answer = until(LIMIT, ask).await;
    or_panic("what was waited for", answer.ok_or(Error::NotHappened { within: LIMIT }))
}
