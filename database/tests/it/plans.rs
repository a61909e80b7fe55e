//! What the statements that run all the time read: their index, in its order, and few rows, however the table is filled.

use eventpipeline_database::HotStatement;
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::support::{Fixture, on_each};

/// What a look from a mark begins behind: before everything that [`LARGE`] makes.
const MARK: i64 = 1_262_304_000_000_000;

/// A table of which everything is wanted: the one that optimizers like to sort.
const WAITING: &str = "INSERT INTO Events (id) WITH RECURSIVE numbers AS \
     (SELECT 10 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 500) SELECT n FROM numbers";
const SMALL: &str = "INSERT INTO Events (id, valor, processing, due) VALUES (1, '', 0, UTC_TIMESTAMP(6)), \
     (2, '', 1, '2020-01-01'), (3, 'palavra', 0, '2020-01-01')";
/// 200,000 events are done, 20,000 wait, and 1,000 claims are overdue.
const LARGE: &str = "INSERT INTO Events (id, valor, processing, due) \
     WITH digits AS (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 \
       UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9), \
     numbers AS (SELECT 1000 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d AS n \
       FROM digits AS a, digits AS b, digits AS c, digits AS d, digits AS e, digits AS f WHERE f.d < 3) \
     SELECT n, IF(n < 201000, 'palavra', ''), IF(n < 221000, 0, 1), '2020-01-01' + INTERVAL n SECOND \
     FROM numbers WHERE n < 222000";

#[tokio::test]
async fn what_runs_all_the_time_follows_the_index_on_empty_small_and_large_tables() {
    on_each(async |mut fixture| {
        for fill in ["SELECT 1", WAITING, SMALL, LARGE] {
            fixture.sql(fill).await;
            fixture.sql("ANALYZE TABLE Events").await;
            for statement in HotStatement::ALL {
                for from in marks(*statement) {
                    let text = statement.text(from);
                    // A reclaim without a pulse is one that finds nothing.
                    fixture
                        .sql(
                            "REPLACE INTO KeeperPulse (seen_at, tolerance_milliseconds) \
                             VALUES (UTC_TIMESTAMP(6), 30000)",
                        )
                        .await;
                    follows_its_index(&mut fixture, *statement, &text).await;
                    reads_little(&mut fixture, *statement, &text).await;
                }
            }
        }
    })
    .await;
}

/// Where a look may begin: at the start, before everything, and where the pieces that it goes along leave others between them.
fn marks(statement: HotStatement) -> Vec<Option<i64>> {
    let lately = (Timestamp::now() - SignedDuration::from_mins(1)).as_microsecond();
    match statement {
        HotStatement::Claim | HotStatement::LookForDue => vec![None, Some(MARK), Some(lately)],
        _ => vec![None, Some(MARK)],
    }
}

/// Neither a sort, which would lock every candidate before the first is given, nor another way to the rows.
async fn follows_its_index(fixture: &mut Fixture, statement: HotStatement, text: &str) {
    let explain = AssertSqlSafe(format!("EXPLAIN FORMAT=TRADITIONAL {text}"));
    let rows = fixture.other.fetch_all(sqlx::raw_sql(explain)).await.unwrap();
    let index = if statement == HotStatement::Complete { "PRIMARY" } else { "state_due" };
    for row in rows {
        let table: String = row.try_get("table").unwrap();
        let extra: Option<String> = row.try_get("Extra").unwrap();
        let extra = extra.unwrap_or_default();
        assert!(!extra.contains("filesort"), "{statement}: {table}: {extra}");
        if table != "item" && table != "KeeperPulse" {
            let key: Option<String> = row.try_get("key").unwrap();
            assert_eq!(key.as_deref(), Some(index), "{statement}: {table}: {extra}");
            assert!(!extra.contains("temporary"), "{statement}: {table}: {extra}");
        }
    }
}

/// By the server's own count of rows that it has read, whatever it says of its plan.
async fn reads_little(fixture: &mut Fixture, statement: HotStatement, text: &str) {
    let before = fixture.rows_read().await;
    fixture.sql("START TRANSACTION").await;
    fixture.other.fetch_all(sqlx::raw_sql(AssertSqlSafe(text.to_owned()))).await.unwrap();
    fixture.sql("ROLLBACK").await;
    let read = fixture.rows_read().await - before;
    // Of the index and of the table; a temporary table is written and read again; and some for the server's own questions.
    let most = 4 * u64::try_from(statement.events()).unwrap() + 50;
    assert!(read <= most, "{statement} reads {read} rows: {text}");
}
