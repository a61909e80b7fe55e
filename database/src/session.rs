//! One connection to the database: made when needed, given up when in doubt, retried where MySQL says so.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tracing::debug;

use crate::args::DatabaseArgs;
use crate::clock::Clock;
use crate::error::{Error, number, number_of};
use crate::metrics::{Metrics, Open};
use crate::operations::OperationName;
use crate::script::Script;

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a farewell may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// How long one operation may take. Longer than the session's lock wait timeout, so that a lock is MySQL's error.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// For how long a transaction that MySQL rolled back for its locks is begun again.
const LOCK_RETRIES: Duration = OPERATION_LIMIT;
/// The longest pause before that, so that those who got into each other's way do not do so again.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// A connection that was not used for this long is made anew: the server, or something on the way, may have forgotten it.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// READ COMMITTED takes no gap locks, with which claims and inserts deadlock each other. Strict, because what does not fit
/// its column is an error and not something else that does. `wait_timeout` is twice [`IDLE_LIMIT`]: locks of a program whose
/// node has vanished in mid-transaction are free after a minute, not when TCP gives up.
const SETTINGS: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET SESSION innodb_lock_wait_timeout = 5; \
     SET SESSION wait_timeout = 60; \
     SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";

/// Where the database is. Makes [`Session`]s.
#[derive(Debug, Clone)]
pub struct Database {
    args: DatabaseArgs,
    pub(crate) metrics: Metrics,
    /// What this process has seen of the server's clock.
    pub(crate) clock: Clock,
}

impl Database {
    /// Nothing is connected yet.
    pub fn new(args: DatabaseArgs, metrics: Metrics) -> Self {
        Self { args, metrics, clock: Clock::default() }
    }

    /// A session of its own for a task. It connects at its first operation, and again after each failure.
    pub fn session(&self) -> Session {
        Session { database: self.clone(), connection: None }
    }

    /// Says, as a metric, how many sessions this process has.
    pub fn opens_at_most(&self, sessions: usize) {
        self.metrics.opens_at_most(sessions);
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
        Ok(Connected {
            connection: self.connect().await?,
            open: self.metrics.opened(),
            last_used: Instant::now(),
        })
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
    const NAME: OperationName;
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
    pub(crate) database: Database,
    connection: Option<Connected>,
}

#[derive(Debug)]
struct Connected {
    connection: MySqlConnection,
    open: Open,
    last_used: Instant,
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
        let operation = O::NAME.into();
        let begun = Instant::now();
        loop {
            let mut connected = self.take_connection().await?;
            let attempt = work.attempt(&mut connected.connection);
            let source = match tokio::time::timeout(OPERATION_LIMIT, attempt).await {
                Ok(Ok(done)) => {
                    self.connection = Some(Connected { last_used: Instant::now(), ..connected });
                    return Ok(done);
                }
                Ok(Err(error)) => error,
                Err(_) => return Err(Error::Timeout { operation, limit: OPERATION_LIMIT }),
            };
            if !lost_to_locks(&source) || begun.elapsed() >= LOCK_RETRIES {
                return Err(Error::Query { operation, source });
            }
            debug!(operation, error = %source, "trying again after a lock conflict");
            self.database.metrics.retried(O::NAME);
            self.connection = rolled_back(connected).await;
            tokio::time::sleep(LOCK_PAUSE.mul_f64(rand::random())).await;
        }
    }

    /// The connection, a new one where there is none that can be trusted. It is put back when an operation has succeeded.
    async fn take_connection(&mut self) -> Result<Connected, Error> {
        if let Some(connected) = self.connection.take() {
            if connected.last_used.elapsed() < IDLE_LIMIT {
                return Ok(connected);
            }
            close(connected).await;
        }
        self.database.open().await
    }

    /// Connects, where the next operation would have to. Whoever times that one times no connecting then.
    pub async fn connect(&mut self) -> Result<(), Error> {
        self.connection = Some(self.take_connection().await?);
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.run(&Ping).await
    }

    /// Gives the connection back to the server.
    pub async fn close(mut self) {
        if let Some(connected) = self.connection.take() {
            close(connected).await;
        }
    }
}

/// Says farewell to the server, which otherwise counts and logs the end as an abortion.
async fn close(Connected { connection, open: _open, .. }: Connected) {
    match tokio::time::timeout(CLOSE_LIMIT, connection.close()).await {
        Ok(Err(error)) => debug!(%error, "failed to close a database connection"),
        Err(_) => debug!("a database connection took too long to close"),
        Ok(Ok(())) => {}
    }
}

struct Ping;

impl Operation for Ping {
    const NAME: OperationName = OperationName::Ping;
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

    fn database(server: &Server) -> Database {
        let args = DatabaseArgs {
            database_host: server.host().to_owned(),
            database_port: server.port(),
            database_name: "mysql".to_owned(),
            database_user: server.user().to_owned(),
            database_password_file: "/dev/null".into(),
            database_tls: crate::Tls::Preferred,
            database_tls_ca_file: None,
        };
        Database::new(args, Metrics::new(&prometheus::Registry::new()).unwrap())
    }

    #[tokio::test]
    async fn sessions_take_no_gap_locks_and_do_not_wait_long_for_locks() {
        for (engine, isolation) in [
            (Engine::MySql, "SELECT @@session.transaction_isolation"),
            (Engine::MariaDb, "SELECT @@session.tx_isolation"),
        ] {
            let database = database(Server::shared(engine).await);
            let mut connection = database.connect().await.unwrap();
            let isolation: String = sqlx::query_scalar(isolation).fetch_one(&mut connection).await.unwrap();
            assert_eq!(isolation, "READ-COMMITTED");
            let seconds: u64 = sqlx::query_scalar("SELECT @@session.innodb_lock_wait_timeout")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            assert!(Duration::from_secs(seconds) < OPERATION_LIMIT);
            let seconds: i64 = sqlx::query_scalar("SELECT CAST(@@session.wait_timeout AS SIGNED)")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            assert_eq!(seconds, 60);
        }
    }

    /// The server has forgotten it, and a balancer in between may have done so without a word.
    #[tokio::test]
    async fn a_connection_that_was_idle_for_long_is_made_anew() {
        let database = database(Server::shared(Engine::MySql).await);
        let mut session = database.session();
        session.ping().await.unwrap();
        let idle = session.connection.as_mut().unwrap();
        let id: u64 =
            sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut idle.connection).await.unwrap();
        idle.last_used = Instant::now().checked_sub(IDLE_LIMIT).unwrap();
        let mut other = database.connect().await.unwrap();
        let mut kill = Script::new("KILL ");
        kill.number(i64::try_from(id).unwrap());
        kill.execute(&mut other).await.unwrap();
        session.ping().await.unwrap();
    }
}
