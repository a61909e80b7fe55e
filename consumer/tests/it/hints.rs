//! Hints, and life without them.

use eventpipeline_database::EventId;
use eventpipeline_service::{Hint, HintArgs, Hints};
use eventpipeline_testkit::eventually;
use prometheus::Registry;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{Pipeline, metric};

/// A free UDP address, to be bound next.
async fn free() -> String {
    UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_hint_wakes_the_consumer_which_tells_what_it_has_finished() {
    let mut pipeline = Pipeline::new().await;
    let (ours, theirs) = (free().await, free().await);
    let consumer = pipeline.consumer(&[("WAKE_ADDRESS", &theirs), ("WAKE_PEERS", &ours)]);
    let args = HintArgs { wake_address: ours.parse().unwrap(), wake_peers: vec![theirs] };
    let (hints, announcer) = Hints::bind(&args, &Registry::new()).await.unwrap();
    let (told, mut hearing) = mpsc::unbounded_channel();
    tokio::spawn(hints.run(CancellationToken::new(), move |hint| {
        let _ = told.send(hint);
    }));
    // Hints are lossy, and a poll may be faster: it is tried until one is seen at work.
    let woken = "eventpipeline_consumer_wakeups_total{kind=\"hint\"}";
    let mut ids: Vec<EventId> = Vec::new();
    eventually(async || {
        ids.extend(pipeline.create(1).await);
        announcer.work();
        pipeline.values(&ids).await;
        (metric(&consumer, woken).await > 0.0).then_some(())
    })
    .await;
    let known = |id: i64| ids.iter().any(|known| known.get() == id);
    match eventually(async || hearing.try_recv().ok()).await {
        Hint::Finished(finished) => assert!(finished.into_iter().all(known)),
        Hint::Work => panic!("nothing was given back"),
    }
}

#[tokio::test]
async fn without_hints_events_are_found_by_looking() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[]);
    consumer.line("database is ready").await;
    for _ in 0..3 {
        let ids = pipeline.create(1).await;
        pipeline.values(&ids).await;
    }
    assert!(metric(&consumer, "eventpipeline_consumer_wakeups_total{kind=\"poll\"}").await > 0.0);
}
