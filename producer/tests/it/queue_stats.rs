//! Queue statistics as metrics.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eventpipeline_database::{Failure, Next};
use eventpipeline_testkit::{Database as Server, Engine, Fault, Proxy, eventually, until};
use reqwest::Method;
use serde_json::json;

use crate::support::{Producer, claim};

/// Waits for the statistics, and returns the events by state.
async fn events(producer: &Producer) -> BTreeMap<String, u32> {
    eventually(async || {
        let (_, text) = producer.admin("/metrics").await;
        let series = |line: &str| {
            let (state, events) = line.strip_prefix("eventpipeline_events{state=\"")?.split_once("\"} ")?;
            Some((state.to_owned(), events.parse().ok()?))
        };
        let events: BTreeMap<_, _> = text.lines().filter_map(series).collect();
        (!events.is_empty()).then_some(events)
    })
    .await
}

#[tokio::test]
async fn the_metrics_count_every_event_by_state() {
    let producer = Producer::start().await;
    assert_eq!(events(&producer).await.values().sum::<u32>(), 0);
    let later = json!({"notBefore": "2999-01-01T00:00:00Z"});
    let of_now = vec![json!({}); 9];
    producer.posting("/v1/events").json(&[of_now, vec![later; 2]].concat()).send().await.unwrap();
    let mut session = producer.database.session();
    for _ in 0..2 {
        let claim = claim(&mut session).await;
        session.fail(&[Failure { claim, error: "não".to_owned(), next: Next::Dead }]).await.unwrap();
    }
    producer.consume(&mut session, "sim").await;
    claim(&mut session).await;
    producer.request(Method::DELETE, "/v1/events?state=dead&olderThanSeconds=0").await;
    producer.post("/v1/events/9/cancel").await;

    // A producer reads the statistics when it starts.
    let another = producer.another().await;
    let expected = [
        ("blocked", 0),
        ("cancelled", 1),
        ("dead", 0),
        ("done", 1),
        ("pending", 4),
        ("processing", 1),
        ("removed", 2),
        ("scheduled", 2),
    ];
    assert_eq!(events(&another).await, expected.map(|(state, events)| (state.to_owned(), events)).into());
    assert_eq!(another.metric("eventpipeline_events_counted").await, Some(11.0));
    assert!(another.metric("eventpipeline_oldest_pending_age_seconds").await.unwrap() > 0.0);
    let read_at = another.metric("eventpipeline_queue_stats_timestamp_seconds").await.unwrap();
    assert!((read_at - jiff::Timestamp::now().as_duration().as_secs_f64()).abs() < 60.0, "{read_at}");

    // It reads them periodically, with pauses of fifty times the duration of a read.
    producer.consume(&mut session, "sim").await;
    let again = async || (events(&another).await["done"] == 2).then_some(());
    assert!(until(Duration::from_mins(5), again).await.is_some());
}

/// The pause depends on the duration of the read only. Fifty times the duration of this connect would be minutes.
#[tokio::test]
async fn a_slow_connection_does_not_delay_the_next_read() {
    let proxy = Proxy::start(Server::shared(Engine::MySql).await.port()).await;
    proxy.set(Fault::Stalled);
    let begun = Instant::now();
    let heals = async {
        eventually(async || (begun.elapsed() > Duration::from_secs(4)).then_some(())).await;
        proxy.set(Fault::None);
    };
    let (producer, ()) = tokio::join!(Producer::behind(&proxy, &[]), heals);
    let read_at = async || producer.metric("eventpipeline_queue_stats_timestamp_seconds").await;
    let first = eventually(read_at).await;
    eventually(async || read_at().await.filter(|at| *at > first)).await;
}
