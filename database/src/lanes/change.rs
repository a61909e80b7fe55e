//! The transaction that replaces the lanes and their types.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::mysql::MySqlConnection;
use sqlx::{Executor as _, Row as _};

use super::Lanes;
use crate::error::Error;
use crate::lane::Lane;
use crate::schema::failed_to;
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};

/// Returns whether there are lanes other than the default one.
pub(super) async fn have_lanes(connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM Lanes WHERE lane > 0) + (SELECT COUNT(*) FROM LaneTypes)",
    )
    .fetch_one(connection)
    .await?;
    Ok(found > 0)
}

/// Replaces the lanes. Waits for the transactions that have read the previous ones. A lane keeps its number as long as it has types.
pub(super) async fn replace(wanted: &Lanes, connection: &mut MySqlConnection) -> Result<(), Error> {
    let failed = || failed_to("replace the lanes");
    lock(connection).await.map_err(failed())?;
    let known = lanes(connection).await.map_err(failed())?;
    let unused = unused(&known, connection).await.map_err(failed())?;
    let numbers = number(wanted, &known, &unused)?;
    statements(wanted, &numbers, &unused).execute(connection).await.map_err(failed())?;
    Ok(())
}

/// Locks the lanes until the end of the transaction.
async fn lock(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let mut lock = SqlBatch::new("START TRANSACTION; SELECT lane FROM Lanes FOR UPDATE; ");
    lock.sql(HOLD);
    lock.rows(connection).await.map(drop)
}

/// The numbers of lanes by their names.
type Numbers = BTreeMap<String, Lane>;

async fn lanes(connection: &mut MySqlConnection) -> Result<Numbers, sqlx::Error> {
    let rows = connection.fetch_all("SELECT name, lane FROM Lanes WHERE lane > 0").await?;
    rows.iter().map(|row| Ok((row.try_get("name")?, Lane::from_row(row.try_get("lane")?)))).collect()
}

/// Returns the lanes that have neither types nor waiting events. The consumers of a lane whose types are removed by this change may
/// still run, so its number is not used again before the next change.
async fn unused(known: &Numbers, connection: &mut MySqlConnection) -> Result<BTreeSet<Lane>, sqlx::Error> {
    let mut unused = BTreeSet::new();
    for lane in known.values() {
        let mut select = SqlBatch::new("SELECT EXISTS (SELECT 1 FROM LaneTypes WHERE lane = ");
        select.number(lane.number());
        select.sql(") OR EXISTS (SELECT 1 FROM Events FORCE INDEX (state_due) WHERE state = ");
        select.number(lane.state()).sql(") AS used");
        let rows = select.rows(connection).await?;
        if !rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get::<bool, _>("used")? {
            unused.insert(*lane);
        }
    }
    Ok(unused)
}

/// Returns the number of each lane: its current one, or the lowest that is free.
fn number(lanes: &Lanes, known: &Numbers, unused: &BTreeSet<Lane>) -> Result<Numbers, Error> {
    let wanted = || lanes.0.iter().map(|lane| lane.lane.as_str());
    let mut taken: BTreeSet<Lane> = known
        .iter()
        .filter(|(name, lane)| !unused.contains(lane) || wanted().any(|wanted| wanted == name.as_str()))
        .map(|(_, lane)| *lane)
        .collect();
    let mut numbers = Numbers::new();
    for name in wanted() {
        let lane = match known.get(name) {
            Some(lane) => *lane,
            None => (1..=Lane::LAST.number())
                .map(Lane::from_row)
                .find(|lane| !taken.contains(lane))
                .ok_or(Error::TooManyLanes { limit: Lane::LAST.number() })?,
        };
        taken.insert(lane);
        numbers.insert(name.to_owned(), lane);
    }
    Ok(numbers)
}

/// Returns the statements of the change, with its commit.
fn statements(lanes: &Lanes, numbers: &Numbers, unused: &BTreeSet<Lane>) -> SqlBatch {
    let mut batch = SqlBatch::default();
    for lane in unused {
        batch.sql("DELETE FROM Lanes WHERE lane = ").number(lane.number()).sql("; ");
    }
    for (name, lane) in numbers {
        batch.sql("INSERT IGNORE INTO Lanes (lane, name) VALUES (").number(lane.number());
        batch.sql(", ").text(name).sql("); ");
        batch.sql("INSERT IGNORE INTO LaneCursors (lane) VALUES (").number(lane.number()).sql("); ");
    }
    batch.sql("DELETE FROM LaneTypes; ");
    for (pattern, name) in lanes.patterns() {
        let lane = numbers.get(name).copied().unwrap_or_default();
        batch.sql("INSERT INTO LaneTypes (pattern, lane) VALUES (").bytes(pattern.as_str().as_bytes());
        batch.sql(", ").number(lane.number()).sql("); ");
    }
    batch.sql(COMMIT);
    batch
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::Engine;

    use super::*;
    use crate::test_database::migrated;
    use crate::{Created, Creation, EventType, NewEvent};

    /// The server ends the frozen session, and with it the lock.
    #[tokio::test]
    async fn a_schema_job_that_freezes_with_the_lanes_locked_delays_creations_by_seconds_only() {
        for engine in Engine::all() {
            let database = migrated(engine, "frozen_lanes").await;
            let mut frozen = database.connect_for_changes().await.unwrap();
            lock(&mut frozen).await.unwrap();
            let event = NewEvent { event_type: EventType::new("order.paid").ok(), ..NewEvent::default() };
            let created = database.session().create(&[Creation::one(event)]).await.unwrap();
            assert!(matches!(created[0], Created::New(_)), "{engine:?}: {created:?}");
        }
    }

    fn lanes(names: &[&str]) -> Lanes {
        let lanes = names.iter().map(|name| format!(r#"{{"lane": "{name}", "types": ["{name}"]}}"#));
        Lanes::from_json(&format!("[{}]", lanes.collect::<Vec<_>>().join(","))).unwrap()
    }

    fn numbers(lanes: &[(&str, i8)]) -> Numbers {
        lanes.iter().map(|(name, lane)| ((*name).to_owned(), Lane::from_row(*lane))).collect()
    }

    #[test]
    fn a_lane_keeps_its_number_and_a_new_one_gets_a_free_one() {
        let known = numbers(&[("a", 1), ("b", 2), ("c", 3)]);
        let unused = [Lane::from_row(2), Lane::from_row(3)].into();
        let given = number(&lanes(&["c", "a", "d", "e"]), &known, &unused).unwrap();
        assert_eq!(given, numbers(&[("a", 1), ("c", 3), ("d", 2), ("e", 4)]));
    }

    #[test]
    fn a_number_is_not_used_again_by_the_change_that_removes_its_types() {
        let given = number(&lanes(&["b"]), &numbers(&[("a", 1)]), &BTreeSet::new()).unwrap();
        assert_eq!(given, numbers(&[("b", 2)]));
    }

    #[test]
    fn there_are_at_most_a_hundred_lanes() {
        let names: Vec<_> = (0..101).map(|lane| format!("lane{lane}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert!(number(&lanes(&names[..100]), &Numbers::new(), &BTreeSet::new()).is_ok());
        let refused = number(&lanes(&names), &Numbers::new(), &BTreeSet::new());
        assert!(matches!(refused, Err(Error::TooManyLanes { limit: 100 })));
    }
}
