//! The body of a creation: nothing, or JSON.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use eventpipeline_database::NewEvent;
use futures::StreamExt as _;
use serde::de::IgnoredAny;

use crate::api::problem::Problem;

/// The longest payload, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// How much of a longer one is read before it is refused, in bytes.
const DISCARDED_BYTES: usize = 1024 * 1024;

/// JSON text as it was posted, or nothing.
#[derive(Debug)]
pub(super) struct Payload(Option<String>);

impl Payload {
    pub(super) fn into_event(self) -> NewEvent {
        NewEvent { payload: self.0 }
    }
}

impl<S: Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(other) = content_type.filter(|content_type| !is_json(content_type)) {
            return Err(Problem::not_json_type(&other));
        }
        let text = String::from_utf8(bytes).map_err(|_| Problem::not_json("it is not UTF-8"))?;
        // Only checked: what is stored is what was posted.
        serde_json::from_str::<IgnoredAny>(&text).map_err(|error| Problem::not_json(&error.to_string()))?;
        Ok(Self(Some(text)))
    }
}

/// The whole body. One that is too large is read on for a while and thrown away: a client that is still sending when the
/// answer comes and the connection ends may never see the answer.
async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::incomplete())?;
        length += chunk.len();
        if length > DISCARDED_BYTES {
            break;
        }
        if length <= MAX_BYTES {
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > MAX_BYTES { Err(Problem::too_large()) } else { Ok(bytes) }
}

/// `application/json`, `application/vnd.example+json`; parameters do not matter.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_types_are_recognised() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "text/plain", "application/x-www-form-urlencoded", "text/json+json"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
