//! Groups of consumers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{EVENT_TYPES, IMAGE, LABEL_NAME};
use crate::{ConsumerAutoscaling, Contract, EnvVariable, Handler, Pod, Resources};

/// Group of consumers that run the same image with the same handler.
// `replicas` has no default in the schema, because that would be stored next to `autoscaling`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.contract != 'Classic' || has(self.image)")
    .message("`image` must be set if `contract` is `Classic`: the operator's own programs use the contract `Current`"))]
#[x_kube(validation = Rule::new("self.contract != 'Classic' || !has(self.types)")
    .message("`types` must not be set if `contract` is `Classic`: programs that know only the classic columns never see events with a type; remove `types`, or run a program of the contract `Current`"))]
#[x_kube(validation = Rule::new("!has(self.replicas) || !has(self.autoscaling)")
    .message("`replicas` must not be set together with `autoscaling`"))]
#[x_kube(validation = Rule::new("!has(self.handler.http) || !has(self.handler.http.timeoutSeconds) || self.handler.http.timeoutSeconds < self.leaseSeconds")
    .message("`handler.http.timeoutSeconds` must be less than `leaseSeconds`"))]
#[x_kube(validation = Rule::new("!has(self.handler.wordApi) || !has(self.handler.wordApi.timeoutSeconds) || self.handler.wordApi.timeoutSeconds < self.leaseSeconds")
    .message("`handler.wordApi.timeoutSeconds` must be less than `leaseSeconds`"))]
pub struct ConsumerGroup {
    /// Name of the group, a DNS label that is unique among the consumer groups.
    #[schemars(length(min = 1, max = 20), regex(pattern = LABEL_NAME))]
    pub name: String,

    /// Types of the events that the group takes: `order.created`, or `order.*` for all types that begin with
    /// `order.`. The longest match decides. Groups with the same list share its events; groups with different
    /// lists must not have an item in common. A group without `types` takes all events that no other group's
    /// `types` match, and those without a type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64), inner(length(min = 1, max = 255), regex(pattern = EVENT_TYPES)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub types: Option<Vec<String>>,

    /// Number of consumer pods while the group is not suspended. Defaults to 2 unless `autoscaling` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 1000))]
    #[x_kube(validation = Rule::new("self >= 1")
        .message("`replicas` must be at least 1; use `suspend: true` to stop a group"))]
    pub replicas: Option<i32>,

    /// Autoscaling of the group, instead of a fixed number of `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ConsumerAutoscaling")]
    pub autoscaling: Option<ConsumerAutoscaling>,

    /// Suspends the group. Its consumers finish the events that they have claimed and stop. Defaults to
    /// `false`.
    #[serde(default)]
    pub suspend: bool,

    /// Container image of a program that implements the consumer contract. Its entrypoint runs unless
    /// `command` is set. Defaults to the consumer that is released with the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: Option<String>,

    /// Entrypoint array. Not executed within a shell. Defaults to the entrypoint of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64), inner(length(min = 1, max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Option<Vec<String>>,

    /// Database contract that the program implements: `Current`, or `Classic` for older programs.
    #[serde(default)]
    pub contract: Contract,

    /// Handler that processes the events. Defaults to `words`.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub handler: Handler,

    /// Maximum number of events that a consumer pod processes concurrently.
    #[serde(default = "ConsumerGroup::default_concurrency")]
    #[schemars(range(min = 1, max = 1024))]
    pub concurrency: i32,

    /// Duration of the lease of a claimed event, in seconds. Consumers renew leases while they process
    /// events. After a consumer crashes, its events become available to other consumers once their leases
    /// expire.
    #[serde(default = "ConsumerGroup::default_lease")]
    #[schemars(range(min = 2, max = 86_400))]
    pub lease_seconds: i32,

    /// Maximum number of attempts to process an event. An event that fails every attempt becomes a dead
    /// letter. With the defaults of this field and of `backoff`, events survive a handler outage of more than
    /// an hour.
    #[serde(default = "ConsumerGroup::default_max_attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_attempts: i32,

    /// Delay before a failed event is retried.
    #[serde(default)]
    pub backoff: Backoff,

    /// Additional environment variables of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVariable>,

    /// Compute resources of the container.
    #[serde(default = "Resources::of_group")]
    pub resources: Resources,

    /// Termination grace period of the pods, in seconds. On shutdown a consumer finishes the events that it
    /// has claimed. After two thirds of the period it releases the remaining events. To avoid that a rollout
    /// processes events twice, set it to at least 1.5 times the longest processing time.
    #[serde(default = "ConsumerGroup::default_grace")]
    #[schemars(range(min = 10, max = 86_400))]
    pub termination_grace_period_seconds: i64,

    /// Service account, pull Secrets, volumes, sidecars, scheduling, labels and annotations of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pod")]
    pub pod: Option<Pod>,
}

impl ConsumerGroup {
    /// Returns the groups of a pipeline that specifies none.
    pub(crate) fn defaults() -> Vec<Self> {
        vec![Self {
            name: "default".to_owned(),
            types: None,
            replicas: None,
            autoscaling: None,
            suspend: false,
            image: None,
            command: None,
            contract: Contract::default(),
            handler: Handler::default(),
            concurrency: Self::default_concurrency(),
            lease_seconds: Self::default_lease(),
            max_attempts: Self::default_max_attempts(),
            backoff: Backoff::default(),
            env: Vec::new(),
            resources: Resources::of_group(),
            termination_grace_period_seconds: Self::default_grace(),
            pod: None,
        }]
    }

    fn default_concurrency() -> i32 {
        16
    }

    fn default_lease() -> i32 {
        60
    }

    fn default_max_attempts() -> i32 {
        25
    }

    fn default_grace() -> i64 {
        60
    }
}

/// Exponential backoff of failed events. The delay doubles with each attempt, with jitter.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.initialSeconds <= self.maxSeconds")
    .message("`initialSeconds` must be at most `maxSeconds`"))]
pub struct Backoff {
    /// Delay after the first attempt, in seconds. Must be at most `maxSeconds`.
    #[serde(default = "Backoff::default_initial")]
    #[schemars(range(min = 1, max = 86_400))]
    pub initial_seconds: i32,

    /// Maximum delay, in seconds.
    #[serde(default = "Backoff::default_max")]
    #[schemars(range(min = 1, max = 86_400))]
    pub max_seconds: i32,
}

impl Backoff {
    fn default_initial() -> i32 {
        1
    }

    fn default_max() -> i32 {
        600
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial_seconds: Self::default_initial(), max_seconds: Self::default_max() }
    }
}
