//! Response headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use eventpipeline_database::EventId;

pub(super) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const SERVICE_LANGUAGE: HeaderName = HeaderName::from_static("x-service-language");

/// Adds the headers of every response.
pub(super) fn add_common(headers: &mut HeaderMap, served_by: &HeaderValue) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SERVED_BY, served_by.clone());
    headers.insert(SERVICE_LANGUAGE, HeaderValue::from_static("rust"));
}

/// Returns the `Location` of an event.
pub(super) fn location(id: EventId) -> HeaderValue {
    // Digits are always a valid header value.
    HeaderValue::try_from(format!("/{id}")).unwrap_or(HeaderValue::from_static("/"))
}
