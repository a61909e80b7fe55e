//! A database for one run of the kit, with an audit of every change of events.

use std::ffi::OsString;
use std::time::Duration;

use eventpipeline_database::{Database, DatabaseArgs};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::database::{connect, connect_to_server, ours};
use crate::program::Program;

/// A trigger records each change of an event and the session that made it.
const AUDIT: [&str; 2] = [
    "CREATE TABLE Audit (n BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, event BIGINT NOT NULL, session BIGINT NOT NULL, \
     before_processing INT NOT NULL, after_processing INT NOT NULL, had_value BOOLEAN NOT NULL, \
     wrote_value BOOLEAN NOT NULL, same_claim BOOLEAN NOT NULL, new_token BOOLEAN NOT NULL)",
    "CREATE TRIGGER Events_audit AFTER UPDATE ON Events FOR EACH ROW INSERT INTO Audit \
     (event, session, before_processing, after_processing, had_value, wrote_value, same_claim, new_token) VALUES \
     (OLD.id, CONNECTION_ID(), COALESCE(OLD.processing, 0), COALESCE(NEW.processing, 0), \
     COALESCE(LENGTH(OLD.valor), 0) > 0, NOT (CAST(OLD.valor AS BINARY) <=> CAST(NEW.valor AS BINARY)), \
     OLD.token = NEW.token AND OLD.due <> NEW.due, OLD.token <> NEW.token)",
];

/// The database, and the command of the consumer.
pub(super) struct Scratch {
    args: DatabaseArgs,
    command: Vec<OsString>,
    /// Time limit for some hundred events, including the start.
    pub(super) patience: Duration,
    pub(super) connection: MySqlConnection,
    pub(super) ours: Database,
}

impl Scratch {
    pub(super) async fn create(
        mut args: DatabaseArgs,
        command: Vec<OsString>,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        // MySQL limits names to 64 characters.
        let name: String = args.database_name.chars().take(52).collect();
        args.database_name = format!("{name}_conformance");
        let name = &args.database_name;
        let mut server = connect_to_server(&args).await?;
        server.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS `{name}`"))).await?;
        server.execute(AssertSqlSafe(format!("CREATE DATABASE `{name}`"))).await?;
        let ours = ours(&args)?;
        ours.migrate().await?;
        let mut connection = connect(&args).await?;
        for statement in AUDIT {
            connection.execute(statement).await?;
        }
        Ok(Self { args, command, patience, connection, ours })
    }

    pub(super) async fn remove(mut self) -> anyhow::Result<()> {
        let drop = format!("DROP DATABASE `{}`", self.args.database_name);
        self.connection.execute(AssertSqlSafe(drop)).await?;
        Ok(())
    }

    /// Opens another connection to the database.
    pub(super) async fn another(&self) -> anyhow::Result<MySqlConnection> {
        connect(&self.args).await
    }

    /// Starts the consumer on the database.
    pub(super) fn consumer(&self) -> anyhow::Result<Program> {
        let args = &self.args;
        let variables = [
            ("DATABASE_HOST", args.database_host.clone()),
            ("DATABASE_PORT", args.database_port.to_string()),
            ("DATABASE_NAME", args.database_name.clone()),
            ("DATABASE_USER", args.database_user.clone()),
            ("DATABASE_PASSWORD_FILE", args.database_password_file.display().to_string()),
        ];
        Program::start(&self.command, &variables)
    }

    /// Deletes all events and their audit.
    pub(super) async fn clear(&mut self) -> anyhow::Result<()> {
        for statement in ["DELETE FROM Events", "DELETE FROM Audit", "UPDATE DBStatus SET id = 0"] {
            self.connection.execute(statement).await?;
        }
        Ok(())
    }

    /// Adds `many` free events with the ids after `last`.
    pub(super) async fn add(&mut self, last: i64, many: i64) -> anyhow::Result<()> {
        let rows: Vec<String> = (last + 1..=last + many).map(|id| format!("({id})")).collect();
        self.connection
            .execute(AssertSqlSafe(format!("INSERT INTO Events (id) VALUES {}", rows.join(","))))
            .await?;
        let count = format!("UPDATE DBStatus SET id = {}", last + many);
        self.connection.execute(AssertSqlSafe(count)).await?;
        Ok(())
    }

    /// Returns the number that a query selects.
    pub(super) async fn number(&mut self, select: &'static str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(select).fetch_one(&mut self.connection).await?)
    }
}
