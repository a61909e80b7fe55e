//! Connections to the database of the checked programs.

use eventpipeline_database::{Database, DatabaseArgs, Metrics};
use prometheus::Registry;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

/// Opens a connection to the database that the arguments name.
pub(crate) async fn connect(args: &DatabaseArgs) -> anyhow::Result<MySqlConnection> {
    open(args, Some(&args.database_name)).await
}

/// Opens a connection to the server without selecting a database.
pub(crate) async fn connect_to_server(args: &DatabaseArgs) -> anyhow::Result<MySqlConnection> {
    open(args, None).await
}

async fn open(args: &DatabaseArgs, database: Option<&str>) -> anyhow::Result<MySqlConnection> {
    let password = std::fs::read_to_string(&args.database_password_file)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let mut options = MySqlConnectOptions::new()
        .host(&args.database_host)
        .port(args.database_port)
        .username(&args.database_user)
        .ssl_mode(args.database_tls.into());
    if let Some(database) = database {
        options = options.database(database);
    }
    if let Some(path) = &args.database_tls_ca_file {
        options = options.ssl_ca(path);
    }
    if !password.is_empty() {
        options = options.password(password);
    }
    let mut connection = options.connect().await?;
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    Ok(connection)
}

/// Ends all other connections to the database.
pub(crate) async fn cut_others(connection: &mut MySqlConnection) -> anyhow::Result<()> {
    let others = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                  WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let others: Vec<i64> = sqlx::query_scalar(others).fetch_all(&mut *connection).await?;
    for id in others {
        // It may have ended by itself.
        let _ = connection.execute(AssertSqlSafe(format!("KILL {id}"))).await;
    }
    Ok(())
}

/// Returns the queue's operations as our programs use them.
pub(crate) fn ours(args: &DatabaseArgs) -> anyhow::Result<Database> {
    Ok(Database::new(args.clone(), Metrics::new(&Registry::new())?))
}
