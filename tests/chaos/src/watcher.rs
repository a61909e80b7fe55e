//! A task that samples the tables throughout the run, so that a decreasing token or a changed value is noticed.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Recorder, Sample};
use sqlx::{Executor as _, MySqlConnection, Row as _};
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;

const PERIOD: Duration = Duration::from_millis(100);

/// Selects the unfinished events and those that were finished last.
const SELECT: &str = "SELECT id, token, COALESCE(valor, '') AS valor FROM Events FORCE INDEX (state_due) WHERE state < 2 \
     UNION ALL SELECT id, token, valor FROM \
     (SELECT id, token, COALESCE(valor, '') AS valor FROM Events FORCE INDEX (state_due) WHERE state = 2 \
      ORDER BY due DESC LIMIT 300) AS finished";

/// Takes samples until `end`, whenever the database is up.
pub(crate) async fn run(
    pipeline: Arc<Pipeline>,
    recorder: Arc<Recorder>,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let mut connection = None;
    while !end.is_cancelled() {
        connection = sample(connection, &pipeline, &recorder).await.ok();
        tokio::time::sleep(PERIOD).await;
    }
    Ok(())
}

async fn sample(
    connection: Option<MySqlConnection>,
    pipeline: &Pipeline,
    recorder: &Recorder,
) -> Result<MySqlConnection, sqlx::Error> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => pipeline.sql().await?,
    };
    let rows = connection.fetch_all(SELECT).await?;
    let samples = rows.iter().map(|row| {
        Ok(Sample { id: row.try_get("id")?, token: row.try_get("token")?, valor: row.try_get("valor")? })
    });
    let samples = samples.collect::<Result<Vec<_>, sqlx::Error>>()?;
    recorder.lock().samples.extend(samples);
    Ok(connection)
}
