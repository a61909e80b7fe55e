//! The part of the Gateway API that the operator writes and reads.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// Which requests to a Gateway go where.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "HTTPRoute",
    plural = "httproutes",
    namespaced,
    status = "HttpRouteStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpRouteSpec {
    pub(crate) parent_refs: Vec<ParentReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hostnames: Option<Vec<String>>,
    pub(crate) rules: Vec<Rule>,
}

/// A Gateway, or one of its listeners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParentReference {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) section_name: Option<String>,
}

/// Requests that match go to one of the back ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) matches: Vec<Match>,
    pub(crate) backend_refs: Vec<BackendRef>,
    pub(crate) timeouts: Timeouts,
}

/// What a request must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Match {
    pub(crate) path: PathMatch,
}

/// What a request's path must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PathMatch {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) value: String,
}

/// A Service of the route's namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BackendRef {
    pub(crate) name: String,
    pub(crate) port: i32,
}

/// How long an answer may take: `0s` is as long as it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timeouts {
    pub(crate) request: String,
}

/// What the Gateways' controllers say of a route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HttpRouteStatus {
    #[serde(default)]
    pub(crate) parents: Vec<ParentStatus>,
}

/// What one Gateway's controller says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParentStatus {
    pub(crate) parent_ref: ParentReference,
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
}
