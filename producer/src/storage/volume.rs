//! The volume of the database, as its agent reports it.

use std::time::Duration;

use serde::Deserialize;

/// Size and free space of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    pub(crate) capacity_bytes: u64,
    pub(crate) free_bytes: u64,
}

impl Volume {
    /// Maximum age of a reading that is still used.
    pub(super) const MAX_AGE: Duration = Duration::from_secs(15);
}
