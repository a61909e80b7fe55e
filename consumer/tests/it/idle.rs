//! An idle consumer.

use std::time::{Duration, Instant};

use eventpipeline_testkit::eventually;

use crate::support::{Pipeline, metric};

#[tokio::test]
async fn an_idle_consumer_sends_few_statements() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[]);
    let ids = pipeline.create(1).await;
    pipeline.values(&ids).await;
    let statements = async || metric(&consumer, "db_client_operation_duration_seconds_count").await;
    // In the first second, polls become rarer.
    let started = Instant::now();
    eventually(async || (started.elapsed() > Duration::from_secs(1)).then_some(())).await;
    // The time starts before the first count and ends after the last one, so it covers all counted
    // statements.
    let (started, before) = (Instant::now(), statements().await);
    eventually(async || (started.elapsed() > Duration::from_secs(5)).then_some(())).await;
    let (after, took) = (statements().await, started.elapsed());
    assert!((after - before) / took.as_secs_f64() <= 10.0, "{} in {took:?}", after - before);
    // It still polls.
    eventually(async || (statements().await > before).then_some(())).await;
}
