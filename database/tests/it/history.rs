//! Finished events: lists, removal, and statistics that stay consistent.

use std::time::Duration;

use eventpipeline_database::{
    Cursor, EventId, Failure, Finished, Listing, LowWaterMark, NewEvent, Next, Removal, State, Stats,
    Transition,
};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::{claim, create, create_all, on_each};

#[tokio::test]
async fn a_list_is_complete_across_pages() {
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

/// Rows of other programs may have no times, or times beyond the range of ours.
#[tokio::test]
async fn pages_are_complete_for_equal_missing_and_extreme_times() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        fixture.sql("INSERT INTO Events VALUES (1, 'x', 0), (2, 'x', 0), (3, 'x', 0)").await;
        create(&mut session, 20).await;
        let ids = "UPDATE Events SET valor = 'x', due = ";
        for (due, from) in [("'2026-01-01'", 4), ("'9999-12-31 23:59:59.999999'", 15)] {
            let sql =
                AssertSqlSafe(format!("{ids}{due}, created_at = due, done_at = due WHERE id >= {from}"));
            fixture.other.execute(sql).await.unwrap();
        }
        for (state, limit) in [(Some(State::Done), 2), (Some(State::Done), 5), (None, 7)] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = session.list(&Listing { state, after, limit }).await.unwrap();
                let Some(last) = page.last() else { break };
                assert!(page.len() <= limit);
                after = Some(Cursor::from(last).to_string().parse().unwrap());
                seen.extend(page.iter().map(|event| event.id.get()));
            }
            // MariaDB sets times for the first three.
            seen.sort_unstable();
            assert_eq!(seen, (1..=23).collect::<Vec<_>>(), "{state:?} {limit}");
        }
        assert_eq!(session.event(EventId::new(23).unwrap()).await.unwrap().unwrap().due, Timestamp::MAX);
    })
    .await;
}

/// BC-25: backlog alerts use this age.
#[tokio::test]
async fn the_age_of_a_pending_event_begins_when_it_could_first_be_claimed() {
    const MINUTE: u64 = 60;
    let cases = [
        (
            "created_at = UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE, priority = 9, due = created_at - INTERVAL 9 MINUTE",
            1,
        ),
        (
            "created_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY, priority = 9, processing = 2, \
          not_before = UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE, due = not_before",
            2,
        ),
        (
            "created_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY, attempts = 3, processing = 2, \
          due = UTC_TIMESTAMP(6) - INTERVAL 3 MINUTE",
            3,
        ),
        (
            "created_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY, due = created_at, attempts = 1, \
          freed_at = UTC_TIMESTAMP(6) - INTERVAL 4 MINUTE",
            4,
        ),
    ];
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        for (number, (set, minutes)) in (1..).zip(cases) {
            assert_eq!(create(&mut session, 1).await, [number]);
            let sql = AssertSqlSafe(format!("UPDATE Events SET {set} WHERE id = {number}"));
            fixture.other.execute(sql).await.unwrap();
            let age = session.stats().await.unwrap().oldest_pending.unwrap().as_secs();
            assert!((minutes * MINUTE..minutes * MINUTE + MINUTE).contains(&age), "{set}: {age} s");
        }
        // The same without changed times: created, claimed, and released a moment ago.
        fixture.sql("UPDATE Events SET freed_at = NULL, due = created_at, processing = 0").await;
        let claims = claim(&mut session, 10).await;
        session.release(&claims).await.unwrap();
        assert!(session.stats().await.unwrap().oldest_pending.unwrap().as_secs() < MINUTE);
    })
    .await;
}

#[tokio::test]
async fn only_old_finished_events_are_removed_and_in_steps() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 8).await;
        fixture
            .sql("UPDATE Events SET valor = 'x', done_at = '2020-01-01', due = done_at WHERE id <= 3")
            .await;
        fixture
            .sql("UPDATE Events SET valor = 'x', done_at = UTC_TIMESTAMP(6), due = done_at WHERE id = 4")
            .await;
        // A classic program completed this one: its row has no completion time.
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

/// I7: created = the sum of all states and of the removed events.
#[tokio::test]
async fn the_statistics_add_up() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let time = Timestamp::now() + SignedDuration::from_hours(1);
        create_all(&mut session, vec![NewEvent { not_before: Some(time.into()), ..NewEvent::default() }])
            .await;
        create(&mut session, 9).await;
        let claims = claim(&mut session, 3).await;
        let dead = Failure { claim: claims[0].clone(), error: String::new(), next: Next::Dead };
        session.fail(&[dead]).await.unwrap();
        assert_eq!(session.cancel(EventId::new(10).unwrap()).await.unwrap(), Transition::Changed);
        fixture.sql("UPDATE Events SET valor = 'x', done_at = due WHERE id IN (5, 6, 7)").await;
        fixture.sql("UPDATE Events SET done_at = '2020-01-01', due = done_at WHERE id = 5").await;
        session
            .remove(&mut LowWaterMark::default(), Finished::Done, Duration::from_mins(1), 10)
            .await
            .unwrap();
        fixture.sql("UPDATE Events SET due = due - INTERVAL 100 SECOND, created_at = due WHERE id = 8").await;
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
            ..stats.clone()
        };
        assert_eq!(stats, expected);
        let queue = session.queue_stats().await.unwrap();
        let Stats { oldest_pending, lanes, types, .. } = queue.clone();
        assert!(oldest_pending >= expected.oldest_pending, "{queue:?}");
        assert_eq!(queue, Stats { oldest_pending, lanes, types, ..expected });
    })
    .await;
}

#[tokio::test]
async fn an_empty_queue_has_statistics() {
    on_each(async |fixture| {
        let stats = fixture.session().stats().await.unwrap();
        assert_eq!((stats.created, stats.pending, stats.oldest_pending), (0, 0, None));
    })
    .await;
}
