//! Creates events: ids from the counter or from a block, rows and the count of ids in one transaction, and usually in one packet.

mod fingerprint;
mod ids;
mod insert;
mod keys;
mod lanes;
mod plan;
mod types;

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::{Error, number};
use crate::event::EventId;
use crate::holders::Held;
use crate::id_block;
use crate::keys::ReadKeySettings;
use crate::operations::OperationName;
use crate::session::{Database, Operation, Session};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};

use ids::Source;
use insert::{insert, largest_payload};
use keys::lock_keys;
use plan::{Limits, Plan, Remembered};
pub use types::{Created, Creation, Ids, NewEvent, NotBefore};

/// Maximum number of attempts at a creation while others take its ids or its keys.
const TRIES: usize = 20;
/// Time for which a session knows that events may have keys.
const KEYS_KNOWN: Duration = Duration::from_secs(30);
/// Distance from the counter within which such ids are skipped. A higher id does not come from counting: moving the counter
/// there would waste all ids before it, up to the end of the range.
const TAKEN_AHEAD: i64 = 1_000_000;

impl Session {
    /// Executes `creations` in one transaction and returns their results, in the same order.
    ///
    /// The row of the counter or of a block stays locked from the first statement to the commit, so ids are distinct. Sessions
    /// that create often have a block each, and do not wait for each other: their ids have gaps, and become visible in another
    /// order. A session's own transactions run one after another, so callers should group creations. All statements share one
    /// packet, so that no round trip prolongs the lock. Only idempotency keys and new blocks cost further round trips.
    pub async fn create(&mut self, creations: &[Creation]) -> Result<Vec<Created>, Error> {
        if creations.is_empty() {
            return Ok(Vec::new());
        }
        self.look_for_keys(creations).await?;
        match self.create_in_tries(creations).await {
            Ok(created) => Ok(created),
            Err(failure) => Err(self.explain(failure).await),
        }
    }

    /// Reads whether events may have keys, unless this session has recently read that they may.
    async fn look_for_keys(&mut self, creations: &[Creation]) -> Result<(), Error> {
        if self.has_keys_until.is_none_or(|until| Instant::now() > until)
            && creations.iter().any(Creation::has_keys)
        {
            let has_keys = self.run(&ReadKeySettings).await?;
            self.has_keys_until = has_keys.then(|| Instant::now() + KEYS_KNOWN);
        }
        Ok(())
    }

    async fn create_in_tries(&mut self, creations: &[Creation]) -> Result<Vec<Created>, Error> {
        let most = creations.iter().map(|creation| creation.events().len()).sum();
        let mut skip_taken = false;
        for _ in 1..TRIES {
            let source = self.source(creations.len(), most, skip_taken).await?;
            match self.create_once(creations, source, skip_taken).await {
                // A program that reads the counter, inserts and then moves the counter, without a lock, was faster. Or another
                // session has stored one of the keys.
                Err(failure) if failure.refusal() == Some(number::DUPLICATE_ENTRY) => skip_taken = true,
                Err(failure) if source.was_moved(&failure) => self.allocation.leave_slot(),
                Err(failure) => {
                    // Its outcome may be unknown, and a frozen session may keep the slot's row locked.
                    self.allocation.leave_slot();
                    return Err(failure);
                }
                done => return done,
            }
        }
        self.create_once(creations, Source::Counter, skip_taken).await
    }

    async fn create_once(
        &mut self,
        creations: &[Creation],
        source: Source,
        skip_taken: bool,
    ) -> Result<Vec<Created>, Error> {
        let database = self.database.clone();
        let skip_taken = skip_taken && source == Source::Counter;
        let begun = Instant::now();
        let created = self
            .run(&Create {
                creations,
                source,
                skip_taken,
                has_keys: self.has_keys_until.is_some(),
                database: &database,
            })
            .await?;
        self.allocation.created(begun.elapsed());
        if let Source::Block(block) = source {
            self.allocation.used(block, id_block::number(created.iter().map(Created::new_events).sum()));
        }
        Ok(created)
    }

    /// Returns the error of a creation that names the cause.
    async fn explain(&self, failure: Error) -> Error {
        match (failure.refusal(), failure) {
            (Some(number::LOCK_WAIT_TIMEOUT), Error::Query { source, .. }) => {
                self.database.metrics().counter_was_held();
                Error::CounterHeld { holders: self.database.holders(Held::Counter).await, source }
            }
            (Some(number::NULL_COLUMN), _) => Error::RowMissing { table: "DBStatus" },
            (Some(number::OUT_OF_RANGE), _) => Error::CounterExhausted,
            (_, failure) => failure,
        }
    }
}

impl Source {
    /// Returns whether another session has used ids of the block.
    fn was_moved(self, failure: &Error) -> bool {
        self != Self::Counter && failure.refusal() == Some(number::NULL_COLUMN)
    }
}

struct Create<'a> {
    creations: &'a [Creation],
    source: Source,
    /// Moves the counter past ids that other programs inserted without counting them. This happens in the transaction of the
    /// creation: between two transactions such a program writes the old value back, again and again if it is as fast.
    skip_taken: bool,
    /// Events may have keys.
    has_keys: bool,
    database: &'a Database,
}

impl Operation for Create<'_> {
    const NAME: OperationName = OperationName::Create;
    const PATIENT: bool = true;
    type Output = Vec<Created>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Created>, sqlx::Error> {
        // The connection is already open, so this is its own packet size.
        let packet = self.database.packet();
        let keys: Vec<&str> =
            self.creations.iter().filter_map(|creation| Some(creation.key()?.as_str())).collect();
        let (batch, remembered) = if keys.is_empty() {
            let mut begin = SqlBatch::new("START TRANSACTION; ");
            if self.skip_taken {
                skip_taken(&mut begin);
            }
            (begin, Vec::new())
        } else {
            (SqlBatch::default(), self.look_up(&keys, connection).await?)
        };
        let limits = Limits { largest_payload: largest_payload(packet), has_keys: self.has_keys };
        let plan = Plan::new(self.creations, remembered, limits);
        let first = match plan.events.len() {
            0 if keys.is_empty() => EventId::from_row(1),
            0 => {
                SqlBatch::new(COMMIT).execute(connection).await?;
                EventId::from_row(1)
            }
            _ => insert(batch, &plan, self.source, packet, connection).await?,
        };
        Ok(plan.results(first))
    }
}

impl Create<'_> {
    /// Reads the stored keys, and forgets those of which no event exists any more. If another session adds one of the keys before
    /// the commit, its key is a duplicate, and the creation is repeated. The counter is locked first, so that sessions with ids
    /// from the counter do not collide. Keys of events precede it: they may be locked for long, and the counter must not.
    async fn look_up(
        &self,
        keys: &[&str],
        connection: &mut MySqlConnection,
    ) -> Result<Vec<Remembered>, sqlx::Error> {
        let mut lock = SqlBatch::new("START TRANSACTION; ");
        lock_keys(&mut lock, self.creations);
        if self.source == Source::Counter {
            lock.sql("SELECT id FROM DBStatus FOR UPDATE; ");
        }
        if self.skip_taken {
            skip_taken(&mut lock);
        }
        lock.sql(HOLD);
        lock.rows(connection).await?;
        let mut select =
            SqlBatch::new("SELECT name, fingerprint, first_id, events FROM IdempotencyKeys WHERE name IN (");
        select.list(keys, |batch, key| {
            batch.bytes(key.as_bytes());
        });
        select.sql(")");
        let rows = select.rows(connection).await?;
        let remembered = rows.iter().map(Remembered::from_row).collect::<Result<Vec<_>, _>>()?;
        forget_removed(remembered, connection).await
    }
}

/// Deletes the keys of which no event exists any more, and returns the others.
async fn forget_removed(
    remembered: Vec<Remembered>,
    connection: &mut MySqlConnection,
) -> Result<Vec<Remembered>, sqlx::Error> {
    if remembered.is_empty() {
        return Ok(remembered);
    }
    let mut exist = SqlBatch::default();
    for key in &remembered {
        let (first, last) = (key.ids.first().get(), key.ids.last().get());
        exist.sql("SELECT EXISTS (SELECT 1 FROM Events WHERE id BETWEEN ").number(first);
        exist.sql(" AND ").number(last).sql(") AS found; ");
    }
    let rows = exist.rows(connection).await?;
    let (mut kept, mut forgotten) = (Vec::new(), Vec::new());
    for (key, row) in remembered.into_iter().zip(&rows) {
        if row.try_get("found")? { kept.push(key) } else { forgotten.push(key) }
    }
    if !forgotten.is_empty() {
        let mut delete = SqlBatch::new("DELETE FROM IdempotencyKeys WHERE name IN (");
        delete.list(&forgotten, |batch, key| {
            batch.bytes(key.name.as_bytes());
        });
        delete.sql(")");
        delete.execute(connection).await?;
    }
    Ok(kept)
}

/// Adds a statement that moves the counter past the events that other programs inserted right after it, and past all blocks, in
/// case that another program has written back an old value.
fn skip_taken(batch: &mut SqlBatch) {
    batch
        .sql(
            "UPDATE DBStatus SET id = GREATEST(id, COALESCE((SELECT MAX(last) FROM IdBlocks), 0), \
             COALESCE((SELECT MAX(taken.id) FROM Events AS taken \
             WHERE taken.id > DBStatus.id AND taken.id <= DBStatus.id + ",
        )
        .number(TAKEN_AHEAD)
        .sql("), 0)); ");
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::Engine;

    use super::*;
    use crate::test_database::migrated;

    /// The server ends the frozen session, and with it the lock.
    #[tokio::test]
    async fn a_producer_that_freezes_with_the_counter_locked_delays_others_by_seconds_only() {
        for engine in Engine::all() {
            let database = migrated(engine, "frozen").await;
            let mut frozen = database.connect().await.unwrap();
            let source = Source::Counter;
            let create =
                Create { creations: &[], source, skip_taken: false, has_keys: false, database: &database };
            create.look_up(&["key"], &mut frozen).await.unwrap();
            let created = database.session().create(&[Creation::one(NewEvent::default())]).await.unwrap();
            assert!(matches!(created[0], Created::New(_)), "{engine:?}: {created:?}");
        }
    }
}
