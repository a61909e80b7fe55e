//! What a container asks for and may use.

use std::borrow::Cow;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// What a container asks for and what it may use at most, as in a Pod.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0")
    .message("`requests.cpu` must be at most `limits.cpu`"))]
#[x_kube(validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0")
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
            cpu: Some(Cpu(cpu.to_owned())),
            memory: Some(Memory(memory.to_owned())),
        };
        Self { requests: Some(amounts(cpu[0], memory[0])), limits: Some(amounts(cpu[1], memory[1])) }
    }

    /// Those of a producer or consumer that sets none.
    pub(crate) fn of_group() -> Self {
        Self::new(["50m", "1"], ["64Mi", "256Mi"])
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
    /// Processors, such as `500m` or `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Cpu")]
    pub cpu: Option<Cpu>,

    /// Bytes of memory, such as `512Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Memory")]
    pub memory: Option<Memory>,
}

/// Processors as a quantity; a plain number is taken as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Cpu(pub String);

/// Bytes as a quantity; a plain number is taken as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Memory(pub String);

impl<'de> Deserialize<'de> for Cpu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity(deserializer).map(Self)
    }
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        _ => Err(D::Error::custom("a quantity must be a text or a number")),
    }
}

impl JsonSchema for Cpu {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cpu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "nullable": false,
            "maxLength": 16,
            "pattern": r"^([1-9][0-9]*m|[0-9]+(\.[0-9]{1,3})?)$",
        })
    }
}

impl JsonSchema for Memory {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Memory".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "nullable": false,
            "maxLength": 16,
            "pattern": "^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?$",
        })
    }
}
