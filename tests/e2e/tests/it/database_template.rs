//! A broken template of the database, and its repair.

use std::time::Duration;

use anyhow::{Result, ensure};
use eventpipeline_e2e::{Pipeline, until};
use serde_json::{Value, json};

/// Time limit for kubelet to try and to report.
const TOLD: Duration = Duration::from_mins(3);
/// Time limit for the new pod to start and MySQL to answer.
const PUT_RIGHT: Duration = Duration::from_mins(2);

#[tokio::test]
async fn fixing_the_template_takes_effect_without_manual_steps() -> Result<()> {
    let pipeline = Pipeline::start("template").await?;
    let before = pipeline.ingress.count().await?;
    for (broken, reason, says) in [
        (json!({"image": "mysql:does-not-exist"}), "ImageNotPulled", "does-not-exist"),
        // The last line of mysqld's log reports the end, and not the cause.
        (json!({"config": {"max_connections": "lots"}}), "CrashLoop", "max_connections"),
        (json!({"resources": {"requests": {"memory": "900Ti"}, "limits": {}}}), "Unschedulable", "memory"),
    ] {
        pipeline.apply(json!({"database": {"managed": broken}})).await?;
        is_told(&pipeline, reason, says).await?;
        pipeline.apply(json!({})).await?;
        pipeline.condition("DatabaseReady", "True", PUT_RIGHT).await?;
    }
    pipeline.serves().await?;
    let after = pipeline.ingress.count().await?;
    ensure!(after == before, "there were {before} events, and now there are {after}");
    pipeline.remove().await
}

async fn is_told(pipeline: &Pipeline, reason: &str, says: &str) -> Result<()> {
    let mut last = Value::Null;
    let told = until(reason, TOLD, async || {
        let condition = pipeline.condition("DatabaseReady", "False", TOLD).await?;
        last = json!([condition.reason, condition.message]);
        Ok((condition.reason == reason && condition.message.contains(says)).then_some(()))
    });
    told.await.map_err(|error| error.context(last.to_string()))
}
