//! Content types and encodings of request bodies.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};

use super::problem::Problem;

/// Returns the value of `Content-Type`.
pub(super) fn content_type(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Refuses a body with a content encoding (RFC 9110, 8.4), because payloads are stored as they are received.
pub(super) fn refuse_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let is_identity = |coding: &str| matches!(coding.trim().to_ascii_lowercase().as_str(), "" | "identity");
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    match values.find(|codings| !codings.split(',').all(is_identity)) {
        Some(codings) => Err(Problem::encoded(&codings)),
        None => Ok(()),
    }
}

/// Returns `true` for `application/json` and types such as `application/vnd.example+json`, with any parameters.
pub(super) fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Returns `true` for JSON documents separated by line breaks.
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
    fn json_types_are_recognized() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"] {
            assert!(is_json(json) && !is_json_lines(json), "{json}");
        }
        for other in ["", "text/plain", "application/x-www-form-urlencoded", "text/json+json"] {
            assert!(!is_json(other) && !is_json_lines(other), "{other}");
        }
        assert!(is_json_lines("application/x-ndjson; charset=utf-8"));
    }
}
