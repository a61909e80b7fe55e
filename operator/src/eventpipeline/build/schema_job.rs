//! The Job that brings the database's schema and users up to date.

use eventpipeline_crds::Contract;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, PodTemplateSpec};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::validate::{Pipeline, Program};
use super::database_access::{self, Role};
use super::environment;
use super::meta::{Labels, VOLUME, labels, owned, selector};
use super::placement;
use super::pod::{LAST_WORDS, OUR_USER, container_security, mount, pod, resources, scratch_volume};
use crate::labels::Component;

/// Name of the container: what others put beside it does not count.
pub(in crate::eventpipeline) const SCHEMA: &str = "schema";
/// What it may write beside its output.
const EPHEMERAL_STORAGE: [&str; 2] = ["16Mi", "128Mi"];
/// It waits for the database by itself; what makes it fail is for somebody to mend. So often it is tried in some ten minutes.
const TRIES_AGAIN: i32 = 6;

/// A Job with the hash of its template in its name: a template can't be changed, and a new one must run once more.
/// It stays when it is done, so that it is not run again.
pub(super) fn build(pipeline: &Pipeline) -> Job {
    let selector = selector(pipeline, Component::Schema);
    let template = PodTemplateSpec {
        metadata: Some(placement::metadata(&pipeline.schema_job.pod, labels(selector.clone()))),
        spec: Some(schema_pod(pipeline, &selector)),
    };
    let mut metadata = owned(pipeline, format!("{}-schema-{}", pipeline.name, hash(&template)), selector);
    // Not in the template: a volume is not known before it is there, and the Job waits for it.
    metadata.annotations = pipeline.volume.clone().map(|volume| [(VOLUME.to_owned(), volume)].into());
    Job {
        metadata,
        spec: Some(JobSpec {
            template,
            backoff_limit: Some(TRIES_AGAIN),
            pod_failure_policy: Some(nodes_that_go_do_not_count()),
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn nodes_that_go_do_not_count() -> PodFailurePolicy {
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
        // Pods that failed stay, with their last words and their logs.
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
                ]
                .concat(),
            ),
            volume_mounts: Some(vec![database_access::mount(), mount("tmp", "/tmp")]),
            resources: Some(resources(&pipeline.schema_job.resources, EPHEMERAL_STORAGE)),
            security_context: Some(container_security()),
            termination_message_policy: Some(LAST_WORDS.to_owned()),
            ..Container::default()
        }],
        volumes: Some(vec![database_access::volume(pipeline, Role::Schema), scratch_volume("tmp", "16Mi")]),
        ..pod(OUR_USER)
    };
    placement::place(&pipeline.schema_job.pod, selector, pod)
}

/// Who knows only the classic columns. Nothing is said where nobody does, so that nothing is run anew.
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

/// Eight hexadecimal digits that change with what the API server is told, and with nothing else: a library that gets
/// further fields must run no schema anew.
fn hash(template: &PodTemplateSpec) -> String {
    // Only maps whose keys are no strings can't be JSON.
    let told = serde_json::to_value(template).unwrap_or_default();
    let mut text = String::new();
    canonical(&told, &mut text);
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(text).into();
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// As JSON with the members of each object in the order of their names.
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
    fn the_hash_is_of_what_is_said_and_not_of_how_a_library_holds_it() {
        let of = |value: Value| hash(&serde_json::from_value(value).unwrap());
        let template = json!({"metadata": {"labels": {"b": "2", "a": "1"}}, "spec": {"containers": []}});
        // A constant: that of another build of this program has to be the same.
        assert_eq!(of(template.clone()), "da73aafa");
        let mut text = String::new();
        canonical(&json!({"b": [1, {"d": null, "c": "x"}], "a": true}), &mut text);
        assert_eq!(text, r#"{"a":true,"b":[1,{"c":"x","d":null,},],}"#);
    }
}
