//! Programs that know only the classic columns and share the tables with ours.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Acknowledged, Recorder};
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;

/// A classic program.
trait Program: Send + 'static {
    const PAUSE: Duration;

    /// Does one unit of work.
    fn step(&mut self, sql: &mut MySqlConnection) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

pub(crate) fn spawn(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    pipeline: &Arc<Pipeline>,
    recorder: &Arc<Recorder>,
    end: &CancellationToken,
) {
    tasks.spawn(run(Producer { recorder: Arc::clone(recorder), made: 0 }, Arc::clone(pipeline), end.clone()));
    tasks.spawn(run(Consumer { dies: false }, Arc::clone(pipeline), end.clone()));
    tasks.spawn(run(Consumer { dies: true }, Arc::clone(pipeline), end.clone()));
}

async fn run<P: Program>(
    mut program: P,
    pipeline: Arc<Pipeline>,
    end: CancellationToken,
) -> anyhow::Result<()> {
    let mut connection = None;
    while !end.is_cancelled() {
        tokio::time::sleep(P::PAUSE).await;
        pipeline.load_wanted().await;
        let opened = match connection.take() {
            Some(open) => Ok(open),
            None => pipeline.sql().await,
        };
        // The database may be down.
        if let Ok(mut open) = opened
            && program.step(&mut open).await.is_ok()
        {
            connection = Some(open);
        }
    }
    Ok(())
}

struct Producer {
    recorder: Arc<Recorder>,
    made: u64,
}

impl Program for Producer {
    const PAUSE: Duration = Duration::from_millis(100);

    /// Locks and reads the counter, adds one, inserts the event, and writes the counter back.
    async fn step(&mut self, sql: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        self.made += 1;
        let mark = format!("classic event {}", self.made);
        let mut transaction = sql.begin().await?;
        let counter: i64 =
            sqlx::query_scalar("SELECT id FROM DBStatus FOR UPDATE").fetch_one(&mut *transaction).await?;
        let id = counter + 1;
        let insert =
            sqlx::query("INSERT INTO Events (id, valor, payload) VALUES (?, '', JSON_OBJECT('mark', ?))");
        insert.bind(id).bind(&mark).execute(&mut *transaction).await?;
        sqlx::query("UPDATE DBStatus SET id = ?").bind(id).execute(&mut *transaction).await?;
        transaction.commit().await?;
        let acknowledged = Acknowledged { ids: vec![id], marks: vec![mark], key: None };
        self.recorder.lock().acknowledged.push(acknowledged);
        Ok(())
    }
}

struct Consumer {
    /// Claims events, and never completes them.
    dies: bool,
}

impl Program for Consumer {
    const PAUSE: Duration = Duration::from_millis(250);

    async fn step(&mut self, sql: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        sql.execute("SET SESSION innodb_lock_wait_timeout = 2").await?;
        let mut transaction = sql.begin().await?;
        let claim = "SELECT id FROM Events WHERE (valor = '' OR valor IS NULL) AND (processing = 0 OR processing IS NULL) \
             ORDER BY id LIMIT 1 FOR UPDATE";
        let Some(id) = sqlx::query_scalar::<_, i64>(claim).fetch_optional(&mut *transaction).await? else {
            return transaction.rollback().await;
        };
        sqlx::query("UPDATE Events SET processing = 1 WHERE id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        if self.dies {
            return Ok(());
        }
        // The conditions of C5 keep an overtaken program from changing a value that clients have read.
        let done = "UPDATE Events SET valor = 'palavra', processing = 0 \
             WHERE id = ? AND processing = 1 AND (valor IS NULL OR valor = '')";
        sqlx::query(done).bind(id).execute(&mut *sql).await?;
        Ok(())
    }
}
