//! Crashes of pods.

use std::time::Duration;

use anyhow::{Result, ensure};
use eventpipeline_e2e::{Pipeline, until};

#[tokio::test]
async fn accepted_events_survive_crashes_of_consumers_and_database() -> Result<()> {
    let pipeline = Pipeline::start("crashes").await?;

    let mut ids = create(&pipeline, 100).await?;
    pipeline.lose("consumer").await?;
    ids.extend(create(&pipeline, 100).await?);
    all_get_values(&pipeline, &ids).await?;

    pipeline.serves().await?;
    ids.extend(create(&pipeline, 50).await?);
    pipeline.lose("mysql").await?;
    pipeline.condition("DatabaseReady", "False", Duration::from_mins(1)).await?;
    let away = pipeline.condition("Ready", "False", Duration::from_secs(10)).await?;
    assert_eq!(away.reason, "DatabaseNotReady", "{away:?}");
    pipeline.serves().await?;
    all_get_values(&pipeline, &ids).await?;

    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "an id was given twice");
    assert_eq!(pipeline.ingress.count().await?, i64::try_from(ids.len())?);
    pipeline.remove().await
}

async fn create(pipeline: &Pipeline, count: usize) -> Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(pipeline.ingress.create_async().await?);
    }
    Ok(ids)
}

/// Claims of a killed consumer are freed when their lease ends.
async fn all_get_values(pipeline: &Pipeline, ids: &[i64]) -> Result<()> {
    for id in ids {
        until(&format!("the value of event {id}"), Duration::from_mins(3), async || {
            let value = pipeline.ingress.value(*id).await?;
            ensure!(!value.is_empty(), "event {id} has no value");
            Ok(Some(()))
        })
        .await?;
    }
    Ok(())
}
