//! Reading events and the counter.

use sqlx::Row as _;
use sqlx::query_builder::QueryBuilder;

use crate::error::Error;
use crate::event::{EventId, Snapshot};
use crate::session::Session;
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
        for piece in ids.chunks(LONGEST_LIST) {
            let rows = self
                .run("read events", async |connection| {
                    let mut select =
                        QueryBuilder::new("SELECT id, COALESCE(valor, '') AS valor FROM Events WHERE id IN ");
                    push_ids(&mut select, piece);
                    if which == Which::Done {
                        select.push(" AND LENGTH(valor) > 0");
                    }
                    select.build().fetch_all(connection).await
                })
                .await?;
            for row in rows {
                let failed = |source| Error::Query { operation: "read events", source };
                let id = EventId::from_row(row.try_get("id").map_err(failed)?);
                found.push(Snapshot { id, valor: row.try_get("valor").map_err(failed)? });
            }
        }
        Ok(found)
    }

    /// How many events were ever created, by anybody.
    pub async fn count(&mut self) -> Result<i64, Error> {
        self.run("count the events", async |connection| {
            sqlx::query_scalar("SELECT id FROM DBStatus").fetch_one(connection).await
        })
        .await
    }
}
