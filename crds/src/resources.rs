//! Compute resources of containers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// Compute resources of a container, as in a Pod.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || !isQuantity(string(self.requests.cpu)) || !isQuantity(string(self.limits.cpu)) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0")
    .message("`requests.cpu` must be at most `limits.cpu`"))]
#[x_kube(validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || !isQuantity(string(self.requests.memory)) || !isQuantity(string(self.limits.memory)) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0")
    .message("`requests.memory` must be at most `limits.memory`"))]
pub struct Resources {
    /// Minimum amounts that are reserved on the node. An unset amount defaults to its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Amounts")]
    pub requests: Option<Amounts>,

    /// Maximum amounts. An unset amount is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Amounts")]
    pub limits: Option<Amounts>,
}

impl Resources {
    pub(crate) fn new(cpu: [&str; 2], memory: [&str; 2]) -> Self {
        let amounts = |cpu: &str, memory: &str| Amounts {
            cpu: Some(Quantity(cpu.to_owned())),
            memory: Some(Quantity(memory.to_owned())),
        };
        Self { requests: Some(amounts(cpu[0], memory[0])), limits: Some(amounts(cpu[1], memory[1])) }
    }

    /// Returns the default of producers and consumers.
    pub(crate) fn of_group() -> Self {
        Self::new(["50m", "1"], ["64Mi", "256Mi"])
    }

    /// Returns the default of the schema Job. No limit is more than ten times its request, which a LimitRange
    /// may forbid.
    pub(crate) fn of_schema_job() -> Self {
        Self::new(["50m", "500m"], ["64Mi", "256Mi"])
    }

    /// Returns the default of the database.
    pub(crate) fn of_database() -> Self {
        Self::new(["100m", "2"], ["512Mi", "2Gi"])
    }
}

/// Amounts of compute resources.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// CPU, as a quantity such as `500m`, `2` or `"0.5"`. Fractions must be quoted: custom resources, unlike
    /// Pods, do not accept `cpu: 0.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Quantity")]
    #[x_kube(validation = Rule::new("isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0")
        .message("`cpu` must be a quantity such as 500m, 2 or \"0.5\""))]
    pub cpu: Option<Quantity>,

    /// Memory in bytes, as a quantity such as `512Mi` or `1.5Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Quantity")]
    #[x_kube(validation = Rule::new("isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0")
        .message("`memory` must be a quantity such as 512Mi or 1.5Gi"))]
    pub memory: Option<Quantity>,
}
