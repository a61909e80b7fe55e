//! One connection to the database: made when needed, given up when in doubt, retried where MySQL says so.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tracing::{debug, warn};

use crate::args::DatabaseArgs;
use crate::error::{Error, number, number_of};

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long one operation may take. Longer than the session's lock wait timeout, so that a lock is MySQL's error.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// How often a transaction that MySQL rolled back for its locks is tried again.
const LOCK_RETRIES: u32 = 8;

/// Where the database is. Makes [`Session`]s.
#[derive(Debug, Clone)]
pub struct Database {
    args: DatabaseArgs,
}

impl Database {
    /// Nothing is connected yet.
    pub fn new(args: DatabaseArgs) -> Self {
        Self { args }
    }

    /// A session of its own for a task. It connects at its first operation, and again after each failure.
    pub fn session(&self) -> Session {
        Session { database: self.clone(), connection: None }
    }

    /// Host and port, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.args.database_host, self.args.database_port)
    }

    fn password(&self) -> Result<SecretString, Error> {
        let path = &self.args.database_password_file;
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::PasswordFile { path: path.clone(), source })?;
        // Files made by hand end with a line break.
        Ok(text.trim_end_matches(['\r', '\n']).into())
    }

    pub(crate) async fn connect(&self) -> Result<MySqlConnection, Error> {
        let options = MySqlConnectOptions::new()
            .host(&self.args.database_host)
            .port(self.args.database_port)
            .database(&self.args.database_name)
            .username(&self.args.database_user)
            .password(self.password()?.expose_secret())
            .ssl_mode(MySqlSslMode::Preferred)
            .disable_statement_logging();
        let failed = |source| Error::Connect { address: self.address(), source };
        let connecting = async {
            let mut connection = options.connect().await?;
            // READ COMMITTED takes no gap locks, with which claims and inserts deadlock each other.
            connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
            connection.execute("SET SESSION innodb_lock_wait_timeout = 5").await?;
            Ok(connection)
        };
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(Error::Timeout { operation: "connect to the database", limit: CONNECT_LIMIT }),
        }
    }
}

/// One connection with the queue's operations. It belongs to one task.
#[derive(Debug)]
pub struct Session {
    database: Database,
    connection: Option<MySqlConnection>,
}

impl Session {
    /// Runs `work` on the connection.
    ///
    /// Runs it again, whole, when MySQL rolled it back because of locks, so that `work` must be one transaction. After
    /// any other error the connection is dropped: its state is not known.
    pub(crate) async fn run<T>(
        &mut self,
        operation: &'static str,
        mut work: impl AsyncFnMut(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        for retry in 0.. {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.database.connect().await?,
            };
            let source = match tokio::time::timeout(OPERATION_LIMIT, work(&mut connection)).await {
                Ok(Ok(done)) => {
                    self.connection = Some(connection);
                    return Ok(done);
                }
                Ok(Err(error)) => error,
                Err(_) => return Err(Error::Timeout { operation, limit: OPERATION_LIMIT }),
            };
            if !lost_to_locks(&source) || retry == LOCK_RETRIES {
                // Say goodbye where the server still listens; a broken connection is just dropped.
                tokio::spawn(tokio::time::timeout(CONNECT_LIMIT, connection.close()));
                return Err(Error::Query { operation, source });
            }
            debug!(operation, retry, error = %source, "trying again after a lock conflict");
            self.connection = Some(connection);
        }
        // `retry` counts to LOCK_RETRIES and returns.
        Err(Error::Timeout { operation, limit: OPERATION_LIMIT })
    }

    /// Whether the database answers.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.run("ping the database", async |connection| connection.ping().await).await
    }

    /// Gives the connection back to the server.
    pub async fn close(mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            warn!(%error, "failed to close a database connection");
        }
    }
}

/// A deadlock rolls the whole transaction back, a lock wait timeout only its statement; both leave the connection well,
/// and a transaction dropped on the way out is rolled back before the connection is used again.
fn lost_to_locks(error: &sqlx::Error) -> bool {
    matches!(number_of(error), Some(number::DEADLOCK | number::LOCK_WAIT_TIMEOUT))
}
