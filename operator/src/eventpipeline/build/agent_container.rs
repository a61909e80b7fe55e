//! The agent in the database's pod: it tells how full the volume is, and knows no password.

use k8s_openapi::api::core::v1::{Container, ContainerPort, Probe, VolumeMount};

use super::super::validate::{Database, Pipeline};
use super::environment::{logging, service, variable};
use super::group_deployment::{ADMIN, ADMIN_PORT};
use super::meta::mysql_name;
use super::mysql_stateful_set::{DATA, MYSQL};
use super::pod::{LAST_WORDS, Share, container_security, http_probe, mount};

const SHARE: Share =
    Share { cpu: ("5m", "100m"), memory: ("16Mi", "64Mi"), ephemeral_storage: ("1Mi", "32Mi") };
const DATA_FOLDER: &str = "/var/lib/mysql";
/// It has nothing to finish.
const DRAIN_SECONDS: i64 = 1;

/// The container. It runs as the pod's user, to whom the data directory belongs, and can't write to it.
pub(super) fn build(pipeline: &Pipeline) -> Container {
    Container {
        name: "agent".to_owned(),
        image: Some(pipeline.image.clone()),
        command: Some(vec!["/eventpipeline-agent".to_owned()]),
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
        resources: Some(SHARE.resources()),
        security_context: Some(container_security()),
        termination_message_policy: Some(LAST_WORDS.to_owned()),
        ..Container::default()
    }
}

/// Where the agent tells how full the volume is; none of a database that is somebody else's.
pub(super) fn volume_url(pipeline: &Pipeline) -> Option<String> {
    let Database::Managed(_) = &pipeline.database else { return None };
    Some(format!("http://{}:{ADMIN_PORT}/volume", mysql_name(pipeline)))
}
