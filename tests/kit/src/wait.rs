//! Waiting for a predicate, never for a time; and ports.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::{error::Error, or_panic};

/// How often a predicate is asked.
const PACE: Duration = Duration::from_millis(20);

/// Asks until there is an answer; `None` when the deadline passes first.
pub(crate) async fn until<T>(within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
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

/// Ports that were free a moment ago. Somebody else may take one before the server does: who uses them tries again.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::io("find a free port"))?;
        *port = listener.local_addr().map_err(Error::io("read the port of a socket"))?.port();
        // Held until all are known, so that they differ.
        listeners.push(listener);
    }
    Ok(ports)
}
