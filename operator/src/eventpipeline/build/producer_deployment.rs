//! The Deployment of a group of producers.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerPort, EnvVar, Lifecycle, LifecycleHandler, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{Pipeline, ProducerGroup, Route};
use super::agent_container::volume_url;
use super::database_access::Role;
use super::environment::variable;
use super::group_deployment::{self, Group};
use crate::labels::Component;

/// Port of the API.
pub(super) const PORT: i32 = 8080;
/// Port of the public part of the API in the operator's own producers.
pub(super) const PUBLIC_PORT: i32 = 8081;
/// Name of the container port with the public part of the API.
pub(super) const PUBLIC: &str = "public";
const SHUTDOWN_DELAY_SECONDS: i64 = 3;

/// Builds the group's Deployment.
pub(super) fn build(pipeline: &Pipeline, group: &ProducerGroup) -> Deployment {
    let group = Group {
        component: Component::Producer,
        role: Role::Producer,
        name: &group.name,
        replicas: group.scale.replicas(),
        program: &group.program,
        surge: IntOrString::Int(1),
        // The rest of the grace period is for the delay before the drain, and for the shutdown itself.
        drain_seconds: group.program.grace_seconds - SHUTDOWN_DELAY_SECONDS - 2,
        lifecycle: Some(delay_shutdown()),
        ports: ports(group.program.is_ours),
        environment: environment(pipeline, group.program.is_ours),
        volumes: Vec::new(),
        mounts: Vec::new(),
    };
    group_deployment::build(pipeline, group)
}

/// Producers in other languages serve the four classic requests on one port.
fn ports(is_ours: bool) -> Vec<ContainerPort> {
    let port = |name: &str, container_port| ContainerPort {
        name: Some(name.to_owned()),
        container_port,
        ..ContainerPort::default()
    };
    if is_ours { vec![port("http", PORT), port(PUBLIC, PUBLIC_PORT)] } else { vec![port(PUBLIC, PORT)] }
}

fn environment(pipeline: &Pipeline, is_ours: bool) -> Vec<EnvVar> {
    let mut variables = addresses(pipeline, is_ours);
    let kept = [
        ("RETAIN_DONE_SECONDS", pipeline.retention.done_seconds),
        ("RETAIN_DEAD_SECONDS", pipeline.retention.dead_seconds),
    ];
    variables
        .extend(kept.into_iter().filter_map(|(name, seconds)| Some(variable(name, seconds?.to_string()))));
    variables.extend(volume_url(pipeline).map(|url| variable("VOLUME_URL", url)));
    variables
}

fn addresses(pipeline: &Pipeline, is_ours: bool) -> Vec<EnvVar> {
    let address = |port: i32| format!("[::]:{port}");
    let mut variables = vec![variable("LISTEN_ADDRESS", address(PORT))];
    let leads_to_part = pipeline.route.as_ref().is_some_and(|route| !route.operations);
    if is_ours {
        variables.push(variable("PUBLIC_ADDRESS", address(PUBLIC_PORT)));
    } else if leads_to_part {
        // Another image that contains our program serves only the public part on its one port.
        variables.push(variable("PUBLIC_ADDRESS", address(PORT)));
    }
    let prefix = pipeline.route.as_ref().map(Route::prefix).filter(|prefix| !prefix.is_empty());
    variables.extend(prefix.map(|prefix| variable("BASE_PATH", prefix)));
    variables
}

/// Keeps serving until load balancers have removed the pod, in whatever language the producer is written.
fn delay_shutdown() -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction { seconds: SHUTDOWN_DELAY_SECONDS }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    }
}
