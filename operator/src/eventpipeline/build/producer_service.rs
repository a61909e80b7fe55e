//! The producers' address, for all groups together.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::Pipeline;
use super::meta::{Component, owned, producers_name, selector};

/// Name of the Service's port.
pub(super) const HTTP: &str = "http";

/// The Service in front of every producer.
pub(super) fn build(pipeline: &Pipeline) -> Service {
    let selector = selector(pipeline, Component::Producer);
    Service {
        metadata: owned(pipeline, producers_name(pipeline), selector.clone()),
        spec: Some(ServiceSpec {
            selector: Some(selector),
            ports: Some(vec![ServicePort {
                name: Some(HTTP.to_owned()),
                port: 80,
                target_port: Some(IntOrString::String(HTTP.to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
