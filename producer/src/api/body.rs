//! Reading a request's body, within limits of length, time and memory.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;

use crate::api::problem::Problem;
use crate::memory::{Held, Memory};

/// How much of what is too long is read before it is refused, in bytes.
const DISCARDED: usize = 1024 * 1024;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_mins(1);

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
        let reading = Self::read_slowly(body, limit, memory);
        tokio::time::timeout(ARRIVAL, reading).await.unwrap_or_else(|_| Err(Problem::slow(ARRIVAL.as_secs())))
    }

    /// One that is refused is read on for a while and thrown away: a client that is still sending when the answer comes
    /// and the connection ends may never see the answer.
    async fn read_slowly(body: Body, limit: Limit, memory: &Memory) -> Result<Self, Problem> {
        let mut chunks = body.into_data_stream();
        let (mut kept, mut length) = (Ok(Self::default()), 0);
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
        kept
    }

    fn add(mut self, chunk: &[u8], memory: &Memory) -> Result<Self, Problem> {
        memory.take(&mut self.held, chunk.len())?;
        self.bytes.extend_from_slice(chunk);
        Ok(self)
    }
}

/// What a request says that its body is.
pub(super) fn content_type(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()))
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
    use super::*;

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
