//! The agent in the database's pod. It reports the usage of the volume and knows no password.

use k8s_openapi::api::core::v1::{Container, ContainerPort, Probe, ResourceRequirements, VolumeMount};

use super::super::validate::{Amounts, Database, Pipeline, Resources};
use super::environment::{logging, service, variable};
use super::group_deployment::{ADMIN, ADMIN_PORT};
use super::meta::mysql_name;
use super::mysql_names::{DATA, MYSQL};
use super::pod::{TERMINATION_MESSAGE_POLICY, container_security, http_probe, mount, resources};

/// Requested CPU, memory and ephemeral storage. The limits are at most ten times as much, which is the ratio
/// that a `LimitRange` usually allows.
const REQUESTS: [&str; 3] = ["10m", "16Mi", "4Mi"];
const LIMITS: [&str; 3] = ["100m", "64Mi", "32Mi"];
const DATA_FOLDER: &str = "/var/lib/mysql";
/// Drain time. The agent has no work to finish.
const DRAIN_SECONDS: i64 = 1;

/// Builds the container. It runs as the pod's user, who owns the data directory, and can't write to the
/// directory.
pub(super) fn build(pipeline: &Pipeline) -> Container {
    Container {
        name: "agent".to_owned(),
        image: Some(pipeline.image.clone()),
        command: Some(vec!["/eventpipeline-agent".to_owned(), "serve".to_owned()]),
        env: Some(
            [vec![variable("DATA_FOLDER", DATA_FOLDER)], logging(), service(pipeline, DRAIN_SECONDS)]
                .concat(),
        ),
        ports: Some(vec![ContainerPort {
            name: Some(ADMIN.to_owned()),
            container_port: ADMIN_PORT,
            ..ContainerPort::default()
        }]),
        volume_mounts: Some(vec![VolumeMount {
            sub_path: Some(MYSQL.to_owned()),
            read_only: Some(true),
            ..mount(DATA, DATA_FOLDER)
        }]),
        // No readiness probe: whether clients may connect does not depend on the agent.
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(6),
            ..http_probe("/livez", ADMIN)
        }),
        resources: Some(agent_resources()),
        security_context: Some(container_security()),
        termination_message_policy: Some(TERMINATION_MESSAGE_POLICY.to_owned()),
        ..Container::default()
    }
}

fn agent_resources() -> ResourceRequirements {
    let amounts =
        |[cpu, memory, _]: [&str; 3]| Amounts { cpu: Some(cpu.to_owned()), memory: Some(memory.to_owned()) };
    let given = Resources { requests: amounts(REQUESTS), limits: amounts(LIMITS) };
    resources(&given, [REQUESTS[2], LIMITS[2]])
}

/// Returns the URL of the agent's report on the volume, or `None` for an external database.
pub(super) fn volume_url(pipeline: &Pipeline) -> Option<String> {
    let Database::Managed(_) = &pipeline.database else { return None };
    Some(format!("http://{}:{ADMIN_PORT}/volume", mysql_name(pipeline)))
}
