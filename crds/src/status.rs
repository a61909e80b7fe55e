//! The status that the operator reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Largest integer that every JSON parser represents exactly.
const MAX_EXACT: i64 = (1 << 53) - 1;
/// Observed generation of a pipeline that no operator has seen.
const UNOBSERVED: i64 = -1;

/// Most recently observed status of the pipeline.
// The default is for tools that follow kstatus: they take a resource without a status for current.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": UNOBSERVED}))]
pub struct EventPipelineStatus {
    /// Conditions of the pipeline. `Ready` summarizes them. `Reconciling` and `Stalled` tell whether the
    /// pipeline becomes ready without user action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,

    /// Generation of the spec that this status refers to; -1 before the first reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = UNOBSERVED, max = MAX_EXACT))]
    pub observed_generation: Option<i64>,

    /// URL of the HTTP API: that of the route if its address is known, otherwise that of the Service inside
    /// the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub url: Option<String>,
    /// Operator that manages the pipeline, as `NAMESPACE/NAME` of its Lease. Other operators ignore the
    /// pipeline while that Lease is held. The annotation `eventpipeline.dev/managed-by` assigns another
    /// operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 320))]
    pub managed_by: Option<String>,

    /// Number of producer pods in all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GroupCounts")]
    pub producers: Option<GroupCounts>,

    /// Number of consumer pods in all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GroupCounts")]
    pub consumers: Option<GroupCounts>,

    /// Scaling of consumer groups with `autoscaling.backlog`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub consumer_groups: Vec<GroupStatus>,

    /// Queue statistics, as last read from a producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "QueueStatus")]
    pub queue: Option<QueueStatus>,

    /// Storage for events, as last read from a producer. Unset for an external database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StorageStatus")]
    pub storage: Option<StorageStatus>,
}

/// Scaling of a consumer group.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// Name of the group.
    #[schemars(length(min = 1, max = 20))]
    pub name: String,
    /// Number of pods that the operator has decided on.
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// Time of the last change of `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub last_scale_time: Option<Time>,
    /// Machine-readable reason for the number of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 64))]
    pub reason: Option<String>,
    /// Human-readable explanation of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub message: Option<String>,
}

/// Number of events by state.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Number of events that are due and not claimed.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub pending: i64,
    /// Number of events that are not yet due: created with a delay, or waiting for their next attempt.
    #[serde(default)]
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub scheduled: i64,
    /// Number of events that wait for earlier events of their keys.
    #[serde(default)]
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub blocked: i64,
    /// Number of events that a consumer has claimed.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub processing: i64,
    /// Number of events that have a result.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub done: i64,
    /// Number of events whose attempts are exhausted.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub dead: i64,
    /// Age of the oldest pending event, in seconds. Unset if no event is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = MAX_EXACT))]
    pub oldest_age_seconds: Option<i64>,
    /// Time of the observation.
    pub as_of_time: Time,
}

/// Storage for events, in bytes.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// Size of the file system on the database's volume.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub capacity_bytes: i64,
    /// Free space on the volume.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub free_bytes: i64,
    /// Free space inside the tablespace of the events, left by deleted events.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub reusable_bytes: i64,
    /// Minimum of `freeBytes` plus `reusableBytes`. Below it, producers refuse creations.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub required_bytes: i64,
    /// Time of the observation.
    pub as_of_time: Time,
}

/// Number of pods in all groups.
#[derive(KubeSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupCounts {
    /// Number of desired pods.
    #[schemars(range(min = 0, max = 16_000))]
    pub wanted: i32,
    /// Number of ready pods.
    #[schemars(range(min = 0, max = 32_000))]
    pub ready: i32,
}

/// Returns the schema of `metav1.Condition`, with the bounds of its Go type, which the schema of the Rust
/// type lacks.
fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "description": "Conditions of the pipeline. `Ready` summarizes them. `Reconciling` and `Stalled` tell whether the pipeline becomes ready without user action.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "Type of the condition.",
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
                "status": {
                    "type": "string",
                    "description": "Status of the condition.",
                    "enum": ["True", "False", "Unknown"],
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "description": "Generation of the spec that the condition refers to.",
                    "minimum": 0,
                    "maximum": MAX_EXACT,
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "Time of the last change of `status`.",
                },
                "reason": {
                    "type": "string",
                    "description": "Machine-readable reason for the last change of `status`.",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "type": "string",
                    "description": "Human-readable details.",
                    "maxLength": 32768,
                },
            },
        },
    })
}
