//! The fields of the Gateway API that the operator reads and writes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// Routing of the requests that a Gateway receives.
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

/// A Gateway or one of its listeners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParentReference {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) section_name: Option<String>,
}

/// Backends of the requests that match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) matches: Vec<Match>,
    pub(crate) backend_refs: Vec<BackendRef>,
    pub(crate) timeouts: Timeouts,
}

/// Conditions that a request must meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Match {
    pub(crate) path: PathMatch,
}

/// Condition on the path of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PathMatch {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) value: String,
}

/// A Service in the namespace of the route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BackendRef {
    pub(crate) name: String,
    pub(crate) port: i32,
}

/// Time limits. `0s` disables a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timeouts {
    pub(crate) request: String,
}

/// Status of a route, reported by the controllers of its Gateways.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HttpRouteStatus {
    #[serde(default)]
    pub(crate) parents: Vec<ParentStatus>,
}

/// Status of a route at one Gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParentStatus {
    pub(crate) parent_ref: ParentReference,
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
}
