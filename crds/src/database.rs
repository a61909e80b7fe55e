//! The database that keeps the events.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The database: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed)").message("`database` must set `managed`"))]
pub struct Database {
    /// A MySQL that belongs to the pipeline. Its data outlives the pipeline and is adopted when a pipeline of the same
    /// name comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ManagedDatabase")]
    pub managed: Option<ManagedDatabase>,
}

impl Default for Database {
    fn default() -> Self {
        Self { managed: Some(ManagedDatabase::default()) }
    }
}

/// A MySQL that belongs to the pipeline.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDatabase {
    /// Image of MySQL: the official `mysql` image, or one with the same environment variables and data directory.
    #[serde(default = "ManagedDatabase::default_image")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$"))]
    pub image: String,

    /// The volume of the data. It must stay as it was created.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("`storage` is immutable: it must stay as it was created"))]
    pub storage: Storage,
}

impl ManagedDatabase {
    fn default_image() -> String {
        "mysql:9.7".to_owned()
    }
}

impl Default for ManagedDatabase {
    fn default() -> Self {
        Self { image: Self::default_image(), storage: Storage::default() }
    }
}

/// The volume of the data.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size of the volume, a Kubernetes quantity from 1Gi to 64Ti.
    #[serde(default = "Storage::default_size")]
    #[schemars(length(min = 1, max = 16), regex(pattern = "^[1-9][0-9]*(Mi|Gi|Ti|M|G|T)$"))]
    #[x_kube(validation = Rule::new(
        "isQuantity(self) && quantity(self).compareTo(quantity('1Gi')) >= 0 && quantity(self).compareTo(quantity('64Ti')) <= 0"
    ).message("`size` must be a quantity from 1Gi to 64Ti, such as 10Gi"))]
    pub size: String,

    /// Storage class of the volume. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
    )]
    pub class_name: Option<String>,
}

impl Storage {
    fn default_size() -> String {
        "1Gi".to_owned()
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: Self::default_size(), class_name: None }
    }
}
