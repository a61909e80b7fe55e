//! Groups of producers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{IMAGE, LABEL_NAME};
use crate::{Contract, EnvVariable, Pod, ProducerAutoscaling, Resources};

/// A group of producers that run the same image.
// `replicas` has no default in the schema: one that nobody wrote would be stored beside `autoscaling`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.contract != 'Classic' || has(self.image)")
    .message("`contract: Classic` must come with an `image`: the programs of the operator's own know more"))]
#[x_kube(validation = Rule::new("!has(self.replicas) || !has(self.autoscaling)")
    .message("`replicas` must not be set beside `autoscaling`, which decides it"))]
pub struct ProducerGroup {
    /// Name of the group, a DNS label that is distinct among the producers.
    #[schemars(length(min = 1, max = 20), regex(pattern = LABEL_NAME))]
    pub name: String,

    /// How many producers run. Default: 2, unless `autoscaling` decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 1000))]
    pub replicas: Option<i32>,

    /// Who decides how many producers run. Default: `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProducerAutoscaling")]
    pub autoscaling: Option<ProducerAutoscaling>,

    /// Image that runs, in any language that keeps the contract of producers. Its own entrypoint runs unless `command`
    /// is set. Default: the producer that comes with the operator.
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

    /// Environment variables, beside those that the operator sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVariable>,

    /// What a pod asks for and may use.
    #[serde(default = "Resources::of_group")]
    pub resources: Resources,

    /// Seconds that a pod has to end: it serves on for three, answers who waits, and is gone five before they are over.
    #[serde(default = "ProducerGroup::default_grace")]
    #[schemars(range(min = 10, max = 3600))]
    pub termination_grace_period_seconds: i64,

    /// Where the pods run and what they are marked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pod")]
    pub pod: Option<Pod>,
}

impl ProducerGroup {
    /// The groups of a pipeline that names none.
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
