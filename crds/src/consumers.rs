//! Groups of consumers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{IMAGE, LABEL_NAME};
use crate::{ConsumerAutoscaling, Contract, EnvVariable, Handler, Pod, Resources};

/// A group of consumers that run the same image with the same handler.
// `replicas` has no default in the schema: one that nobody wrote would be stored beside `autoscaling`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.contract != 'Classic' || has(self.image)")
    .message("`contract: Classic` must come with an `image`: the programs of the operator's own know more"))]
#[x_kube(validation = Rule::new("!has(self.replicas) || !has(self.autoscaling)")
    .message("`replicas` must not be set beside `autoscaling`, which decides it"))]
#[x_kube(validation = Rule::new("!has(self.handler.http) || !has(self.handler.http.timeoutSeconds) || self.handler.http.timeoutSeconds < self.leaseSeconds")
    .message("`handler.http.timeoutSeconds` must be less than `leaseSeconds`"))]
#[x_kube(validation = Rule::new("!has(self.handler.wordApi) || !has(self.handler.wordApi.timeoutSeconds) || self.handler.wordApi.timeoutSeconds < self.leaseSeconds")
    .message("`handler.wordApi.timeoutSeconds` must be less than `leaseSeconds`"))]
pub struct ConsumerGroup {
    /// Name of the group, a DNS label that is distinct among the consumers.
    #[schemars(length(min = 1, max = 20), regex(pattern = LABEL_NAME))]
    pub name: String,

    /// How many consumers run while the group is not suspended. Default: 2, unless `autoscaling` decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 1000))]
    #[x_kube(validation = Rule::new("self >= 1")
        .message("`replicas` must be at least 1; use `suspend: true` to stop a group"))]
    pub replicas: Option<i32>,

    /// Who decides how many consumers run. Default: `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ConsumerAutoscaling")]
    pub autoscaling: Option<ConsumerAutoscaling>,

    /// Stops the group: its consumers finish what they have claimed and go. Events wait until it is `false` again.
    #[serde(default)]
    pub suspend: bool,

    /// Image that runs, in any language that keeps the contract of consumers. Its own entrypoint runs unless `command`
    /// is set. Default: the consumer that comes with the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: Option<String>,

    /// Command that runs in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64), inner(length(min = 1, max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Option<Vec<String>>,

    /// What the group's programs know of the tables.
    #[serde(default)]
    pub contract: Contract,

    /// What gives an event its value.
    #[serde(default)]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub handler: Handler,

    /// How many events a consumer handles at once.
    #[serde(default = "ConsumerGroup::default_concurrency")]
    #[schemars(range(min = 1, max = 1024))]
    pub concurrency: i32,

    /// Seconds after which the events of a consumer that died are free for others.
    #[serde(default = "ConsumerGroup::default_lease")]
    #[schemars(range(min = 2, max = 86_400))]
    pub lease_seconds: i32,

    /// How often an event is tried before it is dead. With the default and that of `backoff`, an event outlives more than an hour
    /// without a handler.
    #[serde(default = "ConsumerGroup::default_max_attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_attempts: i32,

    /// How long a failed event waits until it is tried again.
    #[serde(default)]
    pub backoff: Backoff,

    /// Environment variables, beside those that the operator sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVariable>,

    /// What a pod asks for and may use.
    #[serde(default = "Resources::of_group")]
    pub resources: Resources,

    /// Seconds that a pod has to finish what it has claimed; what can't be finished in two thirds of them goes back to the
    /// queue. At least half as long again as an event may take keeps a rollout from having events handled twice.
    #[serde(default = "ConsumerGroup::default_grace")]
    #[schemars(range(min = 10, max = 86_400))]
    pub termination_grace_period_seconds: i64,

    /// Where the pods run and what they are marked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pod")]
    pub pod: Option<Pod>,
}

impl ConsumerGroup {
    /// The groups of a pipeline that names none.
    pub(crate) fn defaults() -> Vec<Self> {
        vec![Self {
            name: "default".to_owned(),
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

/// How long a failed event waits: the pause doubles with each attempt.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.initialSeconds <= self.maxSeconds")
    .message("`initialSeconds` must be at most `maxSeconds`"))]
pub struct Backoff {
    /// The pause after the first attempt.
    #[serde(default = "Backoff::default_initial")]
    #[schemars(range(min = 1, max = 86_400))]
    pub initial_seconds: i32,

    /// The longest pause.
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
