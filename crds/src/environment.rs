//! Environment variables of a group's container.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{DATA_KEY, SUBDOMAIN};

/// An environment variable: exactly one of `value` and `valueFrom`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)")
    .message("`env` must set exactly one of `value` and `valueFrom` for each variable"))]
pub struct EnvVariable {
    /// Name of the variable. What the operator sets from other fields can't be set here.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("!self.matches('^(DATABASE_.*|WAKE_.*|HANDLER.*|WORD_API_URL|RETAIN_.*|BACKOFF_.*|ADMIN_ADDRESS|LISTEN_ADDRESS|PUBLIC_ADDRESS|BASE_PATH|POD_NAME|DRAIN_SECONDS|CONCURRENCY|LEASE_SECONDS|MAX_ATTEMPTS)$')")
        .message("`env` must not name a variable that the operator sets from other fields, such as DATABASE_HOST or CONCURRENCY"))]
    pub name: String,

    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 4096))]
    pub value: Option<String>,

    /// Where its value is, in the pipeline's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EnvSource")]
    pub value_from: Option<EnvSource>,
}

/// Where a variable's value is: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretKeyRef) != has(self.configMapKeyRef)")
    .message("`valueFrom` must set exactly one of `secretKeyRef` and `configMapKeyRef`"))]
pub struct EnvSource {
    /// A key of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyRef")]
    pub secret_key_ref: Option<KeyRef>,

    /// A key of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeyRef")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// A key of a Secret or ConfigMap.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub name: String,

    /// Key of its data.
    #[schemars(length(min = 1, max = 253), regex(pattern = DATA_KEY))]
    pub key: String,
}
