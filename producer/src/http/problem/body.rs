//! The JSON of a problem document.

use serde::Serialize;
use utoipa::ToSchema;

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(in crate::http) struct ProblemBody<'a> {
    /// Kind of the problem, stable for programs: `urn:eventpipeline:problem:` and a word.
    pub(super) r#type: String,
    /// Kind of the problem, for people.
    pub(super) title: &'a str,
    /// HTTP status of the response.
    #[schema(minimum = 400, maximum = 599)]
    pub(super) status: u16,
    /// Explains the problem of this request, and how to fix it.
    pub(super) detail: &'a str,
    /// The detail, or the text that the first version of this API used.
    pub(super) message: &'a str,
    /// Id of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) id: Option<i64>,
    /// Bytes that are free for events, if the storage is full (507).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) free_bytes: Option<u64>,
    /// Bytes that must be free before events are created again, if the storage is full (507).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) required_bytes: Option<u64>,
    /// Line of the request body that has the problem, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub(super) line: Option<usize>,
}
