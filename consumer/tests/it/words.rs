//! Every event gets a word, whatever the word API does in between.

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
    // An event that comes when nothing is left is found as well.
    let later = pipeline.create(1).await;
    pipeline.values(&later).await;
    let [one, other] = &consumers;
    let completed = "eventpipeline_events_completed_total";
    // Answers are counted after they are written down.
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
async fn an_api_that_fails_or_answers_nonsense_leaves_the_event_to_be_tried_again() {
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
        "answered 500",
        "must answer [{",
        "an empty list",
        "the value is blank",
        "more than 131072 bytes",
        "at most 8000",
        "answered 302",
    ] {
        consumer.line(reason).await;
    }
}

#[tokio::test]
async fn an_api_that_hangs_or_is_away_leaves_the_event_to_be_tried_again() {
    let mut pipeline = Pipeline::new().await;
    let api = Server::start(|asked| async move {
        if asked.before == 0 {
            std::future::pending::<()>().await;
        }
        word("acordada")
    })
    .await;
    let ids = pipeline.create(1).await;
    // Nobody listens there, and nobody will.
    let away = pipeline.consumer(&word_api("http://127.0.0.1:1/", &[("LEASE_SECONDS", "2")]));
    away.line("failed to ask the word API").await;
    drop(away);
    let consumer = pipeline.consumer(&word_api(&api.url(), &[("LEASE_SECONDS", "2")]));
    consumer.line("the handler gave no answer within 1 s").await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "acordada");
}

#[tokio::test]
async fn a_key_in_the_url_of_the_api_reaches_neither_the_log_nor_the_table() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(1).await;
    let url = "http://me:S3CRET@127.0.0.1:1/S3CRET?key=S3CRET";
    let consumer = pipeline.consumer(&word_api(url, &[("MAX_ATTEMPTS", "1")]));
    let dead = pipeline.in_state(ids[0], eventpipeline_database::State::Dead).await;
    let error = dead.error.unwrap();
    assert!(error.contains("failed to ask the word API") && !error.contains("S3CRET"), "{error}");
    assert!(!consumer.log().contains("S3CRET"), "{}", consumer.log());
}
