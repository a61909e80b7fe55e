//! A pipeline is created, deleted and created again.

use std::time::Duration;

use anyhow::Result;
use eventpipeline_e2e::{Pipeline, until};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Pod, Secret, Service},
    networking::v1::Ingress,
};
use serde_json::json;

#[tokio::test]
async fn deleting_a_pipeline_keeps_its_data_and_applying_it_again_uses_it() -> Result<()> {
    let pipeline = Pipeline::apply_in("lifecycle").await?;
    let first = pipeline.condition("Ready", "False", Duration::from_secs(30)).await?;
    assert!(!first.reason.is_empty() && !first.message.is_empty(), "{first:?}");
    pipeline.serves().await?;
    let word = pipeline.ingress.create_sync().await?;

    pipeline.delete().await?;
    until("nothing but the data", Duration::from_mins(2), async || {
        let gone = [
            pipeline.names::<Pod>().await?,
            pipeline.names::<Deployment>().await?,
            pipeline.names::<StatefulSet>().await?,
            pipeline.names::<Job>().await?,
            pipeline.names::<Service>().await?,
            pipeline.names::<Ingress>().await?,
        ];
        let left = gone.concat();
        anyhow::ensure!(left.is_empty(), "still present: {left:?}");
        Ok(Some(()))
    })
    .await?;
    until("the end of the certificate", Duration::from_mins(1), async || {
        let secrets = pipeline.names::<Secret>().await?;
        Ok((secrets == ["events-mysql", "events-mysql-schema", "events-mysql-users-1"]).then_some(()))
    })
    .await?;
    assert_eq!(pipeline.names::<PersistentVolumeClaim>().await?, ["data-events-mysql-0"]);

    pipeline.apply(json!({})).await?;
    pipeline.serves().await?;
    assert_eq!(pipeline.ingress.count().await?, 1);
    assert_eq!(pipeline.ingress.value(1).await?, word);
    pipeline.ingress.create_sync().await?;
    assert_eq!(pipeline.ingress.count().await?, 2);
    pipeline.remove().await
}
