//! Events with a type wait in the lane of their type, whatever happens to them, and whenever the lanes change.

use std::collections::BTreeMap;
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, Created, Creation, Cursor, Error, EventId, EventType, Failure, IdempotencyKey,
    Lanes, Lease, Listing, LowWaterMark, NewEvent, Next, Session, State, Transition,
};
use eventpipeline_testkit::eventually;
use sqlx::{Connection as _, Executor as _};

use crate::consumer::Consumer;
use crate::support::{
    Fixture, LONG, answer, claim, claim_for, create, create_all, has_due, on_each, owner, reclaim, watch,
};

const ORDERS: &str =
    r#"[{"lane": "orders", "types": ["order.*"]}, {"lane": "created", "types": ["order.created"]}]"#;
const LINES: &str = r#"[{"lane": "orders", "types": ["order.*"]}, {"lane": "created", "types": ["order.created"]},
    {"lane": "lines", "types": ["order.line.*"]}]"#;
const OTHERS: &str =
    r#"[{"lane": "created", "types": ["order.*"]}, {"lane": "invoices", "types": ["invoice"]}]"#;
const NONE: &str = "[]";
/// Number of pending events that are not in the lane of their type, for the lanes of [`ORDERS`].
const MISPLACED: &str = "SELECT COUNT(*) FROM Events WHERE state <= 0 AND COALESCE((SELECT name FROM Lanes \
     WHERE Lanes.lane = Events.lane), '?') <> IF(type = 'order.created', 'created', IF(type LIKE 'order.%', 'orders', ''))";

fn of(event_type: &str) -> NewEvent {
    NewEvent { event_type: EventType::new(event_type).ok(), ..NewEvent::default() }
}

async fn set_lanes(fixture: &Fixture, lanes: &str) -> usize {
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
async fn create_types(session: &mut Session, types: &[&str]) -> Vec<EventId> {
    create_all(session, types.iter().map(|event_type| of(event_type)).collect()).await
}

async fn claim_in(session: &mut Session, lane: &str, events: usize) -> Vec<Claimed> {
    claim_in_for(session, lane, LONG, events).await
}

async fn claim_in_for(session: &mut Session, lane: &str, lease: Duration, events: usize) -> Vec<Claimed> {
    let mark = &mut LowWaterMark::of(session.lane(lane).await.unwrap());
    let limit = ClaimLimit { events, bytes: usize::MAX };
    session.claim(mark, &owner(), Lease::new(lease), limit).await.unwrap().events
}

fn ids(claims: &[Claimed]) -> Vec<EventId> {
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
        // An event whose claim was lost is claimed alone.
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
async fn a_change_moves_waiting_events_and_nothing_else() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        assert_eq!(set_lanes(&fixture, NONE).await, 0);
        create(&mut session, 3).await;
        create_all(&mut session, vec![of("order.paid"); 2500]).await;
        create_all(&mut session, vec![of("invoice"); 1500]).await;
        let later = NewEvent { not_before: Some(eventpipeline_database::NotBefore::Delay(3600)), ..of("order.paid") };
        let later = create_all(&mut session, vec![later]).await;
        let rows = "SELECT SHA2(GROUP_CONCAT(id, due, token, attempts, created_at, processing ORDER BY id), 256) FROM Events";
        fixture.sql("SET SESSION group_concat_max_len = 1048576").await;
        let before: String = fixture.value(rows).await;
        assert_eq!(set_lanes(&fixture, ORDERS).await, 2501);
        assert_eq!(set_lanes(&fixture, ORDERS).await, 0);
        assert_eq!(fixture.value::<String>(rows).await, before);
        assert_eq!(set_lanes(&fixture, OTHERS).await, 2501 + 1500);
        assert_eq!(session.cancel(later[0]).await.unwrap(), Transition::Changed);
        assert_eq!(session.retry(later[0]).await.unwrap(), Transition::Changed);
        assert_eq!(claim_in(&mut session, "created", 1024).await.len(), 1024);
        assert_eq!(claim_in(&mut session, "invoices", 1024).await.len(), 1024);
        // What is claimed returns to the default lane as well.
        assert_eq!(set_lanes(&fixture, NONE).await, 4001 - 2048);
        let waiting: i64 = fixture.value("SELECT COUNT(*) FROM Events WHERE state < 0").await;
        assert_eq!(waiting, 0);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_moved_is_not_claimed_by_a_consumer_that_has_found_it_before() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        set_lanes(&fixture, ORDERS).await;
        create_types(&mut session, &["order.paid"]).await;
        let mut consumer = Consumer::in_lane(&fixture, session.lane("orders").await.unwrap());
        assert!(consumer.has_due().await);
        set_lanes(&fixture, OTHERS).await;
        assert!(consumer.claim(10).await.is_empty());
        assert_eq!(claim_in(&mut session, "created", 10).await.len(), 1);
    })
    .await;
}

/// Creations and returns that run during a change must not leave an event where no consumer looks for it.
#[tokio::test]
async fn no_event_is_left_in_a_wrong_lane_by_changes_under_load() {
    const CHANGES: usize = 12;
    on_each(async |mut fixture| {
        set_lanes(&fixture, OTHERS).await;
        let end = tokio_util::sync::CancellationToken::new();
        let load = async |mut session: Session, returns: bool| {
            let names = ["order.created", "order.paid", "invoice", "other"];
            while !end.is_cancelled() {
                create_types(&mut session, &names).await;
                for lane in ["created", "orders", "invoices"] {
                    let Ok(lane) = session.lane(lane).await else { continue };
                    let mark = &mut LowWaterMark::of(lane);
                    let limit = ClaimLimit { events: 2, bytes: usize::MAX };
                    let claims = session.claim(mark, &owner(), Lease::new(LONG), limit).await.unwrap().events;
                    let returned = if returns {
                        session.release(&claims).await.map(|()| Vec::new())
                    } else {
                        let next = Next::Retry { after: Duration::ZERO };
                        let failures: Vec<_> = claims
                            .into_iter()
                            .map(|claim| Failure { claim, error: "no".to_owned(), next })
                            .collect();
                        session.fail(&failures).await
                    };
                    // A change may have locked some events, which stay claimed.
                    assert!(matches!(returned, Ok(_) | Err(Error::PartlySettled(_))), "{returned:?}");
                }
            }
        };
        let changes = async {
            for change in 0..CHANGES {
                set_lanes(&fixture, if change % 2 == 0 { ORDERS } else { OTHERS }).await;
            }
            set_lanes(&fixture, ORDERS).await;
            end.cancel();
        };
        let (releases, failures) =
            (Box::pin(load(fixture.session(), true)), Box::pin(load(fixture.session(), false)));
        tokio::join!(releases, failures, Box::pin(changes));
        let misplaced: i64 = fixture.value(MISPLACED).await;
        assert_eq!(misplaced, 0);
    })
    .await;
}

/// Returns whether a program of this database executes a statement that begins like this.
async fn is_executing(fixture: &mut Fixture, statement: &str) -> bool {
    let executing =
        "SELECT COUNT(*) > 0 FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE ?";
    let pattern = format!("{statement}%");
    sqlx::query_scalar(executing).bind(pattern).fetch_one(&mut fixture.other).await.unwrap()
}

/// Changes the lanes while `operation` waits for a lock of another client, after it has read a lane.
async fn change_during(
    mut fixture: Fixture,
    lock: &'static str,
    statement: &str,
    operation: impl Future<Output = ()> + Send + 'static,
) {
    let operation = Box::pin(operation);
    let mut other = fixture.another().await;
    other.execute("START TRANSACTION").await.unwrap();
    other.execute(lock).await.unwrap();
    let operation = tokio::spawn(operation);
    eventually(async || is_executing(&mut fixture, statement).await.then_some(())).await;
    let database = fixture.database.clone();
    // On a slow machine, the wait for a lock may time out.
    let change = tokio::spawn(async move {
        while let Err(failure) = database.apply_lanes(&Lanes::from_json(ORDERS).unwrap()).await {
            assert!(matches!(failure, Error::SchemaBlocked { .. }), "{failure}");
        }
    });
    // A change that does not wait is over after a few of these checks.
    let mut waits = 0;
    eventually(async || {
        waits += usize::from(is_executing(&mut fixture, "SELECT lane FROM Lanes FOR UPDATE").await);
        (change.is_finished() || waits > 20).then_some(())
    })
    .await;
    other.execute("COMMIT").await.unwrap();
    operation.await.unwrap();
    change.await.unwrap();
    assert_eq!(fixture.value::<i64>(MISPLACED).await, 0);
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_change_waits_for_creations_that_have_read_their_lanes() {
    on_each(async |fixture| {
        set_lanes(&fixture, OTHERS).await;
        let mut session = fixture.session();
        let creation = Creation::one(of("order.paid"));
        let create = async move { while session.create(std::slice::from_ref(&creation)).await.is_err() {} };
        Box::pin(change_during(fixture, "SELECT id FROM DBStatus FOR UPDATE", "UPDATE DBStatus", create))
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_change_waits_for_events_that_return() {
    on_each(async |fixture| {
        set_lanes(&fixture, OTHERS).await;
        let mut session = fixture.session();
        create_types(&mut session, &["order.paid", "order.paid"]).await;
        let claims = claim_in(&mut session, "created", 2).await;
        // The first event has its new lane when the second one is waited for.
        let release = async move { while session.release(&claims).await.is_err() {} };
        change_during(fixture, "SELECT id FROM Events WHERE id = 2 FOR UPDATE", "UPDATE JSON_TABLE", release)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_change_waits_for_events_that_another_client_has_locked() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        // The first lanes need a lock of the whole table.
        set_lanes(&fixture, OTHERS).await;
        let events = create_types(&mut session, &["order.paid", "order.paid"]).await;
        let mut other = fixture.another().await;
        other.execute("START TRANSACTION").await.unwrap();
        other.execute("SELECT id FROM Events WHERE id = 1 FOR UPDATE").await.unwrap();
        let change = async { set_lanes(&fixture, ORDERS).await };
        let unlock = async {
            // The other event is moved first.
            while session.lane("orders").await.is_err()
                || claim_in(&mut session, "orders", 1).await.is_empty()
            {}
            other.execute("COMMIT").await.unwrap();
        };
        let (moved, ()) = tokio::join!(change, unlock);
        assert_eq!(moved, 2);
        assert_eq!(ids(&claim_in(&mut session, "orders", 10).await), [events[0]]);
        other.close().await.unwrap();
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
        set_lanes(&fixture, NONE).await;
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

/// Otherwise consumers of a removed group, which may still run, would claim the events of another one.
#[tokio::test]
async fn the_number_of_a_lane_is_used_again_only_after_the_next_change() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        set_lanes(&fixture, r#"[{"lane": "a", "types": ["a"]}]"#).await;
        let a = session.lane("a").await.unwrap();
        set_lanes(&fixture, r#"[{"lane": "b", "types": ["b"]}]"#).await;
        assert_eq!(session.lane("a").await.unwrap(), a);
        assert_ne!(session.lane("b").await.unwrap(), a);
        set_lanes(&fixture, r#"[{"lane": "b", "types": ["b"]}, {"lane": "c", "types": ["c"]}]"#).await;
        assert!(session.lane("a").await.is_err());
        assert_eq!(session.lane("c").await.unwrap(), a);
    })
    .await;
}

/// The table is copied, so everything in it must be as before.
#[tokio::test]
async fn the_first_lanes_keep_every_state() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 6).await;
        let [done, dead, _] = <[_; 3]>::try_from(claim_for(&mut session, LONG, 3).await).unwrap();
        session.complete(&[answer(&done, "palavra")]).await.unwrap();
        session.fail(&[Failure { claim: dead, error: "no".to_owned(), next: Next::Dead }]).await.unwrap();
        session.cancel(eventpipeline_database::EventId::new(4).unwrap()).await.unwrap();
        fixture.sql("INSERT INTO Events VALUES (7, '', 0)").await;
        fixture.sql("UPDATE DBStatus SET id = 7").await;
        let states =
            "SELECT GROUP_CONCAT(CONCAT(id, ':', state, ':', due, ':', token) ORDER BY id) FROM Events";
        let before: String = fixture.value(states).await;
        set_lanes(&fixture, ORDERS).await;
        assert_eq!(fixture.value::<String>(states).await, before);
        fixture.sql("INSERT INTO Events VALUES (8, '', 0)").await;
        // Another program's row with a lane that does not exist is not lost.
        fixture.sql("INSERT INTO Events (id, lane) VALUES (9, -5)").await;
        fixture.sql("UPDATE DBStatus SET id = 9").await;
        assert_eq!(claim(&mut session, 10).await.len(), 5);
    })
    .await;
}
