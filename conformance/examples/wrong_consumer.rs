//! A consumer as the first version was: it looks for an event, claims and answers it, without locks and conditions. The kit's
//! tests show that it is found out.

use std::time::Duration;

use clap::Parser;
use eventpipeline_database::DatabaseArgs;
use sqlx::Connection as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};

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
        tokio::time::sleep(Duration::from_millis(20)).await;
        return Ok(());
    };
    sqlx::query("UPDATE Events SET processing = 1 WHERE id = ?").bind(id).execute(&mut *connection).await?;
    let answer = "UPDATE Events SET valor = 'palavra', processing = 0 WHERE id = ?";
    sqlx::query(answer).bind(id).execute(&mut *connection).await?;
    Ok(())
}
