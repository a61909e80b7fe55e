//! A group of producers.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerPort, EnvVar, Lifecycle, LifecycleHandler, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Pipeline, ProducerGroup};
use super::agent_container::volume_url;
use super::database_access::Role;
use super::environment::variable;
use super::group_deployment::{self, Group};
use super::meta::Component;
use super::producer_service::HTTP;

/// Where the API is.
pub(super) const PORT: i32 = 8080;
const SERVE_ON_SECONDS: i64 = 3;

/// The Deployment of the group.
pub(super) fn build(pipeline: &Pipeline, group: &ProducerGroup) -> Deployment {
    let group = Group {
        component: Component::Producer,
        role: Role::Producer,
        name: &group.name,
        replicas: group.scale.replicas(),
        program: &group.program,
        surge: IntOrString::Int(1),
        // The rest is for serving on, and for what the end itself takes.
        drain_seconds: group.program.grace_seconds - SERVE_ON_SECONDS - 2,
        lifecycle: Some(serve_on()),
        ports: vec![ContainerPort {
            name: Some(HTTP.to_owned()),
            container_port: PORT,
            ..ContainerPort::default()
        }],
        environment: settings(pipeline),
        volumes: Vec::new(),
        mounts: Vec::new(),
    };
    group_deployment::build(pipeline, group)
}

fn settings(pipeline: &Pipeline) -> Vec<EnvVar> {
    let kept = [
        ("RETAIN_DONE_SECONDS", pipeline.retention.done_seconds),
        ("RETAIN_DEAD_SECONDS", pipeline.retention.dead_seconds),
    ];
    let kept = kept.into_iter().filter_map(|(name, seconds)| Some(variable(name, seconds?.to_string())));
    let volume = volume_url(pipeline).map(|url| variable("VOLUME_URL", url));
    [variable("LISTEN_ADDRESS", format!("[::]:{PORT}"))].into_iter().chain(kept).chain(volume).collect()
}

/// Goes on serving until those who route to it have heard that it is going, in whatever language it is written.
fn serve_on() -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction { seconds: SERVE_ON_SECONDS }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    }
}
