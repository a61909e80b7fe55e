//! How requests from outside the cluster reach the producers.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{HOST, LABEL_NAME, PATH, SUBDOMAIN};

/// The way in from outside the cluster: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.ingress), has(self.httpRoute), has(self.none)].exists_one(set, set)")
    .message("`route` must set exactly one of `ingress`, `httpRoute` and `none`"))]
pub struct Route {
    /// An Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IngressRoute")]
    pub ingress: Option<IngressRoute>,

    /// An HTTPRoute of the Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GatewayRoute")]
    pub http_route: Option<GatewayRoute>,

    /// No way in: the producers' Service is reached from inside the cluster only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NoRoute")]
    pub none: Option<NoRoute>,
}

impl Default for Route {
    fn default() -> Self {
        Self { ingress: Some(IngressRoute::default()), http_route: None, none: None }
    }
}

/// An Ingress in front of the producers.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.tls) || has(self.host)")
    .message("`host` must be set where `tls` is"))]
pub struct IngressRoute {
    /// Ingress class. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub class_name: Option<String>,

    /// Host name that is routed, `*.example.com` for all below it. Default: every host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = HOST))]
    pub host: Option<String>,

    /// Path prefix that is routed. Producers get the path as it was asked for.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 256), regex(pattern = PATH))]
    #[x_kube(validation = Rule::new("!self.contains('//') && !self.contains('/./') && !self.contains('/../')")
        .message("`path` must not contain `//`, `/./` or `/../`"))]
    pub path: String,

    /// TLS for `host`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IngressTls")]
    pub tls: Option<IngressTls>,

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

impl Default for IngressRoute {
    fn default() -> Self {
        Self { class_name: None, host: None, path: default_path(), tls: None, annotations: BTreeMap::new() }
    }
}

fn default_path() -> String {
    "/".to_owned()
}

/// TLS of an Ingress.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressTls {
    /// Secret with the certificate, which cert-manager makes if `annotations` ask it to. Default: the controller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub secret_name: Option<String>,
}

/// An HTTPRoute in front of the producers.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayRoute {
    /// Gateways that the route is attached to.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub parent_refs: Vec<ParentRef>,

    /// Host names that are routed, `*.example.com` for all below one. Default: those of the Gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253), regex(pattern = HOST)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,

    /// Path prefix that is routed. Producers get the path as it was asked for.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 256), regex(pattern = PATH))]
    #[x_kube(validation = Rule::new("!self.contains('//') && !self.contains('/./') && !self.contains('/../')")
        .message("`path` must not contain `//`, `/./` or `/../`"))]
    pub path: String,
}

/// A Gateway, or one of its listeners.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub name: String,

    /// Its namespace, which it must allow routes from. Default: the pipeline's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63), regex(pattern = LABEL_NAME))]
    pub namespace: Option<String>,

    /// Name of the listener. Default: every listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub section_name: Option<String>,
}

/// No way in from outside the cluster.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoRoute {}
