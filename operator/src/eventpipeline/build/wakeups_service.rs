//! How the pods of producers and consumers find each other for their wake-ups.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::Pipeline;
use super::meta::{RECEIVES_WAKEUPS, owned, selector, wakeups_name};
use crate::labels::{Component, INSTANCE};

/// Name of the port.
pub(super) const WAKEUPS: &str = "wakeups";
/// Where wake-ups are heard (UDP).
pub(super) const WAKEUP_PORT: i32 = 9091;

/// A headless Service: its name stands for the pods themselves, of which each is to hear a wake-up. Pods that are not ready
/// hear them too: a producer that drains still has clients that wait.
pub(super) fn build(pipeline: &Pipeline) -> Service {
    let pods = [(INSTANCE, pipeline.name.to_string()), (RECEIVES_WAKEUPS, "true".to_owned())];
    Service {
        metadata: owned(pipeline, wakeups_name(pipeline), selector(pipeline, Component::Wakeups)),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(pods.map(|(label, value)| (label.to_owned(), value)).into()),
            ports: Some(vec![ServicePort {
                name: Some(WAKEUPS.to_owned()),
                protocol: Some("UDP".to_owned()),
                port: WAKEUP_PORT,
                target_port: Some(IntOrString::String(WAKEUPS.to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
