//! The common part of the Deployments of producers and consumers.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, Lifecycle, PodSpec, PodTemplateSpec, Probe, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{GroupName, Pipeline, Program};
use super::customization::customize;
use super::database_access::{self, Role};
use super::environment;
use super::meta::{Labels, RECEIVES_WAKEUPS, group_name, group_selector, labels, match_labels, owned};
use super::placement;
use super::pod::{
    OUR_USER, TERMINATION_MESSAGE_POLICY, container_security, http_probe, mount, pod, resources,
    scratch_volume,
};
use super::wakeups_service::{WAKEUP_PORT, WAKEUPS};
use crate::labels::Component;

/// Name of the admin port, which serves probes and metrics.
pub(super) const ADMIN: &str = "admin";
/// The admin port.
pub(super) const ADMIN_PORT: i32 = 9090;
/// Ephemeral storage that a container may use, apart from its log.
const EPHEMERAL_STORAGE: [&str; 2] = ["32Mi", "256Mi"];

/// The parts in which groups differ.
pub(super) struct Group<'a> {
    pub(super) component: Component,
    pub(super) role: Role,
    pub(super) name: &'a GroupName,
    /// Number of pods, or `None` if another client decides it.
    pub(super) replicas: Option<i32>,
    pub(super) program: &'a Program,
    /// Number of pods that a rollout may start before it stops old ones.
    pub(super) surge: IntOrString,
    /// Drain time in seconds, less than the grace period.
    pub(super) drain_seconds: i64,
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) ports: Vec<ContainerPort>,
    pub(super) environment: Vec<EnvVar>,
    pub(super) volumes: Vec<Volume>,
    pub(super) mounts: Vec<VolumeMount>,
}

/// Builds the Deployment of a group. Its template depends on neither scale nor suspension, because a changed
/// template restarts all pods.
pub(super) fn build(pipeline: &Pipeline, group: Group<'_>) -> Deployment {
    let name = group_name(pipeline, group.component, group.name);
    let selector = group_selector(pipeline, group.component, group.name);
    Deployment {
        metadata: owned(pipeline, name, selector.clone()),
        spec: Some(DeploymentSpec {
            replicas: group.replicas,
            revision_history_limit: Some(3),
            progress_deadline_seconds: Some(600),
            selector: match_labels(selector.clone()),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_unavailable: Some(IntOrString::Int(0)),
                    max_surge: Some(group.surge.clone()),
                }),
            }),
            template: PodTemplateSpec {
                metadata: Some(placement::metadata(group.program.pod.pod(), pod_labels(selector.clone()))),
                spec: Some(group_pod(pipeline, group, &selector)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod_labels(selector: Labels) -> Labels {
    let mut labels = labels(selector);
    labels.insert(RECEIVES_WAKEUPS.to_owned(), "true".to_owned());
    labels
}

fn group_pod(pipeline: &Pipeline, group: Group<'_>, selector: &Labels) -> PodSpec {
    let program = group.program;
    let volumes = vec![database_access::volume(pipeline, group.role), scratch_volume("tmp", "64Mi")];
    let pod = PodSpec {
        termination_grace_period_seconds: Some(program.grace_seconds),
        topology_spread_constraints: Some(vec![placement::over_nodes(selector)]),
        volumes: Some([volumes, group.volumes.clone()].concat()),
        containers: vec![container(pipeline, group)],
        ..pod(pipeline.user_ids, OUR_USER)
    };
    customize(&program.pod, placement::place(program.pod.pod(), selector, pod))
}

fn container(pipeline: &Pipeline, group: Group<'_>) -> Container {
    let Group {
        component, role, program, drain_seconds, lifecycle, mut ports, environment: own, mounts, ..
    } = group;
    let component: &str = component.into();
    ports.push(ContainerPort {
        name: Some(ADMIN.to_owned()),
        container_port: ADMIN_PORT,
        ..ContainerPort::default()
    });
    ports.push(ContainerPort {
        name: Some(WAKEUPS.to_owned()),
        container_port: WAKEUP_PORT,
        protocol: Some("UDP".to_owned()),
        ..ContainerPort::default()
    });
    let common = [
        database_access::variables(pipeline, role),
        environment::logging(),
        environment::service(pipeline, drain_seconds),
        environment::wakeups(pipeline),
    ];
    Container {
        name: component.to_owned(),
        image: Some(program.image.clone()),
        command: program.command.clone(),
        env: Some(environment::with_authors(&program.env, [common.concat(), own].concat())),
        ports: Some(ports),
        volume_mounts: Some([vec![database_access::mount(), mount("tmp", "/tmp")], mounts].concat()),
        // Succeeds while the process schedules work. It depends on nothing that a restart would not fix.
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(6),
            ..http_probe("/livez", ADMIN)
        }),
        readiness_probe: Some(Probe {
            period_seconds: Some(3),
            timeout_seconds: Some(2),
            failure_threshold: Some(2),
            ..http_probe("/readyz", ADMIN)
        }),
        resources: Some(resources(&program.resources, EPHEMERAL_STORAGE)),
        security_context: Some(container_security()),
        lifecycle,
        termination_message_policy: Some(TERMINATION_MESSAGE_POLICY.to_owned()),
        ..Container::default()
    }
}
