//! How long events are kept.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How long events are kept when nothing more is to be done about them. The count of events never shrinks.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// Seconds after which events that are done are removed. 0 keeps them forever: the volume is full one day then.
    #[serde(default = "Retention::default_done_seconds")]
    #[schemars(range(min = 0, max = 3_153_600_000_i64))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60")
        .message("`doneSeconds` must be at least 60, or 0 to keep events that are done forever"))]
    pub done_seconds: i64,

    /// Seconds after which events that are dead or cancelled are removed. 0 keeps them forever.
    #[serde(default = "Retention::default_dead_seconds")]
    #[schemars(range(min = 0, max = 3_153_600_000_i64))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60")
        .message("`deadSeconds` must be at least 60, or 0 to keep events that are dead or cancelled forever"))]
    pub dead_seconds: i64,
}

impl Retention {
    /// A week.
    fn default_done_seconds() -> i64 {
        7 * 86_400
    }

    /// A month: somebody has to look at them first.
    fn default_dead_seconds() -> i64 {
        30 * 86_400
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { done_seconds: Self::default_done_seconds(), dead_seconds: Self::default_dead_seconds() }
    }
}
