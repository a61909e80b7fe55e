//! The queue's figures in the status.

use eventpipeline_crds::{EventPipeline, QueueStatus};
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::programs::{Program, pod, queue};

#[tokio::test]
async fn a_ready_producer_is_asked_and_what_it_says_is_shown() {
    let cluster = Cluster::new("queue").await;
    let operator = Operator::ready(cluster.server, "queue").await;
    cluster.apply("demo", json!({})).await.unwrap();
    cluster.condition_is("demo", "BacklogInTime", "Unknown/NoProducer").await;

    let program = Program::start();
    program.says("/queue", queue(12, 3, Some(4.6)));
    pod(&cluster, "demo-producer-1", ("demo", "producer"), &program).await;
    cluster.condition_is("demo", "BacklogInTime", "True/EventsWait").await;
    let shown = async || cluster.api::<EventPipeline>().get("demo").await.unwrap().status.unwrap().queue;
    let first = until("the figures", async || shown().await).await;
    let QueueStatus { pending, processing, done, dead, oldest_age_seconds, as_of_time: _ } = first;
    assert_eq!((pending, processing, done, dead, oldest_age_seconds), (12, 3, 7, 1, Some(4)));

    let series = "{pipeline=\"demo\",pipeline_namespace=\"queue\"";
    let pending = format!("eventpipeline_pipeline_events{series},state=\"pending\"}}");
    assert_eq!(operator.metric(&pending), Some(12.0));
    let ready = format!("eventpipeline_pipeline_ready{series}}}");
    assert_eq!(operator.metric(&ready), Some(0.0));

    // A verdict is for now, figures are for every half minute.
    program.says("/queue", queue(500, 3, Some(90.0)));
    cluster.condition_is("demo", "BacklogInTime", "False/EventsWaitTooLong").await;
    assert_eq!(shown().await.unwrap().pending, 12);

    program.is_silent();
    cluster.condition_is("demo", "BacklogInTime", "Unknown/FiguresNotRead").await;
    assert_eq!(shown().await.unwrap().pending, 12);
    assert_eq!(operator.metric(&pending), None, "what is not known is not shown");

    cluster.delete::<EventPipeline>("demo").await;
    until("its series to go", async || operator.metric(&ready).is_none().then_some(())).await;
}
