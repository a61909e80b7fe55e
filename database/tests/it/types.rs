//! Events with a type wait in the lane of their type, whatever happens to them.

use std::collections::BTreeMap;
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, Created, Creation, Cursor, Error, EventId, EventType, Failure, IdempotencyKey,
    Lanes, Lease, Listing, LowWaterMark, NewEvent, Next, Session, State, Transition,
};

use crate::support::{
    Fixture, LONG, answer, claim, create, create_all, has_due, on_each, owner, reclaim, watch,
};

pub(crate) const ORDERS: &str =
    r#"[{"lane": "orders", "types": ["order.*"]}, {"lane": "created", "types": ["order.created"]}]"#;
const LINES: &str = r#"[{"lane": "orders", "types": ["order.*"]}, {"lane": "created", "types": ["order.created"]},
    {"lane": "lines", "types": ["order.line.*"]}]"#;
pub(crate) const OTHERS: &str =
    r#"[{"lane": "created", "types": ["order.*"]}, {"lane": "invoices", "types": ["invoice"]}]"#;

pub(crate) fn of(event_type: &str) -> NewEvent {
    NewEvent { event_type: EventType::new(event_type).ok(), ..NewEvent::default() }
}

pub(crate) async fn set_lanes(fixture: &Fixture, lanes: &str) -> usize {
    let lanes = Lanes::from_json(lanes).unwrap();
    loop {
        match fixture.database.apply_lanes(&lanes).await {
            // On a slow machine, the wait for a lock may time out.
            Err(Error::SchemaBlocked { .. }) => {}
            applied => return applied.unwrap(),
        }
    }
}

/// Creates an event of each type, and returns their ids.
pub(crate) async fn create_types(session: &mut Session, types: &[&str]) -> Vec<EventId> {
    create_all(session, types.iter().map(|event_type| of(event_type)).collect()).await
}

pub(crate) async fn claim_in(session: &mut Session, lane: &str, events: usize) -> Vec<Claimed> {
    claim_in_for(session, lane, LONG, events).await
}

async fn claim_in_for(session: &mut Session, lane: &str, lease: Duration, events: usize) -> Vec<Claimed> {
    let mark = &mut LowWaterMark::of(session.lane(lane).await.unwrap());
    let limit = ClaimLimit { events, bytes: usize::MAX };
    session.claim(mark, &owner(), Lease::new(lease), limit).await.unwrap().events
}

pub(crate) fn ids(claims: &[Claimed]) -> Vec<EventId> {
    claims.iter().map(|claim| claim.id).collect()
}

#[tokio::test]
async fn the_longest_pattern_decides_and_events_without_one_wait_in_the_default_lane() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        // Before there are lanes, all events wait in one lane.
        let early = create_types(&mut session, &["order.created", "other"]).await;
        assert_eq!(set_lanes(&fixture, LINES).await, 1);
        let types = ["order.created", "order.line.added", "order", "ordering.x", "other", "order.paid.late"];
        let events = create_types(&mut session, &types).await;
        let plain = create(&mut session, 1).await;
        assert_eq!(ids(&claim_in(&mut session, "created", 10).await), [early[0], events[0]]);
        assert_eq!(ids(&claim_in(&mut session, "orders", 10).await), [events[5]]);
        let lines = claim_in(&mut session, "lines", 10).await;
        session.release(&lines).await.unwrap();
        assert_eq!(ids(&claim_in(&mut session, "lines", 10).await), [events[1]]);
        let rest = claim(&mut session, 10).await;
        let rest: Vec<_> = rest.iter().map(|claim| claim.id.get()).collect();
        assert_eq!(rest, [early[1].get(), events[2].get(), events[3].get(), events[4].get(), plain[0]]);
        let event = session.event(events[1]).await.unwrap().unwrap();
        assert_eq!(event.event_type.as_deref(), Some("order.line.added"));
        let unknown = session.lane("missing").await;
        assert!(matches!(unknown, Err(Error::UnknownLane { .. })), "{unknown:?}");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_returns_goes_to_its_current_lane() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        set_lanes(&fixture, ORDERS).await;
        let types = ["order.paid"; 5];
        let events = create_types(&mut session, &types).await;
        let [failed, released, dead, done] =
            <[_; 4]>::try_from(claim_in(&mut session, "orders", 4).await).unwrap();
        let crashed = claim_in_for(&mut session, "orders", Duration::ZERO, 10).await;
        let failure = Failure { claim: dead, error: "no".to_owned(), next: Next::Dead };
        session.fail(&[failure]).await.unwrap();

        set_lanes(&fixture, OTHERS).await;
        let failure =
            Failure { claim: failed, error: "no".to_owned(), next: Next::Retry { after: Duration::ZERO } };
        session.fail(&[failure]).await.unwrap();
        session.release(&[released]).await.unwrap();
        assert_eq!(reclaim(&mut session, LONG).await.freed, ids(&crashed));
        assert_eq!(session.retry(events[2]).await.unwrap(), Transition::Changed);
        assert_eq!(session.complete(&[answer(&done, "palavra")]).await.unwrap(), [events[3]]);
        let mut back = ids(&claim_in(&mut session, "created", 10).await);
        // Events whose claims were lost are claimed without others.
        back.extend(ids(&claim_in(&mut session, "created", 10).await));
        back.extend(ids(&claim_in(&mut session, "created", 10).await));
        back.sort_unstable();
        assert_eq!(back, [events[0], events[1], events[2], events[4]]);
        assert!(claim_in(&mut session, "orders", 10).await.is_empty());
        assert!(!has_due(&mut session).await);
    })
    .await;
}

#[tokio::test]
async fn programs_that_know_only_the_classic_columns_never_see_an_event_with_a_type() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let classic = "SELECT COUNT(*) FROM Events WHERE valor = '' AND processing = 0";
        create_types(&mut session, &["order.created", "other"]).await;
        assert_eq!(fixture.value::<i64>(classic).await, 0);
        set_lanes(&fixture, ORDERS).await;
        let claims = [claim_in(&mut session, "created", 1).await, claim(&mut session, 1).await].concat();
        assert_eq!(claims.len(), 2);
        session.release(&claims).await.unwrap();
        assert_eq!(fixture.value::<i64>(classic).await, 0);
        set_lanes(&fixture, "[]").await;
        assert_eq!(fixture.value::<i64>(classic).await, 0);
        assert_eq!(claim(&mut session, 10).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn statistics_count_each_lane_and_name_the_types_that_wait() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_lanes(&fixture, ORDERS).await;
        create_types(&mut session, &["order.a", "order.a", "order.b", "other", "order.created"]).await;
        create(&mut session, 2).await;
        claim_in(&mut session, "created", 1).await;
        let later =
            NewEvent { not_before: Some(eventpipeline_database::NotBefore::Delay(60)), ..of("order.a") };
        create_all(&mut session, vec![later]).await;
        fixture
            .sql("UPDATE Events SET due = due - INTERVAL 1 MINUTE, created_at = due WHERE type = 'order.b'")
            .await;
        let stats = session.stats().await.unwrap();
        assert_eq!((stats.created, stats.pending, stats.scheduled, stats.processing), (8, 6, 1, 1));
        let lanes: BTreeMap<_, _> =
            stats.lanes.iter().map(|lane| (lane.lane.as_deref(), (lane.pending, lane.scheduled))).collect();
        assert_eq!(lanes, [(None, (3, 0)), (Some("orders"), (3, 1)), (Some("created"), (0, 0))].into());
        let mut types: Vec<_> =
            stats.types.iter().map(|of| (of.lane.as_deref(), of.event_type.as_deref(), of.pending)).collect();
        types.sort_unstable();
        assert_eq!(
            types,
            [
                (None, None, 2),
                (None, Some("other"), 1),
                (Some("orders"), Some("order.a"), 2),
                (Some("orders"), Some("order.b"), 1)
            ]
        );
        let minute = Duration::from_mins(1);
        assert!(stats.oldest_pending.is_some_and(|age| age >= minute));
        let old: Vec<_> = stats
            .lanes
            .iter()
            .filter(|lane| lane.oldest_pending >= Some(minute))
            .map(|lane| &lane.lane)
            .collect();
        assert_eq!(old, [&Some("orders".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn pending_events_of_all_lanes_are_listed_in_one_order() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        set_lanes(&fixture, ORDERS).await;
        let mut expected = Vec::new();
        for types in [["order.created", "x", "order.a", "order.b"]; 5] {
            // Creations of one transaction have one position.
            expected.extend(create_types(&mut session, &types).await);
        }
        let mut listed = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let page = Listing { state: Some(State::Pending), after, limit: 3 };
            let events = session.list(&page).await.unwrap();
            let Some(last) = events.last() else { break };
            after = Some(last.into());
            listed.extend(events.iter().map(|event| event.id));
        }
        assert_eq!(listed, expected);
    })
    .await;
}

#[tokio::test]
async fn a_key_with_another_type_is_another_request() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        set_lanes(&fixture, ORDERS).await;
        let mut create = async |event_type: &str| {
            let key = IdempotencyKey::new("k").ok();
            session.create(&[Creation::one(of(event_type)).with_key(key)]).await.unwrap()
        };
        assert!(matches!(create("order.a").await[0], Created::New(_)));
        assert!(matches!(create("order.a").await[0], Created::Replayed(_)));
        assert!(matches!(create("order.b").await[0], Created::KeyReused));
    })
    .await;
}
