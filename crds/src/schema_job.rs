//! The Job that creates and migrates the database schema.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

/// Job that creates and migrates the database schema. It runs once per combination of program version,
/// database users and contracts.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaJob {
    /// Compute resources of the container.
    #[serde(default = "Resources::of_schema_job")]
    pub resources: Resources,
}

impl Default for SchemaJob {
    fn default() -> Self {
        Self { resources: Resources::of_schema_job() }
    }
}
