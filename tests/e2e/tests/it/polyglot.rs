//! Producers in three languages behind one route, and consumers on one queue: `examples/polyglot/eventpipeline.yaml`.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use eventpipeline_e2e::{Ingress, Pipeline, SlowHandler, until};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../../../examples/polyglot/eventpipeline.yaml");
const EVENTS: usize = 1000;
const CLIENTS: usize = 8;
/// Tolerance of a language's share of the requests around a third: each thread of the ingress controller balances on its own.
const UNEVEN: usize = EVENTS / 50;

#[tokio::test]
async fn every_language_gets_its_share_and_every_event_is_done_once() -> Result<()> {
    // Our consumer needs a slow handler. Otherwise it would leave no events to the others, which poll ten times per second.
    let handler = SlowHandler::start(Duration::from_millis(200)).await?;
    let pipeline = Pipeline::apply_in("polyglot").await?;
    pipeline.apply(example(&handler.url)?).await?;
    pipeline.serves().await?;

    let created: Vec<(i64, String)> = stream::iter(0..EVENTS)
        .map(|_| create(&pipeline.ingress))
        .buffer_unordered(CLIENTS)
        .try_collect()
        .await?;
    let mut shares = BTreeMap::<&str, usize>::new();
    for (_, language) in &created {
        *shares.entry(language).or_default() += 1;
    }
    assert_eq!(shares.keys().copied().collect::<Vec<_>>(), ["nodejs", "python", "rust"], "{shares:?}");
    assert!(shares.values().all(|share| share.abs_diff(EVENTS / 3) <= UNEVEN), "{shares:?}");

    let mut ids: Vec<i64> = created.into_iter().map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), EVENTS, "events whose id is their own");
    for id in ids {
        let done = async || Ok(Some(pipeline.ingress.value(id).await?).filter(|valor| !valor.is_empty()));
        until(&format!("the end of event {id}"), Duration::from_mins(3), done).await?;
    }
    let done = completed(&pipeline).await?;
    assert!(done.values().all(|events| *events > 0), "a group that did nothing: {done:?}");
    assert_eq!(done.values().sum::<usize>(), EVENTS, "events done, by group: {done:?}");
    pipeline.remove().await
}

/// Returns the example's spec with a handler for our consumer, and with few enough pods for a small machine.
fn example(handler: &str) -> Result<Value> {
    let mut pipeline: Value = serde_saphyr::from_str(EXAMPLE)?;
    // Its route exposes the four operations that all of them implement.
    let mut spec = pipeline["spec"].take();
    for groups in ["producers", "consumers"] {
        for group in spec[groups].as_array_mut().context("groups")? {
            group["resources"] = json!({ "requests": { "cpu": "10m" } });
            if groups == "consumers" && group["name"] == "rust" {
                group["handler"] = json!({ "http": { "url": handler } });
                group["concurrency"] = json!(4);
            }
        }
    }
    Ok(spec)
}

/// Creates an event, and returns its id and the language of its producer.
async fn create(ingress: &Ingress) -> Result<(i64, String)> {
    let response = ingress.send(Method::POST, "/create-async").await?;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let language = response.headers()["x-service-language"].to_str()?.to_owned();
    let body: Value = response.json().await?;
    Ok((body["id"].as_i64().with_context(|| format!("no id in {body}"))?, language))
}

/// Returns the number of completed events of each consumer group.
async fn completed(pipeline: &Pipeline) -> Result<BTreeMap<String, usize>> {
    let mut events = BTreeMap::new();
    for pod in pipeline.pods("consumer").await? {
        let metrics = pipeline.metrics(&pod).await?;
        let line =
            metrics.lines().find_map(|line| line.strip_prefix("eventpipeline_events_completed_total "));
        let count: usize = line.with_context(|| format!("no count in {metrics}"))?.trim().parse()?;
        let group = pod.metadata.labels.and_then(|mut labels| labels.remove("eventpipeline.dev/group"));
        *events.entry(group.context("a group")?).or_default() += count;
    }
    Ok(events)
}
