//! The database's DNS name.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Database, Pipeline};
use super::database_access::MYSQL_PORT;
use super::meta::{mysql_name, owned, selector};
use crate::labels::Component;

/// Builds a headless Service for a managed database: clients connect to the pod directly, and a StatefulSet
/// needs a governing Service anyway.
pub(super) fn build(pipeline: &Pipeline) -> Option<Service> {
    let Database::Managed(_) = &pipeline.database else { return None };
    let selector = selector(pipeline, Component::Mysql);
    Some(Service {
        metadata: owned(pipeline, mysql_name(pipeline), selector.clone()),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            // A server that is too busy for a probe still answers clients.
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ports: Some(vec![ServicePort {
                name: Some("mysql".to_owned()),
                port: MYSQL_PORT,
                target_port: Some(IntOrString::String("mysql".to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}
