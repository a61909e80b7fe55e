//! Values, from the table to who asks for them.

use std::time::Duration;

use eventpipeline_database::DatabaseArgs;
use reqwest::Method;
use sqlx::mysql::MySqlConnection;

use super::{LIMIT, begin_sync, create};
use crate::clause::Clause;
use crate::database::{connect, cut_others};
use crate::http::Subject;
use crate::program::within;
use crate::report::{Broken, Checked, Report, hold};

/// What a handler may well take: who waits for so long must be served as well as who waits for a moment.
const SLOW: Duration = Duration::from_millis(1500);

/// Values that programs get wrong: quotes, what SQL and JSON escape, characters of four bytes, one character, and the longest.
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
    report.check(Clause::P2, "GET /{id} gives the value byte for byte", reads(producer, database)).await;
    match database {
        Some(database) => {
            report.check(Clause::P6, "create-sync gives the stored value", waits(producer, database)).await;
            let what = "it answers and comes back when its database connections break";
            report.check(Clause::P14, what, reconnects(producer, database)).await;
        }
        None => report.check(Clause::P6, "create-sync waits for a value", waits_for_consumer(producer)).await,
    }
}

async fn reads(producer: &Subject, database: Option<&DatabaseArgs>) -> Checked {
    let Some(database) = database else {
        return Err(Broken::Skipped("needs the database, to give values"));
    };
    let mut connection = connect(database).await?;
    for value in values() {
        let id = create(producer).await?;
        let path = format!("/{id}");
        let before = producer.get(&path).await?.status(&[200])?.text("valor")?;
        hold(before.is_empty(), "no value before there is one (does a consumer run?)", before)?;
        give(&mut connection, id, &value).await?;
        let after = producer.get(&path).await?.status(&[200])?.text("valor")?;
        same(&value, &after)?;
    }
    Ok(())
}

async fn waits(producer: &Subject, database: &DatabaseArgs) -> Checked {
    let mut connection = connect(database).await?;
    for (value, pause) in values().into_iter().zip([SLOW, Duration::ZERO].into_iter().cycle()) {
        let (waiting, id) = begin_sync(producer).await?;
        tokio::time::sleep(pause).await;
        give(&mut connection, id, &value).await?;
        let answer = waiting.await.map_err(anyhow::Error::from)??.status(&[201])?;
        same(&value, &answer.text("valor")?)?;
    }
    Ok(())
}

async fn reconnects(producer: &Subject, database: &DatabaseArgs) -> Checked {
    let mut connection = connect(database).await?;
    create(producer).await?;
    cut_others(&mut connection).await?;
    // Each may have used connections of its own.
    for (method, path) in [(Method::POST, "/create-async"), (Method::GET, "/"), (Method::GET, "/1")] {
        within(LIMIT, &format!("{method} {path} to be served again"), async || {
            let answer = producer.ask(method.clone(), path).await;
            let answer = answer.map_err(|broken| anyhow::anyhow!("{broken:?}"))?;
            match answer.status {
                200 | 202 => Ok(Ok(Ok(()))),
                500.. if answer.text("message").is_ok() => Ok(Err(answer.body)),
                other => {
                    let expected = "a success, or 5xx with JSON that has a `message`";
                    Ok(Ok(hold(false, expected, format!("{other}: {}", answer.body))))
                }
            }
        })
        .await??;
    }
    Ok(())
}

async fn waits_for_consumer(producer: &Subject) -> Checked {
    let value = producer.post("/create-sync").await?.status(&[201])?.text("valor")?;
    hold(!value.is_empty(), "a value", "an empty one")
}

/// What a classic consumer does.
async fn give(connection: &mut MySqlConnection, id: i64, value: &str) -> anyhow::Result<()> {
    let update = "UPDATE Events SET valor = ?, processing = 0 WHERE id = ?";
    let given = sqlx::query(update).bind(value).bind(id).execute(connection).await?;
    anyhow::ensure!(given.rows_affected() == 1, "event {id} is not in the database that was given");
    Ok(())
}

fn same(stored: &str, came: &str) -> Checked {
    let shown = |text: &str| {
        format!("{:?}, {} characters", text.chars().take(40).collect::<String>(), text.chars().count())
    };
    hold(stored == came, shown(stored), shown(came))
}
