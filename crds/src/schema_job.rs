//! The Job that creates and migrates the database schema.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{Pod, Resources};

/// Job that creates and migrates the database schema. It runs once per combination of program version,
/// database users and contracts.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaJob {
    /// Compute resources of the container.
    #[serde(default = "Resources::of_schema_job")]
    pub resources: Resources,

    /// Service account, pull Secrets, volumes, sidecars, scheduling, labels and annotations of the pod. If
    /// unset, the pod is like those of the first producer group, which reach an external database the same way.
    /// With a managed database, it only has the pull Secrets, scheduling, labels and annotations of
    /// `database.managed.pod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Pod")]
    pub pod: Option<Pod>,
}

impl Default for SchemaJob {
    fn default() -> Self {
        Self { resources: Resources::of_schema_job(), pod: None }
    }
}
