//! Waiting for a predicate, never for a time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How often a predicate is asked.
const PACE: Duration = Duration::from_millis(100);

/// Asks until there is an answer.
///
/// # Errors
/// After the deadline, with the last reason: what `ask` failed with, or that it had no answer.
pub async fn until<T>(
    what: &str,
    within: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        let answer = ask().await;
        let over = Instant::now() >= deadline;
        match answer {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) if over => bail!("{what}: not within {} s", within.as_secs()),
            Err(error) if over => {
                return Err(error).with_context(|| format!("{what}: not within {} s", within.as_secs()));
            }
            // The cluster is at work: what fails now may do later.
            Ok(None) | Err(_) => tokio::time::sleep(PACE).await,
        }
    }
}
