//! The author's init containers and sidecars, restricted like all containers.

use eventpipeline_crds as crd;
use k8s_openapi::api::core::v1::{
    Container, ExecAction, HTTPGetAction, Probe, SecurityContext, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::Resources;
use super::environment;
use super::pod::{TERMINATION_MESSAGE_POLICY, container_security, resources};
use super::volumes;

/// Ephemeral storage that a container may use, apart from its log.
const EPHEMERAL_STORAGE: [&str; 2] = ["32Mi", "256Mi"];

/// Returns the container.
pub(super) fn container(container: &crd::InitContainer, amounts: &Resources) -> Container {
    let crd::InitContainer {
        name,
        image,
        restart_policy,
        command,
        args,
        env,
        resources: _,
        volume_mounts,
        security_context,
        startup_probe,
        liveness_probe,
    } = container;
    let mounts = volume_mounts.iter().map(volumes::mount).collect();
    Container {
        name: name.clone(),
        image: Some(image.clone()),
        restart_policy: restart_policy.map(|crd::InitRestartPolicy::Always| "Always".to_owned()),
        command: non_empty(command.clone()),
        args: non_empty(args.clone()),
        env: non_empty(env.iter().map(environment::of_init_container).collect()),
        volume_mounts: non_empty(mounts),
        resources: Some(resources(amounts, EPHEMERAL_STORAGE)),
        security_context: Some(security(security_context.as_ref())),
        startup_probe: startup_probe.as_ref().map(probe),
        liveness_probe: liveness_probe.as_ref().map(probe),
        termination_message_policy: Some(TERMINATION_MESSAGE_POLICY.to_owned()),
        ..Container::default()
    }
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

/// Returns the security context. The author's values for the other fields can only repeat what is set anyway.
fn security(context: Option<&crd::InitSecurity>) -> SecurityContext {
    let ours = container_security();
    let Some(context) = context else { return ours };
    SecurityContext {
        run_as_user: context.run_as_user,
        run_as_group: context.run_as_group,
        read_only_root_filesystem: context.read_only_root_filesystem.or(ours.read_only_root_filesystem),
        ..ours
    }
}

fn probe(probe: &crd::InitProbe) -> Probe {
    let crd::InitProbe { http_get, tcp_socket, exec, period_seconds, timeout_seconds, failure_threshold } =
        probe;
    Probe {
        http_get: http_get.as_ref().map(|crd::HttpProbe { path, port }| HTTPGetAction {
            path: Some(path.clone()),
            port: IntOrString::Int(*port),
            ..HTTPGetAction::default()
        }),
        tcp_socket: tcp_socket
            .as_ref()
            .map(|crd::TcpProbe { port }| TCPSocketAction { host: None, port: IntOrString::Int(*port) }),
        exec: exec.as_ref().map(|crd::ExecProbe { command }| ExecAction { command: Some(command.clone()) }),
        period_seconds: Some(*period_seconds),
        timeout_seconds: Some(*timeout_seconds),
        failure_threshold: Some(*failure_threshold),
        ..Probe::default()
    }
}
