//! Variables of all pods except those of the database: the contract of producers and consumers in any
//! language.

use eventpipeline_crds as crd;
use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector,
};

use super::super::validate::Pipeline;
use super::meta::wakeups_name;
use super::wakeups_service::WAKEUP_PORT;

/// Returns a variable with a value.
pub(super) fn variable(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), value_from: None }
}

/// Appends the author's variables to ours. An author's variable replaces ours of the same name, because names
/// are unique.
pub(super) fn with_authors(authors: &[crd::EnvVariable], ours: Vec<EnvVar>) -> Vec<EnvVar> {
    let replaced = |name: &str| authors.iter().any(|variable| variable.name == name);
    let mut all: Vec<_> = ours.into_iter().filter(|variable| !replaced(&variable.name)).collect();
    all.extend(authors.iter().map(authors_variable));
    all
}

fn authors_variable(variable: &crd::EnvVariable) -> EnvVar {
    let crd::EnvVariable { name, value, value_from } = variable;
    EnvVar { name: name.clone(), value: value.clone(), value_from: value_from.as_ref().map(source) }
}

/// Returns the variable of an init container.
pub(super) fn of_init_container(variable: &crd::InitVariable) -> EnvVar {
    let crd::InitVariable { name, value, value_from } = variable;
    EnvVar { name: name.clone(), value: value.clone(), value_from: value_from.as_ref().map(source) }
}

fn source(source: &crd::EnvSource) -> EnvVarSource {
    let crd::EnvSource { secret_key_ref, config_map_key_ref, field_ref } = source.clone();
    EnvVarSource {
        secret_key_ref: secret_key_ref.map(|crd::KeyRef { name, key }| SecretKeySelector {
            name,
            key,
            optional: None,
        }),
        config_map_key_ref: config_map_key_ref.map(|crd::KeyRef { name, key }| ConfigMapKeySelector {
            name,
            key,
            optional: None,
        }),
        field_ref: field_ref.map(|crd::FieldRef { field_path }| field(field_path)),
        ..EnvVarSource::default()
    }
}

fn field(field_path: String) -> ObjectFieldSelector {
    ObjectFieldSelector { api_version: Some("v1".to_owned()), field_path }
}

/// Returns the settings of the log.
pub(super) fn logging() -> Vec<EnvVar> {
    vec![variable("LOG_FORMAT", "json"), variable("LOG_FILTER", "info")]
}

/// Returns the settings of a service: admin port, pod name, pipeline and drain time.
pub(super) fn service(pipeline: &Pipeline, drain_seconds: i64) -> Vec<EnvVar> {
    let name = field("metadata.name".to_owned());
    vec![
        variable("ADMIN_ADDRESS", "[::]:9090"),
        EnvVar {
            name: "POD_NAME".to_owned(),
            value: None,
            value_from: Some(EnvVarSource { field_ref: Some(name), ..EnvVarSource::default() }),
        },
        variable("EVENTPIPELINE_NAME", pipeline.name.to_string()),
        variable("EVENTPIPELINE_NAMESPACE", pipeline.namespace.as_str()),
        variable("DRAIN_SECONDS", drain_seconds.to_string()),
    ]
}

/// Returns the settings of wake-ups. The peers are all pods of the pipeline, including this one.
pub(super) fn wakeups(pipeline: &Pipeline) -> Vec<EnvVar> {
    vec![
        variable("WAKE_ADDRESS", format!("[::]:{WAKEUP_PORT}")),
        variable("WAKE_PEERS", format!("{}:{WAKEUP_PORT}", wakeups_name(pipeline))),
    ]
}
