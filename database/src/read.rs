//! Reads events for waiting clients, and the counter.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::error::Error;
use crate::event::{EventId, Snapshot, State};
use crate::id_block::CREATED_EVENTS;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;

/// Maximum number of ids in one statement. The optimizer abandons reading by key if a list exceeds its memory
/// (`range_optimizer_max_mem_size`, 8 MiB by default: about 36,000 ids).
const LONGEST_LIST: usize = 8192;

/// The requested events that a read returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Finished,
}

impl Session {
    /// Returns the events of `ids` that exist, in no particular order.
    pub async fn read(&mut self, ids: &[EventId]) -> Result<Vec<Snapshot>, Error> {
        let found = self.read_which(ids, Which::All).await?;
        if found.len() < ids.len() {
            self.check_not_demoted().await?;
        }
        Ok(found)
    }

    /// Returns the events of `ids` that are done, dead or cancelled, in no particular order. One statement reads 8192 ids.
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

    /// Returns the number of events that any program ever created.
    pub async fn count(&mut self) -> Result<i64, Error> {
        let count = self.run(&Count).await?;
        self.check_not_demoted().await?;
        count.ok_or(Error::RowMissing { table: "DBStatus" })
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
            SqlBatch::new("SELECT id, COALESCE(valor, '') AS valor, state FROM Events WHERE id IN (");
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
        let mut select = SqlBatch::new("SELECT ");
        select.sql(CREATED_EVENTS).sql(" AS created");
        let rows = select.rows(connection).await?;
        rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("created")
    }
}
