//! Producers in three languages behind one route, and consumers on one queue: `examples/polyglot/eventpipeline.yaml`. The
//! consumers then use the word service (`examples/word-service`) and a handler on the cluster
//! (`examples/handlers-on-cluster`).

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use eventpipeline_e2e::{Ingress, Pipeline, SlowHandler, until};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../../../examples/polyglot/eventpipeline.yaml");
const WORD_API: &str = include_str!("../../../../examples/word-api.yaml");
const WORD_SERVICE: &str = include_str!("../../../../examples/word-service/words.yaml");
const WORDS: &str = include_str!("../../../../examples/word-service/words.txt");
const HANDLER: &str = include_str!("../../../../examples/handlers-on-cluster/python/handler.yaml");
const EVENTS: usize = 1000;
const CLIENTS: usize = 8;
/// Tolerance of a language's share of the requests around a third: each thread of the ingress controller balances on its own.
const UNEVEN: usize = EVENTS / 50;

#[tokio::test]
async fn every_language_gets_its_share_and_every_event_is_done_once() -> Result<()> {
    // Our consumer needs a slow handler. Otherwise it would leave no events to the others, which poll ten times per second.
    let handler = SlowHandler::start(Duration::from_millis(200)).await?;
    let pipeline = Pipeline::planned_in("polyglot").await?;
    let slow = json!({ "http": { "url": handler.url } });
    pipeline.apply(example(&slow, &Value::Null)?).await?;
    // The consumers use these later. They start while the database does.
    pipeline.apply_beside(WORD_SERVICE).await?;
    let instance = format!("instance: {}", Pipeline::NAME);
    pipeline.apply_beside(&HANDLER.replace("instance: orders", &instance)).await?;
    pipeline.serves().await?;
    every_language_takes_part(&pipeline).await?;
    words_come_from_the_service(&pipeline).await?;
    pipeline.remove().await
}

async fn every_language_takes_part(pipeline: &Pipeline) -> Result<()> {
    let created = create_many(&pipeline.ingress, EVENTS).await?;
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
        value(pipeline, id).await?;
    }
    let done = completed(pipeline).await?;
    assert!(done.values().all(|events| *events > 0), "a group that did nothing: {done:?}");
    assert_eq!(done.values().sum::<usize>(), EVENTS, "events done, by group: {done:?}");
    Ok(())
}

/// Changes all consumers of the example to the handler of `examples/word-api.yaml`, and adds a group with the handler on the
/// cluster.
async fn words_come_from_the_service(pipeline: &Pipeline) -> Result<()> {
    let words = handler_of(WORD_API)?;
    let mut spec = example(&words, &words)?;
    let consumers = spec["consumers"].as_array_mut().context("groups")?;
    let resources = consumers[0]["resources"].clone();
    let posting =
        json!({ "name": "posting", "replicas": 1, "handler": handler_of(HANDLER)?, "resources": resources });
    consumers.push(posting);
    let groups = consumers.len();
    pipeline.apply(spec).await?;
    until("new consumers", Duration::from_mins(3), async || {
        let pods = pipeline.pods("consumer").await?;
        Ok((pods.len() == groups && pods.iter().all(Pipeline::is_ready)).then_some(()))
    })
    .await?;
    pipeline.condition("Ready", "True", Duration::from_mins(3)).await?;

    let mut events = Vec::new();
    let done = until("an event of each group", Duration::from_mins(3), async || {
        for (id, _) in create_many(&pipeline.ingress, CLIENTS * 5).await? {
            events.push((id, value(pipeline, id).await?));
        }
        let done = completed(pipeline).await?;
        let all = done.values().all(|events| *events > 0);
        // An event is counted a moment after its value is stored.
        Ok((all && done.values().sum::<usize>() == events.len()).then_some(done))
    })
    .await?;
    let (from_service, others): (Vec<_>, Vec<_>) =
        events.iter().partition(|(_, valor)| WORDS.lines().any(|word| word == valor));
    for (id, valor) in &others {
        assert_eq!(*valor, format!("event {id} says null"), "neither a word nor the handler's value");
    }
    assert_eq!(others.len(), done["posting"], "{done:?}, of them {} words", from_service.len());
    Ok(())
}

/// Returns the handler of the example's first group of consumers.
fn handler_of(example: &str) -> Result<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(example)?;
    let pipeline = documents.into_iter().find(|object| object["kind"] == "EventPipeline");
    Ok(pipeline.context("a pipeline")?["spec"]["consumers"][0]["handler"].take())
}

/// Returns the example's spec with a handler for our consumer and one for the others, and with few enough pods for a small
/// machine.
fn example(ours: &Value, others: &Value) -> Result<Value> {
    let mut pipeline: Value = serde_saphyr::from_str(EXAMPLE)?;
    // Its route exposes the four operations that all of them implement.
    let mut spec = pipeline["spec"].take();
    for groups in ["producers", "consumers"] {
        for group in spec[groups].as_array_mut().context("groups")? {
            group["resources"] = json!({ "requests": { "cpu": "10m" } });
            if groups == "consumers" && group["name"] == "rust" {
                group["handler"] = ours.clone();
                group["concurrency"] = json!(4);
            } else if groups == "consumers" && !others.is_null() {
                group["handler"] = others.clone();
            }
        }
    }
    Ok(spec)
}

/// Waits for the value of an event.
async fn value(pipeline: &Pipeline, id: i64) -> Result<String> {
    let done = async || Ok(Some(pipeline.ingress.value(id).await?).filter(|valor| !valor.is_empty()));
    until(&format!("the end of event {id}"), Duration::from_mins(3), done).await
}

/// Creates events, and returns the id of each and the language of its producer.
async fn create_many(ingress: &Ingress, events: usize) -> Result<Vec<(i64, String)>> {
    let creations = stream::iter(0..events).map(|_| create(ingress));
    creations.buffer_unordered(CLIENTS).try_collect().await
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
