//! The Job that migrates the database's schema and its users.

use eventpipeline_crds::Contract;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, PodTemplateSpec};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::validate::{Pipeline, Program};
use super::customization::customize;
use super::database_access::{self, Role};
use super::environment;
use super::meta::{Labels, VOLUME, labels, owned, selector};
use super::placement;
use super::pod::{
    OUR_USER, TERMINATION_MESSAGE_POLICY, container_security, mount, pod, resources, scratch_volume,
};
use crate::labels::Component;

/// Name of the container. Injected sidecars are ignored.
pub(in crate::eventpipeline) const SCHEMA: &str = "schema";
/// Ephemeral storage that the container may use, apart from its log.
const EPHEMERAL_STORAGE: [&str; 2] = ["16Mi", "128Mi"];
/// Number of retries, which take about ten minutes. The Job waits for an unavailable database itself, so a
/// failure needs a user.
const RETRIES: i32 = 6;

/// Builds a Job with the hash of its template in its name. Templates are immutable, and a changed one must
/// run again. A finished Job stays, so that it is not run again.
pub(super) fn build(pipeline: &Pipeline) -> Job {
    let selector = selector(pipeline, Component::Schema);
    let template = PodTemplateSpec {
        metadata: Some(placement::metadata(pipeline.schema_job.pod.pod(), labels(selector.clone()))),
        spec: Some(schema_pod(pipeline, &selector)),
    };
    let mut metadata = owned(pipeline, format!("{}-schema-{}", pipeline.name, hash(&template)), selector);
    // Not in the template: the volume does not exist yet when the Job is created, and the Job waits for it.
    metadata.annotations = pipeline.volume.clone().map(|volume| [(VOLUME.to_owned(), volume)].into());
    Job {
        metadata,
        spec: Some(JobSpec {
            template,
            backoff_limit: Some(RETRIES),
            pod_failure_policy: Some(ignore_disruptions()),
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn ignore_disruptions() -> PodFailurePolicy {
    let disrupted = PodFailurePolicyOnPodConditionsPattern {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
    };
    PodFailurePolicy {
        rules: vec![PodFailurePolicyRule {
            action: "Ignore".to_owned(),
            on_pod_conditions: Some(vec![disrupted]),
            on_exit_codes: None,
        }],
    }
}

fn schema_pod(pipeline: &Pipeline, selector: &Labels) -> PodSpec {
    let pod = PodSpec {
        // Failed pods stay, with their termination message and log.
        restart_policy: Some("Never".to_owned()),
        containers: vec![Container {
            name: SCHEMA.to_owned(),
            image: Some(pipeline.image.clone()),
            command: Some(vec!["/eventpipeline-producer".to_owned(), "schema".to_owned()]),
            env: Some(
                [
                    database_access::variables(pipeline, Role::Schema),
                    environment::logging(),
                    classic(pipeline),
                    lanes(pipeline),
                    keys(pipeline),
                ]
                .concat(),
            ),
            volume_mounts: Some(vec![database_access::mount(), mount("tmp", "/tmp")]),
            resources: Some(resources(&pipeline.schema_job.resources, EPHEMERAL_STORAGE)),
            security_context: Some(container_security()),
            termination_message_policy: Some(TERMINATION_MESSAGE_POLICY.to_owned()),
            ..Container::default()
        }],
        volumes: Some(vec![database_access::volume(pipeline, Role::Schema), scratch_volume("tmp", "16Mi")]),
        ..pod(pipeline.user_ids, OUR_USER)
    };
    let settings = &pipeline.schema_job.pod;
    customize(settings, placement::place(settings.pod(), selector, pod))
}

/// Returns variables for programs that know only the classic columns. Without any it sets no variable, so
/// that the hash stays the same.
fn classic(pipeline: &Pipeline) -> Vec<EnvVar> {
    let is_classic = |program: &Program| program.contract == Contract::Classic;
    let producers = pipeline.producers.iter().any(|group| is_classic(&group.program));
    let consumers = pipeline.consumers.iter().any(|group| is_classic(&group.program));
    [("CLASSIC_PRODUCERS", producers), ("CLASSIC_CONSUMERS", consumers)]
        .into_iter()
        .filter(|(_, are_there)| *are_there)
        .map(|(name, _)| environment::variable(name, "true"))
        .collect()
}

/// Returns the lanes and their types, by which the database assigns events to lanes. With only the default lane
/// it sets no variable, so that the hash stays the same.
fn lanes(pipeline: &Pipeline) -> Vec<EnvVar> {
    pipeline.lanes.json().map(|json| environment::variable("LANES", json)).into_iter().collect()
}

/// Returns the rules for keys. Without any it sets no variable, so that the hash stays the same.
fn keys(pipeline: &Pipeline) -> Vec<EnvVar> {
    pipeline.keys.map(|keys| environment::variable("KEYS", keys.json())).into_iter().collect()
}

/// Returns eight hexadecimal digits that depend only on the JSON that is sent to the API server. New fields
/// in a library must not run the schema Job again.
fn hash(template: &PodTemplateSpec) -> String {
    // Only a map with keys that are not strings can't be converted to JSON.
    let json = serde_json::to_value(template).unwrap_or_default();
    let mut text = String::new();
    canonical(&json, &mut text);
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(text).into();
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// Writes the value as JSON with the members of each object sorted by name.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, member) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_depends_on_the_json_and_not_on_its_representation() {
        let of = |value: Value| hash(&serde_json::from_value(value).unwrap());
        let template = json!({"metadata": {"labels": {"b": "2", "a": "1"}}, "spec": {"containers": []}});
        // A constant, because other builds of this program must compute the same hash.
        assert_eq!(of(template.clone()), "da73aafa");
        let mut text = String::new();
        canonical(&json!({"b": [1, {"d": null, "c": "x"}], "a": true}), &mut text);
        assert_eq!(text, r#"{"a":true,"b":[1,{"c":"x","d":null,},],}"#);
    }
}
