//! The database: one MySQL pod on a volume that outlives it, the StatefulSet and the pipeline.

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec,
    PodTemplateSpec, Probe, SecretVolumeSource, Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::validate::{Database, Pipeline, Size};
use super::environment::{DATABASE, MYSQL_PORT, variable};
use super::meta::{Component, labels, match_labels, mysql_name, owned, selector};
use super::mysql_secret::{PASSWORD, ROOT_PASSWORD};
use super::pod::{Share, container_security, exec_probe, mount, pod, scratch_volume, tcp_probe};

/// User and group of the official image.
const MYSQL_USER: i64 = 999;
const MYSQL: &str = "mysql";
const DATA: &str = "data";
const PASSWORDS: &str = "passwords";
const PASSWORDS_FOLDER: &str = "/etc/eventpipeline/mysql";

const SHARE: Share =
    Share { cpu: ("100m", "2"), memory: ("512Mi", "2Gi"), ephemeral_storage: ("64Mi", "1Gi") };

/// Durable to the last commit, whatever the image's own defaults are, and as the queue's statements expect it.
const ARGUMENTS: [&str; 7] = [
    "mysqld",
    "--transaction-isolation=READ-COMMITTED",
    "--innodb-flush-log-at-trx-commit=1",
    "--sync-binlog=1",
    "--innodb-buffer-pool-size=256M",
    "--max-connections=500",
    "--skip-name-resolve",
];

/// The StatefulSet. Its claim template can't be changed, which is why the API server holds `storage` to what it was.
pub(super) fn build(pipeline: &Pipeline) -> StatefulSet {
    let Database::Managed { image, size, class_name } = &pipeline.database;
    let selector = selector(pipeline, Component::Mysql);
    StatefulSet {
        metadata: owned(pipeline, mysql_name(pipeline), selector.clone()),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(mysql_name(pipeline)),
            selector: match_labels(selector.clone()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(selector.clone())),
                    ..ObjectMeta::default()
                }),
                spec: Some(mysql_pod(pipeline, image)),
            },
            volume_claim_templates: Some(vec![claim(size, class_name.clone(), labels(selector))]),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some("Retain".to_owned()),
                when_scaled: Some("Retain".to_owned()),
            }),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn mysql_pod(pipeline: &Pipeline, image: &str) -> PodSpec {
    PodSpec {
        // mysqld writes back what it holds in memory; cut short, it recovers at the next start.
        termination_grace_period_seconds: Some(120),
        containers: vec![container(image)],
        volumes: Some(vec![
            Volume {
                name: PASSWORDS.to_owned(),
                secret: Some(SecretVolumeSource {
                    secret_name: Some(mysql_name(pipeline)),
                    default_mode: Some(0o440),
                    ..SecretVolumeSource::default()
                }),
                ..Volume::default()
            },
            scratch_volume("run", "1Mi"),
            scratch_volume("tmp", "512Mi"),
        ]),
        ..pod(MYSQL_USER)
    }
}

fn container(image: &str) -> Container {
    Container {
        name: MYSQL.to_owned(),
        image: Some(image.to_owned()),
        args: Some(ARGUMENTS.map(str::to_owned).to_vec()),
        env: Some(environment()),
        ports: Some(vec![ContainerPort {
            name: Some(MYSQL.to_owned()),
            container_port: MYSQL_PORT,
            ..ContainerPort::default()
        }]),
        volume_mounts: Some(vec![
            // A folder of the volume: a file system's own `lost+found` would make the data directory not empty.
            VolumeMount { sub_path: Some(MYSQL.to_owned()), ..mount(DATA, "/var/lib/mysql") },
            VolumeMount { read_only: Some(true), ..mount(PASSWORDS, PASSWORDS_FOLDER) },
            mount("run", "/var/run/mysqld"),
            mount("tmp", "/tmp"),
        ]),
        // Recovery of a large database takes as long as it takes: half a day until anybody kills it.
        startup_probe: Some(Probe {
            period_seconds: Some(2),
            failure_threshold: Some(21_600),
            timeout_seconds: Some(1),
            ..tcp_probe(MYSQL)
        }),
        // Over TCP, which is closed while the image fills an empty data directory.
        readiness_probe: Some(Probe {
            period_seconds: Some(5),
            timeout_seconds: Some(5),
            ..exec_probe(&["mysqladmin", "ping", "-h", "127.0.0.1"])
        }),
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(6),
            ..tcp_probe(MYSQL)
        }),
        resources: Some(SHARE.resources()),
        security_context: Some(container_security()),
        ..Container::default()
    }
}

/// What the official image fills an empty data directory by.
fn environment() -> Vec<EnvVar> {
    vec![
        variable("MYSQL_DATABASE", DATABASE),
        variable("MYSQL_USER", DATABASE),
        variable("MYSQL_PASSWORD_FILE", format!("{PASSWORDS_FOLDER}/{PASSWORD}")),
        variable("MYSQL_ROOT_PASSWORD_FILE", format!("{PASSWORDS_FOLDER}/{ROOT_PASSWORD}")),
        variable("MYSQL_ROOT_HOST", "localhost"),
    ]
}

fn claim(size: &Size, class_name: Option<String>, labels: super::meta::Labels) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(DATA.to_owned()), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: class_name,
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity(size.to_string()))].into()),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}
