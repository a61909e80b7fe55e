//! What the operator reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The largest integer that every JSON parser keeps exact.
const MAX_EXACT: i64 = (1 << 53) - 1;

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
    #[schemars(with = "i64", range(min = 0, max = MAX_EXACT))]
    pub observed_generation: Option<i64>,

    /// Where the API is: by the route where there is one and its address is known, otherwise inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub url: Option<String>,
    /// The operator that looks after the pipeline, by namespace and name of its Lease. Others leave it alone as long as that
    /// Lease is held; the annotation `eventpipeline.dev/managed-by` chooses another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 320))]
    pub managed_by: Option<String>,

    /// Producer pods of all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GroupCounts")]
    pub producers: Option<GroupCounts>,

    /// Consumer pods of all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "GroupCounts")]
    pub consumers: Option<GroupCounts>,

    /// Groups of consumers, as far as there is more to say than of all together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub consumer_groups: Vec<GroupStatus>,

    /// The queue, as the producers last told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "QueueStatus")]
    pub queue: Option<QueueStatus>,

    /// The room for events, as a producer last told it; none of a database that is not the pipeline's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StorageStatus")]
    pub storage: Option<StorageStatus>,
}

/// A group of consumers whose number the operator decides.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// Name of the group.
    #[schemars(length(min = 1, max = 20))]
    pub name: String,
    /// Consumers that the operator wants now.
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// When that number last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub last_scale_time: Option<Time>,
    /// Why there are no more and no fewer now, in one word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 64))]
    pub reason: Option<String>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub message: Option<String>,
}

/// The queue's events by state.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Events that wait for a consumer.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub pending: i64,
    /// Events that a consumer has claimed.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub processing: i64,
    /// Events that have their value.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub done: i64,
    /// Events that were given up.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub dead: i64,
    /// Age of the oldest event that waits, in seconds; none while none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = MAX_EXACT))]
    pub oldest_age_seconds: Option<i64>,
    /// When that was so.
    pub as_of_time: Time,
}

/// The room for events, in bytes.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// Size of the database's volume, as the file system has it.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub capacity_bytes: i64,
    /// What is free on the volume.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub free_bytes: i64,
    /// What is free inside the events' tablespace, because events were removed.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub reusable_bytes: i64,
    /// What must be free of both together: creations are refused below.
    #[schemars(range(min = 0, max = MAX_EXACT))]
    pub required_bytes: i64,
    /// When that was so.
    pub as_of_time: Time,
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
                    "maximum": MAX_EXACT,
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
