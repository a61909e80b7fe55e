//! The database.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::text::{IMAGE, SUBDOMAIN};
use crate::{Pod, Quantity, Resources, mysql_options};

/// Database that stores the events. Exactly one field must be set. The choice is immutable.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed) != has(self.external)")
    .message("`database` must set exactly one of `managed` and `external`"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
    .message("`database` must not change between `managed` and `external`: the events would be left behind"))]
pub struct Database {
    /// MySQL server that the operator runs for this pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ManagedDatabase")]
    pub managed: Option<ManagedDatabase>,

    /// Existing MySQL or MariaDB server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalDatabase")]
    pub external: Option<ExternalDatabase>,
}

impl Default for Database {
    fn default() -> Self {
        Self { managed: Some(ManagedDatabase::default()), external: None }
    }
}

/// Connection to an existing MySQL or MariaDB server.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.tls) || !has(self.proxyPort)")
    .message("`tls` must not be set together with `proxyPort`: the proxy verifies the server"))]
#[x_kube(validation = Rule::new("!has(self.proxyPort) || !(self.proxyPort in [8080, 8081, 9090])")
    .message("`proxyPort` must not be a port of the programs: 8080, 8081 or 9090"))]
pub struct ExternalDatabase {
    /// Name of the Secret with the connection details, in the namespace of the pipeline. Required keys are
    /// `host`, `database`, `username`, `password` and `ca.crt`, the PEM certificate of the CA that signed the
    /// server certificate; `host` and `ca.crt` are not required with `proxyPort`. Optional keys are `port`
    /// (default 3306), and `schema-username` with `schema-password`, a user that may change tables. Only the
    /// pods of the pipeline read the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub secret_name: String,

    /// Verification of the server certificate: `VerifyIdentity`, or `VerifyCa` for a certificate that does not
    /// name `host`. With `VerifyCa`, `ca.crt` must contain only a CA that signs for no other server, such as the
    /// CA of a Cloud SQL instance. Defaults to `VerifyIdentity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalTls")]
    pub tls: Option<ExternalTls>,

    /// Port of a proxy in each pod, such as the Cloud SQL Auth Proxy as a sidecar in `pod.initContainers`. The
    /// programs then connect to 127.0.0.1 at this port instead of `host`, without TLS unless the proxy offers
    /// it. The proxy must encrypt its connection and verify the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 65_535))]
    pub proxy_port: Option<i32>,
}

/// Verification of the certificate of an external database.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum ExternalTls {
    /// The CA signed the certificate, and the certificate names the host.
    #[default]
    VerifyIdentity,
    /// The CA signed the certificate.
    VerifyCa,
}

/// MySQL server that the operator runs for this pipeline.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDatabase {
    /// Container image of MySQL: the official `mysql` image, or one with the same environment variables and
    /// data directory.
    #[serde(default = "ManagedDatabase::default_image")]
    #[schemars(length(min = 1, max = 512), regex(pattern = IMAGE))]
    pub image: String,

    /// Persistent volume of the data directory.
    #[serde(default)]
    pub storage: Storage,

    /// Deletion policy of the data when the pipeline is deleted: `Retain` keeps the volume and the
    /// credentials, and a new pipeline of the same name adopts them; `Delete` deletes them.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// Compute resources of the MySQL container. The size of the InnoDB buffer pool follows from the memory
    /// limit.
    #[serde(default = "Resources::of_database")]
    #[x_kube(validation = Rule::new("!has(self.limits) || !has(self.limits.memory) || !isQuantity(string(self.limits.memory)) || quantity(string(self.limits.memory)).compareTo(quantity('1Gi')) >= 0")
        .message("`limits.memory` must be at least 1Gi for a database"))]
    pub resources: Resources,

    /// Options of mysqld, such as `max_connections: "800"`. Only options for performance, resource limits and
    /// logging are supported. A change restarts the database.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = {"type": "string", "maxLength": 512, "pattern": "^[ -~]*$"}
    ))]
    #[x_kube(validation = Rule::new(mysql_options::rule())
        .message("`config` must contain only supported options of mysqld, in lower case and with `_`, such as `max_connections` or `innodb_io_capacity` (full list: docs/operate/database.md)"))]
    pub config: BTreeMap<String, String>,

    /// Generation of the database users of producers and consumers. Increase it to rotate their passwords:
    /// the operator creates users with new passwords, replaces the pods without restarting the database, and
    /// drops the old users once no pod uses them. Must not decrease.
    #[serde(default = "ManagedDatabase::first_generation")]
    #[schemars(range(min = 1, max = 999_999_999))]
    #[x_kube(validation = Rule::new("self >= oldSelf")
        .message("`passwordGeneration` must not decrease: passwords are not reused"))]
    pub password_generation: i32,

    /// Service account, pull Secrets, volumes, sidecars, scheduling, labels and annotations of the pod.
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

/// Deletion policy of the data when the pipeline is deleted.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum DeletionPolicy {
    /// The data is kept. A new pipeline of the same name adopts it.
    #[default]
    Retain,
    /// The data is deleted with the pipeline.
    Delete,
}

/// Access mode of the volume.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum AccessMode {
    /// At most one pod in the cluster mounts the volume.
    #[default]
    ReadWriteOncePod,
    /// Pods on one node mount the volume. For storage without support for `ReadWriteOncePod`.
    ReadWriteOnce,
}

/// Persistent volume of the data directory.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)")
    .message("`className` must not change"))]
pub struct Storage {
    /// Size of the volume, from 1Gi to 64Ti. Producers refuse creations with status 507 before the volume is
    /// full. The size can be increased if the storage class allows volume expansion, and cannot be decreased.
    #[serde(default = "Storage::default_size")]
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Gi')) >= 0 && quantity(string(self)).compareTo(quantity('64Ti')) <= 0"
    ).message("`size` must be a quantity from 1Gi to 64Ti, such as 10Gi"))]
    #[x_kube(validation = Rule::new("!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0")
        .message("`size` must not decrease: a volume cannot shrink"))]
    pub size: Quantity,

    /// Access mode of the volume: `ReadWriteOncePod`, or `ReadWriteOnce` for storage that does not support
    /// it. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("`accessMode` must not change"))]
    pub access_mode: AccessMode,

    /// Name of the StorageClass of the volume. If unset, the default StorageClass of the cluster is used.
    /// Immutable.
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
