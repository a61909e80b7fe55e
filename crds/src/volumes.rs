//! Volumes of pods, of the types that the restricted Pod Security standard allows, and their mounts.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Quantity;
use crate::text::{DATA_KEY, FILE_PATH, LABEL_NAME, MOUNT_PATH, SUBDOMAIN};

/// Names of the volumes of the operator.
pub const OUR_VOLUMES: [&str; 6] = ["credentials", "data", "database", "handler", "run", "tmp"];

/// Volume of a pod. Exactly one of the fields besides `name` must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.secret), has(self.configMap), has(self.emptyDir), has(self.projected), has(self.csi), has(self.persistentVolumeClaim)].exists_one(set, set)")
    .message("`volumes` must set exactly one of `secret`, `configMap`, `emptyDir`, `projected`, `csi` and `persistentVolumeClaim` for each volume"))]
pub struct Volume {
    /// Name of the volume.
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL_NAME))]
    #[x_kube(validation = Rule::new("!(self in ['credentials', 'data', 'database', 'handler', 'run', 'tmp'])")
        .message("`volumes` must not have the name of a volume of the operator: credentials, data, database, handler, run or tmp"))]
    pub name: String,

    /// Files from a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretVolume")]
    pub secret: Option<SecretVolume>,

    /// Files from a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FilesFrom")]
    pub config_map: Option<FilesFrom>,

    /// Directory that is deleted with the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EmptyDirVolume")]
    pub empty_dir: Option<EmptyDirVolume>,

    /// Files from several sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProjectedVolume")]
    pub projected: Option<ProjectedVolume>,

    /// Inline volume of a CSI driver, such as the Secrets Store CSI driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CsiVolume")]
    pub csi: Option<CsiVolume>,

    /// Existing PersistentVolumeClaim. All pods of a group mount the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClaimVolume")]
    pub persistent_volume_claim: Option<ClaimVolume>,
}

/// Files from a Secret, readable by the group of the pod.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVolume {
    /// Name of the Secret, in the namespace of the pipeline.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub secret_name: String,

    /// Keys to mount, each with the path of its file. Defaults to all keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub items: Vec<KeyToPath>,

    /// Starts the pods even if the Secret or a key does not exist. Defaults to `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub optional: Option<bool>,
}

/// Files from a ConfigMap or Secret, readable by the group of the pod.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesFrom {
    /// Name of the object, in the namespace of the pipeline.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub name: String,

    /// Keys to mount, each with the path of its file. Defaults to all keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub items: Vec<KeyToPath>,

    /// Starts the pods even if the object or a key does not exist. Defaults to `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub optional: Option<bool>,
}

/// Key and the path of its file.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyToPath {
    /// Key in the data.
    #[schemars(length(min = 1, max = 253), regex(pattern = DATA_KEY))]
    pub key: String,

    /// Path of the file, relative to the mount path.
    #[schemars(length(min = 1, max = 253), regex(pattern = FILE_PATH))]
    pub path: String,
}

/// Directory that is deleted with the pod.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDirVolume {
    /// Maximum size. Without `medium: Memory`, it is added to the ephemeral storage that the pod may use.
    #[x_kube(validation = Rule::new(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Ki')) >= 0 && quantity(string(self)).compareTo(quantity('1Ti')) <= 0"
    ).message("`sizeLimit` must be a quantity from 1Ki to 1Ti, such as 64Mi"))]
    pub size_limit: Quantity,

    /// Medium of the directory. Defaults to the disk of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Medium")]
    pub medium: Option<Medium>,
}

/// Medium of a directory.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum Medium {
    /// Memory, which counts towards the memory limit of the container that writes it.
    Memory,
}

/// Files from several sources.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectedVolume {
    /// Sources of the files.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub sources: Vec<ProjectedSource>,
}

/// Source of files. Exactly one field must be set.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.secret), has(self.configMap), has(self.serviceAccountToken)].exists_one(set, set)")
    .message("`sources` must set exactly one of `secret`, `configMap` and `serviceAccountToken` for each source"))]
pub struct ProjectedSource {
    /// Files from a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FilesFrom")]
    pub secret: Option<FilesFrom>,

    /// Files from a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FilesFrom")]
    pub config_map: Option<FilesFrom>,

    /// Token of the service account, for another service than the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TokenSource")]
    pub service_account_token: Option<TokenSource>,
}

/// Token of the service account.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenSource {
    /// Audience of the token: the service that verifies it, such as `sts.amazonaws.com` or `vault`.
    #[schemars(length(min = 1, max = 512))]
    pub audience: String,

    /// Lifetime of the token, in seconds. The kubelet renews it before it expires.
    #[serde(default = "TokenSource::default_expiration")]
    #[schemars(range(min = 600, max = 86_400))]
    pub expiration_seconds: i64,

    /// Path of the file, relative to the mount path.
    #[schemars(length(min = 1, max = 253), regex(pattern = FILE_PATH))]
    pub path: String,
}

impl TokenSource {
    fn default_expiration() -> i64 {
        3600
    }
}

/// Inline volume of a CSI driver.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsiVolume {
    /// Name of the CSI driver.
    #[schemars(length(min = 1, max = 63), regex(pattern = SUBDOMAIN))]
    pub driver: String,

    /// Mounts the volume read-only, as many drivers require. Defaults to `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub read_only: Option<bool>,

    /// Attributes for the driver, such as `secretProviderClass`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend(
        "maxProperties" = 16,
        "additionalProperties" = {"type": "string", "maxLength": 4096}
    ))]
    pub volume_attributes: BTreeMap<String, String>,
}

/// Existing PersistentVolumeClaim.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimVolume {
    /// Name of the claim, in the namespace of the pipeline.
    #[schemars(length(min = 1, max = 253), regex(pattern = SUBDOMAIN))]
    pub claim_name: String,

    /// Mounts the volume read-only. Defaults to `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub read_only: Option<bool>,
}

/// Mount of a volume in a container.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// Name of the volume, one of `pod.volumes`.
    #[schemars(length(min = 1, max = 63), regex(pattern = LABEL_NAME))]
    pub name: String,

    /// Absolute path in the container.
    #[schemars(length(min = 2, max = 253), regex(pattern = MOUNT_PATH))]
    pub mount_path: String,

    /// Path inside the volume. Defaults to its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253), regex(pattern = FILE_PATH))]
    pub sub_path: Option<String>,

    /// Mounts the volume read-only. Defaults to `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub read_only: Option<bool>,
}
