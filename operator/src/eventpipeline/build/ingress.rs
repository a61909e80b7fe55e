//! The route from outside the cluster by an Ingress.

use std::collections::BTreeMap;

use eventpipeline_crds as crd;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::validate::{Pipeline, Way};
use super::meta::{owned, producers_name, selector};
use super::producer_service::{self, ApiPort};
use crate::labels::Component;

/// Annotations for well-known controllers, whose defaults differ: balance requests round robin, and let a
/// response take as long as a synchronous creation may wait. Contour, Traefik and Kong use round robin by
/// default and have no annotation for it. Traefik has no time limit, and Kong reads it from the Service.
const ANNOTATIONS: [(&str, &str); 16] = [
    // AWS allows at most 4000 seconds.
    ("alb.ingress.kubernetes.io/load-balancer-attributes", "idle_timeout.timeout_seconds=4000"),
    ("alb.ingress.kubernetes.io/target-group-attributes", "load_balancing.algorithm.type=round_robin"),
    // Azure's Application Gateway uses round robin by default.
    ("appgw.ingress.kubernetes.io/request-timeout", "86400"),
    ("haproxy-ingress.github.io/balance-algorithm", "roundrobin"),
    ("haproxy-ingress.github.io/timeout-server", "24h"),
    ("haproxy.org/load-balance", "roundrobin"),
    ("haproxy.org/timeout-server", "24h"),
    ("nginx.ingress.kubernetes.io/load-balance", "round_robin"),
    ("nginx.ingress.kubernetes.io/proxy-read-timeout", "86400"),
    ("nginx.ingress.kubernetes.io/proxy-send-timeout", "86400"),
    ("nginx.org/lb-method", "round_robin"),
    ("nginx.org/proxy-read-timeout", "86400s"),
    ("nginx.org/proxy-send-timeout", "86400s"),
    ("projectcontour.io/response-timeout", "infinity"),
    ("zalando.org/skipper-filter", r#"backendTimeout("24h")"#),
    ("zalando.org/skipper-loadbalancer", "roundRobin"),
];

/// Builds the Ingress if the pipeline requests one.
pub(super) fn build(pipeline: &Pipeline) -> Option<Ingress> {
    let route = pipeline.published_route()?;
    let Way::Ingress(ingress) = &route.way else { return None };
    let crd::IngressRoute { class_name, host, any_host: _, path, tls, annotations } = ingress;
    let port = producer_service::port_of(route);
    let metadata = owned(pipeline, pipeline.name.to_string(), selector(pipeline, Component::Route));
    Some(Ingress {
        metadata: ObjectMeta { annotations: Some(merged(annotations)), ..metadata },
        spec: Some(IngressSpec {
            ingress_class_name: class_name.clone(),
            tls: tls.as_ref().map(|tls| vec![self::tls(tls, host.as_ref())]),
            rules: Some(vec![IngressRule {
                host: host.clone(),
                http: Some(to_producers(pipeline, path, port)),
            }]),
            ..IngressSpec::default()
        }),
        status: None,
    })
}

/// The author's annotations take precedence.
fn merged(annotations: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut merged = BTreeMap::from(ANNOTATIONS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    merged.extend(annotations.clone());
    merged
}

fn tls(tls: &crd::IngressTls, host: Option<&String>) -> IngressTLS {
    let crd::IngressTls { secret_name } = tls;
    IngressTLS { hosts: host.map(|host| vec![host.clone()]), secret_name: secret_name.clone() }
}

fn to_producers(pipeline: &Pipeline, path: &str, port: ApiPort) -> HTTPIngressRuleValue {
    HTTPIngressRuleValue {
        paths: vec![HTTPIngressPath {
            path: Some(path.to_owned()),
            path_type: "Prefix".to_owned(),
            backend: IngressBackend {
                service: Some(IngressServiceBackend {
                    name: producers_name(pipeline),
                    port: Some(ServiceBackendPort { name: Some(port.name.to_owned()), number: None }),
                }),
                resource: None,
            },
        }],
    }
}
