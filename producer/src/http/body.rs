//! Reads request bodies within limits of length, time and memory.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use futures::StreamExt as _;

use super::problem::Problem;
use crate::error::Unavailable;
use crate::memory_budget::{MemoryBudget, MemoryPermit};

/// Maximum number of bytes beyond the length limit that are discarded before the response.
const MAX_DISCARDED: usize = 32 * 1024 * 1024;
/// Maximum time for a body to arrive.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Maximum time for a body to arrive while other requests are refused for lack of memory.
const TIMEOUT_IF_EXHAUSTED: Duration = Duration::from_secs(5);
/// Maximum time for which the rest of a body that was refused for its slowness is discarded.
const DISCARD_TIME: Duration = Duration::from_secs(10);
/// Memory that a body counts for while it arrives, in bytes. This bounds the number of short bodies.
const MIN_PERMIT: usize = 8 * 1024;

/// A complete body.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) permit: MemoryPermit,
}

/// The maximum length of a body, and the name of such a body for refusals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) name: &'static str,
    pub(super) bytes: usize,
}

impl Received {
    pub(super) async fn read(body: Body, limit: Limit, memory: &MemoryBudget) -> Result<Self, Problem> {
        if body.is_end_stream() {
            return Ok(Self::default());
        }
        let yield_memory = async {
            tokio::time::sleep(TIMEOUT_IF_EXHAUSTED).await;
            memory.exhausted().await;
        };
        let mut chunks = body.into_data_stream();
        tokio::select! {
            received = Self::read_or_discard(&mut chunks, limit, memory) => return received,
            () = yield_memory => {}
            () = tokio::time::sleep(TIMEOUT) => return Err(Problem::slow(TIMEOUT.as_secs())),
        }
        // The memory is free already. A client that is slow but not silent sees the response only if the rest is read.
        let rest = async { while let Some(Ok(_)) = chunks.next().await {} };
        let _ = tokio::time::timeout(DISCARD_TIME, rest).await;
        Err(Unavailable::Overloaded.into())
    }

    /// Reads a body, and discards a part of what does not fit: a client that is still sending when the server responds and
    /// closes the connection may never see the response.
    async fn read_or_discard(
        chunks: &mut BodyDataStream,
        limit: Limit,
        memory: &MemoryBudget,
    ) -> Result<Self, Problem> {
        let mut received = Self::default();
        let begun = memory.take(&mut received.permit, MIN_PERMIT);
        let (mut kept, mut length) = (begun.map(|()| received).map_err(Problem::from), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::incomplete())?;
            length += chunk.len();
            kept = match length {
                length if length <= limit.bytes => kept.and_then(|received| received.add(&chunk, memory)),
                _ => Err(Problem::too_large(limit.name, limit.bytes)),
            };
            if length > limit.bytes + MAX_DISCARDED {
                break;
            }
        }
        let mut complete = kept?;
        memory.resize(&mut complete.permit, complete.bytes.len())?;
        Ok(complete)
    }

    fn add(mut self, chunk: &[u8], memory: &MemoryBudget) -> Result<Self, Problem> {
        let length = self.bytes.len() + chunk.len();
        memory.resize(&mut self.permit, length.max(MIN_PERMIT))?;
        self.bytes.extend_from_slice(chunk);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Bytes;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use eventpipeline_testkit::eventually;
    use futures::stream;
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    const MEBIBYTE: usize = 1024 * 1024;

    /// Reads a body that stalls after some bytes, and returns the status of its refusal.
    fn trickle(bytes: usize, memory: &MemoryBudget) -> JoinHandle<StatusCode> {
        let memory = memory.clone();
        let arrives = stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))]);
        let body = Body::from_stream(arrives.chain(stream::pending()));
        tokio::spawn(async move {
            let limit = Limit { name: "a body", bytes: usize::MAX / 2 };
            let refusal = Received::read(body, limit, &memory).await.unwrap_err();
            refusal.into_response().status()
        })
    }

    fn is_exhausted(memory: &MemoryBudget, bytes: usize) -> bool {
        memory.take(&mut MemoryPermit::default(), bytes).is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_times_out() {
        let begun = Instant::now();
        assert_eq!(trickle(1, &MemoryBudget::default()).await.unwrap(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(begun.elapsed().as_secs(), TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_yields_its_memory_when_the_budget_is_exhausted_and_a_new_one_does_not() {
        let memory = MemoryBudget::default();
        let slow = trickle(15 * MEBIBYTE, &memory);
        tokio::time::sleep(TIMEOUT_IF_EXHAUSTED / 2).await;
        assert!(is_exhausted(&memory, 20 * MEBIBYTE));
        tokio::time::sleep(TIMEOUT_IF_EXHAUSTED).await;
        assert!(!slow.is_finished(), "nothing was refused since it became slow");
        let new = trickle(15 * MEBIBYTE, &memory);
        tokio::task::yield_now().await;
        assert!(is_exhausted(&memory, 20 * MEBIBYTE));
        assert_eq!(slow.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!new.is_finished());
        assert!(is_exhausted(&memory, 20 * MEBIBYTE) && !is_exhausted(&memory, 15 * MEBIBYTE));
    }

    /// Otherwise the connection would end while the client sends, and the client would not see the response.
    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_refused_after_it_has_sent_its_body() {
        let memory = MemoryBudget::default();
        let sent = Arc::new(AtomicUsize::new(0));
        let seconds = stream::iter(0..7).then({
            let sent = Arc::clone(&sent);
            move |_| {
                let sent = Arc::clone(&sent);
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    sent.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
                }
            }
        });
        let limit = Limit { name: "a body", bytes: 100 };
        let slow = tokio::spawn({
            let memory = memory.clone();
            async move { Received::read(Body::from_stream(seconds), limit, &memory).await }
        });
        tokio::time::sleep(TIMEOUT_IF_EXHAUSTED + Duration::from_millis(500)).await;
        assert!(is_exhausted(&memory, usize::MAX / 2));
        let refusal = slow.await.unwrap().unwrap_err().into_response();
        assert_eq!((refusal.status(), sent.load(Ordering::Relaxed)), (StatusCode::SERVICE_UNAVAILABLE, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_arriving_bodies_is_limited() {
        let memory = MemoryBudget::default();
        let arriving: Vec<_> = (0..4096).map(|_| trickle(1, &memory)).collect();
        eventually(async || is_exhausted(&memory, 1).then_some(())).await;
        assert!(arriving.iter().all(|body| !body.is_finished()));
    }

    #[tokio::test]
    async fn a_complete_body_takes_its_length() {
        let memory = MemoryBudget::default();
        let limit = Limit { name: "a body", bytes: 100 };
        let complete = Received::read(Body::from("0123456789"), limit, &memory).await.unwrap();
        assert!(is_exhausted(&memory, 32 * MEBIBYTE - 9) && !is_exhausted(&memory, 32 * MEBIBYTE - 10));
        assert_eq!(complete.bytes, b"0123456789");
    }
}
