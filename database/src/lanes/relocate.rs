//! Moves waiting events to the lanes of their types.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::{Executor as _, Row as _};
use tracing::{info, warn};

use super::{free, lane_of_type};
use crate::event::{EventId, Place};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};

/// Number of events that one transaction moves. It locks them for a fraction of a second.
const PIECE: usize = 1000;
/// Pause before events that another client has locked are tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Moves all waiting events whose lane is not that of their type. Returns their number.
///
/// Events that become pending meanwhile go to their lane themselves. Skips locked events, because most of them are about to be
/// claimed, and looks again until none is left.
pub(super) async fn waiting_events(connection: &mut MySqlConnection) -> Result<usize, sqlx::Error> {
    let mut moved = 0;
    let mut reported = false;
    loop {
        let mut locked = Vec::new();
        for state in states(connection).await? {
            moved += move_lane(state, &mut locked, connection).await?;
        }
        let Some(first) = locked.first() else { break };
        if !reported {
            warn!(
                event = first.get(),
                events = locked.len(),
                "waits for events that other clients have locked"
            );
            reported = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if moved > 0 {
        info!(events = moved, "moved {moved} waiting events to other lanes");
    }
    Ok(moved)
}

/// Returns the states of pending events that exist. Blocked events get their lane when they are unblocked.
async fn states(connection: &mut MySqlConnection) -> Result<Vec<i64>, sqlx::Error> {
    let select = "SELECT DISTINCT state FROM Events FORCE INDEX (state_due) WHERE state BETWEEN -100 AND 0";
    connection.fetch_all(select).await?.iter().map(|row| row.try_get("state")).collect()
}

/// Moves the events of a lane in pieces, in the order of the index. Adds those that are locked to `locked`.
async fn move_lane(
    state: i64,
    locked: &mut Vec<EventId>,
    connection: &mut MySqlConnection,
) -> Result<usize, sqlx::Error> {
    let (mut moved, mut after) = (0, None);
    loop {
        let piece = misplaced(state, after).rows(connection).await?;
        let Some(last) = piece.last() else { return Ok(moved) };
        after = Some((Place::from_row(last.try_get("place")?), last.try_get("id")?));
        let wrong = piece.iter().filter_map(|row| match row.try_get("misplaced") {
            Ok(false) => None,
            Ok(true) => Some(row.try_get("id").map(EventId::from_row)),
            Err(error) => Some(Err(error)),
        });
        let wrong = wrong.collect::<Result<Vec<_>, _>>()?;
        if !wrong.is_empty() {
            moved += move_piece(state, &wrong, locked, connection).await?;
        }
    }
}

/// Selects the next events of a lane, and whether each belongs elsewhere.
fn misplaced(state: i64, after: Option<(Place, i64)>) -> SqlBatch {
    let mut select = SqlBatch::new(
        "SELECT id, COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place, lane <> ",
    );
    select.sql(lane_of_type!()).sql(" AS misplaced FROM Events FORCE INDEX (state_due) WHERE state = ");
    select.number(state);
    if let Some((Place(place), id)) = after {
        select.sql(" AND due >= ").time_at(place).sql(" AND (due > ").time_at(place);
        select.sql(" OR id > ").number(id).sql(")");
    }
    select.sql(" ORDER BY due, id LIMIT ").count(PIECE);
    select
}

async fn move_piece(
    state: i64,
    ids: &[EventId],
    locked: &mut Vec<EventId>,
    connection: &mut MySqlConnection,
) -> Result<usize, sqlx::Error> {
    let mut lock =
        SqlBatch::new("START TRANSACTION; SELECT id, state FROM Events FORCE INDEX (PRIMARY) WHERE id IN (");
    lock.ids(ids).sql(") FOR UPDATE SKIP LOCKED; ").sql(HOLD);
    let (mut free, mut seen) = (Vec::new(), Vec::new());
    for row in lock.rows(connection).await? {
        let id = EventId::from_row(row.try_get("id")?);
        seen.push(id);
        if row.try_get::<i64, _>("state")? == state {
            free.push(id);
        }
    }
    locked.extend(ids.iter().filter(|id| !seen.contains(id)));
    let mut update = SqlBatch::default();
    if !free.is_empty() {
        update
            .sql("UPDATE Events SET lane = ")
            .sql(lane_of_type!())
            .sql(", processing = IF(processing = 0 OR processing IS NULL, ");
        update.sql(free!()).sql(", processing) WHERE id IN (").ids(&free).sql("); ");
    }
    update.sql(COMMIT);
    update.execute(connection).await?;
    Ok(free.len())
}
