//! The Service by which the pods of producers and consumers discover each other for wake-ups.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::Pipeline;
use super::meta::{RECEIVES_WAKEUPS, owned, selector, wakeups_name};
use crate::labels::{Component, INSTANCE};

/// Name of the port.
pub(super) const WAKEUPS: &str = "wakeups";
/// UDP port that receives wake-ups.
pub(super) const WAKEUP_PORT: i32 = 9091;

/// Builds a headless Service, whose name resolves to all pods, because each of them receives every wake-up.
/// Unready pods are included: clients still wait at a draining producer.
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
