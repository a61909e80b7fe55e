//! Groups of producers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{IMAGE, LABEL_NAME};
use crate::{Contract, EnvVariable, Pod, ProducerAutoscaling, Resources};

/// Group of producers that run the same image.
// `replicas` has no default in the schema, because that would be stored next to `autoscaling`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.contract != 'Classic' || has(self.image)")
    .message("`image` must be set if `contract` is `Classic`: the operator's own programs use the contract `Current`"))]
#[x_kube(validation = Rule::new("!has(self.replicas) || !has(self.autoscaling)")
    .message("`replicas` must not be set together with `autoscaling`"))]
pub struct ProducerGroup {
    /// Name of the group, a DNS label that is unique among the producer groups.
    #[schemars(length(min = 1, max = 20), regex(pattern = LABEL_NAME))]
    pub name: String,

    /// Number of producer pods. Defaults to 2 unless `autoscaling` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 1000))]
    pub replicas: Option<i32>,

    /// Autoscaling of the group, instead of a fixed number of `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProducerAutoscaling")]
    pub autoscaling: Option<ProducerAutoscaling>,

    /// Container image of a program that implements the producer contract. Its entrypoint runs unless
    /// `command` is set. Defaults to the producer that is released with the operator.
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

    /// Additional environment variables of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVariable>,

    /// Compute resources of the container.
    #[serde(default = "Resources::of_group")]
    pub resources: Resources,

    /// Termination grace period of the pods, in seconds. On shutdown a producer keeps serving for 3 s, then
    /// answers waiting clients, and exits 5 s before the period ends.
    #[serde(default = "ProducerGroup::default_grace")]
    #[schemars(range(min = 10, max = 3600))]
    pub termination_grace_period_seconds: i64,

    /// Service account, pull Secrets, volumes, sidecars, scheduling, labels and annotations of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pod")]
    pub pod: Option<Pod>,
}

impl ProducerGroup {
    /// Returns the groups of a pipeline that specifies none.
    pub(crate) fn defaults() -> Vec<Self> {
        vec![Self {
            name: "default".to_owned(),
            replicas: None,
            autoscaling: None,
            image: None,
            command: None,
            contract: Contract::default(),
            env: Vec::new(),
            resources: Resources::of_group(),
            termination_grace_period_seconds: Self::default_grace(),
            pod: None,
        }]
    }

    fn default_grace() -> i64 {
        30
    }
}
