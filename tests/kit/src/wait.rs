//! Waits for conditions, never for fixed times.

use std::time::{Duration, Instant};

use crate::{error::Error, or_panic};

/// Pause between two calls of a condition.
const PACE: Duration = Duration::from_millis(20);

/// Calls `ask` until it returns a value; returns `None` after the deadline.
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

/// Calls `ask` until it returns a value.
///
/// # Panics
/// If it returns none within five minutes, which a busy machine may need for a few seconds of work.
pub async fn eventually<T>(ask: impl AsyncFnMut() -> Option<T>) -> T {
    const LIMIT: Duration = Duration::from_mins(5);
    let answer = until(LIMIT, ask).await;
    or_panic("what was waited for", answer.ok_or(Error::NotHappened { within: LIMIT }))
}
