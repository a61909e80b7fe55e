//! The storage page of the admin port, which the operator reads.

use serde::Serialize;

use super::guard::Space;

/// The free space, and whether creations are refused.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoragePage {
    /// `true` while creations are refused.
    refusing: bool,
    /// `None` while the volume's free space is unknown.
    #[serde(flatten)]
    space: Option<SpaceBody>,
    /// Estimated seconds until creations are refused; `None` if the trend of the last hour does not lead there.
    seconds_to_full: Option<u64>,
}

/// Sizes in bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the JSON names contain the unit")]
struct SpaceBody {
    capacity_bytes: u64,
    free_bytes: u64,
    reusable_bytes: u64,
    required_bytes: u64,
}

impl StoragePage {
    pub(super) fn new(space: Option<Space>, refusing: bool, seconds_to_full: Option<u64>) -> Self {
        let space = space.map(|space| SpaceBody {
            capacity_bytes: space.capacity,
            free_bytes: space.free,
            reusable_bytes: space.reusable,
            required_bytes: space.required,
        });
        Self { refusing, space, seconds_to_full }
    }
}
