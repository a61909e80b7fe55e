//! Claims: the oldest free events, each by one consumer at a time, without waiting.

use std::collections::BTreeSet;
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, Creation, Failure, LARGEST_CLAIM, Lease, LowWaterMark, NewEvent, Next,
};
use sqlx::Connection as _;

use crate::support::{LONG, claim, create, has_due, ids, on_each, owner};

#[tokio::test]
async fn the_oldest_free_events_come_first() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 5).await;
        assert!(has_due(&mut session).await);
        assert_eq!(ids(&claim(&mut session, 2).await), [1, 2]);
        assert_eq!(ids(&claim(&mut session, 10).await), [3, 4, 5]);
        assert!(!has_due(&mut session).await);
        assert!(claim(&mut session, 10).await.is_empty());
    })
    .await;
}

/// Otherwise a consumer would pause in the middle of a backlog, and claim fewer events at a time.
#[tokio::test]
async fn a_claim_of_the_last_found_events_reports_more_if_the_scan_ended_at_its_limit() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, LARGEST_CLAIM + 100).await;
        let (mut mark, owner) = (LowWaterMark::default(), owner());
        assert!(session.has_due(&mut mark).await.unwrap());
        for (events, more) in [(1000, true), (LARGEST_CLAIM - 1000, true), (100, false)] {
            let limit = ClaimLimit { events: 1000, bytes: usize::MAX };
            let claims = session.claim(&mut mark, &owner, Lease::new(LONG), limit).await.unwrap();
            assert_eq!((claims.events.len(), claims.more), (events, more));
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_does_not_wait_for_rows_of_a_concurrent_claim() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 4).await;
        let mut another = fixture.other.begin().await.unwrap();
        // The read uses the claim's index; another access path would lock all four rows.
        let look = "SELECT id FROM Events FORCE INDEX (state_due) WHERE state = 0 ORDER BY due, id LIMIT 2 \
                    FOR UPDATE SKIP LOCKED";
        sqlx::query(look).fetch_all(&mut *another).await.unwrap();
        // The first two are locked but not claimed yet.
        assert_eq!(ids(&claim(&mut session, 10).await), [3, 4]);
        another.rollback().await.unwrap();
        assert_eq!(ids(&claim(&mut session, 10).await), [1, 2]);
    })
    .await;
}

#[tokio::test]
async fn concurrent_consumers_share_no_event_and_leave_none() {
    on_each(async |fixture| {
        create(&mut fixture.session(), 1000).await;
        let claimers = (1..=8).map(|size| {
            let mut session = fixture.session();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                // A claim skips locked rows, so it may find none although more exist.
                while has_due(&mut session).await {
                    mine.extend(ids(&claim(&mut session, size * 4).await));
                }
                mine
            })
        });
        let mut all = Vec::new();
        for owner in claimers.collect::<Vec<_>>() {
            all.extend(owner.await.unwrap());
        }
        assert_eq!(all.len(), 1000);
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), (1..=1000).collect());
    })
    .await;
}

#[tokio::test]
async fn every_claim_counts_an_attempt_and_increments_the_token() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let mut token = 0;
        for attempt in 1..=3 {
            let claims = claim(&mut session, 1).await;
            assert_eq!(claims[0].attempt, attempt);
            assert!(claims[0].token > token);
            token = claims[0].token;
            let failure = Failure {
                claim: claims[0].clone(),
                error: "no word today".to_owned(),
                next: Next::Retry { after: Duration::ZERO },
            };
            assert_eq!(session.fail(&[failure]).await.unwrap(), [claims[0].id]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_respects_its_payload_limit_and_leaves_the_rest_to_others() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        let event = |bytes| NewEvent { payload: Some("7".repeat(bytes)), ..NewEvent::default() };
        let events = vec![event(10), NewEvent::default(), event(600), event(600), event(2000)];
        session.create(&[Creation::many(events).unwrap()]).await.unwrap();
        let mut claims = Vec::new();
        loop {
            let limit = ClaimLimit { events: 10, bytes: 1000 };
            let mark = &mut LowWaterMark::default();
            let taken = session.claim(mark, &owner(), Lease::new(LONG), limit).await.unwrap();
            let lengths = |claim: &Claimed| (claim.id.get(), claim.payload.as_ref().map(String::len));
            claims.push((taken.events.iter().map(lengths).collect::<Vec<_>>(), taken.more));
            if !taken.more {
                break;
            }
        }
        let first = vec![(1, Some(10)), (2, None), (3, Some(600))];
        assert_eq!(claims, [(first, true), (vec![(4, Some(600))], true), (vec![(5, Some(2000))], false)]);
    })
    .await;
}
