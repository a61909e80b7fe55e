//! What a container asks for and may use.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// What a container asks for and what it may use at most, as in a Pod.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || !isQuantity(string(self.requests.cpu)) || !isQuantity(string(self.limits.cpu)) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0")
    .message("`requests.cpu` must be at most `limits.cpu`"))]
#[x_kube(validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || !isQuantity(string(self.requests.memory)) || !isQuantity(string(self.limits.memory)) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0")
    .message("`requests.memory` must be at most `limits.memory`"))]
pub struct Resources {
    /// What the node must have to spare. What is not set is as its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Amounts")]
    pub requests: Option<Amounts>,

    /// The most that it may use. What is not set has no limit.
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

    /// Those of a producer or consumer that sets none.
    pub(crate) fn of_group() -> Self {
        Self::new(["50m", "1"], ["64Mi", "256Mi"])
    }

    /// Those of a schema Job that sets none: no limit is more than ten times what is asked for, as namespaces' limits have it.
    pub(crate) fn of_schema_job() -> Self {
        Self::new(["50m", "500m"], ["64Mi", "256Mi"])
    }

    /// Those of a database that sets none.
    pub(crate) fn of_database() -> Self {
        Self::new(["100m", "2"], ["512Mi", "2Gi"])
    }
}

/// Amounts of what a node has.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processors: a quantity such as `500m`, `2` or `"0.5"`. A fraction is in quotes: a resource of Kubernetes' own takes it
    /// without, a resource that is defined by somebody else can't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Quantity")]
    #[x_kube(validation = Rule::new("isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0")
        .message("`cpu` must be a quantity such as 500m, 2 or \"0.5\""))]
    pub cpu: Option<Quantity>,

    /// Bytes of memory: a quantity such as `512Mi` or `1.5Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Quantity")]
    #[x_kube(validation = Rule::new("isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0")
        .message("`memory` must be a quantity such as 512Mi or 1.5Gi"))]
    pub memory: Option<Quantity>,
}
