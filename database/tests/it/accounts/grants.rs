//! Privileges: each user may do exactly what its program does.

use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Classic, Completion, Creation, EventType, Failure, Finished, IdempotencyKey, Lanes, Lease,
    LowWaterMark, NewEvent, Next, Role, Session, Transition, Value, watch,
};
use eventpipeline_testkit::{Engine, eventually};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tokio_util::sync::CancellationToken;

use super::managed::{Managed, password};
use crate::support::{LONG, claim, create, create_all, has_due, owner, reclaim};

/// Starts a server with the schema and the users of the first generation.
async fn granted(engine: Engine) -> Managed {
    let managed = Managed::start(engine).await;
    managed.with_schema().await.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
    managed
}

/// Checks that the program's readiness probe succeeds.
async fn may_be_ready(session: Session, role: Role) {
    // The token is already cancelled, so that the check runs once.
    let end = CancellationToken::new();
    end.cancel();
    let mut states = Vec::new();
    watch(session, role, end, |state| states.push(state)).await;
    states.remove(0).unwrap();
}

#[tokio::test]
async fn each_user_may_do_everything_that_its_program_does() {
    for engine in Engine::all() {
        let managed = granted(engine).await;
        let mut producer = managed.program(Role::Producer, 1).session();
        let mut consumer = managed.program(Role::Consumer, 1).session();
        for role in [Role::Producer, Role::Consumer] {
            may_be_ready(managed.program(role, 1).session(), role).await;
        }

        let lanes = Lanes::from_json(r#"[{"lane": "orders", "types": ["order.*"]}]"#).unwrap();
        managed.schema("first").apply_lanes(&lanes).await.unwrap();
        uses_types(&mut producer, &mut consumer).await;

        let ids = create(&mut producer, 5).await;
        let key = IdempotencyKey::new("order 17").unwrap();
        producer.create(&[Creation::one(NewEvent::default()).with_key(Some(key))]).await.unwrap();
        assert!(has_due(&mut consumer).await);
        let [done, failed, released, held] = <[_; 4]>::try_from(claim(&mut consumer, 4).await).unwrap();
        consumer.extend(std::slice::from_ref(&held), Lease::new(LONG)).await.unwrap();
        let completion = Completion { claim: done.clone(), value: Value::new("palavra").unwrap() };
        assert_eq!(consumer.complete(&[completion]).await.unwrap().len(), 1);
        let failure = Failure { claim: failed.clone(), error: "no".to_owned(), next: Next::Dead };
        assert_eq!(consumer.fail(&[failure]).await.unwrap().len(), 1);
        consumer.release(&[released]).await.unwrap();
        reclaim(&mut consumer, LONG).await;

        assert_eq!(producer.event(done.id).await.unwrap().unwrap().valor, "palavra");
        assert_eq!(producer.count().await.unwrap(), 7);
        assert_eq!(producer.stats().await.unwrap().created, 7);
        assert_eq!(producer.retry(failed.id).await.unwrap(), Transition::Changed);
        assert_eq!(producer.cancel(failed.id).await.unwrap(), Transition::Changed);
        producer.reusable_bytes().await.unwrap();
        for (finished, events) in [(Finished::Done, 1), (Finished::Cancelled, 2)] {
            let mark = &mut LowWaterMark::default();
            let removed = eventually(async || {
                let removed = producer.remove(mark, finished, Duration::ZERO, 10).await.unwrap();
                (removed.events > 0).then_some(removed)
            })
            .await;
            assert_eq!(removed.events, events, "{finished:?} of {ids:?}");
        }
    }
}

/// Creates an event with a type, which returns in each way.
async fn uses_types(producer: &mut Session, consumer: &mut Session) {
    let event = NewEvent { event_type: EventType::new("order.created").ok(), ..NewEvent::default() };
    let id = create_all(producer, vec![event]).await[0];
    let mark = &mut LowWaterMark::of(consumer.lane("orders").await.unwrap());
    let limit = ClaimLimit { events: 1, bytes: usize::MAX };
    let mut claim = async |consumer: &mut Session| {
        let claims = consumer.claim(mark, &owner(), Lease::new(LONG), limit).await.unwrap();
        claims.events.into_iter().next().unwrap()
    };
    let claimed = claim(consumer).await;
    consumer.release(&[claimed]).await.unwrap();
    let failure = Failure { claim: claim(consumer).await, error: "no".to_owned(), next: Next::Dead };
    consumer.fail(&[failure]).await.unwrap();
    assert_eq!(producer.retry(id).await.unwrap(), Transition::Changed);
    assert_eq!(producer.cancel(id).await.unwrap(), Transition::Changed);
}

/// Statements that neither user may execute.
const NEVER: [&str; 17] = [
    "DROP TABLE Events",
    "TRUNCATE TABLE Events",
    "ALTER TABLE Events ADD COLUMN mine INT",
    "CREATE TABLE Mine (id INT)",
    "CREATE INDEX mine ON Events (owner)",
    "CREATE DATABASE mine",
    "SELECT * FROM mysql.user",
    "SELECT * FROM other.Theirs",
    "CREATE USER mine",
    "ALTER USER eventpipeline_schema@'%' IDENTIFIED BY 'x'",
    "GRANT SELECT ON Events TO eventpipeline_consumer_1@'%'",
    "SET GLOBAL max_connections = 1",
    "UPDATE _sqlx_migrations SET success = 0",
    "UPDATE SchemaCompatibility SET oldest_program = 9",
    "UPDATE Lanes SET name = 'mine'",
    "INSERT INTO LaneTypes (pattern, lane) VALUES ('mine', 1)",
    "INSERT INTO Ledger (removed) VALUES (1)",
];

const NEVER_A_PRODUCER: [&str; 8] = [
    "INSERT INTO Events (id, valor) VALUES (99, 'forged')",
    "INSERT INTO Events VALUES (99, 'forged', 0)",
    "INSERT INTO Events (id, token) VALUES (99, 7)",
    "INSERT INTO Events (id, owner) VALUES (99, 'me')",
    "INSERT INTO Events (id) VALUES (1) ON DUPLICATE KEY UPDATE valor = 'forged'",
    "UPDATE Events SET valor = 'forged' WHERE id = 1",
    "UPDATE Events SET payload = NULL WHERE id = 1",
    "DELETE FROM DBStatus",
];

const NEVER_A_CONSUMER: [&str; 8] = [
    "INSERT INTO Events (id) VALUES (7)",
    "UPDATE Events SET payload = NULL WHERE id = 1",
    "UPDATE DBStatus SET id = 0",
    "SELECT id FROM DBStatus",
    "INSERT INTO IdempotencyKeys VALUES ('k', '', 1, 1)",
    "DELETE FROM Events WHERE id = 1",
    "DELETE FROM IdempotencyKeys",
    "UPDATE Ledger SET removed = 1",
];

#[tokio::test]
async fn no_user_may_do_anything_else() {
    for engine in Engine::all() {
        let managed = granted(engine).await;
        managed.sql("CREATE DATABASE other").await.unwrap();
        managed.sql("CREATE TABLE other.Theirs (id INT)").await.unwrap();
        create(&mut managed.program(Role::Producer, 1).session(), 1).await;
        for (role, own) in
            [(Role::Producer, NEVER_A_PRODUCER.as_slice()), (Role::Consumer, NEVER_A_CONSUMER.as_slice())]
        {
            let user = &Managed::accounts(1)[usize::from(role == Role::Consumer)].name();
            let mut connection = managed.connection(user, &password(role, 1)).await;
            for statement in NEVER.iter().chain(own) {
                let refusal = refusal(&mut connection, statement).await;
                assert!(refusal.is_some_and(denied), "{engine:?}, {user}: {statement}: {refusal:?}");
            }
            connection.close().await.unwrap();
        }
    }
}

/// These producers name all columns that they see. They may do so only where they are declared.
#[tokio::test]
async fn a_classic_producer_may_insert_the_classic_columns() {
    for engine in Engine::all() {
        let managed = granted(engine).await;
        let schema = managed.schema("first");
        let classic = Classic { producers: true, consumers: false };
        schema.grant(&Managed::accounts(1), classic).await.unwrap();
        let user = &Managed::accounts(1)[0].name();
        let mut connection = managed.connection(user, &password(Role::Producer, 1)).await;
        for statement in
            ["INSERT INTO Events VALUES (1, '', 0)", "INSERT INTO Events (id, valor) VALUES (2, '')"]
        {
            assert_eq!(refusal(&mut connection, statement).await, None, "{engine:?}: {statement}");
        }
        schema.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
        let forged = refusal(&mut connection, "INSERT INTO Events (id, valor) VALUES (3, 'forged')").await;
        assert!(forged.is_some_and(denied), "{engine:?}: {forged:?}");
    }
}

/// MySQL shows the counter's holder to a producer, but no texts of statements.
#[tokio::test]
async fn a_producer_may_see_who_holds_the_counter() {
    let options = eventpipeline_testkit::Options {
        arguments: vec!["--performance-schema=ON".to_owned()],
        ..eventpipeline_testkit::Options::default()
    };
    let managed = Managed::start_with(Engine::MySql, options).await;
    managed.with_schema().await.grant(&Managed::accounts(1), Classic::default()).await.unwrap();
    let mut other = managed.connection("root", "").await;
    for statement in ["START TRANSACTION", "SELECT id FROM DBStatus FOR UPDATE"] {
        other.execute(statement).await.unwrap();
    }
    let mut producer = managed.program(Role::Producer, 1).session();
    let error = producer.create(&[Creation::one(NewEvent::default())]).await.unwrap_err();
    assert!(error.to_string().contains(" of root@127.0.0.1"), "{error}");
    let mut connection =
        managed.connection(&Managed::accounts(1)[0].name(), &password(Role::Producer, 1)).await;
    let texts = refusal(&mut connection, "SELECT PROCESSLIST_INFO FROM performance_schema.threads").await;
    assert!(texts.is_some_and(denied), "{texts:?}");
}

async fn refusal(connection: &mut MySqlConnection, statement: &'static str) -> Option<u16> {
    let error = connection.execute(sqlx::raw_sql(statement)).await.err()?;
    error.as_database_error()?.try_downcast_ref().map(MySqlDatabaseError::number)
}

/// Returns whether a number means "access denied": to a database, a table, a column, or a global privilege.
fn denied(number: u16) -> bool {
    [1044, 1142, 1143, 1227].contains(&number)
}

#[tokio::test]
async fn connections_need_encryption_and_the_right_name() {
    use eventpipeline_testkit::Certificates;
    use sqlx::ConnectOptions as _;
    use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

    for engine in Engine::all() {
        let managed = granted(engine).await;
        let connect = async |mode, authority: &Certificates| {
            let options = MySqlConnectOptions::new()
                .host(managed.server.host())
                .port(managed.server.port())
                .username("eventpipeline_producer_1")
                .password(&password(Role::Producer, 1))
                .ssl_mode(mode)
                .ssl_ca(authority.authority());
            options.connect().await.map(drop).map_err(|error| error.to_string())
        };
        let right = &managed.certificates;
        connect(MySqlSslMode::VerifyIdentity, right).await.unwrap();
        connect(MySqlSslMode::Disabled, right).await.unwrap_err();
        connect(MySqlSslMode::VerifyIdentity, &Certificates::new()).await.unwrap_err();
    }
    // The authority is right, but the certificate names another host.
    let certificates = Certificates::of_another_host();
    let options = eventpipeline_testkit::Options {
        durable: false,
        arguments: certificates.server_arguments(),
        ..Default::default()
    };
    let server = eventpipeline_testkit::Database::start_with(Engine::MySql, options).await;
    let connect = async |mode| {
        let options = MySqlConnectOptions::new().host(server.host()).port(server.port()).username("root");
        options.ssl_mode(mode).ssl_ca(certificates.authority()).connect().await.map(drop)
    };
    connect(MySqlSslMode::VerifyCa).await.unwrap();
    let refused = connect(MySqlSslMode::VerifyIdentity).await.unwrap_err();
    assert!(refused.to_string().contains("not valid for name"), "{refused}");
}
