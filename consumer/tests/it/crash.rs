//! Consumers that die or freeze in mid-work: their events are done by others, once.

use axum::response::IntoResponse as _;

use crate::support::{Pipeline, WordApi};

/// Never answers the first `hanging` requests.
async fn api(hanging: usize) -> WordApi {
    WordApi::start(move |before| async move {
        if before < hanging {
            std::future::pending::<()>().await;
        }
        "[{\"word\": \"feito\"}]".into_response()
    })
    .await
}

#[tokio::test]
async fn the_events_of_a_killed_consumer_are_done_by_another() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(5).await;
    let api = api(5).await;
    let variables = [&api.variables()[..], &[("LEASE_SECONDS", "2")]].concat();
    let victim = pipeline.consumer(&variables);
    api.until_asked(5).await;
    victim.kill9();
    let heir = pipeline.consumer(&variables);
    assert!(pipeline.values(&ids).await.values().all(|value| value == "feito"));
    heir.line("their claims were not settled in time").await;
}

#[tokio::test]
async fn a_consumer_that_froze_past_its_lease_changes_nothing() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(1).await;
    let other_api = WordApi::start(|_| async { "[{\"word\": \"do outro\"}]".into_response() }).await;
    let held = api(1).await;
    // It gets stuck in its handler, is frozen there, and another one does its event.
    let frozen = pipeline.consumer(&[&held.variables()[..], &[("LEASE_SECONDS", "2")]].concat());
    held.until_asked(1).await;
    frozen.freeze();
    let _heir = pipeline.consumer(&[&other_api.variables()[..], &[("LEASE_SECONDS", "2")]].concat());
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "do outro");
    frozen.thaw();
    // It gives its claim back, which is no longer its own, and goes on with other events.
    let more = pipeline.create(10).await;
    pipeline.values(&more).await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "do outro");
}
