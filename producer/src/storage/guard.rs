//! When events are refused for want of room, and when they are taken again. Pure.

use super::agent::Volume;

/// What has to stay free of a small volume. Half of it is for what mysqld writes beside the events: two files of the binary
/// log, undo logs at the size at which they are cut, and files that grow by several MiB at once (ADR 21 has the figures).
const LEAST: u64 = 192 << 20;
/// Of a large one: the share that follows from its size would be more than anything needs.
const MOST: u64 = 2 << 30;
/// The share of the volume that has to stay free: as much as it may take to notice on a disk that is as fast as it is large.
const SHARE: u64 = 20;
/// What completing an event takes: its value and the consumer's name in the row, and its place in the index.
const COMPLETION: u64 = 512;

/// What there is and what there has to be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) capacity: u64,
    /// On the volume.
    pub(crate) free: u64,
    /// In the events' tablespace, of what was removed.
    pub(crate) reusable: u64,
    /// What has to be there of both together, so that what is accepted can be completed and removed.
    pub(crate) required: u64,
    /// What has to be free on the volume itself, because logs have no use for what is reusable.
    logs: u64,
}

impl Room {
    /// `unfinished`: how many events are yet to be completed.
    pub(super) fn new(volume: Volume, reusable: u64, unfinished: u64) -> Self {
        let Volume { capacity_bytes: capacity, free_bytes: free } = volume;
        let reserve = (capacity / SHARE).clamp(LEAST, MOST);
        let required = reserve.saturating_add(unfinished.saturating_mul(COMPLETION));
        Self { capacity, free, reusable, required, logs: reserve / 2 }
    }

    /// On the volume and in the tablespace.
    pub(crate) fn available(self) -> u64 {
        self.free.saturating_add(self.reusable)
    }

    /// Whether there is what has to be, and `more`.
    fn has(self, more: u64) -> bool {
        self.free >= self.logs + more && self.available() >= self.required.saturating_add(more)
    }
}

/// Whether events are refused. What is enough to go on is not enough to begin again, so that it does not change each second.
#[derive(Debug, Default)]
pub(super) struct Guard {
    refuses: bool,
}

impl Guard {
    pub(super) fn refuses(&self) -> bool {
        self.refuses
    }

    /// Decides by what there is. Nothing is refused while that is not known.
    pub(super) fn look(&mut self, room: Option<Room>) {
        self.refuses = room.is_some_and(|room| {
            let more = if self.refuses { room.logs / 4 } else { 0 };
            !room.has(more)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn room(capacity: u64, free: u64, reusable: u64, unfinished: u64) -> Room {
        Room::new(Volume { capacity_bytes: capacity, free_bytes: free }, reusable, unfinished)
    }

    fn refuses(room: Room) -> bool {
        let mut guard = Guard::default();
        guard.look(Some(room));
        guard.refuses()
    }

    #[test]
    fn a_share_of_the_volume_stays_free_within_bounds() {
        for (capacity, required) in
            [(GIB, 192 * MIB), (10 * GIB, 512 * MIB), (100 * GIB, 2 * GIB), (10_000 * GIB, 2 * GIB)]
        {
            assert_eq!(room(capacity, 0, 0, 0).required, required, "{capacity}");
            assert!(!refuses(room(capacity, required, 0, 0)));
            assert!(refuses(room(capacity, required - 1, 0, 0)));
        }
    }

    #[test]
    fn what_is_accepted_can_be_completed() {
        assert!(!refuses(room(GIB, 200 * MIB, 0, 0)));
        assert!(refuses(room(GIB, 200 * MIB, 0, 100_000)));
    }

    #[test]
    fn what_was_removed_counts_for_events_and_not_for_logs() {
        assert!(!refuses(room(GIB, 96 * MIB, 96 * MIB, 0)));
        assert!(refuses(room(GIB, 95 * MIB, 500 * MIB, 0)));
        assert!(refuses(room(GIB, 96 * MIB, 95 * MIB, 0)));
    }

    #[test]
    fn it_takes_more_to_begin_again_and_nothing_is_refused_of_what_is_not_known() {
        let mut guard = Guard::default();
        let mut look = |free| {
            guard.look(Some(room(GIB, free * MIB, 0, 0)));
            guard.refuses()
        };
        assert_eq!([193, 191, 193, 215, 216, 193].map(&mut look), [false, true, true, true, false, false]);
        look(0);
        guard.look(None);
        assert!(!guard.refuses());
    }
}
