//! Network access of the pods.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::LABEL_NAME;

/// Network access to and from the pods of the pipeline.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// Mode of the NetworkPolicies: `Enabled` creates policies that only permit the connections that the
    /// pipeline needs; `Disabled` creates none.
    #[serde(default)]
    pub mode: NetworkPolicyMode,

    /// Namespaces whose pods may connect to the admin port (9090), which serves metrics. The operator's
    /// namespace is always allowed. If empty, all namespaces are allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63), regex(pattern = LABEL_NAME)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub metrics_namespaces: Vec<String>,

    /// Networks outside the cluster that the pods may connect to, in CIDR notation such as `203.0.113.0/24`:
    /// networks of handlers and of an external database. If empty, all networks are allowed except link-local
    /// addresses and others that serve cloud credentials. Connections to pods in the cluster are always
    /// allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 43)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(network, isCIDR(network))")
            .message("`egress` must contain networks such as 203.0.113.0/24 or 2001:db8::/32"),
    )]
    pub egress: Vec<String>,
}

/// Mode of the NetworkPolicies.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum NetworkPolicyMode {
    /// The operator creates policies that only permit the connections that the pipeline needs.
    #[default]
    Enabled,
    /// The operator creates no policies.
    Disabled,
}
