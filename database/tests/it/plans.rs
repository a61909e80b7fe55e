//! Query plans of the statements that run constantly: they follow their index and read few rows of a table of any size.

use eventpipeline_database::{HotStatement, Lane, Lanes};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::keys::set_rules;
use crate::support::{Fixture, on_each};

/// A mark before all events of [`LARGE`].
const MARK: i64 = 1_262_304_000_000_000;

/// A table that contains only pending events, which optimizers tend to sort.
const WAITING: &str = "INSERT INTO Events (id) WITH RECURSIVE numbers AS \
     (SELECT 10 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 500) SELECT n FROM numbers";
const SMALL: &str = "INSERT INTO Events (id, valor, processing, due) VALUES (1, '', 0, UTC_TIMESTAMP(6)), \
     (2, '', 1, '2020-01-01'), (3, 'palavra', 0, '2020-01-01')";
/// A table with 200,000 completed events, 20,000 pending ones, and 1,000 expired claims.
const LARGE: &str = "INSERT INTO Events (id, valor, processing, due) \
     WITH digits AS (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 \
       UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9), \
     numbers AS (SELECT 1000 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d AS n \
       FROM digits AS a, digits AS b, digits AS c, digits AS d, digits AS e, digits AS f WHERE f.d < 3) \
     SELECT n, IF(n < 201000, 'palavra', ''), IF(n < 221000, 0, 1), '2020-01-01' + INTERVAL n SECOND \
     FROM numbers WHERE n < 222000";

/// Sets 64 types on half of the pending events.
const TYPES: &str = "UPDATE Events SET type = CONCAT('kind.', id DIV 2 % 64), lane = 1, processing = 2 \
     WHERE state = 0 AND id % 2 = 0";

/// Adds 20,000 blocked events of 256 keys.
const BLOCKED: &str = "INSERT INTO Events (id, processing, event_key, key_number, blocked) \
     SELECT id + 1000000, 2, id MOD 256, 4294967296 + id MOD 256, 1 FROM Events WHERE id > 1000 ORDER BY id LIMIT 20000";

#[tokio::test]
async fn hot_statements_follow_the_index_on_empty_small_and_large_tables() {
    on_each(async |mut fixture| {
        for fill in ["SELECT 1", WAITING, SMALL, LARGE] {
            fixture.sql(fill).await;
            check_all(&mut fixture, Lane::DEFAULT).await;
        }
        let lanes = Lanes::from_json(r#"[{"lane": "kinds", "types": ["kind.*"]}]"#).unwrap();
        fixture.database.apply_lanes(&lanes).await.unwrap();
        fixture.sql(TYPES).await;
        let lane = fixture.session().lane("kinds").await.unwrap();
        for lane in [lane, Lane::DEFAULT] {
            check_all(&mut fixture, lane).await;
        }
        set_rules(&fixture, r#"{"concurrency": 1, "onDead": "Skip"}"#).await;
        fixture.sql(BLOCKED).await;
        check_all(&mut fixture, Lane::DEFAULT).await;
    })
    .await;
}

/// Checks all statements on the table as it is.
async fn check_all(fixture: &mut Fixture, lane: Lane) {
    fixture.sql("ANALYZE TABLE Events").await;
    for statement in HotStatement::ALL {
        for from in marks(*statement) {
            let text = statement.text(lane, from);
            // A reclaim without a pulse finds nothing.
            fixture
                .sql(
                    "REPLACE INTO KeeperPulse (seen_at, tolerance_milliseconds) VALUES (UTC_TIMESTAMP(6), 30000)",
                )
                .await;
            fixture.other.execute(AssertSqlSafe(range(from))).await.unwrap();
            follows_its_index(fixture, *statement, &text).await;
            reads_little(fixture, *statement, &text).await;
        }
    }
}

/// Sets the variables of a range that begins at a position and ends one second ago.
fn range(from: Option<i64>) -> String {
    let last = (Timestamp::now() - SignedDuration::from_secs(1)).as_microsecond();
    format!("SET @place = {}, @event = 0, @last_place = {last}", from.unwrap_or_default())
}

/// Returns positions at which a scan may begin: the start, a mark before all events, and one with gaps between its ranges.
fn marks(statement: HotStatement) -> Vec<Option<i64>> {
    let recent = (Timestamp::now() - SignedDuration::from_mins(1)).as_microsecond();
    match statement {
        HotStatement::Claim | HotStatement::FindDue | HotStatement::Urgent => {
            vec![None, Some(MARK), Some(recent)]
        }
        _ => vec![None, Some(MARK)],
    }
}

/// Checks for sorts, which would lock every candidate before the first is returned, and for other access paths.
async fn follows_its_index(fixture: &mut Fixture, statement: HotStatement, text: &str) {
    let explain = AssertSqlSafe(format!("EXPLAIN FORMAT=TRADITIONAL {text}"));
    let rows = fixture.other.fetch_all(sqlx::raw_sql(explain)).await.unwrap();
    let index = if statement == HotStatement::Complete { "PRIMARY" } else { "state_due" };
    for row in rows {
        let table: String = row.try_get("table").unwrap();
        let extra: Option<String> = row.try_get("Extra").unwrap();
        let extra = extra.unwrap_or_default();
        assert!(!extra.contains("filesort"), "{statement}: {table}: {extra}");
        if !["item", "k", "KeeperPulse"].contains(&table.as_str()) {
            let key: Option<String> = row.try_get("key").unwrap();
            assert_eq!(key.as_deref(), Some(index), "{statement}: {table}: {extra}");
            assert!(!extra.contains("temporary"), "{statement}: {table}: {extra}");
        }
    }
}

/// Checks the server's own count of read rows, regardless of the plan that it shows.
async fn reads_little(fixture: &mut Fixture, statement: HotStatement, text: &str) {
    let before = fixture.rows_read().await;
    fixture.sql("START TRANSACTION").await;
    fixture.other.fetch_all(sqlx::raw_sql(AssertSqlSafe(text.to_owned()))).await.unwrap();
    fixture.sql("ROLLBACK").await;
    let read = fixture.rows_read().await - before;
    // Rows of the index, of the table, and of a temporary table, and some of the server's own queries.
    let most = 4 * u64::try_from(statement.events()).unwrap() + 50;
    assert!(read <= most, "{statement} reads {read} rows: {text}");
}
