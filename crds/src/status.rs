//! What the operator reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The largest integer that every JSON parser keeps exact.
const MAX_GENERATION: i64 = (1 << 53) - 1;

/// What the operator has seen, last time it looked.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPipelineStatus {
    /// What is true of the pipeline. `Ready` sums it up; `Reconciling` and `Stalled` say whether waiting helps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,

    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = MAX_GENERATION))]
    pub observed_generation: Option<i64>,

    /// Producer pods of all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GroupCounts")]
    pub producers: Option<GroupCounts>,

    /// Consumer pods of all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GroupCounts")]
    pub consumers: Option<GroupCounts>,
}

/// Pods of all groups of one kind.
#[derive(KubeSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupCounts {
    /// Pods that are wanted.
    #[schemars(range(min = 0, max = 16_000))]
    pub wanted: i32,
    /// Pods that are ready.
    #[schemars(range(min = 0, max = 32_000))]
    pub ready: i32,
}

/// `metav1.Condition`, with the bounds that its Go type declares and the Rust type's own schema lacks.
fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "description": "What is true of the pipeline. `Ready` sums it up; `Reconciling` and `Stalled` say whether waiting helps.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "Name of the condition.",
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
                "status": {
                    "type": "string",
                    "description": "Whether it holds.",
                    "enum": ["True", "False", "Unknown"],
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "description": "Generation of the spec that the condition is about.",
                    "minimum": 0,
                    "maximum": MAX_GENERATION,
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When `status` last changed.",
                },
                "reason": {
                    "type": "string",
                    "description": "Why, in one word for programs.",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "type": "string",
                    "description": "Why, for people.",
                    "maxLength": 32768,
                },
            },
        },
    })
}
