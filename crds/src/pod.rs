//! Where pods run and what they are marked with. No embedded PodSpec: it would be fifteen times the size of all the rest.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{LABEL_VALUE, QUALIFIED_NAME, SUBDOMAIN};

/// Where pods run and what they are marked with.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Labels, beside those that the operator sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 32,
        "additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`labels` must have keys of the form `name` or `example.com/name`"))]
    #[x_kube(validation = Rule::new(
        "self.all(key, !key.matches('^(app[.]kubernetes[.]io/(name|instance|component|managed-by)|eventpipeline[.]dev/.*)$'))"
    ).message("`labels` must not have keys that the operator sets: `app.kubernetes.io/{name,instance,component,managed-by}` and `eventpipeline.dev/*`"))]
    pub labels: BTreeMap<String, String>,

    /// Annotations, such as those of a service mesh or of a scraper of metrics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 32,
        "additionalProperties" = {"type": "string", "maxLength": 4096}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`annotations` must have keys of the form `name` or `example.com/name`"))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('eventpipeline.dev/'))")
        .message("`annotations` must not have keys of the operator: `eventpipeline.dev/*`"))]
    pub annotations: BTreeMap<String, String>,

    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 16,
        "additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
    ))]
    #[x_kube(validation = Rule::new(
        "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$'))"
    ).message("`nodeSelector` must have keys of the form `name` or `example.com/name`"))]
    pub node_selector: BTreeMap<String, String>,

    /// What nodes must or should be like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub node_affinity: Vec<NodeAffinity>,

    /// Pods that must or should be near.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pod_affinity: Vec<PodAffinity>,

    /// Pods that must or should be elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pod_anti_affinity: Vec<PodAffinity>,

    /// Taints that do not keep the pods away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,

    /// How the pods of a group are spread. Default: over the nodes, as far as possible. A database has one pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub topology_spread: Vec<TopologySpread>,

    /// Priority class, by which pods are preferred to others where there is not room for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub priority_class_name: Option<String>,
}

/// What a node must or should be like.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['Exists', 'DoesNotExist']) == (!has(self.values) || size(self.values) == 0)")
    .message("`values` must be set with In, NotIn, Gt and Lt, and not with Exists and DoesNotExist"))]
pub struct NodeAffinity {
    /// Label of the node.
    #[schemars(length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub key: String,

    /// What is asked of it.
    pub operator: NodeOperator,

    /// Values that it is compared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 63), regex(pattern = LABEL_VALUE)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub values: Vec<String>,

    /// How much it is wanted. Default: it must be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 100))]
    pub weight: Option<i32>,
}

/// What is asked of a node's label.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum NodeOperator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// Any value.
    Exists,
    /// No such label.
    DoesNotExist,
    /// A number greater than the value.
    Gt,
    /// A number less than the value.
    Lt,
}

impl NodeOperator {
    /// As Kubernetes writes it.
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

/// Pods of the same namespace that must or should be near, or elsewhere.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodAffinity {
    /// Labels of those pods.
    #[schemars(extend(
        "minProperties" = 1,
        "maxProperties" = 16,
        "additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE}
    ))]
    pub labels: BTreeMap<String, String>,

    /// Label of nodes by whose value "near" is judged.
    #[serde(default = "PodAffinity::default_topology_key")]
    #[schemars(length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub topology_key: String,

    /// How much it is wanted. Default: it must be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 100))]
    pub weight: Option<i32>,
}

impl PodAffinity {
    fn default_topology_key() -> String {
        "kubernetes.io/hostname".to_owned()
    }
}

/// A taint that does not keep the pods away.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.value) || self.value == '' || (has(self.key) && self.operator == 'Equal')")
    .message("`value` must be empty unless `key` is set and `operator` is Equal"))]
#[x_kube(validation = Rule::new("has(self.key) || self.operator == 'Exists'")
    .message("`operator` must be Exists where `key` is not set"))]
#[x_kube(validation = Rule::new("!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')")
    .message("`tolerationSeconds` must not be set unless `effect` is NoExecute"))]
pub struct Toleration {
    /// Key of the taint. Default: every taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub key: Option<String>,

    /// How the taint's value is compared.
    #[serde(default)]
    pub operator: TolerationOperator,

    /// Value of the taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 63), regex(pattern = LABEL_VALUE))]
    pub value: Option<String>,

    /// Effect of the taint. Default: every effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TaintEffect")]
    pub effect: Option<TaintEffect>,

    /// How long pods stay on a node that gets the taint. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 31_536_000))]
    pub toleration_seconds: Option<i64>,
}

/// How a taint's value is compared.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum TolerationOperator {
    /// The value is this one.
    #[default]
    Equal,
    /// Any value.
    Exists,
}

/// What a taint does to pods that do not tolerate it.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum TaintEffect {
    /// No new pods.
    NoSchedule,
    /// New pods only where there is no other place.
    PreferNoSchedule,
    /// Pods go.
    NoExecute,
}

/// How the pods of a group are spread.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpread {
    /// Label of nodes over whose values the pods are spread.
    #[schemars(length(min = 1, max = 317), regex(pattern = QUALIFIED_NAME))]
    pub topology_key: String,

    /// The most that the numbers of pods may differ.
    #[serde(default = "TopologySpread::default_max_skew")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_skew: i32,

    /// What becomes of a pod for which that can't be kept.
    #[serde(default)]
    pub when_unsatisfiable: WhenUnsatisfiable,
}

impl TopologySpread {
    fn default_max_skew() -> i32 {
        1
    }
}

/// What becomes of a pod that can't be placed as asked for.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum WhenUnsatisfiable {
    /// It runs elsewhere.
    #[default]
    ScheduleAnyway,
    /// It waits.
    DoNotSchedule,
}
