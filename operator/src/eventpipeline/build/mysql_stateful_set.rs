//! The database: one MySQL pod on a volume that outlives the pod, the StatefulSet and the pipeline.

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
use super::customization::customize;
use super::database_access::{MYSQL_PORT, projected};
use super::environment::variable;
use super::meta::{Labels, labels, match_labels, mysql_name, not_pruned, owned, selector};
use super::mysql_arguments;
use super::mysql_names::{CREDENTIALS_FOLDER, DATA, MYSQL};
use super::placement;
use super::pod::{
    TERMINATION_MESSAGE_POLICY, container_security, mount, pod, resources, scratch_volume, tcp_probe,
};
use super::secrets::{self, AUTHORITY, CERTIFICATE, INIT, KEY, ROOT_PASSWORD, files};
use crate::labels::Component;

/// User and group in the official image.
const MYSQL_USER: i64 = 999;
const CREDENTIALS: &str = "credentials";

/// Ephemeral storage that mysqld may use, apart from its log.
const EPHEMERAL_STORAGE: [&str; 2] = ["128Mi", "1Gi"];

/// Builds the StatefulSet of a managed database. Its claim template is immutable and keeps the size at
/// creation.
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
            // With `OrderedReady`, the controller waits for an unready pod and ignores a corrected template.
            pod_management_policy: Some("Parallel".to_owned()),
            service_name: Some(mysql_name(pipeline)),
            selector: match_labels(selector.clone()),
            template: PodTemplateSpec {
                metadata: Some(placement::metadata(database.pod.pod(), labels(selector.clone()))),
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
        // mysqld flushes its buffer pool. If it is killed, it recovers at the next start.
        termination_grace_period_seconds: Some(120),
        containers: vec![container(database), agent_container::build(pipeline)],
        volumes: Some(vec![
            credentials(pipeline),
            scratch_volume("run", "1Mi"),
            scratch_volume("tmp", "512Mi"),
        ]),
        ..pod(pipeline.user_ids, MYSQL_USER)
    };
    customize(&database.pod, placement::place(database.pod.pod(), selector, pod))
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
            // A subfolder: the `lost+found` of a file system would make the data directory non-empty.
            VolumeMount { sub_path: Some(MYSQL.to_owned()), ..mount(DATA, "/var/lib/mysql") },
            VolumeMount { read_only: Some(true), ..mount(CREDENTIALS, CREDENTIALS_FOLDER) },
            mount("run", "/var/run/mysqld"),
            mount("tmp", "/tmp"),
        ]),
        // Recovery of a large database may take hours: killed only after half a day.
        startup_probe: Some(Probe {
            period_seconds: Some(2),
            failure_threshold: Some(21_600),
            timeout_seconds: Some(1),
            ..tcp_probe(MYSQL)
        }),
        // The port is closed while the image initializes an empty data directory. A command in the container
        // would compete for its CPU.
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
        termination_message_policy: Some(TERMINATION_MESSAGE_POLICY.to_owned()),
        ..Container::default()
    }
}

/// Returns the variables for the official image's initialization. Everything else is set up at each start: see
/// `secrets::INIT`.
fn environment() -> Vec<EnvVar> {
    vec![
        variable("MYSQL_ROOT_PASSWORD_FILE", format!("{CREDENTIALS_FOLDER}/{ROOT_PASSWORD}")),
        variable("MYSQL_ROOT_HOST", "localhost"),
    ]
}

/// Returns the claim template. It sets the initial size; the operator expands the claim itself.
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
