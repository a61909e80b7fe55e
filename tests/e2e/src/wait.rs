//! Waits for conditions, never for fixed times.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Pause between two calls of a condition.
const PACE: Duration = Duration::from_millis(100);

/// The variable with a factor of all time limits, for a machine that has other work. The default is 1.
const PATIENCE: &str = "EVENTPIPELINE_PATIENCE";

/// Calls `ask` until it returns a value. `EVENTPIPELINE_PATIENCE` times `within` is the limit.
///
/// # Errors
/// After the deadline, the last error of `ask`, or that it returned no value; `EVENTPIPELINE_PATIENCE` is not a whole number of at least 1.
pub async fn until<T>(
    what: &str,
    within: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let within = within * patience()?;
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
            // The cluster is busy: a failing call may succeed later.
            Ok(None) | Err(_) => tokio::time::sleep(PACE).await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no arguments")]
fn patience() -> Result<u32> {
    let Ok(factor) = std::env::var(PATIENCE) else { return Ok(1) };
    let parsed: Result<NonZeroU32, _> = factor.parse();
    let parsed =
        parsed.with_context(|| format!("{PATIENCE} is {factor:?} and must be at least 1, such as 5"))?;
    Ok(parsed.get())
}
