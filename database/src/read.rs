//! Reading events for those who wait for them, and the counter.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{EventId, Snapshot, State};
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{DEMOTED, Operation, Session, Unusable};

/// The most ids in one statement. The optimizer gives up on reading by key where a list needs more than its memory
/// (`range_optimizer_max_mem_size`, 8 MiB by default: some 36,000 ids).
const LONGEST_LIST: usize = 8192;

/// Which of the asked-for events a read gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Finished,
}

impl Session {
    /// The events of `ids` that exist, in no particular order. One that is not given does not exist.
    pub async fn read(&mut self, ids: &[EventId]) -> Result<Vec<Snapshot>, Error> {
        let found = self.read_which(ids, Which::All).await?;
        if found.len() < ids.len() {
            self.look_for_demotion().await?;
        }
        Ok(found)
    }

    /// The events of `ids` that are done, dead or cancelled, in no particular order. One statement for 8192 ids.
    pub async fn read_finished(&mut self, ids: &[EventId]) -> Result<Vec<Snapshot>, Error> {
        self.read_which(ids, Which::Finished).await
    }

    async fn read_which(&mut self, ids: &[EventId], which: Which) -> Result<Vec<Snapshot>, Error> {
        let mut found = Vec::new();
        for ids in ids.chunks(LONGEST_LIST) {
            found.extend(self.run(&Read { ids, which }).await?);
        }
        Ok(found)
    }

    /// How many events were ever created, by anybody.
    pub async fn count(&mut self) -> Result<i64, Error> {
        let count = self.run(&Count).await?;
        self.look_for_demotion().await?;
        count.ok_or(Error::RowMissing { table: "DBStatus" })
    }

    /// An error where the server takes no writes any more: then what it says is of the past, and what it does not have may be
    /// elsewhere. To be asked after what it is about.
    pub(crate) async fn look_for_demotion(&mut self) -> Result<(), Error> {
        if self.run(&LookForDemotion).await? {
            self.leave();
            return Err(Error::Unusable { address: self.database.address(), why: Unusable::ReadOnly });
        }
        Ok(())
    }
}

struct Read<'a> {
    ids: &'a [EventId],
    which: Which,
}

impl Operation for Read<'_> {
    const NAME: OperationName = OperationName::ReadEvents;
    const PATIENT: bool = true;
    type Output = Vec<Snapshot>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Snapshot>, sqlx::Error> {
        let mut select =
            Script::new("SELECT id, COALESCE(valor, '') AS valor, state FROM Events WHERE id IN (");
        select.ids(self.ids).sql(")");
        if self.which == Which::Finished {
            select.sql(" AND state >= 2");
        }
        let rows = select.rows(connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Snapshot {
                    id: EventId::from_row(row.try_get("id")?),
                    valor: row.try_get("valor")?,
                    state: State::from_row(row.try_get("state")?)?,
                })
            })
            .collect()
    }
}

struct Count;

impl Operation for Count {
    const NAME: OperationName = OperationName::Count;
    const PATIENT: bool = true;
    type Output = Option<i64>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar("SELECT id FROM DBStatus").fetch_optional(connection).await
    }
}

/// Whether the server takes no writes.
struct LookForDemotion;

impl Operation for LookForDemotion {
    const NAME: OperationName = OperationName::LookForDemotion;
    type Output = bool;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(DEMOTED).fetch_one(connection).await
    }
}
