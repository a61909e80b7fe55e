//! What gives an event its value.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::SUBDOMAIN;

/// What gives an event its value: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.words), has(self.wordApi), has(self.http)].exists_one(set, set)")
    .message("`handler` must set exactly one of `words`, `wordApi` and `http`"))]
pub struct Handler {
    /// A word of a list that the consumer carries, the same at each attempt: needs nothing from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WordsHandler")]
    pub words: Option<WordsHandler>,

    /// A word of an HTTP API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WordApiHandler")]
    pub word_api: Option<WordApiHandler>,

    /// What your server answers when the event is posted to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "HttpHandler")]
    pub http: Option<HttpHandler>,
}

impl Default for Handler {
    fn default() -> Self {
        Self { words: Some(WordsHandler {}), word_api: None, http: None }
    }
}

/// A word of a list that the consumer carries, the same at each attempt.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordsHandler {}

/// A word of an HTTP API.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WordApiHandler {
    /// URL whose `GET` answers `[{"word": "..."}]`.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != ''")
        .message("`url` must be an absolute http or https URL"))]
    pub url: String,

    /// How long an answer may take; less than `leaseSeconds`. Default: half of `leaseSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 86_399))]
    pub timeout_seconds: Option<i32>,
}

/// A server that events are posted to.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHandler {
    /// URL that events are posted to.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != ''")
        .message("`url` must be an absolute http or https URL"))]
    pub url: String,

    /// How long an answer may take; less than `leaseSeconds`. Default: half of `leaseSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 86_399))]
    pub timeout_seconds: Option<i32>,

    /// Secret whose key `headers` has lines `Name: value` that are sent with each request, such as a token. Consumers
    /// read it when they start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub headers_secret_name: Option<String>,

    /// Statuses by which your server ends an event for good, from 300 to 599. After any other that is none of success the event is
    /// tried again: a route, a token or a deployment that is wrong for a moment ends no event.
    #[serde(default = "HttpHandler::default_final_statuses")]
    #[schemars(length(max = 64), inner(range(min = 300, max = 599)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub final_statuses: Vec<i32>,
}

impl HttpHandler {
    /// A request that makes no sense, a resource that is gone for good, and a payload that is too large, of the wrong type, or
    /// refused by what it says.
    fn default_final_statuses() -> Vec<i32> {
        vec![400, 410, 413, 415, 422]
    }
}
