//! The address of all producers.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Pipeline, Route};
use super::meta::{owned, producers_name, selector};
use super::producer_deployment;
use crate::labels::Component;

/// A port of the Service.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApiPort {
    pub(super) name: &'static str,
    pub(super) number: i32,
}

/// All operations, for clients inside the cluster.
const EVERYTHING: ApiPort = ApiPort { name: "http", number: 80 };
/// Only operations that create events and read their values.
const PUBLIC: ApiPort = ApiPort { name: "public", number: 8081 };

/// Returns the port that a route leads to.
pub(super) fn port_of(route: &Route) -> ApiPort {
    if route.operations { EVERYTHING } else { PUBLIC }
}

/// Time limits of Kong in milliseconds, which reads them from the Service and not from an Ingress.
const ANNOTATIONS: [(&str, &str); 2] =
    [("konghq.com/read-timeout", "86400000"), ("konghq.com/write-timeout", "86400000")];

/// Builds the Service of all producers.
pub(super) fn build(pipeline: &Pipeline) -> Service {
    let selector = selector(pipeline, Component::Producer);
    let annotations = ANNOTATIONS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Service {
        metadata: ObjectMeta {
            annotations: Some(annotations.into()),
            ..owned(pipeline, producers_name(pipeline), selector.clone())
        },
        spec: Some(ServiceSpec {
            selector: Some(selector),
            ports: Some(vec![
                port(EVERYTHING, IntOrString::Int(producer_deployment::PORT)),
                // By name, because programs in other languages have one port for both.
                port(PUBLIC, IntOrString::String(producer_deployment::PUBLIC.to_owned())),
            ]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(ApiPort { name, number }: ApiPort, target: IntOrString) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(target),
        ..ServicePort::default()
    }
}
