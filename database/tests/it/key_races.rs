//! Events of keys are created, handled, failed, lost and cancelled by many sessions at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventpipeline_database::{
    ClaimLimit, Claimed, EventId, Failure, Lease, LowWaterMark, MaxAttempts, NewEvent, Next, Owner, Session,
};
use rand::prelude::*;

use crate::blocks::with_blocks;
use crate::keys::{of, set_rules};
use crate::support::{LONG, answer, create_all, on_each, watch};

const KEYS: usize = 12;
const EVENTS_OF_KEY: usize = 25;
const CONSUMERS: usize = 4;

/// The ids of each key's events.
type Orders = BTreeMap<String, Vec<EventId>>;

/// Creates the events of some keys, one after another for each key, between events without a key.
async fn produce(mut session: Session, keys: Vec<String>) -> Orders {
    let mut orders = Orders::new();
    for _ in 0..EVENTS_OF_KEY {
        let mut events: Vec<NewEvent> = keys.iter().map(|key| of(key)).collect();
        events.shuffle(&mut rand::rng());
        events.push(NewEvent::default());
        let ids = create_all(&mut session, events.clone()).await;
        for (event, id) in events.iter().zip(ids) {
            if let Some(key) = &event.key {
                orders.entry(key.to_string()).or_default().push(id);
            }
        }
    }
    orders
}

/// Records the order in which events end.
#[derive(Default)]
struct Ended {
    orders: Mutex<Orders>,
    events: AtomicUsize,
}

impl Ended {
    fn record(&self, claim: &Claimed) {
        if let Some(key) = &claim.key {
            self.orders.lock().unwrap().entry(key.clone()).or_default().push(claim.id);
        }
        self.events.fetch_add(1, Ordering::Relaxed);
    }
}

/// Handles events until all have ended: some attempts fail, some claims are released, some are lost.
async fn consume(mut session: Session, ended: Arc<Ended>, all: usize) {
    let owner = Owner::new("test", MaxAttempts::new(1_000_000).unwrap());
    let mut mark = LowWaterMark::default();
    while ended.events.load(Ordering::Relaxed) < all {
        let limit = ClaimLimit { events: rand::rng().random_range(1..20), bytes: usize::MAX };
        let lease = if rand::rng().random_ratio(1, 20) { Duration::ZERO } else { LONG };
        let claims = session.claim(&mut mark, &owner, Lease::new(lease), limit).await.unwrap().events;
        mark.invalidate();
        let max_attempts = MaxAttempts::new(1_000_000).unwrap();
        session.reclaim(&mut LowWaterMark::default(), Lease::new(LONG), max_attempts).await.unwrap();
        if lease.is_zero() {
            continue;
        }
        for claim in &claims {
            let failure = |next| Failure { claim: claim.clone(), error: "no".to_owned(), next };
            let fate = rand::rng().random_range(0..10);
            match fate {
                0 => session.release(std::slice::from_ref(claim)).await.unwrap(),
                1 => {
                    let retry = Next::Retry { after: Duration::from_millis(1) };
                    session.fail(&[failure(retry)]).await.unwrap();
                }
                2 => {
                    // The order is recorded before the next event can begin.
                    ended.record(claim);
                    assert_eq!(session.fail(&[failure(Next::Dead)]).await.unwrap(), [claim.id]);
                }
                _ => {
                    ended.record(claim);
                    assert_eq!(session.complete(&[answer(claim, "palavra")]).await.unwrap(), [claim.id]);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_ends_in_the_order_of_its_creation() {
    on_each(async |mut fixture| {
        watch(&mut fixture.session()).await;
        // Producers that take ids in blocks, as busy ones do, give them in another order than that of creation.
        with_blocks(&fixture).await;
        set_rules(&fixture, r#"{"concurrency": 1, "onDead": "Skip"}"#).await;
        let keys: Vec<String> = (0..KEYS).map(|key| format!("key {key}")).collect();
        let ended = Arc::new(Ended::default());
        let all = KEYS * EVENTS_OF_KEY + 3 * EVENTS_OF_KEY;
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| tokio::spawn(consume(fixture.session(), Arc::clone(&ended), all)))
            .collect();
        let producers: Vec<_> = keys
            .chunks(KEYS / 3)
            .map(|keys| tokio::spawn(produce(fixture.session(), keys.to_vec())))
            .collect();
        let mut created = Orders::new();
        for producer in producers {
            created.extend(producer.await.unwrap());
        }
        for consumer in consumers {
            consumer.await.unwrap();
        }
        assert_eq!(*ended.orders.lock().unwrap(), created);
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM EventKeys").await, 0);
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events WHERE state < 2").await, 0);
    })
    .await;
}
