//! What is told of the storage on the internal port, to the operator for one.

use serde::Serialize;

use super::guard::Room;

/// The storage in figures.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoragePage {
    /// Whether events are refused for want of room.
    refusing: bool,
    /// None while nobody tells how full the volume is.
    #[serde(flatten)]
    room: Option<RoomPage>,
    /// Until events will be refused, if it goes on as in the last hour; none while that is not in sight.
    seconds_to_full: Option<u64>,
}

/// In bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the unit is in the names of the JSON")]
struct RoomPage {
    capacity_bytes: u64,
    free_bytes: u64,
    reusable_bytes: u64,
    required_bytes: u64,
}

impl StoragePage {
    pub(super) fn new(room: Option<Room>, refusing: bool, seconds_to_full: Option<u64>) -> Self {
        let room = room.map(|room| RoomPage {
            capacity_bytes: room.capacity,
            free_bytes: room.free,
            reusable_bytes: room.reusable,
            required_bytes: room.required,
        });
        Self { refusing, room, seconds_to_full }
    }
}
