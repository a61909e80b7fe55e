//! Reading events and the counter.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;
use sqlx::query_builder::QueryBuilder;

use crate::error::Error;
use crate::event::{EventId, Snapshot};
use crate::session::{Operation, Session};
use crate::statement::{LONGEST_LIST, push_ids};

/// Which of the asked-for events a read gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Done,
}

impl Session {
    /// The events of `ids` that exist, in no particular order.
    pub async fn read(&mut self, ids: &[EventId]) -> Result<Vec<Snapshot>, Error> {
        self.read_which(ids, Which::All).await
    }

    /// The events of `ids` that have their answer, in no particular order.
    pub async fn read_done(&mut self, ids: &[EventId]) -> Result<Vec<Snapshot>, Error> {
        self.read_which(ids, Which::Done).await
    }

    async fn read_which(&mut self, ids: &[EventId], which: Which) -> Result<Vec<Snapshot>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(LONGEST_LIST) {
            found.extend(self.run(&Read { ids, which }).await?);
        }
        Ok(found)
    }

    /// How many events were ever created, by anybody.
    pub async fn count(&mut self) -> Result<i64, Error> {
        self.run(&Count).await
    }
}

struct Read<'a> {
    ids: &'a [EventId],
    which: Which,
}

impl Operation for Read<'_> {
    const NAME: &'static str = "read events";
    type Output = Vec<Snapshot>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Snapshot>, sqlx::Error> {
        let mut select =
            QueryBuilder::new("SELECT id, COALESCE(valor, '') AS valor FROM Events WHERE id IN ");
        push_ids(&mut select, self.ids);
        if self.which == Which::Done {
            select.push(" AND LENGTH(valor) > 0");
        }
        let rows = select.build().fetch_all(connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Snapshot { id: EventId::from_row(row.try_get("id")?), valor: row.try_get("valor")? })
            })
            .collect()
    }
}

struct Count;

impl Operation for Count {
    const NAME: &'static str = "count the events";
    type Output = i64;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT id FROM DBStatus").fetch_one(connection).await
    }
}
