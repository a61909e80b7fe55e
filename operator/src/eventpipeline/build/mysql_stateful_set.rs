//! The database: one MySQL pod on a volume that outlives it, the StatefulSet and the pipeline.

use eventpipeline_crds as crd;
use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec,
    PodTemplateSpec, Probe, Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::validate::{Database, ManagedDatabase, Pipeline};
use super::agent_container;
use super::database_access::{MYSQL_PORT, projected};
use super::environment::variable;
use super::meta::{Labels, labels, match_labels, mysql_name, not_pruned, owned, selector};
use super::mysql_arguments;
use super::placement;
use super::pod::{LAST_WORDS, container_security, mount, pod, resources, scratch_volume, tcp_probe};
use super::secrets::{self, AUTHORITY, CERTIFICATE, INIT, KEY, ROOT_PASSWORD, files};
use crate::labels::Component;

/// User and group of the official image.
const MYSQL_USER: i64 = 999;
/// Name of the container and of its port.
pub(in crate::eventpipeline) const MYSQL: &str = "mysql";
/// Name of the claim template, which begins the claim's.
pub(super) const DATA: &str = "data";
const CREDENTIALS: &str = "credentials";
/// Where the pod finds what is secret.
pub(super) const CREDENTIALS_FOLDER: &str = "/etc/eventpipeline/mysql";

/// What mysqld may write beside its volume and its output.
const EPHEMERAL_STORAGE: [&str; 2] = ["128Mi", "1Gi"];

/// The StatefulSet, of a database that is the pipeline's own. Its claim template can't be changed: it says how large the
/// volume was when it was created.
pub(super) fn build(pipeline: &Pipeline) -> Option<StatefulSet> {
    let Database::Managed(database) = &pipeline.database else { return None };
    let selector = selector(pipeline, Component::Mysql);
    let retention = match database.deletion_policy {
        crd::DeletionPolicy::Retain => "Retain",
        crd::DeletionPolicy::Delete => "Delete",
    };
    Some(StatefulSet {
        metadata: owned(pipeline, mysql_name(pipeline), selector.clone()),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            // Otherwise a pod that does not get ready is waited for, and a template that is put right changes nothing.
            pod_management_policy: Some("Parallel".to_owned()),
            service_name: Some(mysql_name(pipeline)),
            selector: match_labels(selector.clone()),
            template: PodTemplateSpec {
                metadata: Some(placement::metadata(&database.pod, labels(selector.clone()))),
                spec: Some(mysql_pod(pipeline, database, &selector)),
            },
            volume_claim_templates: Some(vec![claim(database, labels(selector))]),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some(retention.to_owned()),
                when_scaled: Some("Retain".to_owned()),
            }),
            ..StatefulSetSpec::default()
        }),
        status: None,
    })
}

fn mysql_pod(pipeline: &Pipeline, database: &ManagedDatabase, selector: &Labels) -> PodSpec {
    let pod = PodSpec {
        // mysqld writes back what it holds in memory; cut short, it recovers at the next start.
        termination_grace_period_seconds: Some(120),
        containers: vec![container(database), agent_container::build(pipeline)],
        volumes: Some(vec![
            credentials(pipeline),
            scratch_volume("run", "1Mi"),
            scratch_volume("tmp", "512Mi"),
        ]),
        ..pod(MYSQL_USER)
    };
    placement::place(&database.pod, selector, pod)
}

fn credentials(pipeline: &Pipeline) -> Volume {
    let certificate = [AUTHORITY, CERTIFICATE, KEY].map(|key| (key, key));
    let sources = vec![
        files(&secrets::root(pipeline), &[(ROOT_PASSWORD, ROOT_PASSWORD)], None),
        files(&secrets::schema(pipeline), &[(INIT, INIT)], None),
        files(&secrets::certificate(pipeline), &certificate, None),
    ];
    projected(CREDENTIALS, sources)
}

fn container(database: &ManagedDatabase) -> Container {
    Container {
        name: MYSQL.to_owned(),
        image: Some(database.image.clone()),
        args: Some(mysql_arguments::build(database)),
        env: Some(environment()),
        ports: Some(vec![ContainerPort {
            name: Some(MYSQL.to_owned()),
            container_port: MYSQL_PORT,
            ..ContainerPort::default()
        }]),
        volume_mounts: Some(vec![
            // A folder of the volume: a file system's own `lost+found` would make the data directory not empty.
            VolumeMount { sub_path: Some(MYSQL.to_owned()), ..mount(DATA, "/var/lib/mysql") },
            VolumeMount { read_only: Some(true), ..mount(CREDENTIALS, CREDENTIALS_FOLDER) },
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
        // Closed while the image fills an empty data directory. A command in the container would need a share of its processor.
        readiness_probe: Some(Probe {
            period_seconds: Some(5),
            timeout_seconds: Some(5),
            ..tcp_probe(MYSQL)
        }),
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(6),
            ..tcp_probe(MYSQL)
        }),
        resources: Some(resources(&database.resources, EPHEMERAL_STORAGE)),
        security_context: Some(container_security()),
        termination_message_policy: Some(LAST_WORDS.to_owned()),
        ..Container::default()
    }
}

/// What the official image fills an empty data directory by. The rest is done at each start: see `secrets::INIT`.
fn environment() -> Vec<EnvVar> {
    vec![
        variable("MYSQL_ROOT_PASSWORD_FILE", format!("{CREDENTIALS_FOLDER}/{ROOT_PASSWORD}")),
        variable("MYSQL_ROOT_HOST", "localhost"),
    ]
}

/// The template: it makes the first claim, which grows by itself from then on.
fn claim(database: &ManagedDatabase, labels: Labels) -> PersistentVolumeClaim {
    let access_mode = match database.access_mode {
        crd::AccessMode::ReadWriteOncePod => "ReadWriteOncePod",
        crd::AccessMode::ReadWriteOnce => "ReadWriteOnce",
    };
    let size = database.first_size.clone().unwrap_or_else(|| database.size.to_string());
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.to_owned()),
            labels: Some(labels),
            annotations: Some(not_pruned()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![access_mode.to_owned()]),
            storage_class_name: database.class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity(size))].into()),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}
