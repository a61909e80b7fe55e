//! The producers' address, for all groups together.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::Pipeline;
use super::meta::{Component, owned, producers_name, selector};

/// Name of the Service's port.
pub(super) const HTTP: &str = "http";
/// The Service's port.
pub(super) const PORT: i32 = 80;

/// What Kong is told of an answer's time, in milliseconds: it reads that here, and not from an Ingress.
const ANNOTATIONS: [(&str, &str); 2] =
    [("konghq.com/read-timeout", "86400000"), ("konghq.com/write-timeout", "86400000")];

/// The Service in front of every producer.
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
            ports: Some(vec![ServicePort {
                name: Some(HTTP.to_owned()),
                port: PORT,
                target_port: Some(IntOrString::String(HTTP.to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
