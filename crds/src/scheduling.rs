//! Rules by which the scheduler places pods.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{LABEL_VALUE, QUALIFIED_NAME};

/// Node affinity rule.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['Exists', 'DoesNotExist']) == (!has(self.values) || size(self.values) == 0)")
    .message("`values` must be set for In, NotIn, Gt and Lt, and must not be set for Exists and DoesNotExist"))]
pub struct NodeAffinity {
    /// Key of the node label.
    #[schemars(length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub key: String,

    /// Relationship of the label to `values`.
    pub operator: NodeOperator,

    /// Values that the label is compared with. Must be set for `In`, `NotIn`, `Gt` and `Lt`, and empty
    /// otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 63), regex(pattern = LABEL_VALUE)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub values: Vec<String>,

    /// Weight of a preferred rule, from 1 to 100. If unset, the rule is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 100))]
    pub weight: Option<i32>,
}

/// Operator of a node affinity rule.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum NodeOperator {
    /// The label has one of the values.
    In,
    /// The label has none of the values.
    NotIn,
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
    /// The label is a number greater than the value.
    Gt,
    /// The label is a number less than the value.
    Lt,
}

impl NodeOperator {
    /// Returns the name in the Kubernetes API.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
            Self::Gt => "Gt",
            Self::Lt => "Lt",
        }
    }
}

/// Affinity to pods in the namespace of the pipeline.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodAffinity {
    /// Labels that select the other pods.
    #[schemars(extend(
        "minProperties" = 1,
        "maxProperties" = 16,
        "additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
    ))]
    pub labels: BTreeMap<String, String>,

    /// Key of the node label that defines a topology domain.
    #[serde(default = "PodAffinity::default_topology_key")]
    #[schemars(length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub topology_key: String,

    /// Weight of a preferred rule, from 1 to 100. If unset, the rule is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 100))]
    pub weight: Option<i32>,
}

impl PodAffinity {
    fn default_topology_key() -> String {
        "kubernetes.io/hostname".to_owned()
    }
}

/// Toleration of a taint.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.value) || self.value == '' || (has(self.key) && self.operator == 'Equal')")
    .message("`value` must be empty unless `key` is set and `operator` is Equal"))]
#[x_kube(validation = Rule::new("has(self.key) || self.operator == 'Exists'")
    .message("`operator` must be Exists if `key` is not set"))]
#[x_kube(validation = Rule::new("!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')")
    .message("`tolerationSeconds` must not be set unless `effect` is NoExecute"))]
pub struct Toleration {
    /// Key of the taint. If unset, matches all keys; `operator` must be `Exists` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub key: Option<String>,

    /// Relationship of the taint's value to `value`.
    #[serde(default)]
    pub operator: TolerationOperator,

    /// Value of the taint, for the operator `Equal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 63), regex(pattern = LABEL_VALUE))]
    pub value: Option<String>,

    /// Effect of the taint. If unset, matches all effects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TaintEffect")]
    pub effect: Option<TaintEffect>,

    /// Seconds that pods stay on a node after it gets a taint with the effect `NoExecute`. If unset, they
    /// stay forever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 31_536_000))]
    pub toleration_seconds: Option<i64>,
}

/// Operator of a toleration.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum TolerationOperator {
    /// The taint has this value.
    #[default]
    Equal,
    /// The taint has any value.
    Exists,
}

/// Effect of a taint on pods that do not tolerate it.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum TaintEffect {
    /// No new pods are scheduled on the node.
    NoSchedule,
    /// The scheduler avoids the node.
    PreferNoSchedule,
    /// Running pods are evicted.
    NoExecute,
}

/// Topology spread constraint.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpread {
    /// Key of the node label that defines a topology domain, such as `topology.kubernetes.io/zone`.
    #[schemars(length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub topology_key: String,

    /// Maximum difference between the numbers of pods in any two domains.
    #[serde(default = "TopologySpread::default_max_skew")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_skew: i32,

    /// Action for a pod that violates the constraint: `ScheduleAnyway` or `DoNotSchedule`.
    #[serde(default)]
    pub when_unsatisfiable: WhenUnsatisfiable,
}

impl TopologySpread {
    fn default_max_skew() -> i32 {
        1
    }
}

/// Action for a pod that violates a topology spread constraint.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum WhenUnsatisfiable {
    /// The pod is scheduled.
    #[default]
    ScheduleAnyway,
    /// The pod stays pending.
    DoNotSchedule,
}
