//! Reading a request's body, within limits of length, time and memory.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;

use crate::api::problem::Problem;
use crate::error::Unavailable;
use crate::memory::{Held, Memory};

/// How much of what is too long is read before it is refused, in bytes.
const DISCARDED: usize = 1024 * 1024;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_mins(1);
/// The same while others are refused for want of memory: those that trickle make room for those that do not.
const ARRIVAL_WHEN_SHORT: Duration = Duration::from_secs(5);
/// How long the rest of such a one is read and thrown away. It costs no memory, and a client on a busy machine may need it.
const REST: Duration = Duration::from_secs(10);
/// What a body counts as while it arrives, in bytes, however short it is: so there are only so many.
const ARRIVING: usize = 8 * 1024;

/// A whole body, and the memory that it holds.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) held: Held,
}

/// The longest body of a path, and what to call it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) what: &'static str,
    pub(super) bytes: usize,
}

impl Received {
    pub(super) async fn read(body: Body, limit: Limit, memory: &Memory) -> Result<Self, Problem> {
        if axum::body::HttpBody::is_end_stream(&body) {
            return Ok(Self::default());
        }
        let make_room = async {
            tokio::time::sleep(ARRIVAL_WHEN_SHORT).await;
            memory.short().await;
        };
        let mut chunks = body.into_data_stream();
        tokio::select! {
            received = Self::read_slowly(&mut chunks, limit, memory) => return received,
            () = make_room => {}
            () = tokio::time::sleep(ARRIVAL) => return Err(Problem::slow(ARRIVAL.as_secs())),
        }
        // Its memory is free. A client that is only slow, and not silent, is to see the answer: see below.
        let rest = async { while let Some(Ok(_)) = chunks.next().await {} };
        let _ = tokio::time::timeout(REST, rest).await;
        Err(Unavailable::Overloaded.into())
    }

    /// One that is refused is read on for a while and thrown away: a client that is still sending when the answer comes
    /// and the connection ends may never see the answer.
    async fn read_slowly(
        chunks: &mut BodyDataStream,
        limit: Limit,
        memory: &Memory,
    ) -> Result<Self, Problem> {
        let mut received = Self::default();
        let begun = memory.take(&mut received.held, ARRIVING);
        let (mut kept, mut length) = (begun.map(|()| received).map_err(Problem::from), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::incomplete())?;
            length += chunk.len();
            kept = match length {
                length if length <= limit.bytes => kept.and_then(|received| received.add(&chunk, memory)),
                _ => Err(Problem::too_large(limit.what, limit.bytes)),
            };
            if length > limit.bytes + DISCARDED {
                break;
            }
        }
        let mut whole = kept?;
        memory.fit(&mut whole.held, whole.bytes.len())?;
        Ok(whole)
    }

    fn add(mut self, chunk: &[u8], memory: &Memory) -> Result<Self, Problem> {
        let length = self.bytes.len() + chunk.len();
        memory.fit(&mut self.held, length.max(ARRIVING))?;
        self.bytes.extend_from_slice(chunk);
        Ok(self)
    }
}

/// What a request says that its body is.
pub(super) fn content_type(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Refuses a body that is encoded (RFC 9110, 8.4): what is stored is the text that was posted.
pub(super) fn not_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut codings = codings.map(|value| String::from_utf8_lossy(value.as_bytes()));
    codings
        .find(|coding| {
            !coding.split(',').all(|one| matches!(one.trim().to_ascii_lowercase().as_str(), "" | "identity"))
        })
        .map_or(Ok(()), |coding| Err(Problem::encoded(&coding)))
}

/// `application/json`, `application/vnd.example+json`; parameters do not matter.
pub(super) fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// One JSON document a line.
pub(super) fn is_json_lines(content_type: &str) -> bool {
    essence(content_type) == "application/x-ndjson"
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
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

    /// Reads a body of which so many bytes arrive, and then no more; gives the status of its refusal.
    fn trickle(bytes: usize, memory: &Memory) -> JoinHandle<StatusCode> {
        let memory = memory.clone();
        let arrives = stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))]);
        let body = Body::from_stream(arrives.chain(stream::pending()));
        tokio::spawn(async move {
            let limit = Limit { what: "a body", bytes: usize::MAX / 2 };
            let refusal = Received::read(body, limit, &memory).await.unwrap_err();
            refusal.into_response().status()
        })
    }

    fn is_short(memory: &Memory, bytes: usize) -> bool {
        memory.take(&mut Held::default(), bytes).is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_is_given_up() {
        let begun = Instant::now();
        assert_eq!(trickle(1, &Memory::default()).await.unwrap(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(begun.elapsed().as_secs(), ARRIVAL.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_makes_room_when_memory_is_short_and_a_new_one_does_not() {
        let memory = Memory::default();
        let slow = trickle(15 * MEBIBYTE, &memory);
        tokio::time::sleep(ARRIVAL_WHEN_SHORT / 2).await;
        assert!(is_short(&memory, 20 * MEBIBYTE));
        tokio::time::sleep(ARRIVAL_WHEN_SHORT).await;
        assert!(!slow.is_finished(), "nobody was refused since it is slow");
        let new = trickle(15 * MEBIBYTE, &memory);
        tokio::task::yield_now().await;
        assert!(is_short(&memory, 20 * MEBIBYTE));
        assert_eq!(slow.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!new.is_finished());
        assert!(is_short(&memory, 20 * MEBIBYTE) && !is_short(&memory, 15 * MEBIBYTE));
    }

    /// Else the connection would end while it sends, and with it the answer would be lost.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_only_slow_has_sent_its_body_when_it_is_refused() {
        let memory = Memory::default();
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
        let limit = Limit { what: "a body", bytes: 100 };
        let slow = tokio::spawn({
            let memory = memory.clone();
            async move { Received::read(Body::from_stream(seconds), limit, &memory).await }
        });
        tokio::time::sleep(ARRIVAL_WHEN_SHORT + Duration::from_millis(500)).await;
        assert!(is_short(&memory, usize::MAX / 2));
        let refusal = slow.await.unwrap().unwrap_err().into_response();
        assert_eq!((refusal.status(), sent.load(Ordering::Relaxed)), (StatusCode::SERVICE_UNAVAILABLE, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_bodies_arrive_at_a_time() {
        let memory = Memory::default();
        let arriving: Vec<_> = (0..4096).map(|_| trickle(1, &memory)).collect();
        eventually(async || is_short(&memory, 1).then_some(())).await;
        assert!(arriving.iter().all(|body| !body.is_finished()));
    }

    #[tokio::test]
    async fn a_whole_body_holds_what_it_is_long() {
        let memory = Memory::default();
        let limit = Limit { what: "a body", bytes: 100 };
        let whole = Received::read(Body::from("0123456789"), limit, &memory).await.unwrap();
        assert!(is_short(&memory, 32 * MEBIBYTE - 9) && !is_short(&memory, 32 * MEBIBYTE - 10));
        assert_eq!(whole.bytes, b"0123456789");
    }

    #[test]
    fn json_types_are_recognised() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"] {
            assert!(is_json(json) && !is_json_lines(json), "{json}");
        }
        for other in ["", "text/plain", "application/x-www-form-urlencoded", "text/json+json"] {
            assert!(!is_json(other) && !is_json_lines(other), "{other}");
        }
        assert!(is_json_lines("application/x-ndjson; charset=utf-8"));
    }
}
