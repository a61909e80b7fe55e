//! How requests from outside the cluster reach the producers.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The way in from outside the cluster: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ingress) != has(self.none)")
    .message("`route` must set exactly one of `ingress` and `none`"))]
pub struct Route {
    /// An Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IngressRoute")]
    pub ingress: Option<IngressRoute>,

    /// No way in: the producers' Service is reached from inside the cluster only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NoRoute")]
    pub none: Option<NoRoute>,
}

impl Default for Route {
    fn default() -> Self {
        Self { ingress: Some(IngressRoute::default()), none: None }
    }
}

/// An Ingress in front of the producers.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressRoute {
    /// Ingress class. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
    )]
    pub class_name: Option<String>,

    /// Host name that is routed, `*.example.com` for all below it. Default: every host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 253),
        regex(pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub host: Option<String>,

    /// Path prefix that is routed. Producers get the path as it was asked for.
    #[serde(default = "IngressRoute::default_path")]
    #[schemars(length(min = 1, max = 256), regex(pattern = "^/[A-Za-z0-9/._~-]*$"))]
    #[x_kube(validation = Rule::new("!self.contains('//') && !self.contains('/./') && !self.contains('/../')")
        .message("`path` must not contain `//`, `/./` or `/../`"))]
    pub path: String,

    /// Annotations of the Ingress. They win over those that the operator sets for well-known controllers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 32,
        "additionalProperties" = {"type": "string", "maxLength": 4096}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`annotations` must have keys of the form `name` or `example.com/name`"))]
    pub annotations: BTreeMap<String, String>,
}

impl IngressRoute {
    fn default_path() -> String {
        "/".to_owned()
    }
}

impl Default for IngressRoute {
    fn default() -> Self {
        Self { class_name: None, host: None, path: Self::default_path(), annotations: BTreeMap::new() }
    }
}

/// No way in from outside the cluster.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoRoute {}
