//! Additions to the schema for declared classic programs: a trigger, an index, and an event that ends idle transactions.

use eventpipeline_database::{Classic, Database, DatabaseArgs, Error, Metrics};
use eventpipeline_testkit::{Database as Server, Engine};
use prometheus::Registry;
use sqlx::Executor as _;
use sqlx::error::DatabaseError;

use crate::support::{Fixture, claim, create, ids, on_each};

const PRODUCERS: Classic = Classic { producers: true, consumers: false };
const CONSUMERS: Classic = Classic { producers: false, consumers: true };

#[tokio::test]
async fn with_classic_producers_the_counter_never_goes_back() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 5).await;
        // The second call simulates an upgrade.
        for _ in 0..2 {
            fixture.database.apply_classic_support(PRODUCERS).await.unwrap();
        }
        fixture.sql("UPDATE DBStatus SET id = 2").await;
        assert_eq!(session.count().await.unwrap(), 5);
        fixture.sql("UPDATE DBStatus SET id = 6").await;
        assert_eq!(create(&mut session, 1).await, [7]);

        fixture.database.apply_classic_support(Classic::default()).await.unwrap();
        fixture.sql("UPDATE DBStatus SET id = 2").await;
        assert_eq!(session.count().await.unwrap(), 2, "without such producers no trigger exists");
    })
    .await;
}

#[tokio::test]
async fn classic_consumers_read_no_finished_event() {
    const LOOK: &str = "SELECT COALESCE(MIN(id), 0) FROM (SELECT id FROM Events WHERE valor = '' AND processing = 0 \
         ORDER BY id LIMIT 1 FOR UPDATE) AS free";
    on_each(async |mut fixture| {
        fixture
            .sql(
                "INSERT INTO Events (id, valor) WITH RECURSIVE numbers AS \
                 (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000) \
                 SELECT a.n + 1000 * b.n, 'palavra' FROM numbers AS a, numbers AS b WHERE b.n < 50",
            )
            .await;
        fixture.sql("INSERT INTO Events (id) VALUES (900001), (900002)").await;
        let mut reads = async |classic| {
            fixture.database.apply_classic_support(classic).await.unwrap();
            fixture.sql("ANALYZE TABLE Events").await;
            let before = fixture.rows_read().await;
            assert_eq!(fixture.value::<i64>(LOOK).await, 900_001);
            fixture.rows_read().await - before
        };
        let without = reads(Classic::default()).await;
        assert!(without > 40_000, "{without}");
        let with = reads(CONSUMERS).await;
        assert!(with < 1000, "{with}");
        let without = reads(Classic::default()).await;
        assert!(without > 40_000, "without such consumers no index exists: {without}");
    })
    .await;
}

#[tokio::test]
async fn a_user_without_privileges_learns_which_trigger_or_index_is_missing() {
    on_each(async |mut fixture| {
        fixture.sql("CREATE USER IF NOT EXISTS keeper@'%' IDENTIFIED BY ''").await;
        fixture.sql("GRANT SELECT, UPDATE ON *.* TO keeper@'%'").await;
        let args = DatabaseArgs { database_user: "keeper".to_owned(), ..fixture.args.clone() };
        std::fs::write(&args.database_password_file, "").unwrap();
        let keeper = Database::new(args, Metrics::new(&Registry::new()).unwrap());
        keeper.apply_classic_support(Classic::default()).await.unwrap();
        let refused = keeper.apply_classic_support(PRODUCERS).await.unwrap_err();
        assert!(matches!(refused, Error::TriggerRefused { .. }), "{refused:?}");
        assert!(refused.to_string().contains("TRIGGER"), "{refused}");
        let refused = keeper.apply_classic_support(CONSUMERS).await.unwrap_err();
        assert!(refused.to_string().contains("index of free events"), "{refused}");
        fixture.sql("DROP USER keeper@'%'").await;
    })
    .await;
}

/// The insert of such a producer fails at a taken id; it does not end the transaction, and keeps its connection.
#[tokio::test]
async fn a_transaction_that_a_classic_producer_leaves_open_does_not_keep_its_event_locked() {
    let mut fixture = Fixture::new(Server::shared(Engine::MySql).await).await;
    let mut session = fixture.session();
    create(&mut session, 2).await;
    fixture.database.apply_classic_support(PRODUCERS).await.unwrap();
    fixture.sql("SET autocommit = 0").await;
    let collision = fixture.other.execute("INSERT INTO Events VALUES (1, '', 0)").await.unwrap_err();
    assert!(collision.as_database_error().is_some_and(DatabaseError::is_unique_violation));
    // Our consumers skip the locked event. Others wait for it, but less than their lock wait timeout.
    assert_eq!(ids(&claim(&mut session, 10).await), [2]);
    let mut consumer = fixture.another().await;
    let free = "SELECT id FROM Events WHERE id = 1 FOR UPDATE";
    let taken: i64 = sqlx::query_scalar(free).fetch_one(&mut consumer).await.unwrap();
    assert_eq!(taken, 1);
    assert!(fixture.other.execute("SELECT 1").await.is_err(), "its connection is ended");
}

#[tokio::test]
async fn without_classic_programs_idle_transactions_are_not_ended() {
    on_each(async |mut fixture| {
        let events = "SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()";
        for (classic, expected) in [(PRODUCERS, 1), (Classic::default(), 0), (CONSUMERS, 1)] {
            fixture.database.apply_classic_support(classic).await.unwrap();
            assert_eq!(fixture.value::<i64>(events).await, expected, "{classic:?}");
        }
    })
    .await;
}
