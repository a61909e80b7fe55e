//! The body of a creation: nothing, or JSON.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use eventpipeline_database::NewEvent;
use serde::de::IgnoredAny;

use crate::api::problem::Problem;

/// The longest payload, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

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
        let bytes = read(&parts.headers, body).await?;
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

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_BYTES) {
        return Err(Problem::too_large());
    }
    // The limit is the only error of a body that its sender can still be told about.
    to_bytes(body, MAX_BYTES).await.map(Vec::from).map_err(|_| Problem::too_large())
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
