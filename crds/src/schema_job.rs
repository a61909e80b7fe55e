//! The Job that brings the database's schema up to date.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

/// The Job that brings the database's schema up to date. It runs once for each version of the programs, users and contracts; where
/// the database's pod may, and with an external database where the first group of producers may.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaJob {
    /// What its pod asks for and may use.
    #[serde(default = "Resources::of_schema_job")]
    pub resources: Resources,
}

impl Default for SchemaJob {
    fn default() -> Self {
        Self { resources: Resources::of_schema_job() }
    }
}
