//! Suspended consumers: events and create-sync requests wait.

use std::time::{Duration, Instant};

use anyhow::Result;
use eventpipeline_e2e::{Pipeline, until};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test]
async fn a_create_sync_request_survives_suspended_consumers() -> Result<()> {
    let pipeline = Pipeline::start("suspend").await?;
    pipeline.apply(json!({ "consumers": [{ "name": "default", "suspend": true }] })).await?;
    let none = async || Ok(pipeline.pods("consumer").await?.is_empty().then_some(()));
    until("consumers that are gone", Duration::from_mins(2), none).await?;

    let ingress = pipeline.ingress.clone();
    let mut request = tokio::spawn(async move { (ingress.create_sync().await, Instant::now()) });
    let early = timeout(Duration::from_secs(90), &mut request).await;
    assert!(early.is_err(), "answered without a consumer: {early:?}");

    pipeline.apply(json!({ "consumers": [{ "name": "default", "suspend": false }] })).await?;
    let one_is_ready =
        async || Ok(pipeline.pods("consumer").await?.iter().any(Pipeline::is_ready).then(Instant::now));
    let back = until("a consumer that is ready", Duration::from_mins(2), one_is_ready).await?;
    let (answer, answered) = timeout(Duration::from_mins(1), request).await??;
    assert!(!answer?.is_empty());
    let late = answered.saturating_duration_since(back);
    assert!(late <= Duration::from_secs(1), "answered {late:?} after a consumer was ready");
    pipeline.remove().await
}
