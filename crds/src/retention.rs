//! Retention of finished events.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Retention of finished events. Deleting events does not decrease the count of created events.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// Seconds after which events with a result are deleted, at least 60. With 0, they are kept forever,
    /// which eventually fills the volume. Defaults to 7 days.
    #[serde(default = "Retention::default_done_seconds")]
    #[schemars(range(min = 0, max = 3_153_600_000_i64))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60")
        .message("`doneSeconds` must be at least 60, or 0 to keep events forever"))]
    pub done_seconds: i64,

    /// Seconds after which dead letters and cancelled events are deleted, at least 60. With 0, they are kept
    /// forever. Defaults to 30 days.
    #[serde(default = "Retention::default_dead_seconds")]
    #[schemars(range(min = 0, max = 3_153_600_000_i64))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60")
        .message("`deadSeconds` must be at least 60, or 0 to keep events forever"))]
    pub dead_seconds: i64,
}

impl Retention {
    /// Returns a week.
    fn default_done_seconds() -> i64 {
        7 * 86_400
    }

    /// Returns a month, which leaves time to inspect the dead letters.
    fn default_dead_seconds() -> i64 {
        30 * 86_400
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { done_seconds: Self::default_done_seconds(), dead_seconds: Self::default_dead_seconds() }
    }
}
