//! The Job that brings the database's schema and users up to date.

use eventpipeline_crds::Contract;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::validate::{Pipeline, Program};
use super::database_access::{self, Role};
use super::environment;
use super::meta::{Component, VOLUME, labels, owned, selector};
use super::pod::{LAST_WORDS, OUR_USER, Share, container_security, mount, pod, scratch_volume};

const SHARE: Share =
    Share { cpu: ("10m", "500m"), memory: ("32Mi", "128Mi"), ephemeral_storage: ("16Mi", "128Mi") };

/// A Job with the hash of its template in its name: a template can't be changed, and a new one must run once more.
/// It stays when it is done, so that it is not run again.
pub(super) fn build(pipeline: &Pipeline) -> Job {
    let selector = selector(pipeline, Component::Schema);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(selector.clone())), ..ObjectMeta::default() }),
        spec: Some(schema_pod(pipeline)),
    };
    let mut metadata = owned(pipeline, format!("{}-schema-{}", pipeline.name, hash(&template)), selector);
    // Not in the template: a volume is not known before it is there, and the Job waits for it.
    metadata.annotations = pipeline.volume.clone().map(|volume| [(VOLUME.to_owned(), volume)].into());
    Job {
        metadata,
        spec: Some(JobSpec {
            template,
            // It waits for the database by itself; what makes it fail is looked at long before this many tries.
            backoff_limit: Some(20),
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn schema_pod(pipeline: &Pipeline) -> PodSpec {
    PodSpec {
        restart_policy: Some("OnFailure".to_owned()),
        containers: vec![Container {
            name: "schema".to_owned(),
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
            resources: Some(SHARE.resources()),
            security_context: Some(container_security()),
            termination_message_policy: Some(LAST_WORDS.to_owned()),
            ..Container::default()
        }],
        volumes: Some(vec![database_access::volume(pipeline, Role::Schema), scratch_volume("tmp", "16Mi")]),
        ..pod(OUR_USER)
    }
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
