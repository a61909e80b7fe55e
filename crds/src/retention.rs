//! How long events are kept.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How long events are kept when nothing more is to be done about them. The count of events never shrinks.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// Seconds after which events that are done are removed. Default: they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 60, max = 3_153_600_000_i64))]
    pub done_seconds: Option<i64>,

    /// Seconds after which events that are dead or cancelled are removed. Default: they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 60, max = 3_153_600_000_i64))]
    pub dead_seconds: Option<i64>,
}
