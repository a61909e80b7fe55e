//! Handlers of events.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::SUBDOMAIN;

/// Handler that processes events and returns their results. Exactly one field must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.words), has(self.wordApi), has(self.http)].exists_one(set, set)")
    .message("`handler` must set exactly one of `words`, `wordApi` and `http`"))]
pub struct Handler {
    /// Returns a word from a list that is built into the consumer, the same one for each attempt. Requires no
    /// external service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WordsHandler")]
    pub words: Option<WordsHandler>,

    /// Returns a word from an HTTP API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WordApiHandler")]
    pub word_api: Option<WordApiHandler>,

    /// Posts the event to an HTTP server and stores its response as the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "HttpHandler")]
    pub http: Option<HttpHandler>,
}

impl Default for Handler {
    fn default() -> Self {
        Self { words: Some(WordsHandler {}), word_api: None, http: None }
    }
}

/// Handler that returns a word from a built-in list.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordsHandler {}

/// Handler that returns a word from an HTTP API.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WordApiHandler {
    /// URL that answers `GET` with `[{"word": "..."}]`. Must be an absolute http or https URL.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != ''")
        .message("`url` must be an absolute http or https URL"))]
    pub url: String,

    /// Timeout of a request, in seconds. Must be less than `leaseSeconds`. Defaults to half of
    /// `leaseSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 86_399))]
    pub timeout_seconds: Option<i32>,
}

/// Handler that posts events to an HTTP server.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHandler {
    /// URL that events are posted to, such as `http://handler.shop.svc/events`. Must be an absolute http or
    /// https URL.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != ''")
        .message("`url` must be an absolute http or https URL"))]
    pub url: String,

    /// Timeout of a request, in seconds. Must be less than `leaseSeconds`. Defaults to half of
    /// `leaseSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 86_399))]
    pub timeout_seconds: Option<i32>,

    /// Name of a Secret whose key `headers` contains headers to send with each request, one `Name: value` per
    /// line, such as `Authorization: Bearer TOKEN`. Consumers read it when they start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub headers_secret_name: Option<String>,

    /// HTTP statuses, from 300 to 599, that fail an event without a retry. Every other status except 2xx is
    /// retried, so that a temporary mistake in a route, a token or a deployment fails no event. Defaults to
    /// 400, 410, 413, 415 and 422.
    #[serde(default = "HttpHandler::default_final_statuses")]
    #[schemars(length(max = 64), inner(range(min = 300, max = 599)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub final_statuses: Vec<i32>,
}

impl HttpHandler {
    /// Returns the statuses of a malformed request, of a resource that is permanently gone, and of a payload
    /// that is too large, of the wrong type, or invalid.
    fn default_final_statuses() -> Vec<i32> {
        vec![400, 410, 413, 415, 422]
    }
}
