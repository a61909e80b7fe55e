//! Who may connect to the pipeline's pods.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::LABEL_NAME;

/// Who may connect to the pipeline's pods, and to whom they may.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// Whether the operator makes NetworkPolicies.
    #[serde(default)]
    pub mode: NetworkPolicyMode,

    /// Namespaces whose pods may read the metrics (port 9090), beside the operator's. Default: every namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63), regex(pattern = LABEL_NAME)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub metrics_namespaces: Vec<String>,

    /// Networks outside of the cluster, as `203.0.113.0/24`, that handlers, programs of other images and an external database may
    /// be in. Default: every network but those where clouds answer any pod with credentials (link-local addresses and the like).
    /// Pods of the cluster are reached all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 43)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(network, isCIDR(network))")
            .message("`egress` must have networks such as 203.0.113.0/24 or 2001:db8::/32"),
    )]
    pub egress: Vec<String>,
}

/// Whether the operator makes NetworkPolicies.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum NetworkPolicyMode {
    /// Only what the pipeline needs is let through.
    #[default]
    Enabled,
    /// None are made.
    Disabled,
}
