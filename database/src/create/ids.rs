//! The source of new ids: the counter's row, or a block of ids.
//!
//! The counter's row is locked until a creation is durable, so creations with ids from the counter run one after another. A
//! block is a range of ids that the counter has passed. Only the row of its slot guards it, so creations with ids from different
//! blocks are durable together: the server groups their commits. Each session prefers a slot. Sessions that share one by chance
//! notice it, because the other's creation has moved the row, and choose another slot.
//!
//! While creations are rare they take ids from the counter, which have no gaps and need no second commit now and then.

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::error::Error;
use crate::id_block::{Block, number};
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;

use super::skip_taken;

/// Number of creations of the current size for which a new block suffices. A new block costs a commit and locks the counter.
const CREATIONS_PER_BLOCK: i64 = 64;
const SMALLEST_BLOCK: i64 = 256;
const LARGEST_BLOCK: i64 = 16_384;

/// The source of the ids of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Counter,
    Block(Block),
}

impl Session {
    /// Returns the source of the ids of at most `events` new events of `creations`. `skip_taken` tells that an event of another program has an
    /// id that was not counted.
    pub(super) async fn source(
        &mut self,
        creations: usize,
        events: usize,
        skip_taken: bool,
    ) -> Result<Source, Error> {
        if !self.allocation.wants_block(creations) {
            return Ok(Source::Counter);
        }
        let events = number(events);
        let known = self.allocation.block_for(events).filter(|_| !skip_taken);
        if let Some(block) = known {
            return Ok(Source::Block(block));
        }
        let take = TakeIds { slot: self.allocation.slot(), events, skip_taken };
        let block = self.run(&take).await?;
        self.allocation.read(block);
        Ok(block.map_or(Source::Counter, Source::Block))
    }
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
