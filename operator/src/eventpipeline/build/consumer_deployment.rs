//! The Deployment of a group of consumers.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{EnvVar, KeyToPath, SecretVolumeSource, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::validate::{ConsumerGroup, Handler, Pipeline};
use super::database_access::Role;
use super::environment::variable;
use super::group_deployment::{self, Group};
use super::meta::SUSPENDED_REPLICAS;
use super::pod::mount;
use crate::labels::Component;

/// Key in the Secret that a group's `headersSecretName` refers to.
const HEADERS: &str = "headers";
const HEADERS_FOLDER: &str = "/etc/eventpipeline/handler";
const HEADERS_VOLUME: &str = "handler";

/// Builds the group's Deployment.
pub(super) fn build(pipeline: &Pipeline, group: &ConsumerGroup) -> Deployment {
    let grace = group.program.grace_seconds;
    let headers = headers_secret(&group.handler);
    let parts = Group {
        component: Component::Consumer,
        role: Role::Consumer,
        name: &group.name,
        replicas: group.replicas(),
        program: &group.program,
        surge: IntOrString::String("25%".to_owned()),
        // The rest of the grace period is for the shutdown itself.
        drain_seconds: grace - (grace / 6).max(2),
        lifecycle: None,
        ports: Vec::new(),
        environment: [settings(group), handler(&group.handler)].concat(),
        volumes: headers.map(headers_volume).into_iter().collect(),
        mounts: headers.map(|_| headers_mount()).into_iter().collect(),
    };
    let mut deployment = group_deployment::build(pipeline, parts);
    // On the Deployment only, so that no pod is restarted.
    let suspended = group.suspended_replicas().map(|replicas| replicas.to_string());
    deployment.metadata.annotations =
        suspended.map(|replicas| [(SUSPENDED_REPLICAS.to_owned(), replicas)].into());
    deployment
}

fn settings(group: &ConsumerGroup) -> Vec<EnvVar> {
    let mut variables = vec![
        variable("CONCURRENCY", group.concurrency.to_string()),
        variable("LEASE_SECONDS", group.lease_seconds.to_string()),
        variable("MAX_ATTEMPTS", group.max_attempts.to_string()),
        variable("BACKOFF_SECONDS", group.backoff.initial_seconds.to_string()),
        variable("BACKOFF_MAX_SECONDS", group.backoff.max_seconds.to_string()),
    ];
    // Without `types` there is no variable, so that the pods stay the same.
    variables.extend(group.lane.as_ref().map(|lane| variable("LANE", lane.as_str())));
    variables
}

fn handler(handler: &Handler) -> Vec<EnvVar> {
    let (mut variables, timeout) = match handler {
        Handler::Words => (vec![variable("HANDLER", "words")], None),
        Handler::WordApi { url, timeout_seconds } => {
            (vec![variable("HANDLER", "word-api"), variable("WORD_API_URL", url)], *timeout_seconds)
        }
        Handler::Http { url, timeout_seconds, headers_secret: _, final_statuses } => {
            let statuses = final_statuses.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
            let variables = vec![
                variable("HANDLER", "http"),
                variable("HANDLER_URL", url),
                variable("HANDLER_FINAL_STATUSES", statuses),
            ];
            (variables, *timeout_seconds)
        }
    };
    variables.extend(timeout.map(|timeout| variable("HANDLER_TIMEOUT_SECONDS", timeout.to_string())));
    variables.extend(
        headers_secret(handler)
            .map(|_| variable("HANDLER_HEADERS_FILE", format!("{HEADERS_FOLDER}/{HEADERS}"))),
    );
    variables
}

fn headers_secret(handler: &Handler) -> Option<&str> {
    match handler {
        Handler::Http { headers_secret, .. } => headers_secret.as_deref(),
        Handler::Words | Handler::WordApi { .. } => None,
    }
}

fn headers_volume(secret: &str) -> Volume {
    Volume {
        name: HEADERS_VOLUME.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            items: Some(vec![KeyToPath { key: HEADERS.to_owned(), path: HEADERS.to_owned(), mode: None }]),
            // Readable by the pod's group.
            default_mode: Some(0o440),
            optional: None,
        }),
        ..Volume::default()
    }
}

fn headers_mount() -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(HEADERS_VOLUME, HEADERS_FOLDER) }
}
