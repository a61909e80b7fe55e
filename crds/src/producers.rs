//! Groups of producers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A group of producers that run the same image.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerGroup {
    /// Name of the group, a DNS label that is distinct among the producers.
    #[schemars(length(min = 1, max = 20), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// How many producers run.
    #[serde(default = "ProducerGroup::default_replicas")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: i32,

    /// Image that runs, in any language that keeps the contract of producers. Its own entrypoint runs unless `command`
    /// is set. Default: the producer that comes with the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 512),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$")
    )]
    pub image: Option<String>,

    /// Command that runs in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64), inner(length(min = 1, max = 1024)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Option<Vec<String>>,
}

impl ProducerGroup {
    /// The groups of a pipeline that names none.
    pub(crate) fn defaults() -> Vec<Self> {
        vec![Self {
            name: "default".to_owned(),
            replicas: Self::default_replicas(),
            image: None,
            command: None,
        }]
    }

    fn default_replicas() -> i32 {
        2
    }
}
