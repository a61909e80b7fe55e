//! Blocks of ids, and a session's knowledge of its own.

use std::time::{Duration, Instant};

/// Number of slots: rows of `IdBlocks`.
const SLOTS: i64 = 64;
/// Maximum pause between creations that are frequent.
const FREQUENT: Duration = Duration::from_millis(5);
/// Number of creations in one transaction of a busy session. Its transactions are frequent, too, if the pause between them is
/// shorter than a transaction.
const MANY: usize = 4;
/// Time for which a session takes all ids from the counter after it has read that there are no blocks.
const WITHOUT_BLOCKS: Duration = Duration::from_secs(30);

/// SQL expression of the number of events ever created: the ids that the counter has passed, without those of blocks that have no
/// event. It is NULL if the counter has no row.
pub const CREATED_EVENTS: &str = "(SELECT CAST(id - (SELECT COALESCE(SUM(last - used + skipped), 0) FROM IdBlocks) AS SIGNED) FROM DBStatus)";

/// Ids that have no event yet: those after `used`, up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// The row of `IdBlocks`.
    pub(crate) slot: i64,
    pub(crate) used: i64,
    pub(crate) last: i64,
}

impl Block {
    /// Returns whether it suffices for this many events.
    pub(crate) fn has(self, events: i64) -> bool {
        self.last.saturating_sub(self.used) >= events
    }

    /// Returns the id of the event with this index among the next ones.
    pub(crate) fn id(self, index: usize) -> i64 {
        self.used.saturating_add(1).saturating_add(number(index))
    }
}

/// Returns a number of events as a number of ids.
pub(crate) fn number(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

/// A session's knowledge of its block.
#[derive(Debug)]
pub(crate) struct Allocation {
    slot: i64,
    block: Option<Block>,
    without_blocks_until: Option<Instant>,
    /// End and duration of the last creation.
    last_creation: Option<(Instant, Duration)>,
}

impl Default for Allocation {
    fn default() -> Self {
        Self { slot: random_slot(), block: None, without_blocks_until: None, last_creation: None }
    }
}

fn random_slot() -> i64 {
    rand::random_range(0..SLOTS)
}

impl Allocation {
    /// Returns the preferred slot.
    pub(crate) fn slot(&self) -> i64 {
        self.slot
    }

    /// Returns whether the session creates events so often that it needs a block for the next `creations`, if there may be blocks.
    pub(crate) fn wants_block(&self, creations: usize) -> bool {
        let frequent = self.last_creation.is_some_and(|(ended, took)| {
            let pause = ended.elapsed();
            pause < FREQUENT || (creations >= MANY && pause < took)
        });
        frequent && self.without_blocks_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Returns the block if it suffices for this many events.
    pub(crate) fn block_for(&self, events: i64) -> Option<Block> {
        self.block.filter(|block| block.has(events))
    }

    /// Stores what was read of the slot: its block, or that there are no blocks.
    pub(crate) fn read(&mut self, block: Option<Block>) {
        self.block = block;
        if block.is_none() {
            self.without_blocks_until = Some(Instant::now() + WITHOUT_BLOCKS);
        }
    }

    /// Records the end of a creation that took `took`.
    pub(crate) fn created(&mut self, took: Duration) {
        self.last_creation = Some((Instant::now(), took));
    }

    /// Records that the next ids of the block have events now.
    pub(crate) fn used(&mut self, block: Block, events: i64) {
        self.block = Some(Block { used: block.used.saturating_add(events), ..block });
    }

    /// Leaves the slot, because another session uses it, or may do so.
    pub(crate) fn leave_slot(&mut self) {
        self.block = None;
        self.slot = random_slot();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_short_in_absolute_terms_or_beside_the_transactions_of_busy_sessions() {
        let mut allocation = Allocation::default();
        assert!(!allocation.wants_block(MANY), "nothing was created yet");
        allocation.created(Duration::from_hours(1));
        std::thread::sleep(FREQUENT);
        assert!(allocation.wants_block(MANY));
        assert!(!allocation.wants_block(1), "a client that creates one event after another has no gaps");
        allocation.created(FREQUENT / 2);
        std::thread::sleep(FREQUENT);
        assert!(!allocation.wants_block(MANY));
    }
}
