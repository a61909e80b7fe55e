//! Lists of pending events in several lanes.

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use super::{COLUMNS, Cursor, Listing};
use crate::event::Place;
use crate::lane::Lane;
use crate::sql_batch::SqlBatch;

/// Returns all lanes.
pub(super) async fn lanes(connection: &mut MySqlConnection) -> Result<Vec<Lane>, sqlx::Error> {
    let rows = SqlBatch::new("SELECT lane FROM Lanes ORDER BY lane").rows(connection).await?;
    rows.iter().map(|row| row.try_get("lane").map(Lane::from_row)).collect()
}

impl Listing {
    /// Selects a page of pending events: the first of each lane, merged in the order of their positions.
    pub(super) fn select_from_lanes(&self, lanes: &[Lane]) -> SqlBatch {
        let mut select = SqlBatch::new(COLUMNS);
        select.sql(" JOIN (SELECT id AS page_id, due AS page_due FROM (");
        for (index, lane) in lanes.iter().enumerate() {
            select.sql(if index > 0 { " UNION ALL " } else { "" });
            self.positions(&mut select, *lane);
        }
        select.sql(") AS waiting");
        self.limited(&mut select, " ORDER BY due, id LIMIT ");
        select.sql(") AS page ON id = page_id ORDER BY page_due, page_id");
        select
    }

    /// Adds the first positions of a lane after the cursor.
    fn positions(&self, select: &mut SqlBatch, lane: Lane) {
        const FROM: &str = "(SELECT id, due FROM Events FORCE INDEX (state_due) WHERE state = ";
        if let Some(Cursor { place: Place(place), id, .. }) = self.after {
            select.sql(FROM).number(lane.state()).sql(" AND due = ").time_at(place);
            select.sql(" AND id > ").number(id.get());
            self.limited(select, " ORDER BY due, id LIMIT ");
            select.sql(") UNION ALL ");
        }
        select.sql(FROM).number(lane.state());
        if let Some(Cursor { place: Place(place), .. }) = self.after {
            select.sql(" AND due > ").time_at(place);
        }
        self.limited(select, " ORDER BY due, id LIMIT ");
        select.sql(")");
    }
}
