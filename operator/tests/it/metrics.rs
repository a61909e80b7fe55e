//! The metrics: what there is is documented, well named, and within its budget, with pipelines and without.

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
async fn they_are_documented_well_named_and_few() {
    let cluster = Cluster::new("metrics").await;
    let operator = Operator::ready(cluster.server, "metrics").await;
    let program = Program::start();
    program.says("/queue", queue(12, 3, Some(4.6)));
    for name in ["one", "two"] {
        cluster.apply(name, json!({})).await.unwrap();
        pod(&cluster, &format!("{name}-producer-1"), (name, "producer"), &program).await;
    }
    for name in ["one", "two"] {
        cluster.condition_is(name, "BacklogInTime", "True/EventsWait").await;
    }
    let with = scrape(&operator);
    with.assert_as_documented("eventpipeline-operator", 2);
    with.assert_well_named();
    let of = |name: &str| {
        let label = format!("eventpipeline=\"{name}\"");
        scrape(&operator).series().filter(|series| series.contains(&label)).count()
    };
    assert_eq!((of("one"), of("two")), (32, 32));

    cluster.delete::<EventPipeline>("one").await;
    until("the series of the one that has gone to go", async || (of("one") == 0).then_some(())).await;
    assert_eq!(of("two"), 32);
}

#[tokio::test]
async fn a_pipeline_in_line_is_counted_and_leaves_the_line() {
    let cluster = Cluster::new("in-line").await;
    let operator = Operator::ready(cluster.server, "in-line").await;
    let queue = |metric: &str| operator.metric(&format!("workqueue_{metric}{{name=\"eventpipeline\"}}"));
    assert_eq!(queue("depth"), Some(0.0));
    cluster.apply("demo", json!({})).await.unwrap();
    until("a reconcile", async || queue("work_duration_seconds_count").filter(|count| *count > 0.0)).await;
    until("an empty line", async || (queue("depth") == Some(0.0)).then_some(())).await;
    assert_eq!(queue("queue_duration_seconds_count"), queue("adds_total"));
    let patches = "rest_client_request_duration_seconds_count{verb=\"PATCH\"}";
    assert!(operator.metric(patches).unwrap() > 0.0);
}
