//! The agent in the database's pod: it tells how full the volume is, and knows no password.

use k8s_openapi::api::core::v1::{Container, ContainerPort, Probe, ResourceRequirements, VolumeMount};

use super::super::validate::{Amounts, Database, Pipeline, Resources};
use super::environment::{logging, service, variable};
use super::group_deployment::{ADMIN, ADMIN_PORT};
use super::meta::mysql_name;
use super::mysql_stateful_set::{DATA, MYSQL};
use super::pod::{LAST_WORDS, container_security, http_probe, mount, resources};

/// CPU, memory and ephemeral storage that it asks for, and that it may use at most. A `LimitRange` usually allows ten times as
/// much at most.
const REQUESTS: [&str; 3] = ["10m", "16Mi", "4Mi"];
const LIMITS: [&str; 3] = ["100m", "64Mi", "32Mi"];
const DATA_FOLDER: &str = "/var/lib/mysql";
/// It has nothing to finish.
const DRAIN_SECONDS: i64 = 1;

/// The container. It runs as the pod's user, to whom the data directory belongs, and can't write to it.
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
        // No readiness: whether clients may come in does not depend on it.
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(6),
            ..http_probe("/livez", ADMIN)
        }),
        resources: Some(share()),
        security_context: Some(container_security()),
        termination_message_policy: Some(LAST_WORDS.to_owned()),
        ..Container::default()
    }
}

fn share() -> ResourceRequirements {
    let amounts =
        |[cpu, memory, _]: [&str; 3]| Amounts { cpu: Some(cpu.to_owned()), memory: Some(memory.to_owned()) };
    let given = Resources { requests: amounts(REQUESTS), limits: amounts(LIMITS) };
    resources(&given, [REQUESTS[2], LIMITS[2]])
}

/// Where the agent tells how full the volume is; none of a database that is somebody else's.
pub(super) fn volume_url(pipeline: &Pipeline) -> Option<String> {
    let Database::Managed(_) = &pipeline.database else { return None };
    Some(format!("http://{}:{ADMIN_PORT}/volume", mysql_name(pipeline)))
}
