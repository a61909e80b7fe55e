//! Faults of the database: its end, foreign transactions, a demotion, lost connections, a clock that steps, a full disk.

use std::io;
use std::time::Duration;

use rand::RngExt as _;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection};
use tokio::time::sleep;

use crate::pipeline::Pipeline;

/// Locks unfinished events, claimed ones first.
const LOCK_EVENTS: &str = "SELECT id FROM Events FORCE INDEX (state_due) WHERE state < 2 ORDER BY state DESC, due LIMIT 64 FOR UPDATE SKIP LOCKED";
const LOCK_COUNTER: &str = "SELECT id FROM DBStatus FOR UPDATE";
const READ: &str = "SELECT COUNT(*) FROM Events";

/// The locks of a foreign transaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    /// Row locks of pending and claimed events.
    Events,
    /// The lock of the counter, which every creation needs.
    Counter,
    /// A snapshot, which blocks purge, and a metadata lock.
    Snapshot,
}

/// Kills the server, and starts it again after `time`.
pub(super) async fn kill(pipeline: &Pipeline, time: Duration) {
    pipeline.mysql.kill9();
    sleep(time).await;
    pipeline.mysql.restart().await;
}

/// Keeps a foreign transaction open for `time`.
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

/// Makes the server refuse every write for `time`, as a demoted primary does.
pub(super) async fn refuse_writes(pipeline: &Pipeline, time: Duration) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    sql.execute("SET GLOBAL super_read_only = ON").await?;
    sleep(time).await;
    // This also ends `super_read_only`.
    sql.execute("SET GLOBAL read_only = OFF").await?;
    Ok(())
}

/// Ends every connection of the programs, up to three times.
pub(super) async fn end_connections(pipeline: &Pipeline) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    for _ in 0..rand::rng().random_range(1..4) {
        kill_connections(&mut sql).await?;
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Ends every connection, and for `time` accepts fewer than the programs need.
pub(super) async fn refuse_connections(pipeline: &Pipeline, time: Duration) -> Result<(), sqlx::Error> {
    let mut sql = pipeline.sql().await?;
    sql.execute("SET GLOBAL max_connections = 10").await?;
    let killed = kill_connections(&mut sql).await;
    sleep(time).await;
    sql.execute("SET GLOBAL max_connections = 151").await?;
    killed
}

async fn kill_connections(sql: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let others =
        "SELECT ID FROM performance_schema.processlist WHERE ID <> CONNECTION_ID() AND USER = 'root'";
    for id in sqlx::query_scalar::<_, u64>(others).fetch_all(&mut *sql).await? {
        // It may have ended by itself.
        let _ = sql.execute(AssertSqlSafe(format!("KILL {id}"))).await;
    }
    Ok(())
}

/// Steps the server's clock by `offset` seconds, and back after `time`.
pub(super) async fn step_clock(pipeline: &Pipeline, offset: i64, time: Duration) -> io::Result<()> {
    pipeline.server_faults.step_clock(offset)?;
    sleep(time).await;
    pipeline.server_faults.step_clock(0)
}

/// Leaves no space to the server for `time`, and then restarts it as an administrator does: mysqld itself looks for space
/// only once per minute.
pub(super) async fn fill_disk(pipeline: &Pipeline, time: Duration) -> io::Result<()> {
    pipeline.server_faults.set_disk_full(true)?;
    sleep(time).await;
    pipeline.mysql.kill9();
    pipeline.server_faults.set_disk_full(false)?;
    pipeline.mysql.restart().await;
    Ok(())
}
