//! The table contract: programs that know only the classic columns work unchanged alongside ours.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use eventpipeline_database::{Finished, Listing, LowWaterMark, Transition};
use eventpipeline_testkit::eventually;
use sqlx::Row as _;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlConnection;

use crate::support::{LONG, answer, claim, claim_for, create, event_id, ids, on_each, reclaim};

#[tokio::test]
async fn classic_programs_see_the_classic_columns_only() {
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
async fn events_of_a_classic_producer_are_claimed() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events (id, valor, processing) VALUES (1, NULL, NULL), (2, '', NULL)").await;
        fixture
            .sql("INSERT INTO Events (id, valor, processing) VALUES (3, 'done', 0), (4, '', 1), (5, '', 0)")
            .await;
        assert_eq!(ids(&claim(&mut fixture.session(), 10).await), [1, 2, 5]);
    })
    .await;
}

/// A classic consumer completes such a row, which is removed later. Its missing times do not affect other rows.
#[tokio::test]
async fn rows_inserted_without_column_names_are_removed() {
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

/// MySQL sets no times for such a row, which must not block the others.
#[tokio::test]
async fn rows_inserted_without_column_names_are_claimed() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events VALUES (1, '', 0)").await;
        fixture.sql("INSERT INTO Events (id) VALUES (2)").await;
        let mut session = fixture.session();
        let all = Listing { state: None, after: None, limit: 10 };
        assert_eq!(session.list(&all).await.unwrap().len(), 2);
        session.stats().await.unwrap();
        // Each row is released, reclaimed, claimed by a classic program, and completed.
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
async fn events_that_a_classic_consumer_holds_or_completed_are_not_claimed() {
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

/// The producer reads the counter, inserts the next id, and only then moves the counter.
#[tokio::test]
async fn ids_that_a_classic_producer_inserted_uncounted_are_skipped() {
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

/// It reads the counter, adds one, inserts, and writes the counter back, all without a lock. Only its own requests may fail.
#[tokio::test]
async fn a_classic_producer_without_locks_affects_none_of_our_events() {
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
        assert!(ours.is_disjoint(&theirs), "no event is both ours and theirs");
        let rows: i64 = fixture.value("SELECT COUNT(*) FROM Events").await;
        assert_eq!(usize::try_from(rows), Ok(ours.len() + theirs.len()));
        // Our next event corrects the counter, whatever they wrote to it.
        let next = create(&mut session, 1).await[0];
        assert!(ours.union(&theirs).all(|id| *id < next), "{next}");
        assert_eq!(session.count().await.unwrap(), next);
    })
    .await;
}

/// The producer writes an old value to the counter at every opportunity. Each of our creations succeeds nevertheless.
#[tokio::test]
async fn a_counter_that_is_constantly_decreased_prevents_no_creation() {
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
            () = write_back => unreachable!("the loop never ends"),
        };
        assert_eq!(ids, (4..104).collect::<Vec<i64>>());
    })
    .await;
}

/// Inserts events like a classic producer. Returns the ids of the successful attempts.
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

/// The consumer keeps its lock while it works. Only its own event has to wait.
#[tokio::test]
async fn a_classic_consumer_that_keeps_its_lock_blocks_no_other_event() {
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
        // The consumer crashes, which ends its transaction.
        fixture.sql("ROLLBACK").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [1]);
    })
    .await;
}
