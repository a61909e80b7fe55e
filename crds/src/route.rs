//! Routes for requests from outside the cluster.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{HOST, LABEL_NAME, PATH, SUBDOMAIN};

/// Route for requests from outside the cluster. Exactly one of `ingress` and `httpRoute` must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ingress) != has(self.httpRoute)")
    .message("`route` must set exactly one of `ingress` and `httpRoute`; omit `route` to make the API reachable only inside the cluster"))]
pub struct Route {
    /// Publishes the API with an Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IngressRoute")]
    pub ingress: Option<IngressRoute>,

    /// Publishes the API with an HTTPRoute. Requires the Gateway API in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GatewayRoute")]
    pub http_route: Option<GatewayRoute>,

    /// Publishes the operations that list, show, change, delete and count events as well. Otherwise the route
    /// only publishes creating events and reading their results. The API does not authenticate clients; if
    /// clients must be authenticated, do so in front of the route. Defaults to `false`.
    #[serde(default)]
    pub operations: bool,
}

/// Ingress in front of the producers.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.tls) || has(self.host)")
    .message("`host` must be set if `tls` is set"))]
#[x_kube(validation = Rule::new("has(self.host) != self.anyHost")
    .message("`host` must be set, such as `orders.example.com`, or `anyHost` must be `true`, but not both"))]
pub struct IngressRoute {
    /// Name of the IngressClass. If unset, the default IngressClass of the cluster is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub class_name: Option<String>,

    /// Host name of the API, such as `orders.example.com` or `*.example.com`. Required unless `anyHost` is
    /// `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = HOST))]
    pub host: Option<String>,

    /// Publishes the API on every host of the ingress controller that has no Ingress of its own, instead of
    /// on `host`. Defaults to `false`.
    #[serde(default)]
    pub any_host: bool,

    /// Path prefix of the API, such as `/orders`. The operator's own producers serve the API below it.
    /// Defaults to `/`.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 256), regex(pattern = PATH))]
    #[x_kube(
        validation = Rule::new("!self.contains('//') && !self.contains('/./') && !self.contains('/../') && !self.endsWith('/.') && !self.endsWith('/..')")
            .message("`path` must not contain `//`, `/./` or `/../`"),
        validation = Rule::new("!self.matches('^/(v1|create-async|create-sync|openapi[.]json|[0-9]+)(/|$)')")
            .message("`path` must not begin with a path of the API itself: `/v1`, `/create-async`, `/create-sync`, `/openapi.json` or a number"),
    )]
    pub path: String,

    /// TLS for `host`. If unset, the API is published without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IngressTls")]
    pub tls: Option<IngressTls>,

    /// Annotations of the Ingress. They override the annotations that the operator sets for well-known
    /// controllers.
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

/// TLS settings of an Ingress.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressTls {
    /// Name of the Secret with the certificate. cert-manager creates it if `annotations` name an issuer. If
    /// unset, the ingress controller uses its default certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub secret_name: Option<String>,
}

/// HTTPRoute in front of the producers.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.hostnames) && size(self.hostnames) > 0) != self.anyHost")
    .message("`hostnames` must be set, such as `[orders.example.com]`, or `anyHost` must be `true`, but not both"))]
pub struct GatewayRoute {
    /// Gateways to attach the route to.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub parent_refs: Vec<ParentRef>,

    /// Host names of the API, such as `orders.example.com` or `*.example.com`. Required unless `anyHost` is
    /// `true`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253), regex(pattern = HOST)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,

    /// Publishes the API on every host of the listeners that has no route of its own, instead of on
    /// `hostnames`. Defaults to `false`.
    #[serde(default)]
    pub any_host: bool,

    /// Path prefix of the API, such as `/orders`. The operator's own producers serve the API below it.
    /// Defaults to `/`.
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

/// Reference to a Gateway or one of its listeners.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub name: String,

    /// Namespace of the Gateway. The Gateway must allow routes from the namespace of the pipeline. Defaults
    /// to the namespace of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63), regex(pattern = LABEL_NAME))]
    pub namespace: Option<String>,

    /// Name of the listener. If unset, the route is attached to all listeners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub section_name: Option<String>,
}
