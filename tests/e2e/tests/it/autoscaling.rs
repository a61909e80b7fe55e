//! Autoscaling by the backlog: zero consumers without pending events, and enough of them otherwise.

use std::time::Duration;

use anyhow::Result;
use eventpipeline_e2e::{Pipeline, SlowHandler, until};
use serde_json::json;

const EVENTS: usize = 200;
/// The operator polls the queue every few seconds, and each step waits for pods.
const SCALING: Duration = Duration::from_mins(3);

#[tokio::test]
async fn consumers_follow_the_backlog() -> Result<()> {
    let handler = SlowHandler::start(Duration::from_secs(1)).await?;
    let pipeline = Pipeline::apply_in("autoscaling").await?;
    pipeline
        .apply(json!({ "consumers": [{
            "name": "default",
            "concurrency": 2,
            // All of them fit on a small machine.
            "resources": { "requests": { "cpu": "10m" } },
            "handler": { "http": { "url": handler.url } },
            "autoscaling": { "backlog": {
                "minReplicas": 0,
                "maxReplicas": 4,
                "targetBacklogPerReplica": 20,
                "scaleUpCooldownSeconds": 1,
                "scaleDownCooldownSeconds": 10,
            } },
        }] }))
        .await?;
    pipeline.serves().await?;
    consumers(&pipeline, 0).await?;
    pipeline.condition("Ready", "True", SCALING).await?;

    let mut ids = Vec::new();
    for _ in 0..EVENTS {
        ids.push(pipeline.ingress.create_async().await?);
    }
    consumers(&pipeline, 4).await?;
    for id in &ids {
        let event = pipeline.ingress.end_of(*id, Duration::from_mins(5)).await?;
        assert_eq!(event["attempts"], 1, "{event}");
    }
    consumers(&pipeline, 0).await?;

    assert!(!pipeline.ingress.create_sync().await?.is_empty(), "one event brings a consumer back");
    let calls = handler.calls();
    assert_eq!(calls.len(), EVENTS + 1, "events that the handler was asked for");
    let twice: Vec<_> = calls.iter().filter(|(_, calls)| **calls != 1).collect();
    assert!(twice.is_empty(), "handled more than once: {twice:?}");
    pipeline.remove().await
}

/// Waits until this many consumers are ready and none is terminating.
async fn consumers(pipeline: &Pipeline, number: usize) -> Result<()> {
    until(&format!("{number} consumers"), SCALING, async || {
        let pods = pipeline.pods("consumer").await?;
        Ok((pods.len() == number && pods.iter().all(Pipeline::is_ready)).then_some(()))
    })
    .await
}
