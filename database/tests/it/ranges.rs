//! Consumers take ranges of a backlog from a shared cursor, which is only a hint: any value leaves no event unclaimed.

use std::collections::BTreeSet;
use std::time::Duration;

use eventpipeline_database::{EventId, LARGEST_CLAIM, Lane, Lanes};
use sqlx::{Connection as _, Executor as _};

use crate::consumer::Consumer;
use crate::support::{Fixture, create, event_id, on_each};

const EVENTS: usize = 14_000;
/// The last of their ids.
const LAST: i64 = 14_000;
/// Events per claim.
const CLAIM: usize = 100;
/// Number of claims after which a consumer has claimed what its first scan found.
const FIRST_CLAIMS: usize = LARGEST_CLAIM.div_ceil(CLAIM);

/// Makes the backlog older than any urgent event that arrives.
const OLD: &str = "UPDATE Events SET due = created_at - INTERVAL 1200000000 - id MICROSECOND";
/// Makes the backlog younger than urgent events of priority 5.
const YOUNG: &str = "UPDATE Events SET due = created_at - INTERVAL 270000000 - id MICROSECOND";
/// Moves the cursor as if a consumer had taken the next 500 events, and died.
const LOSE_A_RANGE: &str = "UPDATE LaneCursors JOIN \
     (SELECT due, id FROM Events WHERE state = 0 ORDER BY due, id LIMIT 1 OFFSET 500) AS next \
     SET place = TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), event = next.id";

/// Creates a backlog, whose age a statement sets, and consumers that have claimed the events of their first scans.
async fn backlog<const CONSUMERS: usize>(
    fixture: &mut Fixture,
    age: &'static str,
) -> ([Consumer; CONSUMERS], Vec<EventId>) {
    backlog_in(Lane::DEFAULT, fixture, age).await
}

async fn backlog_in<const CONSUMERS: usize>(
    lane: Lane,
    fixture: &mut Fixture,
    age: &'static str,
) -> ([Consumer; CONSUMERS], Vec<EventId>) {
    let mut session = fixture.session();
    for _ in 0..EVENTS / 1000 {
        create(&mut session, 1000).await;
    }
    fixture.sql(age).await;
    let mut consumers = [(); CONSUMERS].map(|()| Consumer::in_lane(fixture, lane));
    let mut claimed = Vec::new();
    for _ in 0..FIRST_CLAIMS {
        for consumer in &mut consumers {
            claimed.extend(consumer.claim(CLAIM).await);
        }
    }
    (consumers, claimed)
}

/// Claims until all events are claimed, each once.
async fn drain(consumers: &mut [Consumer], mut claimed: Vec<EventId>) {
    let all = async {
        while claimed.len() < EVENTS {
            for consumer in &mut *consumers {
                claimed.extend(consumer.claim(CLAIM).await);
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(5), all).await.unwrap();
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (EVENTS, EVENTS));
}

#[tokio::test]
async fn consumers_of_one_backlog_do_not_compete() {
    on_each(async |mut fixture| {
        let (mut consumers, mut claimed) = backlog::<4>(&mut fixture, OLD).await;
        // As if the database's clock had gone back.
        fixture
            .sql("UPDATE LaneCursors SET place = place + 3600000000 + TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))")
            .await;
        let cursor = "SELECT event FROM LaneCursors";
        let before: i64 = fixture.value(cursor).await;
        for _ in 0..2 * FIRST_CLAIMS {
            for consumer in &mut consumers {
                claimed.extend(consumer.claim(CLAIM).await);
            }
        }
        // Each consumer has taken a range, of which the others claim nothing.
        let after: i64 = fixture.value(cursor).await;
        assert!(after >= before + 4 * i64::try_from(LARGEST_CLAIM).unwrap(), "from {before} to {after}");
        let past = "SELECT place < TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) FROM LaneCursors";
        assert!(fixture.value::<bool>(past).await);
        drain(&mut consumers, claimed).await;
    })
    .await;
}

#[tokio::test]
async fn no_event_is_left_whatever_the_cursor_says() {
    const CURSORS: [&str; 6] = [
        "UPDATE LaneCursors SET place = 9223372036854775807, event = 9223372036854775807",
        "UPDATE LaneCursors SET place = -9223372036854775808, event = -1",
        "DELETE FROM LaneCursors",
        LOSE_A_RANGE,
        // As if the backlog had ended just now.
        "UPDATE LaneCursors SET place = TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), event = 1",
        // Events return to positions before the cursor.
        "UPDATE Events SET due = due - INTERVAL 1 HOUR WHERE state = 0 AND id % 2 = 0",
    ];
    on_each(async |mut fixture| {
        for statement in CURSORS {
            let (mut consumers, mut claimed) = backlog::<2>(&mut fixture, OLD).await;
            for consumer in &mut consumers {
                claimed.extend(consumer.claim(CLAIM).await);
            }
            fixture.sql(statement).await;
            // The other one does not return.
            drain(&mut consumers[..1], claimed).await;
            fixture.sql("REPLACE INTO LaneCursors (lane) VALUES (0)").await;
            fixture.sql("DELETE FROM Events").await;
        }
    })
    .await;
}

/// Otherwise a backlog that never ends would hide them forever.
#[tokio::test]
async fn events_that_a_dead_consumer_took_do_not_wait_for_the_end_of_the_backlog() {
    on_each(async |mut fixture| {
        let (mut consumers, claimed) = backlog::<2>(&mut fixture, OLD).await;
        fixture.sql(LOSE_A_RANGE).await;
        let mut claimed: BTreeSet<_> = claimed.into_iter().collect();
        let mut session = fixture.session();
        let old = async {
            while claimed.range(..=event_id(LAST)).count() < EVENTS {
                create(&mut session, CLAIM).await;
                claimed.extend(consumers[0].claim(CLAIM).await);
            }
        };
        tokio::time::timeout(Duration::from_mins(5), old).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_client_that_keeps_the_cursor_locked_stops_no_claim() {
    on_each(async |mut fixture| {
        let (mut consumers, claimed) = backlog::<2>(&mut fixture, OLD).await;
        let mut other = fixture.another().await;
        other.execute("START TRANSACTION").await.unwrap();
        other.execute("SELECT place FROM LaneCursors FOR UPDATE").await.unwrap();
        drain(&mut consumers, claimed).await;
        other.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_urgent_event_overtakes_a_backlog() {
    on_each(async |mut fixture| {
        let (mut consumers, _) = backlog::<2>(&mut fixture, YOUNG).await;
        for points in [6, 9] {
            for consumer in &mut consumers {
                let urgent = consumer.create(points).await;
                let mut claims = 0;
                while !consumer.claim(CLAIM).await.contains(&urgent) {
                    claims += 1;
                    // It may have taken a range before.
                    assert!(claims <= FIRST_CLAIMS, "of priority {points}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn each_lane_has_its_own_cursor() {
    on_each(async |mut fixture| {
        let lanes = Lanes::from_json(r#"[{"lane": "kinds", "types": ["kind.*"]}]"#).unwrap();
        fixture.database.apply_lanes(&lanes).await.unwrap();
        let lane = fixture.session().lane("kinds").await.unwrap();
        let age = "UPDATE Events SET type = 'kind.a', lane = 1, processing = 2, \
             due = created_at - INTERVAL 1200000000 - id MICROSECOND";
        let (mut consumers, mut claimed) = backlog_in::<2>(lane, &mut fixture, age).await;
        for _ in 0..FIRST_CLAIMS {
            for consumer in &mut consumers {
                claimed.extend(consumer.claim(CLAIM).await);
            }
        }
        let moved = "SELECT GROUP_CONCAT(lane) FROM LaneCursors WHERE event > 0";
        assert_eq!(fixture.value::<Option<String>>(moved).await.as_deref(), Some("1"));
        drain(&mut consumers, claimed).await;
    })
    .await;
}
