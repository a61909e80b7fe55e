//! Every event gets a word, whatever the word API does in between.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::support::{Pipeline, WordApi};

fn word(text: &str) -> Response {
    ([("content-type", "application/json")], format!("[{{\"word\": \"{text}\"}}]")).into_response()
}

#[tokio::test]
async fn the_words_handler_gives_every_event_a_word_without_a_network() {
    let mut pipeline = Pipeline::new().await;
    let ids = pipeline.create(300).await;
    let _consumers = [pipeline.consumer(&[]), pipeline.consumer(&[])];
    let values = pipeline.values(&ids).await;
    let distinct: BTreeSet<&str> = values.values().map(String::as_str).collect();
    assert!(distinct.len() > 250, "{} words for 300 events", distinct.len());
    // An event that comes when nothing is left is found as well.
    let later = pipeline.create(1).await;
    pipeline.values(&later).await;
}

#[tokio::test]
async fn the_word_of_an_api_is_stored() {
    let mut pipeline = Pipeline::new().await;
    let api = WordApi::start(|before| async move { word(&format!("palavra {before}")) }).await;
    let _consumer = pipeline.consumer(&api.variables());
    let ids = pipeline.create(20).await;
    let distinct: BTreeSet<String> = pipeline.values(&ids).await.into_values().collect();
    assert_eq!(distinct, (0..20).map(|number| format!("palavra {number}")).collect());
}

#[tokio::test]
async fn an_api_that_fails_or_answers_nonsense_leaves_the_event_to_be_tried_again() {
    let mut pipeline = Pipeline::new().await;
    let api = WordApi::start(|before| async move {
        match before {
            0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            1 => "not JSON".into_response(),
            2 => "[]".into_response(),
            3 => "[{\"word\": 7}]".into_response(),
            4 => word("  "),
            5 => "x".repeat(200_000).into_response(),
            6 => word(&"x".repeat(8001)),
            _ => word("enfim"),
        }
    })
    .await;
    let consumer = pipeline.consumer(&[&api.variables()[..], &[("BACKOFF_MAX_SECONDS", "1")]].concat());
    let ids = pipeline.create(1).await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "enfim");
    for reason in [
        "answered 500",
        "must answer [{",
        "an empty list",
        "the value is blank",
        "more than 131072 bytes",
        "at most 8000",
    ] {
        consumer.line(reason).await;
    }
}

#[tokio::test]
async fn an_api_that_hangs_or_is_away_leaves_the_event_to_be_tried_again() {
    let mut pipeline = Pipeline::new().await;
    let api = WordApi::start(|before| async move {
        if before == 0 {
            std::future::pending::<()>().await;
        }
        word("acordada")
    })
    .await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ids = pipeline.create(1).await;
    let away = pipeline.consumer(&[
        ("HANDLER", "word-api"),
        ("WORD_API_URL", &format!("http://{nobody}/")),
        ("LEASE_SECONDS", "2"),
    ]);
    away.line("failed to ask the word API").await;
    drop(away);
    let consumer = pipeline.consumer(&[&api.variables()[..], &[("LEASE_SECONDS", "2")]].concat());
    consumer.line("the handler gave no answer within 1 s").await;
    assert_eq!(pipeline.values(&ids).await[&ids[0]], "acordada");
}

#[tokio::test]
async fn a_key_in_the_url_of_the_api_does_not_reach_the_log() {
    let mut pipeline = Pipeline::new().await;
    pipeline.create(1).await;
    let consumer = pipeline.consumer(&[
        ("HANDLER", "word-api"),
        ("WORD_API_URL", "http://127.0.0.1:1/?key=S3CRET"),
        ("LEASE_SECONDS", "1"),
    ]);
    consumer.line("failed to ask the word API").await;
    assert!(!consumer.log().contains("S3CRET"), "{}", consumer.log());
}
