//! Responses within the memory budget. Large responses count against it until their clients have received them.

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::Value;
use serde::Serialize;

use super::problem::Problem;
use super::state::Api;
use crate::memory_budget::MemoryPermit;

/// Maximum length of a response that is not counted, in bytes. It is about the memory of its connection.
const UNCOUNTED: usize = 8 * 1024;

/// A body that keeps its permit until the last byte is in the kernel's buffer.
struct CountedBody {
    json: Vec<u8>,
    _permit: MemoryPermit,
}

impl AsRef<[u8]> for CountedBody {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

impl Api {
    /// Returns a JSON response, or a problem if the memory budget is exhausted. `permit` is the memory that the response has
    /// already taken.
    pub(super) fn json(
        &self,
        status: StatusCode,
        body: &impl Serialize,
        mut permit: MemoryPermit,
    ) -> Result<Response, Problem> {
        let json = serde_json::to_vec(body).map_err(|error| {
            tracing::error!(%error, "failed to serialize a response");
            Problem::internal()
        })?;
        let bytes = if json.len() <= UNCOUNTED {
            Bytes::from(json)
        } else {
            self.responses.resize(&mut permit, json.len())?;
            Bytes::from_owner(CountedBody { json, _permit: permit })
        };
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok((status, [content_type], bytes).into_response())
    }

    /// Takes the memory for a response with a full event, before a change whose response must not be refused.
    pub(super) fn reserve_event(&self) -> Result<MemoryPermit, Problem> {
        let mut permit = MemoryPermit::default();
        self.responses.take(&mut permit, self.limits.payload_bytes + Value::MAX_BYTES)?;
        Ok(permit)
    }
}
