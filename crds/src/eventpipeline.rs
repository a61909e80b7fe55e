//! The resource itself.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{
    ConsumerGroup, Database, EventPipelineStatus, NetworkPolicy, ProducerGroup, Retention, Route, SchemaJob,
};

/// What the pipeline is to run. Every field has a default: `spec: {}` is a whole pipeline.
// Lists and unions with a default are atomic: otherwise a default that was stored would be merged with what is applied
// later, and a pipeline that names one group would run two.
//
// The name ends up in names of other objects, which are at most 63 characters, and in front of `-producer-GROUP` and
// `-consumer-GROUP`: were those allowed inside it, two pipelines could claim the same Deployment.
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
    doc = "A durable event pipeline: an HTTP API that takes events, a MySQL database that keeps them, consumers that process every one, and a route in front.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether everything that the spec asks for is there"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why it is ready or not"
    ),
    printcolumn(
        name = "Producers",
        type_ = "integer",
        json_path = ".status.producers.ready",
        description = "Producer pods that are ready"
    ),
    printcolumn(
        name = "Consumers",
        type_ = "integer",
        json_path = ".status.consumers.ready",
        description = "Consumer pods that are ready"
    ),
    printcolumn(
        name = "Pending",
        type_ = "integer",
        json_path = ".status.queue.pending",
        description = "Events that wait"
    ),
    printcolumn(
        name = "URL",
        type_ = "string",
        json_path = ".status.url",
        description = "Where the API is"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        description = "What is not there yet",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 30 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("`metadata.name` must be at most 30 lower-case letters, digits and `-`, start with a letter and end with a letter or digit"),
    validation = Rule::new("!self.metadata.name.contains('-producer') && !self.metadata.name.contains('-consumer')")
        .message("`metadata.name` must not contain `-producer` or `-consumer`: they separate it from the names of groups"),
)]
#[serde(rename_all = "camelCase")]
pub struct EventPipelineSpec {
    /// Stops all consumers: they finish what they have claimed and go. Producers go on taking events, which wait until it is
    /// `false` again.
    #[serde(default)]
    pub suspend: bool,

    /// The database that keeps the events.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub database: Database,

    /// The Job that brings the database's schema up to date. It runs where the database's `pod` may, and is marked as that is; with an
    /// external database, as that of the first group of producers.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub schema_job: SchemaJob,

    /// Groups of producers. A producer serves the HTTP API; all groups answer behind one Service.
    #[serde(default = "ProducerGroup::defaults")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))")
            .message("`producers` must have distinct names"),
    )]
    pub producers: Vec<ProducerGroup>,

    /// Groups of consumers. A consumer claims events, hands each to its handler and writes the result back.
    #[serde(default = "ConsumerGroup::defaults")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(a, self.exists_one(b, a.name == b.name))")
            .message("`consumers` must have distinct names"),
    )]
    pub consumers: Vec<ConsumerGroup>,

    /// How long events are kept when nothing more is to be done about them.
    #[serde(default)]
    pub retention: Retention,

    /// How requests from outside the cluster reach the producers. Default: they do not; inside, the Service
    /// `NAME-producers` leads to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Route")]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub route: Option<Route>,

    /// Who may connect to the pipeline's pods, and to whom they may.
    #[serde(default)]
    pub network_policy: NetworkPolicy,
}
