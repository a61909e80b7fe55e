//! Finished events: lists of them, their removal, and figures that stay true.

use std::time::Duration;

use eventpipeline_database::{
    Change, Cursor, EventId, Failure, Finished, Listing, LowWaterMark, NewEvent, Next, Removal, State, Stats,
};
use jiff::{SignedDuration, Timestamp};

use crate::support::{claim, create, create_all, on_each};

#[tokio::test]
async fn lists_are_turned_page_by_page() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 7).await;
        fixture.sql("UPDATE Events SET valor = 'x', due = '2026-01-01' WHERE id IN (2, 4, 6)").await;
        fixture.sql("UPDATE Events SET valor = 'x', due = '2025-01-01' WHERE id = 7").await;
        for (state, expected) in [
            (None, vec![1, 2, 3, 4, 5, 6, 7]),
            (Some(State::Done), vec![7, 2, 4, 6]),
            (Some(State::Pending), vec![1, 3, 5]),
            (Some(State::Dead), vec![]),
        ] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = session.list(&Listing { state, after, limit: 2 }).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(Cursor::from(last));
                seen.extend(page.iter().map(|event| event.id.get()));
            }
            assert_eq!(seen, expected, "{state:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn old_finished_events_are_removed_in_steps_and_no_others() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 8).await;
        fixture
            .sql("UPDATE Events SET valor = 'x', done_at = '2020-01-01', due = done_at WHERE id <= 3")
            .await;
        fixture
            .sql("UPDATE Events SET valor = 'x', done_at = UTC_TIMESTAMP(6), due = done_at WHERE id = 4")
            .await;
        // A classic program's: its row says nothing of when.
        fixture.sql("UPDATE Events SET valor = 'x', due = '2020-01-01' WHERE id = 5").await;
        fixture.sql("UPDATE Events SET processing = 3, due = '2020-01-01' WHERE id = 6").await;
        let hour = Duration::from_hours(1);
        assert_eq!(
            session.remove(&mut LowWaterMark::default(), Finished::Done, hour, 3).await.unwrap(),
            Removal { events: 3, more: true }
        );
        assert_eq!(
            session.remove(&mut LowWaterMark::default(), Finished::Done, hour, 3).await.unwrap(),
            Removal { events: 0, more: false }
        );
        let left: Vec<i64> = sqlx::query_scalar("SELECT id FROM Events ORDER BY id")
            .fetch_all(&mut fixture.other)
            .await
            .unwrap();
        assert_eq!(left, [4, 5, 6, 7, 8]);
        assert_eq!(session.count().await.unwrap(), 8);
    })
    .await;
}

/// I7: created = the sum of all states and of what was removed.
#[tokio::test]
async fn the_figures_add_up() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let time = Timestamp::now() + SignedDuration::from_hours(1);
        create_all(&mut session, vec![NewEvent { not_before: Some(time.into()), ..NewEvent::default() }])
            .await;
        create(&mut session, 9).await;
        let claims = claim(&mut session, 3).await;
        let dead = Failure { claim: claims[0].clone(), error: String::new(), next: Next::Dead };
        session.fail(&[dead]).await.unwrap();
        assert_eq!(session.cancel(EventId::new(10).unwrap()).await.unwrap(), Change::Changed);
        fixture.sql("UPDATE Events SET valor = 'x', done_at = due WHERE id IN (5, 6, 7)").await;
        fixture.sql("UPDATE Events SET done_at = '2020-01-01', due = done_at WHERE id = 5").await;
        session
            .remove(&mut LowWaterMark::default(), Finished::Done, Duration::from_mins(1), 10)
            .await
            .unwrap();
        fixture.sql("UPDATE Events SET due = due - INTERVAL 100 SECOND WHERE id = 8").await;
        let stats = session.stats().await.unwrap();
        assert!(stats.oldest_pending.unwrap() >= Duration::from_secs(100), "{stats:?}");
        let expected = Stats {
            created: 10,
            pending: 2,
            scheduled: 1,
            processing: 2,
            done: 2,
            dead: 1,
            cancelled: 1,
            removed: 1,
            oldest_pending: stats.oldest_pending,
        };
        assert_eq!(stats, expected);
        let queue = session.queue_stats().await.unwrap();
        assert_eq!(queue, Stats { oldest_pending: queue.oldest_pending, ..expected });
        assert!(queue.oldest_pending >= expected.oldest_pending, "{queue:?}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_queue_has_figures_too() {
    on_each(async |fixture| {
        let stats = fixture.session().stats().await.unwrap();
        assert_eq!((stats.created, stats.pending, stats.oldest_pending), (0, 0, None));
    })
    .await;
}
