//! Every event gets a word, despite failures of the word API.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use eventpipeline_testkit::eventually;

use crate::server::{Server, word, word_api};
use crate::support::{Pipeline, metric};

#[tokio::test]
async fn the_words_handler_gives_every_event_a_word_without_a_network() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(3000).await;
    let consumers = [pipeline.consumer(&[]), pipeline.consumer(&[])];
    let values = pipeline.values(&ids).await;
    let distinct: BTreeSet<&str> = values.values().map(String::as_str).collect();
    assert!(distinct.len() > 250, "{} words for 3000 events", distinct.len());
    // An event that is created while consumers are idle is found as well.
    let later = pipeline.create(1).await;
    pipeline.values(&later).await;
    let [one, other] = &consumers;
    let completed = "eventpipeline_events_completed_total";
    // Values are counted after they are written.
    eventually(async || {
        let both = metric(one, completed).await + metric(other, completed).await;
        (both >= 3001.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_word_of_an_api_is_stored() {
    let mut pipeline = Pipeline::new().await;
    let api = Server::start(|asked| async move { word(&format!("palavra {}", asked.before)) }).await;
    let _consumer = pipeline.consumer(&word_api(&api.url(), &[]));
    let ids = pipeline.create(20).await;
    let distinct: BTreeSet<String> = pipeline.values(&ids).await.into_values().collect();
    assert_eq!(distinct, (0..20).map(|number| format!("palavra {number}")).collect());
}

#[tokio::test]
async fn an_event_is_retried_after_errors_and_nonsense_of_the_api() {
    let mut pipeline = Pipeline::new().await;
    let api = Server::start(|asked| async move {
        match asked.before {
            0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            1 => "not JSON".into_response(),
            2 => "[]".into_response(),
            3 => "[{\"word\": 7}]".into_response(),
            4 => word("  "),
            5 => "x".repeat(200_000).into_response(),
            6 => word(&"x".repeat(8001)),
            7 => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
            _ => word("enfim"),
        }
    })
    .await;
    let consumer = pipeline.consumer(&word_api(&api.url(), &[("BACKOFF_MAX_SECONDS", "1")]));
    let ids = pipeline.create(1).await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "enfim");
    for reason in [
        "returned 500",
        "must return [{",
        "an empty list",
        "the value is blank",
        "more than 131072 bytes",
        "at most 8000",
        "returned 302",
    ] {
        consumer.line(reason).await;
    }
}

#[tokio::test]
async fn an_event_is_retried_if_the_api_hangs_or_is_unreachable() {
    let mut pipeline = Pipeline::new().await;
    let api = Server::start(|asked| async move {
        if asked.before == 0 {
            std::future::pending::<()>().await;
        }
        word("acordada")
    })
    .await;
    let ids = pipeline.create(1).await;
    // No program listens on this port.
    let unreachable = pipeline.consumer(&word_api("http://127.0.0.1:1/", &[("LEASE_SECONDS", "2")]));
    unreachable.line("the request to the word API failed").await;
    drop(unreachable);
    let consumer = pipeline.consumer(&word_api(&api.url(), &[("LEASE_SECONDS", "2")]));
    consumer.line("the handler did not answer within 1 s").await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "acordada");
}

#[tokio::test]
async fn a_secret_in_the_url_of_the_api_is_neither_logged_nor_stored() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(1).await;
    let url = "http://me:S3CRET@127.0.0.1:1/S3CRET?key=S3CRET";
    let consumer = pipeline.consumer(&word_api(url, &[("MAX_ATTEMPTS", "1")]));
    let dead = pipeline.in_state(ids[0], eventpipeline_database::State::Dead).await;
    let error = dead.error.unwrap();
    assert!(error.contains("the request to the word API failed") && !error.contains("S3CRET"), "{error}");
    assert!(!consumer.log().contains("S3CRET"), "{}", consumer.log());
}
