//! Removal while other clients hold locks that it needs.

use std::time::{Duration, Instant};

use eventpipeline_database::{Creation, Error, Finished, IdempotencyKey, LowWaterMark, NewEvent, Outcome};

use crate::support::on_each;

/// More than one wait for a lock takes on a slow machine, and less than the ten seconds of repeated waits. A removal keeps
/// its own locks meanwhile.
const SHORT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_removal_does_not_wait_long_for_the_locks_of_others() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let key = IdempotencyKey::new("k").ok();
        session.create(&[Creation::one(NewEvent::default()).with_key(key)]).await.unwrap();
        fixture.sql("UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at").await;
        for lock in ["SELECT removed FROM Ledger FOR UPDATE", "SELECT name FROM IdempotencyKeys FOR UPDATE"] {
            fixture.sql("START TRANSACTION").await;
            fixture.sql(lock).await;
            let begun = Instant::now();
            let mark = &mut LowWaterMark::default();
            let error = session.remove(mark, Finished::Done, Duration::ZERO, 10).await.unwrap_err();
            assert!(begun.elapsed() < SHORT, "{lock}: {:?}", begun.elapsed());
            assert!(matches!(error, Error::Query { .. }), "{error:?}");
            assert_eq!(error.outcome(), Outcome::NotDone);
            fixture.sql("ROLLBACK").await;
        }
        let mark = &mut LowWaterMark::default();
        let removal = session.remove(mark, Finished::Done, Duration::ZERO, 10).await.unwrap();
        assert_eq!(removal.events, 1);
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM IdempotencyKeys").await, 0);
    })
    .await;
}
