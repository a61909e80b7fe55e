//! Events through the ingress.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use eventpipeline_e2e::{Ingress, Pipeline, until};
use reqwest::{Method, StatusCode, header};

#[tokio::test]
async fn events_get_their_words_and_producers_take_turns() -> Result<()> {
    let pipeline = Pipeline::start("traffic").await?;
    a_created_event_gets_a_word(&pipeline.ingress).await?;
    what_is_not_there_is_said_to_be_not_there(&pipeline.ingress).await?;
    twenty_requests_over_one_connection_split_evenly(&pipeline.ingress).await?;
    pipeline.remove().await
}

async fn a_created_event_gets_a_word(ingress: &Ingress) -> Result<()> {
    let word = ingress.create_sync().await?;
    assert!(!word.is_empty());
    assert_eq!(ingress.value(1).await?, word, "the first event of a new pipeline has the id 1");

    let response = ingress.send(Method::POST, "/create-async").await?;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["x-service-language"], "rust");
    assert_eq!(response.headers()[header::LOCATION], "/2");
    let processed = async || Ok(Some(ingress.value(2).await?).filter(|word| !word.is_empty()));
    until("the value of event 2", Duration::from_secs(10), processed).await?;
    assert_eq!(ingress.count().await?, 2);
    Ok(())
}

async fn what_is_not_there_is_said_to_be_not_there(ingress: &Ingress) -> Result<()> {
    for (method, path, status, message) in [
        (Method::GET, "/99", StatusCode::NOT_FOUND, "Event not found"),
        (Method::GET, "/no/such/path", StatusCode::NOT_FOUND, ""),
        (Method::DELETE, "/", StatusCode::METHOD_NOT_ALLOWED, ""),
    ] {
        let response = ingress.send(method, path).await?;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
        let body: serde_json::Value = response.json().await?;
        let said = body["message"].as_str().context("a message")?;
        assert!(said.contains(message), "{path}: {body}");
    }
    Ok(())
}

async fn twenty_requests_over_one_connection_split_evenly(ingress: &Ingress) -> Result<()> {
    let mut served = BTreeMap::new();
    for _ in 0..20 {
        // One after the other, each read to its end: the client keeps the connection.
        let response = ingress.send(Method::GET, "/").await?;
        let by = response.headers()["x-served-by"].to_str()?.to_owned();
        response.bytes().await?;
        *served.entry(by).or_insert(0) += 1;
    }
    assert_eq!(served.values().collect::<Vec<_>>(), [&10, &10], "{served:?}");
    Ok(())
}
