//! The tables as SQL shows them, including the events that were removed.

use eventpipeline_chaos::{ClockSteps, FinalState, Row};
use eventpipeline_testkit::client;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, Row as _};

use super::{IDLE_LIMIT, Pipeline};

/// A trigger keeps each removed row: periodic samples could miss its last state.
const KEEP_REMOVED: [&str; 2] = [
    "CREATE TABLE Removed (id BIGINT NOT NULL PRIMARY KEY, state TINYINT NOT NULL, valor VARCHAR(8000), payload LONGTEXT, \
     attempts INT NOT NULL, token BIGINT NOT NULL, created_at DATETIME(6) NOT NULL, removed_at DATETIME(6) NOT NULL)",
    "CREATE TRIGGER Events_removed BEFORE DELETE ON Events FOR EACH ROW INSERT INTO Removed \
     (id, state, valor, payload, attempts, token, created_at, removed_at) VALUES \
     (OLD.id, OLD.state, OLD.valor, OLD.payload, OLD.attempts, OLD.token, OLD.created_at, UTC_TIMESTAMP(6))",
];
/// The number of ids that have an event: those that the counter has passed, without the unused ones of blocks.
const COUNTER: &str = "SELECT CAST(id - (SELECT COALESCE(SUM(last - used + skipped), 0) FROM IdBlocks) AS SIGNED) FROM DBStatus";
const REMOVED_AT: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', removed_at)";

/// Creates the table of removed events.
pub(super) async fn keep_removed(sql: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for statement in KEEP_REMOVED {
        sql.execute(statement).await?;
    }
    Ok(())
}

/// Reads the tables in one snapshot, and then a producer's count.
pub(super) async fn read(pipeline: &Pipeline, sql: &mut MySqlConnection) -> anyhow::Result<FinalState> {
    // The snapshot is consistent about events that are being removed.
    sql.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    let clock = pipeline.server_faults.clock().clone();
    let stored = rows(sql, "Events", "NULL", &clock).await?;
    let removed = rows(sql, "Removed", REMOVED_AT, &clock).await?;
    let removed_count = sqlx::query_scalar("SELECT removed FROM Ledger").fetch_one(&mut *sql).await?;
    let counter = sqlx::query_scalar(COUNTER).fetch_one(&mut *sql).await?;
    sql.execute("COMMIT").await?;
    let count = async {
        let request = client().get(pipeline.api(0)).timeout(IDLE_LIMIT);
        request.send().await?.json::<serde_json::Value>().await
    };
    let events = count.await.ok().and_then(|count| count["events"].as_i64()).unwrap_or(-1);
    Ok(FinalState { rows: stored, removed, counter, removed_count, events })
}

/// Reads every event of a table. `removed` is the SQL expression of its removal time.
async fn rows(
    sql: &mut MySqlConnection,
    table: &str,
    removed: &str,
    clock: &ClockSteps,
) -> Result<Vec<Row>, sqlx::Error> {
    let select = format!(
        "SELECT id, state, COALESCE(valor, '') AS valor, attempts, token, \
         CAST(JSON_UNQUOTE(JSON_EXTRACT(payload, '$.mark')) AS CHAR) AS mark, \
         TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at) AS created, {removed} AS removed FROM {table}"
    );
    sql.fetch_all(AssertSqlSafe(select)).await?.iter().map(|found| row(found, clock)).collect()
}

fn row(row: &MySqlRow, clock: &ClockSteps) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: row.try_get("id")?,
        state: row.try_get("state")?,
        valor: row.try_get("valor")?,
        mark: row.try_get("mark")?,
        attempts: row.try_get("attempts")?,
        token: row.try_get("token")?,
        created: clock.latest(row.try_get("created")?),
        removed: row.try_get::<Option<i64>, _>("removed")?.map(|removed| clock.earliest(removed)),
    })
}
