//! A small additional table of claimable events. The table of events has only its primary key, or also the indexes for leases
//! and retention.

use eventpipeline_testkit::Database as Server;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};

use super::{BATCH, DATABASE, Poll, Shape, VALUE, Worker};

/// `Events` is as wide as the product's. The reader that blocks purge reads `DBStatus`.
const TABLES: &str = "CREATE TABLE Events (id BIGINT PRIMARY KEY, valor VARCHAR(8000) DEFAULT '', processing INT DEFAULT 0, \
       payload LONGTEXT, priority TINYINT NOT NULL DEFAULT 0, token BIGINT NOT NULL DEFAULT 0, \
       attempts INT NOT NULL DEFAULT 0, owner VARCHAR(255), lease_until DATETIME(6), error VARCHAR(1000), \
       created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)), done_at DATETIME(6)) \
       DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin; \
     CREATE TABLE Ready (place BIGINT, id BIGINT, PRIMARY KEY (place, id)); \
     CREATE TABLE DBStatus (id BIGINT NOT NULL); INSERT INTO DBStatus VALUES (0)";
/// The indexes for expired claims and for old events.
const INDEXES: &str = "ALTER TABLE Events ADD KEY lease (lease_until), ADD KEY done (done_at)";
/// The SQL state of a serialization failure.
const DEADLOCK: &str = "40001";
const SETTINGS: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

pub(super) struct ReadyTable<const INDEXED: bool> {
    url: String,
    sql: MySqlConnection,
}

pub(super) struct Claims {
    sql: MySqlConnection,
    poll: Poll,
    mark: i64,
}

impl<const INDEXED: bool> ReadyTable<INDEXED> {
    /// Inserts events. `ready` is the statement that makes them claimable.
    async fn fill(&mut self, many: u32, values: &str, ready: &str) -> anyhow::Result<()> {
        let statements = format!(
            "SET SESSION cte_max_recursion_depth = 10000000; SET @first = (SELECT id FROM DBStatus); \
             INSERT INTO Events (id, valor, done_at) WITH RECURSIVE numbers AS \
               (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {many}) \
               SELECT @first + n, {values} FROM numbers; \
             {ready} UPDATE DBStatus SET id = id + {many}"
        );
        self.sql.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
        Ok(())
    }
}

impl<const INDEXED: bool> Shape for ReadyTable<INDEXED> {
    const NAME: &'static str = if INDEXED { "ready table and indexes" } else { "ready table alone" };
    type Worker = Claims;

    async fn new(mysql: &Server) -> anyhow::Result<Self> {
        let url = mysql.url(DATABASE);
        let mut sql = MySqlConnection::connect(&url).await?;
        sql.execute(sqlx::raw_sql(TABLES)).await?;
        if INDEXED {
            sql.execute(INDEXES).await?;
        }
        Ok(Self { url, sql })
    }

    fn sql(&mut self) -> &mut MySqlConnection {
        &mut self.sql
    }

    /// Inserts events with the places of a producer that creates a hundred at a time.
    async fn fill_waiting(&mut self, many: u32) -> anyhow::Result<()> {
        let ready = "INSERT INTO Ready SELECT id DIV 100, id FROM Events WHERE id > @first;";
        self.fill(many, "'', NULL", ready).await
    }

    async fn fill_finished(&mut self, many: u32) -> anyhow::Result<()> {
        self.fill(many, &format!("'{VALUE}', UTC_TIMESTAMP(6)"), "").await
    }

    async fn worker(&self, poll: Poll) -> anyhow::Result<Claims> {
        let mut sql = MySqlConnection::connect(&self.url).await?;
        sql.execute(SETTINGS).await?;
        Ok(Claims { sql, poll, mark: 0 })
    }
}

impl Worker for Claims {
    /// Retries after deadlocks of concurrent deletions, as the product's operations do.
    async fn turn(&mut self) -> anyhow::Result<u32> {
        match self.claim_and_complete().await {
            Err(error)
                if error
                    .as_database_error()
                    .is_some_and(|error| error.code().as_deref() == Some(DEADLOCK)) =>
            {
                self.sql.execute("ROLLBACK").await?;
                Ok(0)
            }
            done => Ok(u32::try_from(done?)?),
        }
    }
}

impl Claims {
    /// Needs as many round trips as the product: the locking read, the claim, and the completion.
    async fn claim_and_complete(&mut self) -> Result<u64, sqlx::Error> {
        let from = if self.poll == Poll::FromMark { self.mark } else { 0 };
        let select = format!(
            "START TRANSACTION; SELECT place, id FROM Ready WHERE place >= {from} ORDER BY place, id LIMIT {BATCH} \
             FOR UPDATE SKIP LOCKED"
        );
        let rows = self.sql.fetch_all(sqlx::raw_sql(AssertSqlSafe(select))).await?;
        let claims = rows.iter().map(claim).collect::<Result<Vec<_>, sqlx::Error>>()?;
        let Some((last, _)) = claims.last() else {
            self.sql.execute("COMMIT").await?;
            return Ok(0);
        };
        self.mark = *last;
        let pairs: Vec<String> = claims.iter().map(|(place, id)| format!("({place},{id})")).collect();
        let ids: Vec<String> = claims.iter().map(|(_, id)| id.to_string()).collect();
        let take = format!(
            "DELETE FROM Ready WHERE (place, id) IN ({}); \
             UPDATE Events SET processing = 1, token = token + 1, attempts = attempts + 1, owner = 'bench', \
               lease_until = UTC_TIMESTAMP(6) + INTERVAL 10 MINUTE WHERE id IN ({}); COMMIT",
            pairs.join(","),
            ids.join(",")
        );
        self.sql.execute(sqlx::raw_sql(AssertSqlSafe(take))).await?;
        let items: Vec<String> = ids.iter().map(|id| format!("[{id},1,\"{VALUE}\"]")).collect();
        let complete = "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]', token BIGINT PATH '$[1]', \
               text VARCHAR(64) PATH '$[2]')) AS item STRAIGHT_JOIN Events AS e ON e.id = item.id \
             SET e.valor = item.text, e.processing = 0, e.lease_until = NULL, e.done_at = UTC_TIMESTAMP(6) \
             WHERE e.token = item.token AND e.processing = 1";
        let done =
            sqlx::query(complete).bind(format!("[{}]", items.join(","))).execute(&mut self.sql).await?;
        Ok(done.rows_affected())
    }
}

fn claim(row: &MySqlRow) -> Result<(i64, i64), sqlx::Error> {
    Ok((row.try_get("place")?, row.try_get("id")?))
}
