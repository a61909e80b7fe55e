//! The schema Job runs again when the database has lost what it did.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::cluster::{Cluster, job_completed_at, job_succeeded, until};
use super::operator::Operator;
use super::programs::{Program, pod};

/// Returns the uid of the only Job in the namespace.
async fn job(cluster: &Cluster) -> Option<String> {
    let name = cluster.names::<Job>().await.pop()?;
    cluster.api::<Job>().get_opt(&name).await.unwrap()?.uid()
}

/// Waits for several reconciliations, which the producer's report triggers every second.
async fn several_reconciles(operator: &Operator) {
    let before = operator.reconciles("success");
    until("several reconciliations", async || (operator.reconciles("success") >= before + 4).then_some(()))
        .await;
}

/// A database that was restored from a backup lacks the schema, although the Job has succeeded.
#[tokio::test]
async fn the_schema_job_runs_again_when_a_producer_reports_an_old_schema() {
    let cluster = Cluster::new("old-schema").await;
    let operator = Operator::ready(cluster.server, "old-schema").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "Ready", "False/DatabaseNotReady").await;
    cluster.everything_ready("demo").await;
    let first = job(&cluster).await.unwrap();
    let program = Program::start();
    program.set_page("/schema", json!({"old": false}));
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &program).await;
    cluster.condition_is("demo", "BacklogInTime", "Unknown/QueueStatsNotRead").await;
    assert_eq!(job(&cluster).await.as_ref(), Some(&first), "the schema is up to date");

    program.set_page("/schema", json!({"old": true}));
    let second = until("another Job", async || job(&cluster).await.filter(|uid| *uid != first)).await;
    cluster.condition_is("demo", "SchemaReady", "False/JobRunning").await;

    // A producer may notice a new schema late, so a Job that has just completed does not run again.
    let name = cluster.names::<Job>().await.remove(0);
    let completed = job_completed_at(Timestamp::now() - SignedDuration::from_mins(1));
    cluster.write_status::<Job>(&name, completed).await;
    cluster.condition_is("demo", "SchemaReady", "True/JobSucceeded").await;
    several_reconciles(&operator).await;
    assert_eq!(job(&cluster).await, Some(second));
}

/// A claim that was deleted comes back with an empty volume or with that of a backup.
#[tokio::test]
async fn a_replaced_volume_gets_its_schema() {
    let cluster = Cluster::new("replaced-volume").await;
    let _operator = Operator::ready(cluster.server, "replaced-volume").await;
    cluster.apply("demo", json!({})).await.unwrap();
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": {"name": "data-demo-mysql-0", "labels": {
            "app.kubernetes.io/instance": "demo", "app.kubernetes.io/managed-by": "eventpipeline-operator",
        }},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }))
    .unwrap();
    let claims = cluster.api::<PersistentVolumeClaim>();
    let volume = async || claims.create(&PostParams::default(), &claim).await.unwrap().uid().unwrap();
    let job = async |volume: &str| {
        until("a schema Job for that volume", async || {
            let name = cluster.names::<Job>().await.pop()?;
            let job = cluster.api::<Job>().get_opt(&name).await.unwrap()?;
            (job.annotations().get("eventpipeline.dev/volume").map(String::as_str) == Some(volume))
                .then_some(job)
        })
        .await
    };
    until("a Job", async || cluster.names::<Job>().await.pop()).await;
    let waiting = cluster.api::<Job>().get(&cluster.names::<Job>().await[0]).await.unwrap();
    let first = job(&volume().await).await;
    assert_eq!(first.uid(), waiting.uid(), "it waits for the first volume");
    cluster.write_status::<Job>(&first.name_any(), job_succeeded()).await;
    cluster.condition_is("demo", "SchemaReady", "True/JobSucceeded").await;
    cluster
        .server
        .kubectl(["delete", "pvc/data-demo-mysql-0", "-n", "replaced-volume", "--wait=false"])
        .unwrap();
    let finalizers = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let _ = claims.patch("data-demo-mysql-0", &PatchParams::default(), &finalizers).await;
    until("the claim to be deleted", async || {
        claims.get_opt("data-demo-mysql-0").await.unwrap().is_none().then_some(())
    })
    .await;
    let second = job(&volume().await).await;
    assert_ne!(second.uid(), first.uid());
    cluster.condition_is("demo", "SchemaReady", "False/JobRunning").await;
}
