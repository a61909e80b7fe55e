//! A consumer with nothing to do.

use std::time::{Duration, Instant};

use eventpipeline_testkit::eventually;

use crate::support::{Pipeline, metric};

#[tokio::test]
async fn an_idle_consumer_says_little_to_the_database() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[]);
    let ids = pipeline.create(1).await;
    pipeline.values(&ids).await;
    let statements = async || metric(&consumer, "db_client_operation_duration_seconds_count").await;
    // The first second is for looks that become rarer.
    let begun = Instant::now();
    eventually(async || (begun.elapsed() > Duration::from_secs(1)).then_some(())).await;
    // The time begins before the first count and ends after the last: what is counted was said within it.
    let (begun, before) = (Instant::now(), statements().await);
    eventually(async || (begun.elapsed() > Duration::from_secs(5)).then_some(())).await;
    let (after, took) = (statements().await, begun.elapsed());
    assert!((after - before) / took.as_secs_f64() <= 10.0, "{} in {took:?}", after - before);
    // Not asleep either.
    eventually(async || (statements().await > before).then_some(())).await;
}
