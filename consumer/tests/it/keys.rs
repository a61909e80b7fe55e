//! Consumers handle the events of a key one after another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::response::IntoResponse as _;
use eventpipeline_database::{EventKey, KeyRules, NewEvent};

use crate::server::{Asked, Server, http};
use crate::support::Pipeline;

const KEYS: usize = 10;
const EVENTS_OF_KEY: usize = 10;

/// The ids of the events that a handler has begun and ended, by key.
#[derive(Default)]
struct Seen {
    running: BTreeMap<String, i64>,
    ended: BTreeMap<String, Vec<i64>>,
}

#[tokio::test]
async fn two_consumers_handle_each_key_in_the_order_of_creation() {
    let mut pipeline = Pipeline::new().await;
    let rules = KeyRules::from_json(r#"{"concurrency": 1, "onDead": "Skip"}"#).unwrap();
    pipeline.database.apply_key_rules(Some(rules)).await.unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let handler = {
        let seen = Arc::clone(&seen);
        move |asked: Asked| {
            let seen = Arc::clone(&seen);
            async move {
                let (key, id) = (
                    asked.headers["x-event-key"].to_str().unwrap().to_owned(),
                    asked.headers["x-event-id"].to_str().unwrap(),
                );
                let id = id.parse().unwrap();
                assert_eq!(seen.lock().unwrap().running.insert(key.clone(), id), None, "two events of {key}");
                tokio::task::yield_now().await;
                let mut seen = seen.lock().unwrap();
                seen.running.remove(&key);
                seen.ended.entry(key).or_default().push(id);
                "palavra".into_response()
            }
        }
    };
    let server = Server::start(handler).await;
    let _consumers = [0, 1].map(|_| pipeline.consumer(&http(&server.url(), &[])));
    let key = |index: usize| EventKey::new(format!("key {index}")).ok();
    let events =
        (0..KEYS * EVENTS_OF_KEY).map(|event| NewEvent { key: key(event % KEYS), ..NewEvent::default() });
    let ids = pipeline.create_all(events.collect()).await;
    pipeline.values(&ids).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.ended.len(), KEYS);
    for (key, ended) in &seen.ended {
        assert_eq!(ended.len(), EVENTS_OF_KEY, "{key}");
        assert!(ended.is_sorted(), "{key}: {ended:?}");
    }
}
