//! Values, from the table to the clients.

use std::time::Duration;

use eventpipeline_database::DatabaseArgs;
use reqwest::Method;
use sqlx::mysql::MySqlConnection;

use super::{LIMIT, begin_sync, create};
use crate::clause::Clause;
use crate::database::{connect, cut_others};
use crate::http::Subject;
use crate::program::within;
use crate::report::{CheckResult, Failure, Report, expect};

/// A usual duration of a handler. Clients that wait this long must be served like those that wait briefly.
const SLOW: Duration = Duration::from_millis(1500);

/// Values that programs get wrong: quotes, characters that SQL and JSON escape, characters of four bytes, one character, and
/// the longest.
fn values() -> [String; 5] {
    [
        "ação 日本語 🎉 e\u{301}".to_owned(),
        "\"'\\`;-- \n\t<&>%s{}".to_owned(),
        "0".to_owned(),
        "x".repeat(8000),
        "🎉".repeat(8000),
    ]
}

pub(super) async fn check(producer: &Subject, database: Option<&DatabaseArgs>, report: &mut Report) {
    report.check(Clause::P2, "GET /{id} returns the value byte for byte", reads(producer, database)).await;
    match database {
        Some(database) => {
            report.check(Clause::P6, "create-sync returns the stored value", waits(producer, database)).await;
            let what = "it answers and recovers when its database connections break";
            report.check(Clause::P14, what, reconnects(producer, database)).await;
        }
        None => report.check(Clause::P6, "create-sync waits for a value", waits_for_consumer(producer)).await,
    }
}

async fn reads(producer: &Subject, database: Option<&DatabaseArgs>) -> CheckResult {
    let Some(database) = database else {
        return Err(Failure::Skipped("needs the database to write values"));
    };
    let mut connection = connect(database).await?;
    for value in values() {
        let id = create(producer).await?;
        let path = format!("/{id}");
        let before = producer.get(&path).await?.status(&[200])?.text("valor")?;
        expect(before.is_empty(), "no value before one is written (is a consumer running?)", before)?;
        write_value(&mut connection, id, &value).await?;
        let after = producer.get(&path).await?.status(&[200])?.text("valor")?;
        same(&value, &after)?;
    }
    Ok(())
}

async fn waits(producer: &Subject, database: &DatabaseArgs) -> CheckResult {
    let mut connection = connect(database).await?;
    for (value, pause) in values().into_iter().zip([SLOW, Duration::ZERO].into_iter().cycle()) {
        let (waiting, id) = begin_sync(producer).await?;
        tokio::time::sleep(pause).await;
        write_value(&mut connection, id, &value).await?;
        let answer = waiting.await.map_err(anyhow::Error::from)??.status(&[201])?;
        same(&value, &answer.text("valor")?)?;
    }
    Ok(())
}

async fn reconnects(producer: &Subject, database: &DatabaseArgs) -> CheckResult {
    let mut connection = connect(database).await?;
    create(producer).await?;
    cut_others(&mut connection).await?;
    // Each may use its own connections.
    for (method, path) in [(Method::POST, "/create-async"), (Method::GET, "/"), (Method::GET, "/1")] {
        within(LIMIT, &format!("{method} {path} to be served again"), async || {
            let answer = producer.ask(method.clone(), path).await;
            let answer = answer.map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
            match answer.status {
                200 | 202 => Ok(Ok(Ok(()))),
                500.. if answer.text("message").is_ok() => Ok(Err(answer.body)),
                other => {
                    let expected = "a success, or 5xx with JSON that has a `message`";
                    Ok(Ok(expect(false, expected, format!("{other}: {}", answer.body))))
                }
            }
        })
        .await??;
    }
    Ok(())
}

async fn waits_for_consumer(producer: &Subject) -> CheckResult {
    let value = producer.post("/create-sync").await?.status(&[201])?.text("valor")?;
    expect(!value.is_empty(), "a value", "an empty one")
}

/// Writes a value as a classic consumer does.
async fn write_value(connection: &mut MySqlConnection, id: i64, value: &str) -> anyhow::Result<()> {
    let update = "UPDATE Events SET valor = ?, processing = 0 WHERE id = ?";
    let written = sqlx::query(update).bind(value).bind(id).execute(connection).await?;
    anyhow::ensure!(written.rows_affected() == 1, "event {id} is not in the database of DATABASE_*");
    Ok(())
}

fn same(stored: &str, got: &str) -> CheckResult {
    let shown = |text: &str| {
        format!("{:?}, {} characters", text.chars().take(40).collect::<String>(), text.chars().count())
    };
    expect(stored == got, shown(stored), shown(got))
}
