//! The database that keeps the events.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{IMAGE, SUBDOMAIN};
use crate::{Pod, Quantity, Resources, mysql_options};

/// The database: exactly one of its members.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed) != has(self.external)")
    .message("`database` must set exactly one of `managed` and `external`"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
    .message("`database` must stay `managed` or `external`, as it was created: the events would stay behind"))]
pub struct Database {
    /// A MySQL that belongs to the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ManagedDatabase")]
    pub managed: Option<ManagedDatabase>,

    /// A MySQL or MariaDB that is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalDatabase")]
    pub external: Option<ExternalDatabase>,
}

impl Default for Database {
    fn default() -> Self {
        Self { managed: Some(ManagedDatabase::default()), external: None }
    }
}

/// A MySQL or MariaDB that is there already.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalDatabase {
    /// Secret that says where it is and who to be there: keys `host`, `database`, `username`, `password` and `ca.crt` (the
    /// authority of its certificate), and if need be `port` (3306), and `schema-username` with `schema-password` (who may
    /// change the tables). The pods read it; the operator does not.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub secret_name: String,
}

/// A MySQL that belongs to the pipeline.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDatabase {
    /// Image of MySQL: the official `mysql` image, or one with the same environment variables and data directory.
    #[serde(default = "ManagedDatabase::default_image")]
    #[schemars(length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: String,

    /// The volume of the data.
    #[serde(default)]
    pub storage: Storage,

    /// What becomes of the data when the pipeline is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// What the pod asks for and may use. Of the memory limit a part becomes InnoDB's buffer pool.
    #[serde(default = "Resources::of_database")]
    #[x_kube(validation = Rule::new("!has(self.limits) || !has(self.limits.memory) || !isQuantity(string(self.limits.memory)) || quantity(string(self.limits.memory)).compareTo(quantity('1Gi')) >= 0")
        .message("`limits.memory` must be at least 1Gi for a database"))]
    pub resources: Resources,

    /// Options of mysqld, as `max_connections: "800"`: those that decide how quick it is, what it may use and what it reports. A
    /// change restarts the database.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = {"type": "string", "maxLength": 512, "pattern": "^[ -~]*$"}
    ))]
    #[x_kube(validation = Rule::new(mysql_options::rule())
        .message("`config` must have only options of mysqld that tune it, in lower case, with `_` and not `-`, such as `max_connections` or `innodb_io_capacity` (all of them: docs/database.md)"))]
    pub config: BTreeMap<String, String>,

    /// Which passwords producers and consumers use: a higher number gives them users with new ones. Their pods are
    /// replaced, the database is not restarted, and the users of before are removed when nobody uses them any more.
    #[serde(default = "ManagedDatabase::first_generation")]
    #[schemars(range(min = 1, max = 999_999_999))]
    #[x_kube(validation = Rule::new("self >= oldSelf")
        .message("`passwordGeneration` must be at least what it was: passwords are not used again"))]
    pub password_generation: i32,

    /// Where the pod runs and what it is marked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pod")]
    pub pod: Option<Pod>,
}

impl ManagedDatabase {
    fn first_generation() -> i32 {
        1
    }

    fn default_image() -> String {
        "mysql:9.7".to_owned()
    }
}

impl Default for ManagedDatabase {
    fn default() -> Self {
        Self {
            image: Self::default_image(),
            storage: Storage::default(),
            deletion_policy: DeletionPolicy::default(),
            resources: Resources::of_database(),
            config: BTreeMap::new(),
            password_generation: Self::first_generation(),
            pod: None,
        }
    }
}

/// What becomes of the data when the pipeline is deleted.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum DeletionPolicy {
    /// It stays, and is adopted by a pipeline of the same name.
    #[default]
    Retain,
    /// It goes with the pipeline.
    Delete,
}

/// How many may use a volume.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum AccessMode {
    /// One pod of the whole cluster: two databases can't get at one directory.
    #[default]
    ReadWriteOncePod,
    /// The pods of one node; for storage that knows no better.
    ReadWriteOnce,
}

/// The volume of the data.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)")
    .message("`className` must stay as it was created"))]
pub struct Storage {
    /// Size of the volume: a quantity from 1Gi to 64Ti. Before it is full, creations are refused (507). It can grow, where the storage
    /// class allows that, and not shrink.
    #[serde(default = "Storage::default_size")]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Gi')) >= 0 && quantity(string(self)).compareTo(quantity('64Ti')) <= 0"
    ).message("`size` must be a quantity from 1Gi to 64Ti, such as 10Gi"))]
    #[x_kube(validation = Rule::new("!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0")
        .message("`size` must be at least what it was: a volume can't shrink"))]
    pub size: Quantity,

    /// How many may use the volume: it can't be changed later.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("`accessMode` must stay as it was created"))]
    pub access_mode: AccessMode,

    /// Storage class of the volume. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub class_name: Option<String>,
}

impl Storage {
    fn default_size() -> Quantity {
        Quantity("10Gi".to_owned())
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: Self::default_size(), access_mode: AccessMode::default(), class_name: None }
    }
}
