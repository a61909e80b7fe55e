//! Queue statistics and storage in the status.

use eventpipeline_crds::{EventPipeline, QueueStatus};
use jiff::SignedDuration;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::programs::{Program, pod, queue, storage};

#[tokio::test]
async fn the_statistics_of_a_ready_producer_are_shown() {
    let cluster = Cluster::new("queue").await;
    let operator = Operator::ready(cluster.server, "queue").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "BacklogInTime", "Unknown/NoProducer").await;

    let program = Program::start();
    program.set_page("/queue", queue(12, 3, Some(4.6)));
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &program).await;
    cluster.condition_is("demo", "BacklogInTime", "True/EventsWait").await;
    let shown = async || cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap().queue;
    let first = until("the figures", async || shown().await).await;
    let QueueStatus {
        pending,
        scheduled,
        blocked,
        processing,
        done,
        dead,
        oldest_age_seconds,
        as_of_time: _,
    } = first;
    let waiting = (pending, scheduled, blocked);
    assert_eq!((waiting, processing, done, dead, oldest_age_seconds), ((12, 5, 4), 3, 7, 1, Some(4)));

    let series = "eventpipeline=\"demo\",namespace=\"queue\"";
    let pending = format!("eventpipeline_pipeline_events{{{series},state=\"pending\"}}");
    let condition = |name: &str, status: &str| {
        operator.metric(&format!(
            "eventpipeline_status_condition{{condition=\"{name}\",{series},status=\"{status}\"}}"
        ))
    };
    let statuses = |name: &str| ["True", "False", "Unknown"].map(|status| condition(name, status));
    // The metrics follow when the operator observes its own status update.
    until("the same as metrics", async || {
        let is_shown = operator.metric(&pending) == Some(12.0)
            && statuses("BacklogInTime") == [Some(1.0), Some(0.0), Some(0.0)]
            && statuses("Ready") == [Some(0.0), Some(1.0), Some(0.0)];
        is_shown.then_some(())
    })
    .await;

    // The condition changes immediately, the statistics every 30 s.
    let stands = |now: &QueueStatus| {
        let age = now.as_of_time.0.duration_since(first.as_of_time.0);
        *now == first || age >= SignedDuration::from_secs(30)
    };
    program.set_page("/queue", queue(500, 3, Some(90.0)));
    cluster.condition_is("demo", "BacklogInTime", "False/EventsWaitTooLong").await;
    let figures = shown().await.unwrap();
    assert!(stands(&figures), "{first:?}, then {figures:?}");

    program.remove_pages();
    cluster.condition_is("demo", "BacklogInTime", "Unknown/QueueStatsNotRead").await;
    let figures = shown().await.unwrap();
    assert!(stands(&figures), "{first:?}, then {figures:?}");
    assert_eq!(operator.metric(&pending), None, "unknown statistics have no series");

    cluster.delete::<EventPipeline>("demo").await;
    let shown = || operator.get("/metrics").unwrap().lines().filter(|line| line.contains(series)).count();
    until("its series to go", async || (shown() == 0).then_some(())).await;
}

#[tokio::test]
async fn a_full_volume_is_reported_with_an_event() {
    const GIB: i64 = 1 << 30;
    let cluster = Cluster::new("storage-condition").await;
    let _operator = Operator::ready(cluster.server, "storage-condition").await;
    cluster.apply("demo", json!({})).await.unwrap();
    let program = Program::start();
    program.set_page("/queue", queue(0, 0, None));
    program.set_page("/storage", storage(5 * GIB, false));
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &program).await;
    cluster.condition_is("demo", "StorageAvailable", "True/RoomLeft").await;
    let shown = async || cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap().storage;
    let first = until("the figures", async || shown().await).await;
    assert_eq!((first.capacity_bytes, first.free_bytes), (10 * GIB, 5 * GIB));

    program.set_page("/storage", storage(GIB / 4, true));
    cluster.condition_is("demo", "StorageAvailable", "False/CreationsRefused").await;
    until("an Event", async || {
        let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap().items;
        events.into_iter().find(|event| {
            event.reason.as_deref() == Some("CreationsRefused")
                && event.note.as_deref().is_some_and(|note| note.contains("507"))
        })
    })
    .await;
    program.set_page("/storage", storage(5 * GIB, false));
    cluster.condition_is("demo", "StorageAvailable", "True/RoomLeft").await;

    program.set_page("/storage", json!({"refusing": false, "secondsToFull": null}));
    cluster.condition_is("demo", "StorageAvailable", "Unknown/VolumeNotKnown").await;
}

#[tokio::test]
async fn waiting_events_that_no_group_takes_are_reported_with_an_event() {
    let cluster = Cluster::new("types").await;
    let _operator = Operator::ready(cluster.server, "types").await;
    cluster.apply("demo", json!({"consumers": [{"name": "orders", "types": ["order.*"]}]})).await.unwrap();
    cluster.condition_is("demo", "TypesTaken", "Unknown/NoProducer").await;
    let program = Program::start();
    let page = |types: serde_json::Value| {
        let mut page = queue(3, 0, Some(1.0));
        page["types"] = types;
        page
    };
    program.set_page("/queue", page(json!([])));
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &program).await;
    cluster.condition_is("demo", "TypesTaken", "True/EveryTypeTaken").await;

    let waiting = json!([{"type": "invoice.sent", "lane": null, "pending": 3, "oldestPendingSeconds": 1.0}]);
    program.set_page("/queue", page(waiting));
    cluster.condition_is("demo", "TypesTaken", "False/TypeNotTaken").await;
    until("an Event", async || {
        let events = cluster.api::<Event>().list(&ListParams::default()).await.unwrap().items;
        events.into_iter().find(|event| {
            event.reason.as_deref() == Some("TypeNotTaken")
                && event.type_.as_deref() == Some("Warning")
                && event.note.as_deref().is_some_and(|note| note.contains("invoice.sent"))
        })
    })
    .await;

    let both = json!({"consumers": [{"name": "orders", "types": ["order.*"]}, {"name": "rest"}]});
    cluster.apply("demo", both).await.unwrap();
    cluster.condition_is("demo", "TypesTaken", "True/EveryTypeTaken").await;
}

/// The rules of the API server do not compare the lists of all groups.
#[tokio::test]
async fn groups_whose_lists_differ_and_share_a_type_stall_the_pipeline() {
    let cluster = Cluster::new("shared-types").await;
    let _operator = Operator::ready(cluster.server, "shared-types").await;
    let group = |name: &str, types: &[&str]| json!({"name": name, "types": types});
    let spec = json!({"consumers": [group("a", &["order.*", "b"]), group("b", &["order.*"])]});
    cluster.apply("demo", spec).await.unwrap();
    cluster.condition_is("demo", "Stalled", "True/InvalidSpec").await;
    let spec = json!({"consumers": [group("a", &["order.*", "b"]), group("b", &["b", "order.*"])]});
    cluster.apply("demo", spec).await.unwrap();
    cluster.condition_is("demo", "Stalled", "False/NotStalled").await;
}
