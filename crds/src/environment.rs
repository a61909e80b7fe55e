//! Environment variables of containers.

#![expect(clippy::struct_field_names, reason = "the names of Kubernetes")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{DATA_KEY, FIELD_PATH, SUBDOMAIN};

/// Environment variable. Exactly one of `value` and `valueFrom` must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)")
    .message("`env` must set exactly one of `value` and `valueFrom` for each variable"))]
pub struct EnvVariable {
    /// Name of the variable. Variables that the operator sets from other fields are not allowed.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("!self.matches('^(DATABASE_.*|WAKE_.*|HANDLER.*|WORD_API_URL|RETAIN_.*|BACKOFF_.*|ADMIN_ADDRESS|LISTEN_ADDRESS|PUBLIC_ADDRESS|BASE_PATH|POD_NAME|DRAIN_SECONDS|LANE|CONCURRENCY|LEASE_SECONDS|MAX_ATTEMPTS)$')")
        .message("`env` must not name a variable that the operator sets from other fields, such as DATABASE_HOST or CONCURRENCY"))]
    pub name: String,

    /// Value of the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 4096))]
    pub value: Option<String>,

    /// Source of the value, in the namespace of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EnvSource")]
    pub value_from: Option<EnvSource>,
}

/// Source of the value of a variable. Exactly one field must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].exists_one(set, set)")
    .message("`valueFrom` must set exactly one of `secretKeyRef`, `configMapKeyRef` and `fieldRef`"))]
pub struct EnvSource {
    /// Key of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyRef")]
    pub secret_key_ref: Option<KeyRef>,

    /// Key of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyRef")]
    pub config_map_key_ref: Option<KeyRef>,

    /// Field of the pod, such as the address of its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FieldRef")]
    pub field_ref: Option<FieldRef>,
}

/// Reference to a field of the pod.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldRef {
    /// Path of the field, such as `status.hostIP`, `spec.nodeName` or `metadata.labels['team']`.
    #[schemars(length(min = 1, max = 384), regex(pattern = FIELD_PATH))]
    pub field_path: String,
}

/// Reference to a key of a Secret or ConfigMap.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub name: String,

    /// Key in its data.
    #[schemars(length(min = 1, max = 253), regex(pattern = DATA_KEY))]
    pub key: String,
}
