//! The table contract: programs that know only the classic columns run unmodified beside ours.

use std::collections::BTreeSet;
use std::time::Duration;

use eventpipeline_database::{
    Classic, Database, DatabaseArgs, Error, Finished, Listing, LowWaterMark, Metrics, Transition,
};
use eventpipeline_testkit::{Database as Server, Engine, eventually};
use prometheus::Registry;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlConnection;
use sqlx::{Executor as _, Row as _};

use crate::support::{Fixture, LONG, answer, claim, claim_for, create, event_id, ids, on_each, reclaim};

const PRODUCERS: Classic = Classic { producers: true, consumers: false };
const CONSUMERS: Classic = Classic { producers: false, consumers: true };

#[tokio::test]
async fn the_tables_look_as_they_did() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events VALUES (1, '', 0)").await;
        fixture.sql("INSERT INTO Events (id) VALUES (2)").await;
        let rows =
            sqlx::query("SELECT * FROM Events ORDER BY id").fetch_all(&mut fixture.other).await.unwrap();
        assert_eq!(rows[1].len(), 3);
        assert_eq!(
            (rows[1].get::<i64, _>(0), rows[1].get::<&str, _>(1), rows[1].get::<i32, _>(2)),
            (2, "", 0)
        );
        let status = sqlx::query("SELECT * FROM DBStatus").fetch_all(&mut fixture.other).await.unwrap();
        assert_eq!((status.len(), status[0].len(), status[0].get::<i64, _>(0)), (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn what_a_classic_producer_inserts_is_claimed() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events (id, valor, processing) VALUES (1, NULL, NULL), (2, '', NULL)").await;
        fixture
            .sql("INSERT INTO Events (id, valor, processing) VALUES (3, 'done', 0), (4, '', 1), (5, '', 0)")
            .await;
        assert_eq!(ids(&claim(&mut fixture.session(), 10).await), [1, 2, 5]);
    })
    .await;
}

/// Such a row ends by a classic consumer, and goes in time; what cannot be computed of it does not keep the others.
#[tokio::test]
async fn what_is_inserted_without_names_of_columns_is_removed() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events VALUES (1, '', 0), (2, '', 0)").await;
        let mut session = fixture.session();
        assert!(session.stats().await.unwrap().oldest_pending.is_none_or(|age| age < LONG));
        fixture
            .sql(
                "INSERT INTO Events (id, created_at, due) \
                 VALUES (3, UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, UTC_TIMESTAMP(6) - INTERVAL 1 HOUR)",
            )
            .await;
        assert!(session.stats().await.unwrap().oldest_pending.unwrap() > LONG);
        let claims = claim(&mut session, 1).await;
        session.release(&claims).await.unwrap();
        assert_eq!(session.cancel(event_id(1)).await.unwrap(), Transition::Changed);
        assert_eq!(session.retry(event_id(1)).await.unwrap(), Transition::Changed);
        fixture.sql("UPDATE Events SET valor = 'classic' WHERE id = 2").await;
        let removed = eventually(async || {
            let mark = &mut LowWaterMark::default();
            let removal = session.remove(mark, Finished::Done, Duration::ZERO, 1).await.unwrap();
            (removal.events > 0).then_some(removal.events)
        })
        .await;
        assert_eq!(removed, 1);
    })
    .await;
}

/// MySQL gives such a row no times, and it must not be in the way of all others.
#[tokio::test]
async fn what_is_inserted_without_names_of_columns_is_claimed() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events VALUES (1, '', 0)").await;
        fixture.sql("INSERT INTO Events (id) VALUES (2)").await;
        let mut session = fixture.session();
        let all = Listing { state: None, after: None, limit: 10 };
        assert_eq!(session.list(&all).await.unwrap().len(), 2);
        session.stats().await.unwrap();
        // Given back, freed, claimed by a classic program, and done.
        let claims = claim(&mut session, 10).await;
        assert_eq!(ids(&claims), [1, 2]);
        session.release(&claims).await.unwrap();
        assert_eq!(claim_for(&mut session, Duration::ZERO, 10).await.len(), 2);
        eventually(async || (reclaim(&mut session, LONG).await.freed.len() == 2).then_some(())).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        reclaim(&mut session, Duration::ZERO).await;
        eventually(async || (reclaim(&mut session, Duration::ZERO).await.freed.len() == 1).then_some(()))
            .await;
        for _ in 0..2 {
            let claims = claim(&mut session, 10).await;
            assert_eq!(session.complete(&[answer(&claims[0], "sim")]).await.unwrap().len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_classic_consumer_holds_or_has_done_is_not_claimed() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 2").await;
        fixture.sql("UPDATE Events SET valor = 'palavra', processing = 0 WHERE id = 2").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [3]);
    })
    .await;
}

/// Such a producer reads the counter, inserts the next id, and only then moves the counter.
#[tokio::test]
async fn an_id_that_a_classic_producer_took_before_it_was_counted_is_passed_over() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        assert_eq!(create(&mut session, 1).await, [1]);
        fixture.sql("INSERT INTO Events (id) VALUES (2), (3)").await;
        assert_eq!(create(&mut session, 2).await, [4, 5]);
        assert_eq!(session.count().await.unwrap(), 5);
        assert_eq!(ids(&claim(&mut session, 10).await), [1, 2, 3, 4, 5]);
    })
    .await;
}

/// It reads the counter, adds one, inserts and writes the counter back, without a lock: its own requests may fail, ours not.
#[tokio::test]
async fn a_classic_producer_without_locks_takes_nothing_from_ours() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let ours = async {
            let mut ids = BTreeSet::new();
            for _ in 0..100 {
                ids.extend(create(&mut session, 3).await);
            }
            ids
        };
        let (ours, theirs) = tokio::join!(ours, unlocked_creations(&mut fixture.other, 300));
        assert_eq!(ours.len(), 300, "ours are distinct");
        assert!(ours.is_disjoint(&theirs), "no event is ours and theirs");
        let rows: i64 = fixture.value("SELECT COUNT(*) FROM Events").await;
        assert_eq!(usize::try_from(rows), Ok(ours.len() + theirs.len()));
        // Whatever they wrote to the counter, it is right again with our next event.
        let next = create(&mut session, 1).await[0];
        assert!(ours.union(&theirs).all(|id| *id < next), "{next}");
        assert_eq!(session.count().await.unwrap(), next);
    })
    .await;
}

/// Such a producer writes an old value to the counter whenever it gets the chance. Each of our creations succeeds nevertheless.
#[tokio::test]
async fn a_counter_that_is_written_back_all_the_time_stops_no_creation() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture.sql("INSERT INTO Events (id) VALUES (2), (3)").await;
        let write_back = async {
            loop {
                sqlx::query("UPDATE DBStatus SET id = 1").execute(&mut fixture.other).await.unwrap();
            }
        };
        let ours = async {
            let mut ids = Vec::new();
            for _ in 0..100 {
                ids.extend(create(&mut session, 1).await);
            }
            ids
        };
        let ids = tokio::select! {
            ids = ours => ids,
            () = write_back => unreachable!("it never ends"),
        };
        assert_eq!(ids, (4..104).collect::<Vec<i64>>());
    })
    .await;
}

/// The ids that were inserted, of so many tries.
async fn unlocked_creations(connection: &mut MySqlConnection, tries: usize) -> BTreeSet<i64> {
    let mut inserted = BTreeSet::new();
    for _ in 0..tries {
        let count: i64 =
            sqlx::query_scalar("SELECT id FROM DBStatus").fetch_one(&mut *connection).await.unwrap();
        let insert = sqlx::query("INSERT INTO Events (id) VALUES (?)").bind(count + 1);
        match insert.execute(&mut *connection).await {
            Ok(_) => assert!(inserted.insert(count + 1)),
            Err(error) => assert!(error.as_database_error().is_some_and(DatabaseError::is_unique_violation)),
        }
        let write = sqlx::query("UPDATE DBStatus SET id = ?").bind(count + 1);
        write.execute(&mut *connection).await.unwrap();
    }
    inserted
}

/// Such a consumer keeps its lock while it works. Only what it has locked has to wait.
#[tokio::test]
async fn a_classic_consumer_that_holds_its_lock_keeps_nobody_from_other_events() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 5).await;
        fixture.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
        fixture.sql("START TRANSACTION").await;
        let free = "SELECT id FROM Events WHERE (valor IS NULL OR valor = '') \
                    AND (processing IS NULL OR processing = 0) ORDER BY id LIMIT 1 FOR UPDATE";
        assert_eq!(fixture.value::<i64>(free).await, 1);
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [2, 3, 4, 5]);
        // It dies, and its transaction with it.
        fixture.sql("ROLLBACK").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [1]);
    })
    .await;
}

#[tokio::test]
async fn with_classic_producers_the_counter_never_goes_back() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 5).await;
        // Twice, as each start of a new image does it.
        for _ in 0..2 {
            fixture.database.apply_classic_support(PRODUCERS).await.unwrap();
        }
        fixture.sql("UPDATE DBStatus SET id = 2").await;
        assert_eq!(session.count().await.unwrap(), 5);
        fixture.sql("UPDATE DBStatus SET id = 6").await;
        assert_eq!(create(&mut session, 1).await, [7]);

        fixture.database.apply_classic_support(Classic::default()).await.unwrap();
        fixture.sql("UPDATE DBStatus SET id = 2").await;
        assert_eq!(session.count().await.unwrap(), 2, "without such producers nobody pays for a trigger");
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
        assert!(without > 40_000, "without such consumers nobody pays for an index: {without}");
    })
    .await;
}

#[tokio::test]
async fn who_may_make_no_trigger_or_no_index_is_told_so() {
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

/// Such a producer meets an id that is taken, says nothing of it to the database, and keeps its connection.
#[tokio::test]
async fn a_transaction_that_a_classic_producer_leaves_open_does_not_keep_its_event_locked() {
    let mut fixture = Fixture::new(Server::shared(Engine::MySql).await).await;
    let mut session = fixture.session();
    create(&mut session, 2).await;
    fixture.database.apply_classic_support(PRODUCERS).await.unwrap();
    fixture.sql("SET autocommit = 0").await;
    let collision = fixture.other.execute("INSERT INTO Events VALUES (1, '', 0)").await.unwrap_err();
    assert!(collision.as_database_error().is_some_and(DatabaseError::is_unique_violation));
    // Ours take what is not locked, and others wait for what is: not as long as it takes until they give up.
    assert_eq!(ids(&claim(&mut session, 10).await), [2]);
    let mut consumer = fixture.another().await;
    let free = "SELECT id FROM Events WHERE id = 1 FOR UPDATE";
    let taken: i64 = sqlx::query_scalar(free).fetch_one(&mut consumer).await.unwrap();
    assert_eq!(taken, 1);
    assert!(fixture.other.execute("SELECT 1").await.is_err(), "its connection is ended");
}

#[tokio::test]
async fn without_classic_programs_nobody_ends_transactions() {
    on_each(async |mut fixture| {
        let events = "SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()";
        for (classic, expected) in [(PRODUCERS, 1), (Classic::default(), 0), (CONSUMERS, 1)] {
            fixture.database.apply_classic_support(classic).await.unwrap();
            assert_eq!(fixture.value::<i64>(events).await, expected, "{classic:?}");
        }
    })
    .await;
}
