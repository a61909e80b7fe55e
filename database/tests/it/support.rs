//! Fixtures: each test has its own database, on servers that all tests of this binary share.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, Completion, Created, Creation, Database, DatabaseArgs, EventId, Lease, LowWaterMark,
    MaxAttempts, Metrics, NewEvent, Owner, Reclaimed, Session, Tls, Value,
};
use eventpipeline_testkit::{Database as Server, Engine};
use prometheus::Registry;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use tempfile::NamedTempFile;

/// A pipeline's database, and a connection that acts as another program.
pub(crate) struct Fixture {
    pub(crate) args: DatabaseArgs,
    pub(crate) database: Database,
    pub(crate) other: MySqlConnection,
    _password: NamedTempFile,
}

impl Fixture {
    /// Creates an empty database on `server`.
    pub(crate) async fn empty(server: &Server) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let options =
            MySqlConnectOptions::new().host(server.host()).port(server.port()).username(server.user());
        let mut other = options.connect().await.unwrap();
        other.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        other.execute(AssertSqlSafe(format!("USE {name}"))).await.unwrap();
        let password = NamedTempFile::new().unwrap();
        std::fs::write(password.path(), server.password()).unwrap();
        let args = DatabaseArgs {
            database_host: server.host().to_owned(),
            database_port: server.port(),
            database_name: name,
            database_user: server.user().to_owned(),
            database_password_file: password.path().to_owned(),
            database_tls: Tls::Preferred,
            database_tls_ca_file: None,
        };
        let database = Database::new(args.clone(), Metrics::new(&Registry::new()).unwrap());
        Self { args, database, other, _password: password }
    }

    /// Creates a database with the schema.
    pub(crate) async fn new(server: &Server) -> Self {
        let fixture = Self::empty(server).await;
        fixture.database.migrate().await.unwrap();
        fixture
    }

    /// Opens a connection of a further program.
    pub(crate) async fn another(&self) -> MySqlConnection {
        let args = &self.args;
        let password = std::fs::read_to_string(&args.database_password_file).unwrap();
        let options = MySqlConnectOptions::new()
            .host(&args.database_host)
            .port(args.database_port)
            .username(&args.database_user)
            .database(&args.database_name);
        let options = if password.is_empty() { options } else { options.password(&password) };
        options.connect().await.unwrap()
    }

    pub(crate) fn session(&self) -> Session {
        self.database.session()
    }

    /// Executes a statement as another program.
    pub(crate) async fn sql(&mut self, statement: &'static str) {
        self.other.execute(statement).await.unwrap();
    }

    /// Reads a single value as another program.
    pub(crate) async fn value<T>(&mut self, query: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
    {
        sqlx::query_scalar(query).fetch_one(&mut self.other).await.unwrap()
    }

    /// Returns the server's count of rows that it has read for the other program.
    pub(crate) async fn rows_read(&mut self) -> u64 {
        let status = sqlx::raw_sql("SHOW SESSION STATUS LIKE 'Handler_read%'");
        let rows = self.other.fetch_all(status).await.unwrap();
        rows.iter().map(|row| row.try_get::<String, _>("Value").unwrap().parse::<u64>().unwrap()).sum()
    }
}

/// Runs a test on each engine.
pub(crate) async fn on_each<F: Future<Output = ()>>(test: impl Fn(Fixture) -> F) {
    for engine in Engine::all() {
        let server = Server::shared(engine).await;
        test(Fixture::new(server).await).await;
    }
}

pub(crate) const LONG: Duration = Duration::from_mins(10);

pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// Returns an owner with many attempts.
pub(crate) fn owner() -> Owner {
    Owner::new("test", MaxAttempts::new(1000).unwrap())
}

/// Returns an owner with [`MAX_ATTEMPTS`] attempts.
pub(crate) fn owner_to_try() -> Owner {
    Owner::new("test", MaxAttempts::new(MAX_ATTEMPTS).unwrap())
}

/// Claims events after a full scan, with [`MAX_ATTEMPTS`] attempts.
pub(crate) async fn claim_to_try(session: &mut Session, lease: Duration, limit: usize) -> Vec<Claimed> {
    let owner = owner_to_try();
    let limit = ClaimLimit { events: limit, bytes: usize::MAX };
    let mark = &mut LowWaterMark::default();
    session.claim(mark, &owner, Lease::new(lease), limit).await.unwrap().events
}

/// Claims events with a lease that does not expire during a test.
pub(crate) async fn claim(session: &mut Session, limit: usize) -> Vec<Claimed> {
    claim_for(session, LONG, limit).await
}

/// Claims events after a full scan.
pub(crate) async fn claim_for(session: &mut Session, lease: Duration, limit: usize) -> Vec<Claimed> {
    let limit = ClaimLimit { events: limit, bytes: usize::MAX };
    let mark = &mut LowWaterMark::default();
    session.claim(mark, &owner(), Lease::new(lease), limit).await.unwrap().events
}

/// Returns whether any event is due, by a full scan.
pub(crate) async fn has_due(session: &mut Session) -> bool {
    session.has_due(&mut LowWaterMark::default()).await.unwrap()
}

/// Reclaims expired claims. Claims that store no limit of attempts are freed.
pub(crate) async fn reclaim(session: &mut Session, unknown_age: Duration) -> Reclaimed {
    let (mark, max_attempts) = (&mut LowWaterMark::default(), MaxAttempts::new(1000).unwrap());
    session.reclaim(mark, Lease::new(unknown_age), max_attempts).await.unwrap()
}

/// Stores a first pulse. Afterwards no reclaimer renews leases unless it pauses for about [`LONG`].
pub(crate) async fn watch(session: &mut Session) {
    assert!(reclaim(session, LONG).await.renewed.is_some());
    assert_eq!(reclaim(session, LONG).await.renewed, None);
}

/// Creates `many` events without payload.
pub(crate) async fn create(session: &mut Session, many: usize) -> Vec<i64> {
    create_all(session, vec![NewEvent::default(); many]).await.into_iter().map(EventId::get).collect()
}

/// Creates events in one creation.
pub(crate) async fn create_all(session: &mut Session, events: Vec<NewEvent>) -> Vec<EventId> {
    let created = session.create(&[Creation::many(events).unwrap()]).await.unwrap();
    let Created::New(ids) = created[0] else { unreachable!("the creation has no key: {created:?}") };
    ids.iter().collect()
}

pub(crate) fn ids(claims: &[Claimed]) -> Vec<i64> {
    claims.iter().map(|claim| claim.id.get()).collect()
}

pub(crate) fn event_id(id: i64) -> EventId {
    EventId::new(id).unwrap()
}

/// Returns a completion of a claim.
pub(crate) fn answer(claim: &Claimed, text: &str) -> Completion {
    Completion { claim: claim.clone(), value: Value::new(text).unwrap() }
}
