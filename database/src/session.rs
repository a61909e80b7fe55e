//! One connection to the database: made when needed, given up when in doubt, retried where MySQL says so.

mod connected;
mod dial;
mod epoch;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnection;
use tracing::debug;

use crate::args::DatabaseArgs;
use crate::caution::Caution;
use crate::clock::Clock;
use crate::error::{Error, number, number_of};
use crate::metrics::Metrics;
use crate::operations::OperationName;
use crate::script::{ROLLBACK, Script};
use connected::{Connected, Connecting};
use epoch::Epoch;
pub(crate) use settings::DEMOTED;
pub use settings::Unusable;

/// How long one operation may take. Longer than the session's lock wait timeout, so that a lock is MySQL's error, and than
/// its limit for reads, so that what is given up here has ended there.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// For how long a transaction that MySQL rolled back for its locks is begun again.
const LOCK_RETRIES: Duration = OPERATION_LIMIT;
/// The longest pause before that, so that those who got into each other's way do not do so again.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// For how long what a demoted server refused is asked of the next one, by who is [`Operation::PATIENT`].
const MOVE_RETRIES: Duration = Duration::from_secs(8);
/// The longest pause before that.
const MOVE_PAUSE: Duration = Duration::from_millis(200);

/// Where the database is. Makes [`Session`]s, which share what they learn of it.
#[derive(Debug, Clone)]
pub struct Database {
    args: DatabaseArgs,
    pub(crate) metrics: Metrics,
    epoch: Epoch,
    /// What the server takes at once, in bytes, as the last connection was told.
    packet: Arc<AtomicUsize>,
    caution: Caution,
    /// What this process has seen of the server's clock.
    pub(crate) clock: Clock,
}

impl Database {
    /// Nothing is connected yet.
    pub fn new(args: DatabaseArgs, metrics: Metrics) -> Self {
        let packet = Arc::new(AtomicUsize::new(settings::SMALLEST_PACKET));
        let (epoch, caution, clock) = (Epoch::default(), Caution::default(), Clock::default());
        Self { args, metrics, epoch, packet, caution, clock }
    }

    /// A session of its own for a task. It connects at its first operation, and again after each failure.
    pub fn session(&self) -> Session {
        Session { database: self.clone(), connection: None, connecting: None, count_again: None }
    }

    /// Says, as a metric, how many sessions this process has.
    pub fn report_max_sessions(&self, sessions: usize) {
        self.metrics.report_max_sessions(sessions);
    }

    /// Host and port, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.args.database_host, self.args.database_port)
    }

    /// How many bytes the server takes at once.
    pub(crate) fn packet(&self) -> usize {
        self.packet.load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Something done on a connection that may be done again: one transaction, or a single statement.
///
/// A trait and not a closure, because the futures of closures over borrowed data cannot be shown to be [`Send`].
pub(crate) trait Operation: Sync {
    /// What it does, as a verb, for messages: `create events`.
    const NAME: OperationName;
    /// Whether it waits for the next server where this one takes no writes any more. Who is not, asks again by himself.
    const PATIENT: bool = false;
    /// What it gives.
    type Output;

    /// Does it once. After a commit nothing else may fail: what failed is taken for not done.
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
    /// A connection that took longer than anybody waited. To break it off would count against this host.
    connecting: Option<Connecting>,
    /// From when on it may be tried again to count all that is done.
    pub(crate) count_again: Option<Instant>,
}

/// When what failed is to be tried again.
enum Again {
    AfterLocks,
    Elsewhere,
    Never,
}

impl Session {
    /// Runs an operation on the connection, and again, whole, when MySQL rolled it back because of locks, or where it is
    /// patient when the server takes no writes any more. Unless the server said what is wrong, the connection is dropped: its
    /// state is not known.
    pub(crate) async fn run<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let begun = Instant::now();
        let result = self.run_untimed(work).await;
        self.database.metrics.ran(O::NAME, begun.elapsed(), result.is_ok());
        result
    }

    async fn run_untimed<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let begun = Instant::now();
        loop {
            let failure = match self.attempt(work).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let pause = match again(&failure) {
                Again::AfterLocks if begun.elapsed() < LOCK_RETRIES => LOCK_PAUSE,
                Again::Elsewhere if O::PATIENT && begun.elapsed() < MOVE_RETRIES => MOVE_PAUSE,
                _ => return Err(failure),
            };
            debug!(operation = O::NAME.as_ref(), error = %failure, "trying again");
            self.database.metrics.retried(O::NAME);
            tokio::time::sleep(pause.mul_f64(rand::random())).await;
        }
    }

    async fn attempt<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let operation = O::NAME.into();
        let mut connected = self.take_connection().await?;
        let attempt = work.attempt(&mut connected.connection);
        match tokio::time::timeout(OPERATION_LIMIT, attempt).await {
            Ok(Ok(done)) => {
                self.connection = Some(connected.used());
                Ok(done)
            }
            Ok(Err(source)) => {
                if number_of(&source).is_some_and(number::leaves_connection_well) {
                    self.connection = Box::pin(rolled_back(connected)).await;
                } else if leaves(&source) {
                    self.database.epoch.end(connected.epoch);
                }
                Err(Error::Query { operation, source })
            }
            Err(_) => {
                // A server that answers nothing has to be left, too; one that has much to read has not.
                if O::NAME.is_quick() {
                    self.database.epoch.end(connected.epoch);
                }
                Box::pin(self.database.end_abandoned(connected)).await;
                Err(Error::Timeout { operation, limit: OPERATION_LIMIT })
            }
        }
    }

    /// The connection, a new one where there is none that can be trusted. It is put back when an operation has succeeded.
    async fn take_connection(&mut self) -> Result<Connected, Error> {
        match self.connection.take() {
            Some(connected) if !connected.is_fit(self.database.epoch.now()) => {
                Box::pin(connected.close()).await;
            }
            Some(connected) if connected.is_old() => return Box::pin(self.renew(connected)).await,
            Some(connected) => return Ok(connected),
            None => {}
        }
        // In a box, as all that is rare: what is hot stays small.
        Box::pin(self.open(dial::LIMIT)).await
    }

    /// Moves to where the database's name leads now, before the old connection is given up: a server that has no connection
    /// to spare, or takes its time, goes on as it was.
    async fn renew(&mut self, old: Connected) -> Result<Connected, Error> {
        match self.open(dial::RENEWAL_LIMIT).await {
            Ok(new) => {
                old.close().await;
                Ok(new)
            }
            Err(failure @ Error::Unusable { .. }) => {
                old.close().await;
                Err(failure)
            }
            Err(failure) => {
                debug!(error = %failure, "keeping a database connection beyond its time");
                Ok(old.for_longer())
            }
        }
    }

    /// A new connection, if it is there within `limit`; it may be there the next time that it is asked for.
    async fn open(&mut self, limit: Duration) -> Result<Connected, Error> {
        let epoch = self.database.epoch.now();
        let connecting = self.connecting.take().filter(|connecting| connecting.may_go_on(epoch));
        let mut connecting = connecting.unwrap_or_else(|| self.database.begin_to_connect(epoch));
        if let Ok(connected) = tokio::time::timeout(limit, &mut connecting).await {
            return connected;
        }
        self.connecting = Some(connecting);
        Err(Error::ConnectTimeout { address: self.database.address(), limit })
    }

    /// Has every session of this process connect anew: the server has become another than it was.
    pub(crate) fn leave(&mut self) {
        if let Some(connected) = self.connection.take() {
            self.database.epoch.end(connected.epoch);
        }
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

    pub(crate) fn caution(&self) -> Caution {
        self.database.caution.clone()
    }

    /// Gives the connection back to the server.
    pub async fn close(mut self) {
        if let Some(connected) = self.connection.take() {
            connected.close().await;
        }
    }
}

struct Ping;

impl Operation for Ping {
    const NAME: OperationName = OperationName::Ping;
    type Output = ();

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;
        connection.ping().await
    }
}

/// What was not done may be done again.
fn again(failure: &Error) -> Again {
    match failure {
        Error::Unusable { why: Unusable::ReadOnly, .. } => Again::Elsewhere,
        Error::Query { source, .. } => match number_of(source) {
            Some(number) if number::is_conflict(number) => Again::AfterLocks,
            Some(number) if number::is_demotion(number) || number::is_loss(number) => Again::Elsewhere,
            _ => Again::Never,
        },
        _ => Again::Never,
    }
}

/// Whether an error says that the server is not, or no longer, the one to ask.
fn leaves(source: &sqlx::Error) -> bool {
    match source {
        sqlx::Error::Io(_) => true,
        _ => number_of(source).is_some_and(number::is_demotion),
    }
}

/// Ends the transaction that an error may leave open. `None` where that fails: a new connection is made.
async fn rolled_back(mut connected: Connected) -> Option<Connected> {
    let rollback = Script::new(ROLLBACK).execute(&mut connected.connection);
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

    /// The number of the session's connection.
    async fn number(session: &mut Session) -> i64 {
        session.connect().await.unwrap();
        session.connection.as_ref().unwrap().server.connection
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
            for (variable, limit) in [
                ("SELECT CAST(@@session.innodb_lock_wait_timeout AS SIGNED)", OPERATION_LIMIT),
                ("SELECT CAST(@@session.lock_wait_timeout AS SIGNED)", OPERATION_LIMIT),
                ("SELECT CAST(@@session.wait_timeout AS SIGNED)", Duration::from_secs(61)),
            ] {
                let seconds: i64 = sqlx::query_scalar(variable).fetch_one(&mut connection).await.unwrap();
                assert!(Duration::from_secs(seconds.unsigned_abs()) < limit, "{variable}: {seconds}");
            }
        }
    }

    /// The server has forgotten it, and a balancer in between may have done so without a word.
    #[tokio::test]
    async fn a_connection_that_was_idle_for_long_is_made_anew() {
        let database = database(Server::shared(Engine::MySql).await);
        let mut session = database.session();
        session.ping().await.unwrap();
        let id = number(&mut session).await;
        session.connection.as_mut().unwrap().last_used =
            Instant::now().checked_sub(connected::IDLE_LIMIT).unwrap();
        let mut other = database.connect().await.unwrap();
        let mut kill = Script::new("KILL ");
        kill.number(id);
        kill.execute(&mut other).await.unwrap();
        session.ping().await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_has_a_longest_life_unless_the_server_has_no_other() {
        for engine in Engine::all() {
            let server = Server::start(engine).await;
            let database = database(&server);
            let (mut session, mut other) = (database.session(), database.connect().await.unwrap());
            let first = number(&mut session).await;
            assert_eq!(number(&mut session).await, first);
            session.connection.as_mut().unwrap().expires = Instant::now();
            let second = number(&mut session).await;
            assert_ne!(second, first);
            // Every connection that there may be, and the one that is kept for an administrator.
            Script::new("SET GLOBAL max_connections = 10").execute(&mut other).await.unwrap();
            let mut taken = Vec::new();
            while let Ok(connection) = database.connect().await {
                taken.push(connection);
                assert!(taken.len() < 20);
            }
            let refused = database.session().ping().await.unwrap_err();
            assert!(refused.to_string().contains("raise max_connections"), "{refused}");
            assert_eq!(refused.outcome(), crate::Outcome::NotDone);
            session.connection.as_mut().unwrap().expires = Instant::now();
            assert_eq!(number(&mut session).await, second, "{engine:?}");
            session.ping().await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_one_session_learns_of_its_server_has_all_connect_anew() {
        let server = Server::shared(Engine::MySql).await;
        let database = database(server);
        let (mut one, mut other) = (database.session(), database.session());
        let (first, second) = (number(&mut one).await, number(&mut other).await);
        let mut kill = Script::new("KILL ");
        kill.number(first);
        kill.execute(&mut database.connect().await.unwrap()).await.unwrap();
        one.ping().await.unwrap_err();
        assert_ne!(number(&mut other).await, second);
    }
}
