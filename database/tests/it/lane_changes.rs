//! Changes of lanes while events wait, are created and return.

use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Creation, Error, Failure, Lanes, Lease, LowWaterMark, NewEvent, Next, Session, Transition,
};
use eventpipeline_testkit::eventually;
use sqlx::{Connection as _, Executor as _};

use crate::consumer::Consumer;
use crate::support::{Fixture, LONG, answer, claim, claim_for, create, create_all, on_each, owner};
use crate::types::{ORDERS, OTHERS, claim_in, create_types, ids, of, set_lanes};

const NONE: &str = "[]";
/// Number of pending events that are not in the lane of their type, for the lanes of [`ORDERS`].
const MISPLACED: &str = "SELECT COUNT(*) FROM Events WHERE state <= 0 AND COALESCE((SELECT name FROM Lanes \
     WHERE Lanes.lane = Events.lane), '?') <> IF(type = 'order.created', 'created', IF(type LIKE 'order.%', 'orders', ''))";

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
