//! Events through the ingress.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use eventpipeline_e2e::{Ingress, Pipeline, until};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

#[tokio::test]
async fn events_get_values_and_producers_take_turns() -> Result<()> {
    let pipeline = Pipeline::planned_in("traffic").await?;
    pipeline.apply(json!({ "route": { "operations": false } })).await?;
    pipeline.serves().await?;
    a_created_event_gets_a_value(&pipeline.ingress).await?;
    unknown_events_are_not_found(&pipeline.ingress).await?;
    twenty_requests_over_one_connection_split_evenly(&pipeline.ingress).await?;
    the_public_route_refuses_other_operations(&pipeline.ingress).await?;
    a_path_prefix_routes_to_the_api(&pipeline).await?;
    pipeline.remove().await
}

/// The public route lets clients create events and read their values only.
async fn the_public_route_refuses_other_operations(ingress: &Ingress) -> Result<()> {
    for (method, path) in [
        (Method::GET, "/v1/events"),
        (Method::GET, "/v1/events/1"),
        (Method::GET, "/v1/stats"),
        (Method::POST, "/v1/events/1/cancel"),
        (Method::POST, "/v1/events/1/retry"),
        (Method::DELETE, "/v1/events?state=done&olderThanSeconds=0"),
    ] {
        let response = ingress.send(method, path).await?;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        let body: Value = response.json().await?;
        assert_eq!(body["type"], "urn:eventpipeline:problem:operation-not-public", "{path}: {body}");
    }
    assert!(!ingress.value(1).await?.is_empty(), "event 1 is still there");
    Ok(())
}

async fn a_path_prefix_routes_to_the_api(pipeline: &Pipeline) -> Result<()> {
    pipeline.apply(json!({ "route": { "path": "/orders" } })).await?;
    pipeline.condition("Ready", "True", Duration::from_mins(5)).await?;
    until("an answer below the prefix", Duration::from_mins(2), async || {
        let response = pipeline.ingress.send(Method::POST, "/orders/create-async").await?;
        anyhow::ensure!(response.status() == StatusCode::ACCEPTED, "{}", response.status());
        let place = response.headers()[header::LOCATION].to_str()?.to_owned();
        let created: Value = response.json().await?;
        assert_eq!(place, format!("/orders/{}", created["id"]));
        let response = pipeline.ingress.send(Method::GET, &place).await?;
        assert_eq!(response.status(), StatusCode::OK, "{place}");
        Ok(Some(()))
    })
    .await
}

async fn a_created_event_gets_a_value(ingress: &Ingress) -> Result<()> {
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

async fn unknown_events_are_not_found(ingress: &Ingress) -> Result<()> {
    for (method, path, status, message) in [
        (Method::GET, "/99", StatusCode::NOT_FOUND, "Event not found"),
        (Method::GET, "/no/such/path", StatusCode::NOT_FOUND, ""),
        (Method::DELETE, "/", StatusCode::METHOD_NOT_ALLOWED, ""),
    ] {
        let response = ingress.send(method, path).await?;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
        let body: serde_json::Value = response.json().await?;
        let got = body["message"].as_str().context("a message")?;
        assert!(got.contains(message), "{path}: {body}");
    }
    Ok(())
}

async fn twenty_requests_over_one_connection_split_evenly(ingress: &Ingress) -> Result<()> {
    let mut served = BTreeMap::new();
    for _ in 0..20 {
        // Responses are read to their end, so that the client reuses the connection.
        let response = ingress.send(Method::GET, "/").await?;
        let by = response.headers()["x-served-by"].to_str()?.to_owned();
        response.bytes().await?;
        *served.entry(by).or_insert(0) += 1;
    }
    assert_eq!(served.values().collect::<Vec<_>>(), [&10, &10], "{served:?}");
    Ok(())
}
