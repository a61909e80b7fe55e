//! Locks of other clients: their transactions delay no operation for long, and are named.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eventpipeline_database::{Creation, Error, NewEvent, Outcome};
use eventpipeline_testkit::{Database as Server, Engine, Options};

use crate::support::{Fixture, create, on_each};

/// Starts a server that shows the holders of locks, as MySQL does by default.
async fn shows_locks(engine: Engine) -> Server {
    let arguments = match engine {
        Engine::MySql => vec!["--performance-schema=ON".to_owned()],
        Engine::MariaDb => Vec::new(),
    };
    Server::start_with(engine, Options { arguments, ..Options::default() }).await
}

#[tokio::test]
async fn an_error_names_the_holder_of_the_counters_lock() {
    for engine in Engine::all() {
        let server = shows_locks(engine).await;
        let mut fixture = Fixture::new(&server).await;
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let holder: i64 = fixture.value("SELECT CAST(CONNECTION_ID() AS SIGNED)").await;
        fixture.sql("START TRANSACTION").await;
        fixture.sql("SELECT id FROM DBStatus FOR UPDATE").await;
        let error = session.create(&[Creation::one(NewEvent::default())]).await.unwrap_err();
        assert!(matches!(error, Error::CounterHeld { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotDone);
        assert!(error.to_string().contains(&format!("connection {holder} of root@")), "{engine:?}: {error}");
        fixture.sql("ROLLBACK").await;
        assert_eq!(create(&mut session, 1).await, [2]);
    }
}

#[tokio::test]
async fn a_migration_gives_up_its_lock_and_names_the_blocking_connection() {
    for engine in Engine::all() {
        let server = shows_locks(engine).await;
        let mut fixture = Fixture::new(&server).await;
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture.sql("DELETE FROM _sqlx_migrations WHERE version = 2").await;
        fixture.sql("ALTER TABLE Events DROP COLUMN traceparent").await;
        let holder: i64 = fixture.value("SELECT CAST(CONNECTION_ID() AS SIGNED)").await;
        fixture.sql("START TRANSACTION").await;
        let read: i64 = fixture.value("SELECT id FROM Events").await;
        assert_eq!(read, 1);

        let (over, begun) = (AtomicBool::new(false), Instant::now());
        let migrating = async {
            let result = fixture.database.migrate().await;
            over.store(true, Ordering::Relaxed);
            result.unwrap_err()
        };
        let creating = async {
            while !over.load(Ordering::Relaxed) {
                create(&mut session, 1).await;
            }
        };
        let (error, ()) = tokio::join!(migrating, creating);
        assert!(matches!(error, Error::SchemaBlocked { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("connection {holder} of root@")), "{engine:?}: {error}");
        assert!(begun.elapsed() < Duration::from_mins(1));
        fixture.sql("COMMIT").await;
        fixture.database.migrate().await.unwrap();
        session.check_schema().await.unwrap();
    }
}

/// Other programs can take any id, even the last one of the range.
#[tokio::test]
async fn an_id_from_the_end_of_the_range_does_not_end_creation() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture.sql("INSERT INTO Events (id) VALUES (2), (3), (9223372036854775807)").await;
        assert_eq!(create(&mut session, 2).await, [4, 5]);
        assert_eq!(session.count().await.unwrap(), 5);
        fixture.sql("UPDATE DBStatus SET id = 9223372036854775807").await;
        let error = session.create(&[Creation::one(NewEvent::default())]).await.unwrap_err();
        assert!(matches!(error, Error::CounterExhausted), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_missing_row_is_restored() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 5).await;
        fixture.sql("DELETE FROM Events WHERE id IN (1, 5)").await;
        fixture.sql("UPDATE Ledger SET removed = 2").await;
        fixture.sql("DELETE FROM DBStatus").await;
        let missing = session.count().await.unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("DBStatus must have one row, and has none: run `eventpipeline-producer")
        );
        fixture.database.migrate().await.unwrap();
        assert_eq!(session.count().await.unwrap(), 5);
        fixture.sql("DELETE FROM Ledger").await;
        fixture.database.migrate().await.unwrap();
        assert_eq!(fixture.value::<i64>("SELECT removed FROM Ledger").await, 2);
        assert_eq!(create(&mut session, 1).await, [6]);
    })
    .await;
}
