//! The EventPipeline resource.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{
    ConsumerGroup, Database, EventPipelineStatus, Keys, NetworkPolicy, ProducerGroup, Retention, Route,
    SchemaJob,
};

/// Specification of the desired pipeline. Every field has a default, so `spec: {}` is a complete pipeline.
// Lists and unions with a default are atomic. Otherwise a stored default would be merged with a later apply,
// and a pipeline that names one group would run two.
//
// The name becomes part of the names of other objects, which have at most 63 characters. It precedes
// `-producer-GROUP` and `-consumer-GROUP`. If a name could contain these, two pipelines could claim the same
// Deployment.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "eventpipeline.dev",
    version = "v1alpha1",
    kind = "EventPipeline",
    plural = "eventpipelines",
    shortname = "evp",
    category = "eventpipeline",
    category = "all",
    namespaced,
    status = "EventPipelineStatus",
    derive = "PartialEq",
    doc = "EventPipeline is a durable job queue: an HTTP API that accepts events, a MySQL database that stores them, consumers that process them, and an optional route from outside the cluster.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the pipeline is running as specified"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Reason of the condition Ready"
    ),
    printcolumn(
        name = "Producers",
        type_ = "integer",
        json_path = ".status.producers.ready",
        description = "Number of ready producer pods"
    ),
    printcolumn(
        name = "Consumers",
        type_ = "integer",
        json_path = ".status.consumers.ready",
        description = "Number of ready consumer pods"
    ),
    printcolumn(
        name = "Pending",
        type_ = "integer",
        json_path = ".status.queue.pending",
        description = "Number of pending events"
    ),
    printcolumn(
        name = "Scheduled",
        type_ = "integer",
        json_path = ".status.queue.scheduled",
        description = "Number of events that wait for their time or for their next attempt"
    ),
    printcolumn(
        name = "URL",
        type_ = "string",
        json_path = ".status.url",
        description = "URL of the HTTP API"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        description = "Message of the condition Ready",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 30 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("`metadata.name` must be at most 30 lower-case letters, digits and `-`, start with a letter and end with a letter or digit"),
    validation = Rule::new("!self.metadata.name.contains('-producer') && !self.metadata.name.contains('-consumer')")
        .message("`metadata.name` must not contain `-producer` or `-consumer`: these separate it from the names of groups"),
)]
#[serde(rename_all = "camelCase")]
pub struct EventPipelineSpec {
    /// Suspends the processing of events. All consumers finish the events that they have claimed and stop.
    /// Producers keep accepting events, which stay pending until this field is `false` again. Defaults to
    /// `false`.
    #[serde(default)]
    pub suspend: bool,

    /// Database that stores the events. Defaults to a managed MySQL.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub database: Database,

    /// Job that creates and migrates the database schema.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub schema_job: SchemaJob,

    /// Groups of producers, which serve the HTTP API. All groups are behind the same Service. Defaults to one
    /// group named `default`.
    #[serde(default = "ProducerGroup::defaults")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))")
            .message("`producers` must have distinct names"),
    )]
    pub producers: Vec<ProducerGroup>,

    /// Groups of consumers, which claim events, pass each to their handler and store the result. Defaults to
    /// one group named `default`.
    #[serde(default = "ConsumerGroup::defaults")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))")
            .message("`consumers` must have distinct names"),
    )]
    pub consumers: Vec<ConsumerGroup>,

    /// Rules for events with a key, such as `customer-7`. If unset, events with a key are refused. The first rules of
    /// a pipeline with events copy the table of events, for about 10 s per million events, during which the API waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Keys")]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub keys: Option<Keys>,

    /// Retention of events that are finished.
    #[serde(default)]
    pub retention: Retention,

    /// Route for requests from outside the cluster. If unset, the API is only reachable inside the cluster,
    /// through the Service `NAME-producers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Route")]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub route: Option<Route>,

    /// Network access to and from the pods of the pipeline.
    #[serde(default)]
    pub network_policy: NetworkPolicy,
}
