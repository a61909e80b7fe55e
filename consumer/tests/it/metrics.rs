//! The metrics: all are documented, well named, present from the start, and within the budget.

use std::collections::BTreeSet;

use eventpipeline_testkit::{Program, Scrape};

use crate::support::{Pipeline, metrics};

async fn scrape(consumer: &Program) -> Scrape {
    Scrape::new(metrics(consumer).await)
}

/// Returns the series without their values.
fn names(scrape: &Scrape) -> BTreeSet<String> {
    scrape.series().map(|series| series.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn metrics_are_documented_well_named_and_few() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[]);
    let before = scrape(&consumer).await;
    before.assert_as_documented("eventpipeline-consumer", 0);
    let ids = pipeline.create(100).await;
    pipeline.values(&ids).await;
    let after = scrape(&consumer).await;
    after.assert_as_documented("eventpipeline-consumer", 0);
    after.assert_well_named();
    assert_eq!(names(&after), names(&before), "every series exists from the start");
}
