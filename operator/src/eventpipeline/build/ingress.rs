//! The way in from outside the cluster.

use std::collections::BTreeMap;

use eventpipeline_crds as crd;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::validate::{Pipeline, Route};
use super::meta::{Component, owned, producers_name, selector};
use super::producer_service::HTTP;

/// What well-known controllers are told, because their defaults differ: requests go round robin, and an answer may
/// take as long as a synchronous creation waits. Contour and Traefik go round robin by themselves, and Traefik waits.
const ANNOTATIONS: [(&str, &str); 9] = [
    ("haproxy-ingress.github.io/balance-algorithm", "roundrobin"),
    ("haproxy-ingress.github.io/timeout-server", "24h"),
    ("haproxy.org/load-balance", "roundrobin"),
    ("haproxy.org/timeout-server", "24h"),
    ("nginx.ingress.kubernetes.io/load-balance", "round_robin"),
    ("nginx.ingress.kubernetes.io/proxy-read-timeout", "86400"),
    ("nginx.ingress.kubernetes.io/proxy-send-timeout", "86400"),
    ("projectcontour.io/response-timeout", "infinity"),
    ("zalando.org/skipper-loadbalancer", "roundRobin"),
];

/// The Ingress, if the pipeline asks for one.
pub(super) fn build(pipeline: &Pipeline) -> Option<Ingress> {
    let Route::Ingress(crd::IngressRoute { class_name, host, path, tls, annotations }) = &pipeline.route
    else {
        return None;
    };
    let metadata = owned(pipeline, pipeline.name.to_string(), selector(pipeline, Component::Route));
    Some(Ingress {
        metadata: ObjectMeta { annotations: Some(merged(annotations)), ..metadata },
        spec: Some(IngressSpec {
            ingress_class_name: class_name.clone(),
            tls: tls.as_ref().map(|tls| vec![self::tls(tls, host.as_ref())]),
            rules: Some(vec![IngressRule { host: host.clone(), http: Some(to_producers(pipeline, path)) }]),
            ..IngressSpec::default()
        }),
        status: None,
    })
}

/// The author's annotations win.
fn merged(annotations: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut merged = BTreeMap::from(ANNOTATIONS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    merged.extend(annotations.clone());
    merged
}

fn tls(tls: &crd::IngressTls, host: Option<&String>) -> IngressTLS {
    let crd::IngressTls { secret_name } = tls;
    IngressTLS { hosts: host.map(|host| vec![host.clone()]), secret_name: secret_name.clone() }
}

fn to_producers(pipeline: &Pipeline, path: &str) -> HTTPIngressRuleValue {
    HTTPIngressRuleValue {
        paths: vec![HTTPIngressPath {
            path: Some(path.to_owned()),
            path_type: "Prefix".to_owned(),
            backend: IngressBackend {
                service: Some(IngressServiceBackend {
                    name: producers_name(pipeline),
                    port: Some(ServiceBackendPort { name: Some(HTTP.to_owned()), number: None }),
                }),
                resource: None,
            },
        }],
    }
}
