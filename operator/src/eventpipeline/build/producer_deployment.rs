//! A group of producers.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerPort, Lifecycle, LifecycleHandler, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Pipeline, ProducerGroup};
use super::environment::variable;
use super::group_deployment::{self, Group};
use super::meta::Component;
use super::pod::Share;
use super::producer_service::HTTP;

const PORT: i32 = 8080;

/// The Deployment of the group.
pub(super) fn build(pipeline: &Pipeline, group: &ProducerGroup) -> Deployment {
    let ProducerGroup { name, replicas, program } = group;
    let group = Group {
        component: Component::Producer,
        name,
        replicas: *replicas,
        program,
        surge: IntOrString::Int(1),
        grace_seconds: 30,
        drain_seconds: 25,
        lifecycle: Some(serve_on()),
        ports: vec![ContainerPort {
            name: Some(HTTP.to_owned()),
            container_port: PORT,
            ..ContainerPort::default()
        }],
        environment: vec![variable("LISTEN_ADDRESS", format!("0.0.0.0:{PORT}"))],
        share: Share { cpu: ("50m", "1"), memory: ("64Mi", "256Mi"), ephemeral_storage: ("16Mi", "256Mi") },
    };
    group_deployment::build(pipeline, group)
}

/// Goes on serving until those who route to it have heard that it is going, in whatever language it is written.
fn serve_on() -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction { seconds: 3 }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    }
}
