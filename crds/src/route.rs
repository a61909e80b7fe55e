//! How requests from outside the cluster reach the producers.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{HOST, LABEL_NAME, PATH, SUBDOMAIN};

/// The way in from outside the cluster: exactly one of `ingress` and `httpRoute`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ingress) != has(self.httpRoute)")
    .message("`route` must set exactly one of `ingress` and `httpRoute`; without `route` there is no way in from outside the cluster"))]
pub struct Route {
    /// An Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IngressRoute")]
    pub ingress: Option<IngressRoute>,

    /// An HTTPRoute of the Gateway API, which the cluster must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GatewayRoute")]
    pub http_route: Option<GatewayRoute>,

    /// Whether the route also leads to the operations that list, show, change and remove events and count them. Without,
    /// it creates events and reads their values. Whoever reaches the route may do either: authentication is a matter of
    /// what stands in front.
    #[serde(default)]
    pub operations: bool,
}

/// An Ingress in front of the producers.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.tls) || has(self.host)")
    .message("`host` must be set where `tls` is"))]
#[x_kube(validation = Rule::new("has(self.host) != self.anyHost")
    .message("`host` must be set, such as `orders.example.com`, or `anyHost` must be `true`, and not both"))]
pub struct IngressRoute {
    /// Ingress class. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub class_name: Option<String>,

    /// Host name that is routed, `*.example.com` for all below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = HOST))]
    pub host: Option<String>,

    /// Instead of `host`: every host that no other Ingress names, of all that the ingress controller serves.
    #[serde(default)]
    pub any_host: bool,

    /// Path prefix that is routed, such as `/orders`. The operator's own producers serve the API below it.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 256), regex(pattern = PATH))]
    #[x_kube(
        validation = Rule::new("!self.contains('//') && !self.contains('/./') && !self.contains('/../') && !self.endsWith('/.') && !self.endsWith('/..')")
            .message("`path` must not contain `//`, `/./` or `/../`"),
        validation = Rule::new("!self.matches('^/(v1|create-async|create-sync|openapi[.]json|[0-9]+)(/|$)')")
            .message("`path` must not begin with a path of the API itself: `/v1`, `/create-async`, `/create-sync`, `/openapi.json` or a number"),
    )]
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
#[x_kube(validation = Rule::new("(has(self.hostnames) && size(self.hostnames) > 0) != self.anyHost")
    .message("`hostnames` must be set, such as `[orders.example.com]`, or `anyHost` must be `true`, and not both"))]
pub struct GatewayRoute {
    /// Gateways that the route is attached to.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub parent_refs: Vec<ParentRef>,

    /// Host names that are routed, `*.example.com` for all below one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253), regex(pattern = HOST)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,

    /// Instead of `hostnames`: every host of the Gateways' listeners that no other route names.
    #[serde(default)]
    pub any_host: bool,

    /// Path prefix that is routed, such as `/orders`. The operator's own producers serve the API below it.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 256), regex(pattern = PATH))]
    #[x_kube(
        validation = Rule::new("!self.contains('//') && !self.contains('/./') && !self.contains('/../') && !self.endsWith('/.') && !self.endsWith('/..')")
            .message("`path` must not contain `//`, `/./` or `/../`"),
        validation = Rule::new("!self.matches('^/(v1|create-async|create-sync|openapi[.]json|[0-9]+)(/|$)')")
            .message("`path` must not begin with a path of the API itself: `/v1`, `/create-async`, `/create-sync`, `/openapi.json` or a number"),
    )]
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
