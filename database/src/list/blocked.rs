//! Lists of blocked events.

use sqlx::mysql::MySqlConnection;

use super::{COLUMNS, Cursor, Listing, event};
use crate::event::{Event, Place};
use crate::sql_batch::SqlBatch;

const FROM: &str = " FORCE INDEX (state_due) WHERE state ";

impl Listing {
    /// Returns a page of blocked events, in the order of the index: by key, then in the order of the key.
    pub(super) async fn blocked(&self, connection: &mut MySqlConnection) -> Result<Vec<Event>, sqlx::Error> {
        let mut events = Vec::new();
        for select in self.select_blocked() {
            let limit = self.limit.min(Self::LARGEST).saturating_sub(events.len());
            if limit > 0 {
                let mut page = select;
                page.sql(" ORDER BY state, due, id LIMIT ").count(limit);
                for row in page.rows(connection).await? {
                    events.push(event(&row)?);
                }
            }
        }
        Ok(events)
    }

    /// Returns the ranges of the index after the cursor.
    fn select_blocked(&self) -> Vec<SqlBatch> {
        let range = || {
            let mut select = SqlBatch::new(COLUMNS);
            select.sql(FROM);
            select
        };
        let (mut same_place, mut same_key, mut other_keys) = (range(), range(), range());
        let Some(Cursor { place: Place(place), id, key: Some(key) }) = self.after else {
            other_keys.sql("< -100");
            return vec![other_keys];
        };
        same_place
            .sql("= ")
            .number(key.state())
            .sql(" AND due = ")
            .time_at(place)
            .sql(" AND id > ")
            .number(id.get());
        same_key.sql("= ").number(key.state()).sql(" AND due > ").time_at(place);
        other_keys.sql("> ").number(key.state()).sql(" AND state < -100");
        vec![same_place, same_key, other_keys]
    }
}
