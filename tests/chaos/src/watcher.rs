//! A task that looks at the tables all along, so that a token that goes back or an answer that changes is seen.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Recorder, Sample};
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, Row as _};
use tokio_util::sync::CancellationToken;

use crate::pipeline::{Pipeline, ROWS, row};

const PERIOD: Duration = Duration::from_millis(100);

/// What is not finished, and what was finished last.
const LOOK: &str = "SELECT id, token, COALESCE(valor, '') AS valor FROM Events FORCE INDEX (state_due) WHERE state < 2 \
     UNION ALL SELECT id, token, valor FROM \
     (SELECT id, token, COALESCE(valor, '') AS valor FROM Events FORCE INDEX (state_due) WHERE state = 2 \
      ORDER BY due DESC LIMIT 300) AS finished";

/// How long before its commit a statement may have taken the time at which its event ended: as long as it waits for a lock.
const LATE_COMMITS: &str = "7 SECOND";
/// Every so many looks also for what has finished.
const FINISHED: usize = 5;

/// Looks until `end`. A database that is away is waited for.
pub(crate) async fn run(
    pipeline: Arc<Pipeline>,
    recorder: Arc<Recorder>,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let mut connection = None;
    // Before everything; then the time of the last look, by the database's clock.
    let mut since = "2000-01-01".to_owned();
    for turn in 0.. {
        if end.is_cancelled() {
            break;
        }
        connection = look(connection, &pipeline, &recorder).await.ok();
        if turn % FINISHED == 0
            && let Some(mut open) = connection.take()
            && let Ok(now) = keep_finished(&mut open, &since, &recorder).await
        {
            (since, connection) = (now, Some(open));
        }
        tokio::time::sleep(PERIOD).await;
    }
    Ok(())
}

/// Keeps what has ended since the look before, before it can be removed. Gives the time of this look.
async fn keep_finished(
    connection: &mut MySqlConnection,
    since: &str,
    recorder: &Recorder,
) -> Result<String, sqlx::Error> {
    let now = sqlx::query_scalar("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").fetch_one(&mut *connection).await?;
    let mut finished = Vec::new();
    for state in 2..=4 {
        let ended = format!(
            "{ROWS} FORCE INDEX (state_due) WHERE state = {state} AND due >= '{since}' - INTERVAL {LATE_COMMITS}"
        );
        finished.extend(connection.fetch_all(AssertSqlSafe(ended)).await?);
    }
    let rows = finished.iter().map(row).collect::<Result<Vec<_>, sqlx::Error>>()?;
    recorder.lock().finished.extend(rows.into_iter().map(|row| (row.id, row)));
    Ok(now)
}

async fn look(
    connection: Option<MySqlConnection>,
    pipeline: &Pipeline,
    recorder: &Recorder,
) -> Result<MySqlConnection, sqlx::Error> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => pipeline.sql().await?,
    };
    let rows = connection.fetch_all(LOOK).await?;
    let samples = rows.iter().map(|row| {
        Ok(Sample { id: row.try_get("id")?, token: row.try_get("token")?, valor: row.try_get("valor")? })
    });
    let samples = samples.collect::<Result<Vec<_>, sqlx::Error>>()?;
    recorder.lock().samples.extend(samples);
    Ok(connection)
}
