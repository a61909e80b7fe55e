//! A consumer as the first version was: it looks for an event, claims and answers it, without locks and conditions, and takes its
//! time for each of them, so that two meet. The kit's tests show that it is found out.

use std::time::Duration;

use clap::Parser;
use eventpipeline_database::DatabaseArgs;
use sqlx::Connection as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};

/// How long it thinks before it claims an event, and works on one.
const THINKS: Duration = Duration::from_millis(1);
const WORKS: Duration = Duration::from_millis(2);
/// How soon it looks again when there is nothing.
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
