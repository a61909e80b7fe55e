//! Two installations of the operator with overlapping scopes.

use eventpipeline_crds::EventPipeline;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;

/// Starts an installation with a Lease of this name and an image of this tag.
async fn installation(cluster: &Cluster, name: &str) -> Operator {
    let image = format!("registry.example/eventpipeline:{name}");
    let arguments = [
        "--lease-namespace",
        &cluster.namespace,
        "--lease-name",
        name,
        "--lease-seconds",
        "15",
        "--image",
        &image,
    ];
    let operator = Operator::with(cluster.server, &cluster.namespace, &arguments);
    operator.becomes_ready().await;
    let leads = format!("leader_election_master_status{{name=\"{name}\"}}");
    until("it to lead", async || (operator.metric(&leads) == Some(1.0)).then_some(())).await;
    operator
}

async fn image_and_generation(cluster: &Cluster) -> Option<(String, i64)> {
    let deployment = cluster.api::<Deployment>().get_opt("demo-producer-default").await.unwrap()?;
    let container = deployment.spec?.template.spec?.containers.into_iter().next()?;
    Some((container.image?, deployment.metadata.generation?))
}

async fn managed_by(cluster: &Cluster) -> Option<String> {
    cluster.api::<EventPipeline>().get("demo").await.unwrap().status?.managed_by
}

#[tokio::test]
async fn an_installation_ignores_pipelines_of_another_until_that_is_gone_or_the_author_decides() {
    let cluster = Cluster::new("overlap").await;
    let first = installation(&cluster, "first").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    assert_eq!(managed_by(&cluster).await.as_deref(), Some("overlap/first"));
    let before = image_and_generation(&cluster).await.unwrap();

    let second = installation(&cluster, "second").await;
    until("the second to ignore the pipeline", async || {
        (second.metric("eventpipeline_operator_left_pipelines") == Some(1.0)).then_some(())
    })
    .await;
    assert!(
        second.log().contains("the pipeline is managed by the operator of Lease overlap/first"),
        "{}",
        second.log()
    );
    assert_eq!(second.requests("PATCH"), 0);
    assert_eq!(image_and_generation(&cluster).await.unwrap(), before);

    // A killed operator does not release its Lease.
    first.signal("KILL");
    let image = async |tag: &str| {
        until(format!("the image of {tag}"), async || {
            image_and_generation(&cluster).await.filter(|(image, _)| image.ends_with(tag))
        })
        .await
    };
    image(":second").await;
    assert_eq!(managed_by(&cluster).await.as_deref(), Some("overlap/second"));

    let third = installation(&cluster, "third").await;
    let chosen = json!({"metadata": {"annotations": {"eventpipeline.dev/managed-by": "overlap/third"}}});
    let pipelines = cluster.api::<EventPipeline>();
    pipelines.patch("demo", &PatchParams::default(), &Patch::Merge(chosen)).await.unwrap();
    let (_, generation) = image(":third").await;
    until("the second to ignore the pipeline", async || {
        (second.metric("eventpipeline_operator_left_pipelines") == Some(1.0)).then_some(())
    })
    .await;
    assert_eq!(image_and_generation(&cluster).await.unwrap().1, generation);
    // The metric changes at the end of the reconciliation.
    until("the third to ignore no pipeline", async || {
        (third.metric("eventpipeline_operator_left_pipelines") == Some(0.0)).then_some(())
    })
    .await;
}
