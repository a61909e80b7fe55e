//! Rules for events with a key.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Rules for events with a key. Events with the same key are processed in the order of their creation, across all groups.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// Maximum number of events of a key that are processed or wait for a consumer at the same time. With 1, an event begins
    /// when the previous event of its key has ended. A higher number starts events in their order, but they may overtake each
    /// other. Defaults to 1.
    #[serde(default = "Keys::default_concurrency")]
    #[schemars(range(min = 1, max = 65535))]
    pub concurrency: i32,

    /// Consequence of a dead event for the later events of its key. Defaults to `Skip`.
    #[serde(default)]
    pub on_dead: OnDead,
}

/// Consequence of a dead event for the later events of its key.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum OnDead {
    /// The next event follows.
    #[default]
    Skip,
    /// All later events wait until the dead event is retried and ends, or is removed.
    Block,
}

impl Keys {
    fn default_concurrency() -> i32 {
        1
    }
}
