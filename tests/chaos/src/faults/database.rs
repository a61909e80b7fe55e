//! Faults that somebody else makes in the database: transactions that hold locks, a demotion, connections that are ended or refused.

use std::time::Duration;

use rand::RngExt as _;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection};
use tokio::time::sleep;

use crate::pipeline::Pipeline;

/// Rows that are not finished, wherever they stand in line.
const LOCK_EVENTS: &str = "SELECT id FROM Events FORCE INDEX (state_due) WHERE state < 2 ORDER BY state DESC, due LIMIT 64 FOR UPDATE SKIP LOCKED";
const LOCK_COUNTER: &str = "SELECT id FROM DBStatus FOR UPDATE";
const READ: &str = "SELECT COUNT(*) FROM Events";

/// What a foreign transaction holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    /// Locks of events that are waiting or claimed.
    Events,
    /// The lock of the counter, which every creation needs.
    Counter,
    /// A snapshot, which keeps the server from purging, and a metadata lock.
    Snapshot,
}

/// Keeps a transaction of its own open for `time`.
pub(super) async fn hold(pipeline: &Pipeline, what: Hold, time: Duration) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    match what {
        Hold::Events => {
            sql.execute("START TRANSACTION").await?;
            sql.fetch_all(LOCK_EVENTS).await?;
        }
        Hold::Counter => {
            sql.execute("START TRANSACTION").await?;
            sql.fetch_all(LOCK_COUNTER).await?;
        }
        Hold::Snapshot => {
            sql.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
            sql.fetch_all(READ).await?;
        }
    }
    sleep(time).await;
    sql.execute("ROLLBACK").await?;
    Ok(())
}

/// Makes the server refuse every write for `time`, as a primary that was demoted does.
pub(super) async fn refuse_writes(pipeline: &Pipeline, time: Duration) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    sql.execute("SET GLOBAL super_read_only = ON").await?;
    sleep(time).await;
    // This also ends `super_read_only`.
    sql.execute("SET GLOBAL read_only = OFF").await?;
    Ok(())
}

/// Ends every connection of the programs, a few times.
pub(super) async fn end_connections(pipeline: &Pipeline) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    for _ in 0..rand::rng().random_range(1..4) {
        for id in connections(&mut sql).await? {
            // It may have ended by itself.
            let _ = sql.execute(AssertSqlSafe(format!("KILL {id}"))).await;
        }
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Ends every connection and lets too few be made anew for `time`.
pub(super) async fn refuse_connections(pipeline: &Pipeline, time: Duration) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    sql.execute("SET GLOBAL max_connections = 10").await?;
    let ended = async {
        for id in connections(&mut sql).await? {
            let _ = sql.execute(AssertSqlSafe(format!("KILL {id}"))).await;
        }
        sleep(time).await;
        Ok(())
    };
    let ended: Result<(), sqlx::Error> = ended.await;
    sql.execute("SET GLOBAL max_connections = 151").await?;
    ended
}

async fn connections(sql: &mut MySqlConnection) -> Result<Vec<u64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT ID FROM performance_schema.processlist WHERE ID <> CONNECTION_ID() AND USER = 'root'",
    )
    .fetch_all(sql)
    .await
}
