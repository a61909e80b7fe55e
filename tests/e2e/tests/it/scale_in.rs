//! Scale-in: consumers finish their events, and no event is handled twice.

use std::time::Duration;

use anyhow::Result;
use eventpipeline_e2e::{Pipeline, SlowHandler, until};
use serde_json::json;

const CYCLES: usize = 20;
const EVENTS_PER_CYCLE: usize = 50;

#[tokio::test]
async fn twenty_changes_of_replicas_lose_no_event_and_handle_none_twice() -> Result<()> {
    let handler = SlowHandler::start(Duration::from_secs(1)).await?;
    let pipeline = Pipeline::apply_in("scale-in").await?;
    pipeline.apply(consumers(&handler.url, 2)).await?;
    pipeline.serves().await?;
    let mut ids = Vec::new();
    for cycle in 0..CYCLES {
        for _ in 0..EVENTS_PER_CYCLE {
            ids.push(pipeline.ingress.create_async().await?);
        }
        let replicas = [4, 1, 3, 2][cycle % 4];
        pipeline.apply(consumers(&handler.url, replicas)).await?;
        until(&format!("{replicas} consumers"), Duration::from_mins(3), async || {
            let running = pipeline.pods("consumer").await?;
            Ok((running.len() == replicas && running.iter().all(Pipeline::is_ready)).then_some(()))
        })
        .await?;
    }
    pipeline.apply(consumers(&handler.url, 6)).await?;
    for id in &ids {
        let event = pipeline.ingress.end_of(*id, Duration::from_mins(5)).await?;
        assert_eq!(event["attempts"], 1, "{event}");
        assert_eq!(event["valor"], format!("feito {id}"), "{event}");
    }
    let calls = handler.calls();
    let twice: Vec<_> = calls.iter().filter(|(_, calls)| **calls != 1).collect();
    assert!(twice.is_empty(), "handled more than once: {twice:?}");
    assert_eq!(calls.len(), ids.len(), "events that no handler was asked for");
    pipeline.remove().await
}

fn consumers(url: &str, replicas: usize) -> serde_json::Value {
    json!({ "consumers": [{
        "name": "default",
        "replicas": replicas,
        "concurrency": 4,
        // All of them fit on a small machine.
        "resources": { "requests": { "cpu": "10m" } },
        "handler": { "http": { "url": url } },
    }] })
}
