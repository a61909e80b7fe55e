//! One connection to the database: made when needed, given up when in doubt, retried where MySQL says so.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tracing::{debug, warn};

use crate::args::DatabaseArgs;
use crate::error::{Error, number, number_of};
use crate::metrics::{Metrics, Open};
use crate::script::Script;

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long one operation may take. Longer than the session's lock wait timeout, so that a lock is MySQL's error.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// How often a transaction that MySQL rolled back for its locks is tried again.
const LOCK_RETRIES: u32 = 8;

/// READ COMMITTED takes no gap locks, with which claims and inserts deadlock each other. Strict, because what does not fit
/// its column is an error and not something else that does.
const SETTINGS: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET SESSION innodb_lock_wait_timeout = 5; \
     SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";

/// Where the database is. Makes [`Session`]s.
#[derive(Debug, Clone)]
pub struct Database {
    args: DatabaseArgs,
    metrics: Metrics,
}

impl Database {
    /// Nothing is connected yet.
    pub fn new(args: DatabaseArgs, metrics: Metrics) -> Self {
        Self { args, metrics }
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

    async fn open(&self) -> Result<Connected, Error> {
        Ok(Connected { connection: self.connect().await?, open: self.metrics.opened() })
    }

    pub(crate) async fn connect(&self) -> Result<MySqlConnection, Error> {
        let password = self.password()?;
        let mut options = MySqlConnectOptions::new()
            .host(&self.args.database_host)
            .port(self.args.database_port)
            .database(&self.args.database_name)
            .username(&self.args.database_user)
            .ssl_mode(self.args.database_tls.into())
            .disable_statement_logging();
        if let Some(path) = &self.args.database_tls_ca_file {
            options = options.ssl_ca(path);
        }
        // An empty password and none are not the same to the protocol; to servers only the latter exists.
        if !password.expose_secret().is_empty() {
            options = options.password(password.expose_secret());
        }
        let failed = |source| Error::Connect { address: self.address(), source };
        let connecting = async {
            let mut connection = options.connect().await?;
            connection.execute(SETTINGS).await?;
            Ok(connection)
        };
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(Error::Timeout { operation: "connect to the database", limit: CONNECT_LIMIT }),
        }
    }
}

/// Something done on a connection that may be done again: one transaction, or a single statement.
///
/// A trait and not a closure, because the futures of closures over borrowed data cannot be shown to be [`Send`].
pub(crate) trait Operation: Sync {
    /// What it does, as a verb, for messages: `create events`.
    const NAME: &'static str;
    /// What it gives.
    type Output;

    /// Does it once.
    fn attempt(
        &self,
        connection: &mut MySqlConnection,
    ) -> impl Future<Output = Result<Self::Output, sqlx::Error>> + Send;
}

/// One connection with the queue's operations. It belongs to one task.
#[derive(Debug)]
pub struct Session {
    database: Database,
    connection: Option<Connected>,
}

#[derive(Debug)]
struct Connected {
    connection: MySqlConnection,
    open: Open,
}

impl Session {
    /// Runs an operation on the connection, and again, whole, when MySQL rolled it back because of locks. After any
    /// other error the connection is dropped: its state is not known.
    pub(crate) async fn run<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let begun = Instant::now();
        let result = self.run_untimed(work).await;
        self.database.metrics.ran(O::NAME, begun.elapsed(), result.is_ok());
        result
    }

    async fn run_untimed<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let operation = O::NAME;
        for retry in 0.. {
            let mut connected = match self.connection.take() {
                Some(connected) => connected,
                None => self.database.open().await?,
            };
            let attempt = work.attempt(&mut connected.connection);
            let source = match tokio::time::timeout(OPERATION_LIMIT, attempt).await {
                Ok(Ok(done)) => {
                    self.connection = Some(connected);
                    return Ok(done);
                }
                Ok(Err(error)) => error,
                Err(_) => return Err(Error::Timeout { operation, limit: OPERATION_LIMIT }),
            };
            if !lost_to_locks(&source) || retry == LOCK_RETRIES {
                return Err(Error::Query { operation, source });
            }
            debug!(operation, retry, error = %source, "trying again after a lock conflict");
            self.database.metrics.retried(operation);
            self.connection = rolled_back(connected).await;
        }
        // `retry` counts to LOCK_RETRIES and returns.
        Err(Error::Timeout { operation, limit: OPERATION_LIMIT })
    }

    /// Whether the database answers.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.run(&Ping).await
    }

    /// Gives the connection back to the server.
    pub async fn close(mut self) {
        if let Some(Connected { connection, open: _open }) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            warn!(%error, "failed to close a database connection");
        }
    }
}

struct Ping;

impl Operation for Ping {
    const NAME: &'static str = "ping the database";
    type Output = ();

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        connection.ping().await
    }
}

/// A deadlock rolls the whole transaction back, a lock wait timeout only its statement; both leave the connection well.
fn lost_to_locks(error: &sqlx::Error) -> bool {
    matches!(number_of(error), Some(number::DEADLOCK | number::LOCK_WAIT_TIMEOUT))
}

/// Ends the transaction that a lock wait timeout leaves open. `None` where that fails: a new connection is made.
async fn rolled_back(mut connected: Connected) -> Option<Connected> {
    let rollback = Script::new("ROLLBACK").execute(&mut connected.connection);
    matches!(tokio::time::timeout(OPERATION_LIMIT, rollback).await, Ok(Ok(_))).then_some(connected)
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::{Database as Server, Engine};

    use super::*;

    #[tokio::test]
    async fn sessions_take_no_gap_locks_and_do_not_wait_long_for_locks() {
        for (engine, isolation) in [
            (Engine::MySql, "SELECT @@session.transaction_isolation"),
            (Engine::MariaDb, "SELECT @@session.tx_isolation"),
        ] {
            let server = Server::shared(engine).await;
            let args = DatabaseArgs {
                database_host: server.host().to_owned(),
                database_port: server.port(),
                database_name: "mysql".to_owned(),
                database_user: server.user().to_owned(),
                database_password_file: "/dev/null".into(),
                database_tls: crate::Tls::Preferred,
                database_tls_ca_file: None,
            };
            let database = Database::new(args, Metrics::new(&prometheus::Registry::new()).unwrap());
            let mut connection = database.connect().await.unwrap();
            let isolation: String = sqlx::query_scalar(isolation).fetch_one(&mut connection).await.unwrap();
            assert_eq!(isolation, "READ-COMMITTED");
            let seconds: u64 = sqlx::query_scalar("SELECT @@session.innodb_lock_wait_timeout")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            assert!(Duration::from_secs(seconds) < OPERATION_LIMIT);
        }
    }
}
