//! The order of the queue: places, priorities and earliest times.

use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Created, Creation, IdempotencyKey, Lease, LowWaterMark, NewEvent, NotBefore, Priority,
};
use jiff::{SignedDuration, Timestamp};

use crate::support::{LONG, claim, create, create_all, has_due, ids, on_each, owner};

fn event(priority: u8) -> NewEvent {
    NewEvent { priority: Priority::new(priority).unwrap(), ..NewEvent::default() }
}

fn later(seconds: i64) -> NewEvent {
    let time = Timestamp::now() + SignedDuration::from_secs(seconds);
    NewEvent { not_before: Some(time.into()), ..NewEvent::default() }
}

#[tokio::test]
async fn a_point_of_priority_is_worth_a_minute_of_waiting() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create_all(&mut session, vec![event(0), event(9), event(1), event(0)]).await;
        // The first event seems to have waited for 100 seconds.
        fixture.sql("UPDATE Events SET due = due - INTERVAL 100 SECOND WHERE id = 1").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [2, 1, 3, 4]);
    })
    .await;
}

#[tokio::test]
async fn a_delay_ends_by_the_databases_clock_and_is_repeatable_under_its_key() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let delayed = |seconds| NewEvent { not_before: Some(NotBefore::Delay(seconds)), ..NewEvent::default() };
        let creation = |seconds| {
            let key = IdempotencyKey::new("cron-1").unwrap();
            Creation::one(delayed(seconds)).with_key(Some(key))
        };
        let mut create = async |seconds| session.create(&[creation(seconds)]).await.unwrap()[0];
        let Created::New(first) = create(3600).await else { panic!("it is new") };
        let within = "SELECT due BETWEEN UTC_TIMESTAMP(6) + INTERVAL 3000 SECOND AND UTC_TIMESTAMP(6) + INTERVAL 3600 SECOND \
                      AND processing = 2 FROM Events WHERE id = 1";
        assert!(fixture.value::<bool>(within).await);
        assert_eq!(create(3600).await, Created::Replayed(first));
        assert_eq!(create(3601).await, Created::KeyReused);
        create_all(&mut session, vec![delayed(0)]).await;
        assert_eq!(ids(&claim(&mut session, 10).await), [2]);
    })
    .await;
}

#[tokio::test]
async fn no_event_is_claimed_before_its_time_and_classic_programs_do_not_see_it() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create_all(&mut session, vec![later(3600), later(-3600), event(0)]).await;
        assert_eq!(ids(&claim(&mut session, 10).await), [2, 3]);
        assert!(!has_due(&mut session).await);
        let seen = "SELECT COUNT(*) FROM Events WHERE id = 1 AND valor = '' AND processing = 0";
        assert_eq!(fixture.value::<i64>(seen).await, 0);
        fixture.sql("UPDATE Events SET due = UTC_TIMESTAMP(6) WHERE id = 1").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [1]);
    })
    .await;
}

/// The next full scan finds events that arrive before the mark, although most scans begin at the mark.
#[tokio::test]
async fn a_mark_hides_no_event_for_long() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        let (mut mark, limit) = (LowWaterMark::default(), ClaimLimit { events: 5, bytes: usize::MAX });
        let mut all = Vec::new();
        let lease = Lease::new(LONG);
        create(&mut session, 20).await;
        while all.len() < 22 {
            let claims = session.claim(&mut mark, &owner(), lease, limit).await.unwrap().events;
            all.extend(ids(&claims));
            if all.len() == 10 {
                create_all(&mut session, vec![event(9), event(5)]).await;
            }
        }
        all.sort_unstable();
        assert_eq!(all, (1..=22).collect::<Vec<_>>());
        assert!(session.claim(&mut mark, &owner(), lease, limit).await.unwrap().events.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_claim_contains_the_age_of_its_event() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        fixture.sql("UPDATE Events SET created_at = created_at - INTERVAL 100 SECOND").await;
        let age = claim(&mut session, 1).await[0].age;
        assert!((Duration::from_secs(100)..Duration::from_secs(1000)).contains(&age), "{age:?}");
    })
    .await;
}
