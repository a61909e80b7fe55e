//! The clauses of docs/contracts/tables.md about the contents of a database. Checks only read, and programs may keep running.

use eventpipeline_database::{CREATED_EVENTS, DatabaseArgs};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::clause::Clause;
use crate::database::connect;
use crate::report::{CheckResult, Failure, Report, expect};

/// The database to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server and database, and a user that may read its tables
    #[command(flatten)]
    database: DatabaseArgs,
}

/// All checks read the same snapshot.
const SNAPSHOT: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// Clauses that no row may violate: the clause, its meaning, and the number of rows that violate it.
const NONE_OF: [(Clause, &str, &str); 5] = [
    (
        Clause::T3,
        "every event has an id that was counted",
        "SELECT COUNT(*) FROM Events WHERE id > (SELECT id FROM DBStatus) OR id < 1",
    ),
    (
        Clause::T2,
        "payloads are JSON",
        "SELECT COUNT(*) FROM Events WHERE payload IS NOT NULL AND NOT JSON_VALID(payload)",
    ),
    (
        Clause::C6,
        "values are not blank",
        "SELECT COUNT(*) FROM Events WHERE LENGTH(valor) > 0 AND CHAR_LENGTH(TRIM(valor)) = 0",
    ),
    (
        Clause::C12,
        "a value and processing = 0 are written in one statement",
        "SELECT COUNT(*) FROM Events WHERE LENGTH(valor) > 0 AND processing = 1",
    ),
    (
        Clause::L7,
        "attempts and fence tokens never decrease",
        "SELECT COUNT(*) FROM Events WHERE attempts < 0 OR token < 0 OR token < attempts",
    ),
];

pub(crate) async fn check(args: Args, report: &mut Report) -> anyhow::Result<()> {
    let mut connection = connect(&args.database).await?;
    for statement in SNAPSHOT {
        connection.execute(statement).await?;
    }
    let what = "every id that was counted is an event, was removed, or belongs to a block";
    report.check(Clause::T1, what, counted(&mut connection)).await;
    for (clause, what, count) in NONE_OF {
        report.check(clause, what, none_of(&mut connection, count)).await;
    }
    Ok(())
}

async fn counted(connection: &mut MySqlConnection) -> CheckResult {
    let (counted, events, removed) = number_of_each(connection).await?;
    let expected = format!("{counted} events, as DBStatus counts without the unused ids of blocks");
    expect(counted == events + removed, expected, format!("{events}, and {removed} that were removed"))
}

async fn number_of_each(connection: &mut MySqlConnection) -> Result<(i64, i64, i64), Failure> {
    let select =
        format!("SELECT {CREATED_EVENTS}, (SELECT COUNT(*) FROM Events), (SELECT removed FROM Ledger)");
    Ok(sqlx::query_as(AssertSqlSafe(select)).fetch_one(connection).await?)
}

async fn none_of(connection: &mut MySqlConnection, count: &'static str) -> CheckResult {
    let rows: i64 = sqlx::query_scalar(count).fetch_one(connection).await?;
    expect(rows == 0, "no row that violates it", format!("{rows} rows"))
}
