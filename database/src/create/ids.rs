//! The source of new ids: the counter's row, or a block of ids.
//!
//! The counter's row is locked until a creation is durable, so creations with ids from the counter run one after another. A
//! block is a range of ids that the counter has passed. Only the row of its slot guards it, so creations with ids from different
//! blocks are durable together: the server groups their commits. Each session prefers a slot. Sessions that share one by chance
//! notice it, because the other's creation has moved the row, and choose another slot.
//!
//! While creations are rare they take ids from the counter, which have no gaps and need no second commit now and then.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::error::Error;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;

use super::skip_taken;

/// Number of slots: rows of `IdBlocks`.
const SLOTS: i64 = 64;
/// Maximum pause between creations that are frequent.
const FREQUENT: Duration = Duration::from_millis(5);
/// Number of creations of the current size for which a new block suffices. A new block costs a commit and locks the counter.
const CREATIONS_PER_BLOCK: i64 = 64;
const SMALLEST_BLOCK: i64 = 256;
const LARGEST_BLOCK: i64 = 16_384;
/// Time for which a session takes all ids from the counter after it has read that there are no blocks.
const WITHOUT_BLOCKS: Duration = Duration::from_secs(30);

/// SQL expression of the number of events ever created: the ids that the counter has passed, without those of blocks that have no
/// event. It is NULL if the counter has no row.
pub const CREATED_EVENTS: &str = "(SELECT CAST(id - (SELECT COALESCE(SUM(last - used + skipped), 0) FROM IdBlocks) AS SIGNED) FROM DBStatus)";

/// Ids that have no event yet: those after `used`, up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(super) slot: i64,
    pub(super) used: i64,
    pub(super) last: i64,
}

/// The source of the ids of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Counter,
    Block(Block),
}

/// A session's knowledge of its block.
#[derive(Debug)]
pub(crate) struct Allocation {
    slot: i64,
    block: Option<Block>,
    without_blocks_until: Option<Instant>,
    last_creation: Option<Instant>,
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
    /// Records the end of a creation.
    pub(super) fn created(&mut self, source: Source, events: usize) {
        self.last_creation = Some(Instant::now());
        if let Source::Block(block) = source {
            self.block = Some(Block { used: block.used.saturating_add(number(events)), ..block });
        }
    }

    /// Leaves the slot, because another session uses it, or may do so.
    pub(super) fn leave_slot(&mut self) {
        self.block = None;
        self.slot = random_slot();
    }

    fn wants_block(&self) -> bool {
        let frequent = self.last_creation.is_some_and(|ended| ended.elapsed() < FREQUENT);
        frequent && self.without_blocks_until.is_none_or(|until| Instant::now() >= until)
    }
}

impl Session {
    /// Returns the source of the ids of at most `events` new events. `skip_taken` tells that an event of another program has an
    /// id that was not counted.
    pub(super) async fn source(&mut self, events: usize, skip_taken: bool) -> Result<Source, Error> {
        if !self.allocation.wants_block() {
            return Ok(Source::Counter);
        }
        let events = number(events);
        let known = self.allocation.block.filter(|block| !skip_taken && block.has(events));
        if let Some(block) = known {
            return Ok(Source::Block(block));
        }
        let slot = self.allocation.slot;
        self.allocation.block = self.run(&TakeIds { slot, events, skip_taken }).await?;
        if self.allocation.block.is_none() {
            self.allocation.without_blocks_until = Some(Instant::now() + WITHOUT_BLOCKS);
        }
        Ok(self.allocation.block.map_or(Source::Counter, Source::Block))
    }
}

impl Block {
    fn has(self, events: i64) -> bool {
        self.last.saturating_sub(self.used) >= events
    }

    /// Returns the id of the event with this index among the next ones.
    pub(super) fn id(self, index: usize) -> i64 {
        self.used.saturating_add(1).saturating_add(number(index))
    }
}

fn number(many: usize) -> i64 {
    i64::try_from(many).unwrap_or(i64::MAX)
}

/// Returns the block of a slot, and replaces it first if it has too few ids. Returns `None` if the pipeline has no blocks.
struct TakeIds {
    slot: i64,
    events: i64,
    skip_taken: bool,
}

impl Operation for TakeIds {
    const NAME: OperationName = OperationName::TakeIds;
    const PATIENT: bool = true;
    type Output = Option<Block>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Option<Block>, sqlx::Error> {
        let mut read = SqlBatch::default();
        if self.skip_taken {
            self.skip_in_block(&mut read);
        }
        self.select(&mut read);
        match self.block(read, connection).await? {
            Some(block) if !block.has(self.events) => {}
            found => return Ok(found),
        }
        let mut replace = SqlBatch::new("START TRANSACTION; ");
        if self.skip_taken {
            skip_taken(&mut replace);
        }
        self.replace(&mut replace);
        self.select(&mut replace);
        replace.sql("; COMMIT");
        Ok(self.block(replace, connection).await?.filter(|block| block.has(self.events)))
    }
}

impl TakeIds {
    fn select(&self, batch: &mut SqlBatch) {
        batch
            .sql("SELECT used, last FROM IdBlocks JOIN DBStatus ON blocks = 1 WHERE slot = ")
            .number(self.slot);
    }

    async fn block(
        &self,
        batch: SqlBatch,
        connection: &mut MySqlConnection,
    ) -> Result<Option<Block>, sqlx::Error> {
        let rows = batch.rows(connection).await?;
        let block = |row: &MySqlRow| {
            Ok(Block { slot: self.slot, used: row.try_get("used")?, last: row.try_get("last")? })
        };
        rows.first().map(block).transpose()
    }

    /// Adds a statement that counts the ids of the block up to the last one that another program has used.
    fn skip_in_block(&self, batch: &mut SqlBatch) {
        batch
            .sql(
                "UPDATE IdBlocks SET used = GREATEST(used, COALESCE((SELECT MAX(taken.id) FROM Events AS taken \
                 WHERE taken.id > IdBlocks.used AND taken.id <= IdBlocks.last), 0)) WHERE slot = ",
            )
            .number(self.slot)
            .sql("; ");
    }

    /// Adds the statements that move the counter past a new block, which continues the old one if no other id was taken since.
    /// The counter passes no id twice, even if another program has written back an old value.
    fn replace(&self, batch: &mut SqlBatch) {
        let size = self.events.saturating_mul(CREATIONS_PER_BLOCK).clamp(SMALLEST_BLOCK, LARGEST_BLOCK);
        let size = size.max(self.events);
        batch
            .sql("UPDATE DBStatus SET id = LAST_INSERT_ID(GREATEST(id, (SELECT MAX(last) FROM IdBlocks)) + ")
            .number(size)
            .sql(") WHERE blocks = 1; UPDATE IdBlocks SET skipped = skipped + IF(last = LAST_INSERT_ID() - ")
            .number(size)
            .sql(", 0, last - used), used = IF(last = LAST_INSERT_ID() - ")
            .number(size)
            .sql(", used, LAST_INSERT_ID() - ")
            .number(size)
            .sql("), last = LAST_INSERT_ID() WHERE ROW_COUNT() = 1 AND slot = ")
            .number(self.slot)
            .sql("; ");
    }
}
