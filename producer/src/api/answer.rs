//! Answers that may be large: all together they take only so much memory, until their clients have read them.

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eventpipeline_database::Value;
use serde::Serialize;

use crate::api::Api;
use crate::api::problem::Problem;
use crate::memory::Held;

/// What is not counted, in bytes: as much as a connection takes anyway.
const SMALL: usize = 8 * 1024;

/// The text of an answer. It is held until the last byte is with the kernel.
struct Text {
    json: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

impl Api {
    /// An answer of JSON; `held` is what was taken for it already. Where there is no memory left it is refused.
    pub(super) fn answer(
        &self,
        status: StatusCode,
        body: &impl Serialize,
        mut held: Held,
    ) -> Result<Response, Problem> {
        let json = serde_json::to_vec(body).map_err(|error| {
            tracing::error!(%error, "failed to write an answer");
            Problem::internal()
        })?;
        let bytes = if json.len() <= SMALL {
            Bytes::from(json)
        } else {
            self.answers.fit(&mut held, json.len())?;
            Bytes::from_owner(Text { json, _held: held })
        };
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok((status, [content_type], bytes).into_response())
    }

    /// Memory for an answer with an event in full, taken before something is done that must not be refused afterwards.
    pub(super) fn room_for_event(&self) -> Result<Held, Problem> {
        let mut held = Held::default();
        self.answers.take(&mut held, self.limits.payload_bytes + Value::MAX_BYTES)?;
        Ok(held)
    }
}
