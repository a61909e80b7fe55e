//! Decides from the available space when creations are refused, and when they are accepted again.

use super::volume::Volume;

/// Minimum reserve. Half of it is for the other files that mysqld writes: two files of the binary log, undo logs at the size
/// at which they are truncated, and files that grow by several MiB at once (ADR 21 has the measurements).
const MIN_RESERVE: u64 = 192 << 20;
/// Maximum reserve. A fixed share of a large volume would be more than is ever needed.
const MAX_RESERVE: u64 = 2 << 30;
/// Ratio of the volume's size to the reserve. A fast disk must not fill the reserve before the next reading.
const RESERVE_DIVISOR: u64 = 20;
/// Space for the completion of an event: its value and the consumer's name in the row, and its index entry.
const COMPLETION: u64 = 512;

/// Available and required space, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// Size of the volume.
    pub(crate) capacity: u64,
    /// Free space on the volume.
    pub(crate) free: u64,
    /// Free space inside the events' tablespace, left by removed events.
    pub(crate) reusable: u64,
    /// Required sum of free and reusable space, so that accepted events can be completed and removed.
    pub(crate) required: u64,
    /// Required free space on the volume, because logs cannot use the tablespace.
    logs: u64,
}

impl Space {
    /// `unfinished` is the number of events that are not completed yet.
    pub(super) fn new(volume: Volume, reusable: u64, unfinished: u64) -> Self {
        let Volume { capacity_bytes: capacity, free_bytes: free } = volume;
        let reserve = (capacity / RESERVE_DIVISOR).clamp(MIN_RESERVE, MAX_RESERVE);
        let required = reserve.saturating_add(unfinished.saturating_mul(COMPLETION));
        Self { capacity, free, reusable, required, logs: reserve / 2 }
    }

    /// Returns the available space on the volume and in the tablespace.
    pub(crate) fn available(self) -> u64 {
        self.free.saturating_add(self.reusable)
    }

    /// Returns `true` if the required space and `more` are available.
    fn has(self, more: u64) -> bool {
        self.free >= self.logs + more && self.available() >= self.required.saturating_add(more)
    }
}

/// Refuses creations with hysteresis: accepting again takes more space than continuing to accept.
#[derive(Debug, Default)]
pub(super) struct Guard {
    refuses: bool,
}

impl Guard {
    pub(super) fn refuses(&self) -> bool {
        self.refuses
    }

    /// Decides again. While the space is unknown, nothing is refused.
    pub(super) fn update(&mut self, space: Option<Space>) {
        self.refuses = space.is_some_and(|space| {
            let more = if self.refuses { space.logs / 4 } else { 0 };
            !space.has(more)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn space(capacity: u64, free: u64, reusable: u64, unfinished: u64) -> Space {
        Space::new(Volume { capacity_bytes: capacity, free_bytes: free }, reusable, unfinished)
    }

    fn refuses(space: Space) -> bool {
        let mut guard = Guard::default();
        guard.update(Some(space));
        guard.refuses()
    }

    #[test]
    fn the_reserve_is_a_share_of_the_volume_within_bounds() {
        for (capacity, required) in
            [(GIB, 192 * MIB), (10 * GIB, 512 * MIB), (100 * GIB, 2 * GIB), (10_000 * GIB, 2 * GIB)]
        {
            assert_eq!(space(capacity, 0, 0, 0).required, required, "{capacity}");
            assert!(!refuses(space(capacity, required, 0, 0)));
            assert!(refuses(space(capacity, required - 1, 0, 0)));
        }
    }

    #[test]
    fn unfinished_events_need_space_for_their_completion() {
        assert!(!refuses(space(GIB, 200 * MIB, 0, 0)));
        assert!(refuses(space(GIB, 200 * MIB, 0, 100_000)));
    }

    #[test]
    fn reusable_space_counts_for_events_and_not_for_logs() {
        assert!(!refuses(space(GIB, 96 * MIB, 96 * MIB, 0)));
        assert!(refuses(space(GIB, 95 * MIB, 500 * MIB, 0)));
        assert!(refuses(space(GIB, 96 * MIB, 95 * MIB, 0)));
    }

    #[test]
    fn accepting_again_takes_more_space_and_unknown_space_refuses_nothing() {
        let mut guard = Guard::default();
        let mut refuses_at = |free| {
            guard.update(Some(space(GIB, free * MIB, 0, 0)));
            guard.refuses()
        };
        assert_eq!(
            [193, 191, 193, 215, 216, 193].map(&mut refuses_at),
            [false, true, true, true, false, false]
        );
        refuses_at(0);
        guard.update(None);
        assert!(!guard.refuses());
    }
}
