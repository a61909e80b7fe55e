//! A database for one run of the kit, with an audit of what is done to events.

use std::ffi::OsString;
use std::time::Duration;

use eventpipeline_database::{Database, DatabaseArgs};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::database::{connect, connect_to_server, ours};
use crate::program::Program;

/// What is written down of each change of an event, by whom.
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

/// The database, and the command that works in it.
pub(super) struct Scratch {
    args: DatabaseArgs,
    command: Vec<OsString>,
    /// How long some hundred events may take, a start included.
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
        // A name has at most 64 characters.
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

    /// Another connection to it.
    pub(super) async fn another(&self) -> anyhow::Result<MySqlConnection> {
        connect(&self.args).await
    }

    /// Starts the consumer in it.
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

    /// Forgets all events and what was done to them.
    pub(super) async fn clear(&mut self) -> anyhow::Result<()> {
        for statement in ["DELETE FROM Events", "DELETE FROM Audit", "UPDATE DBStatus SET id = 0"] {
            self.connection.execute(statement).await?;
        }
        Ok(())
    }

    /// Adds `many` free events with the ids behind `last`.
    pub(super) async fn add(&mut self, last: i64, many: i64) -> anyhow::Result<()> {
        let rows: Vec<String> = (last + 1..=last + many).map(|id| format!("({id})")).collect();
        self.connection
            .execute(AssertSqlSafe(format!("INSERT INTO Events (id) VALUES {}", rows.join(","))))
            .await?;
        let count = format!("UPDATE DBStatus SET id = {}", last + many);
        self.connection.execute(AssertSqlSafe(count)).await?;
        Ok(())
    }

    /// A number that the database says.
    pub(super) async fn number(&mut self, select: &'static str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(select).fetch_one(&mut self.connection).await?)
    }
}
