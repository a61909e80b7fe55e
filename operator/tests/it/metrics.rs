//! Metrics are documented, follow naming conventions and stay within their budget of series.

use eventpipeline_crds::EventPipeline;
use eventpipeline_testkit::Scrape;
use serde_json::json;

use super::cluster::{Cluster, until};
use super::operator::Operator;
use super::programs::{Program, pod, queue};

fn scrape(operator: &Operator) -> Scrape {
    let answer = operator.get("/metrics").unwrap();
    Scrape::new(answer.split_once("\r\n\r\n").unwrap().1)
}

#[tokio::test]
async fn metrics_are_documented_well_named_and_few() {
    let cluster = Cluster::new("metrics").await;
    let operator = Operator::ready(cluster.server, "metrics").await;
    let program = Program::start();
    program.set_page("/queue", queue(12, 3, Some(4.6)));
    for name in ["one", "two"] {
        cluster.apply(name, json!({})).await.unwrap();
        pod(&cluster, &format!("{name}-producer-1"), (name, "producer"), &program).await;
    }
    for name in ["one", "two"] {
        cluster.condition_is(name, "BacklogInTime", "True/EventsWait").await;
    }
    // A producer that answers late has no statistics for a while.
    let shown = async |one: usize, two: usize| {
        until(format!("{one} series of the one and {two} of the two"), async || {
            let scrape = scrape(&operator);
            let of = |name: &str| {
                let label = format!("eventpipeline=\"{name}\"");
                scrape.series().filter(|series| series.contains(&label)).count()
            };
            ((of("one"), of("two")) == (one, two)).then_some(scrape)
        })
        .await
    };
    let both = shown(40, 40).await;
    both.assert_as_documented("eventpipeline-operator", 2);
    both.assert_well_named();

    cluster.delete::<EventPipeline>("one").await;
    shown(0, 40).await;
}

#[tokio::test]
async fn a_queued_pipeline_is_counted_until_it_is_reconciled() {
    let cluster = Cluster::new("in-line").await;
    let operator = Operator::ready(cluster.server, "in-line").await;
    let queue = |metric: &str| operator.metric(&format!("workqueue_{metric}{{name=\"eventpipeline\"}}"));
    assert_eq!(queue("depth"), Some(0.0));
    cluster.apply("demo", json!({})).await.unwrap();
    until("a reconciliation", async || queue("work_duration_seconds_count").filter(|count| *count > 0.0))
        .await;
    // One value after the other, because a write queues the pipeline again.
    until("the work queue to be empty", async || {
        let [depth, came, left] = ["depth", "adds_total", "queue_duration_seconds_count"].map(queue);
        (depth == Some(0.0) && came == left).then_some(())
    })
    .await;
    let patches = "rest_client_request_duration_seconds_count{verb=\"PATCH\"}";
    assert!(operator.metric(patches).unwrap() > 0.0);
}
