//! A wrong consumer: it selects an event, claims it and completes it, without locks and conditions, and pauses before each
//! step, so that two of them collide. The kit's tests show that it fails.

use std::time::Duration;

use clap::Parser;
use eventpipeline_database::DatabaseArgs;
use sqlx::Connection as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};

/// Pauses before the claim of an event and before its completion.
const THINKS: Duration = Duration::from_millis(1);
const WORKS: Duration = Duration::from_millis(2);
/// Pause between two polls of an idle consumer.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    database: DatabaseArgs,
}

#[tokio::main]
async fn main() -> Result<(), sqlx::Error> {
    let args = Cli::parse().database;
    let options = MySqlConnectOptions::new()
        .host(&args.database_host)
        .port(args.database_port)
        .username(&args.database_user)
        .database(&args.database_name);
    let mut connection = MySqlConnection::connect_with(&options).await?;
    let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        tokio::select! {
            worked = work(&mut connection) => worked?,
            _ = end.recv() => return Ok(()),
        }
    }
}

async fn work(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let free = "SELECT id FROM Events WHERE COALESCE(valor, '') = '' AND COALESCE(processing, 0) = 0 ORDER BY id LIMIT 1";
    let Some(id): Option<i64> = sqlx::query_scalar(free).fetch_optional(&mut *connection).await? else {
        tokio::time::sleep(PAUSE).await;
        return Ok(());
    };
    tokio::time::sleep(THINKS).await;
    sqlx::query("UPDATE Events SET processing = 1 WHERE id = ?").bind(id).execute(&mut *connection).await?;
    tokio::time::sleep(WORKS).await;
    let answer = "UPDATE Events SET valor = 'palavra', processing = 0 WHERE id = ?";
    sqlx::query(answer).bind(id).execute(&mut *connection).await?;
    Ok(())
}
