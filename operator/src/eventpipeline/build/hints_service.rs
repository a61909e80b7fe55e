//! How the pods of producers and consumers find each other for their hints.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::Pipeline;
use super::meta::{Component, HEARS_HINTS, INSTANCE, hints_name, owned, selector};

/// Name of the port.
pub(super) const HINTS: &str = "hints";
/// Where hints are heard (UDP).
pub(super) const HINTS_PORT: i32 = 9091;

/// A headless Service: its name stands for the pods themselves, of which each is to hear a hint. Pods that are not ready
/// hear them too: a producer that drains still has clients that wait.
pub(super) fn build(pipeline: &Pipeline) -> Service {
    let pods = [(INSTANCE, pipeline.name.to_string()), (HEARS_HINTS, "true".to_owned())];
    Service {
        metadata: owned(pipeline, hints_name(pipeline), selector(pipeline, Component::Hints)),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(pods.map(|(label, value)| (label.to_owned(), value)).into()),
            ports: Some(vec![ServicePort {
                name: Some(HINTS.to_owned()),
                protocol: Some("UDP".to_owned()),
                port: HINTS_PORT,
                target_port: Some(IntOrString::String(HINTS.to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
