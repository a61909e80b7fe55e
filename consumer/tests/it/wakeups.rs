//! The consumer with and without wake-ups.

use std::time::{Duration, Instant};

use eventpipeline_database::EventId;
use eventpipeline_service::{Announcer, Wakeup, WakeupArgs, WakeupMetrics, Wakeups};
use eventpipeline_testkit::{eventually, free_udp};
use prometheus::Registry;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::server::{Server, http};
use crate::support::{Pipeline, metric, until_metric};

/// Starts to send and receive wake-ups, like a producer.
fn producer(own: &str, peer: String) -> (Announcer, mpsc::UnboundedReceiver<Wakeup>) {
    let args = WakeupArgs { wake_address: own.parse().unwrap(), wake_peers: vec![peer] };
    let (wakeups, announcer) = Wakeups::bind(&args, WakeupMetrics::new(&Registry::new()).unwrap()).unwrap();
    let (sender, received) = mpsc::unbounded_channel();
    tokio::spawn(wakeups.run(CancellationToken::new(), move |wakeup| {
        let _ = sender.send(wakeup);
    }));
    (announcer, received)
}

#[tokio::test]
async fn a_wakeup_triggers_a_claim_and_finished_events_are_announced() {
    let mut pipeline = Pipeline::new().await;
    let (ours, theirs) = (free_udp().to_string(), free_udp().to_string());
    let consumer = pipeline.consumer(&[("WAKE_ADDRESS", &theirs), ("WAKE_PEERS", &ours)]);
    let (announcer, mut received) = producer(&ours, theirs);
    // Wake-ups are lossy, and a poll may be faster, so this is repeated until one triggers a claim.
    let triggered = "eventpipeline_claim_triggers_total{kind=\"wakeup\"}";
    let mut ids: Vec<EventId> = Vec::new();
    eventually(async || {
        ids.extend(pipeline.create(1).await);
        announcer.work();
        pipeline.values(&ids).await;
        (metric(&consumer, triggered).await > 0.0).then_some(())
    })
    .await;
    let known = |id: i64| ids.iter().any(|known| known.get() == id);
    match eventually(async || received.try_recv().ok()).await {
        Wakeup::Finished(finished) => assert!(finished.into_iter().all(known)),
        Wakeup::Work => panic!("no event was released"),
    }
}

/// Wake-ups that arrive during a claim find the events of the previous claim still in the buffer.
#[tokio::test]
async fn no_handler_is_idle_while_there_is_work() {
    let mut pipeline = Pipeline::new().await;
    let (ours, theirs) = (free_udp().to_string(), free_udp().to_string());
    let handler = Server::start(|_| std::future::pending()).await;
    let url = handler.url();
    let wakeups = [("WAKE_ADDRESS", theirs.as_str()), ("WAKE_PEERS", ours.as_str())];
    let patience = [("HANDLER_TIMEOUT_SECONDS", "500"), ("LEASE_SECONDS", "600"), ("CONCURRENCY", "40")];
    let variables = http(&url, &[&wakeups[..], &patience[..]].concat());
    let consumer = pipeline.consumer(&variables);
    let (announcer, _received) = producer(&ours, theirs.clone());
    consumer.line("database is ready").await;
    let flood = tokio::spawn(async move {
        loop {
            announcer.work();
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..40 {
        pipeline.create(1).await;
    }
    handler.until_asked(40).await;
    flood.abort();
}

/// Anyone who can reach the port can send wake-ups.
#[tokio::test]
async fn forged_wakeups_cost_few_statements() {
    let mut pipeline = Pipeline::new().await;
    let theirs = free_udp().to_string();
    let variables = [("WAKE_ADDRESS", theirs.as_str()), ("WAKE_PEERS", "127.0.0.1:9")];
    let consumer = pipeline.consumer(&variables);
    let first = pipeline.create(1).await;
    pipeline.values(&first).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let claims = "db_client_operation_duration_seconds_count{db_operation_name=\"claim events\"";
    let (started, before) = (Instant::now(), metric(&consumer, claims).await);
    while started.elapsed() < Duration::from_secs(3) {
        for _ in 0..50 {
            let _ = stranger.send_to(&[0xE1, 1, 1], &theirs).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let claimed = metric(&consumer, claims).await - before;
    assert!(claimed / started.elapsed().as_secs_f64() < 150.0, "{claimed} claims in {:?}", started.elapsed());
    // And it reacts as before.
    let ids = pipeline.create(3).await;
    pipeline.values(&ids).await;
}

/// The peer's socket is never read.
#[tokio::test]
async fn a_peer_that_drops_every_wakeup_only_costs_time() {
    let mut pipeline = Pipeline::new().await;
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = silent.local_addr().unwrap().to_string();
    let consumer = pipeline.consumer(&[("WAKE_ADDRESS", "127.0.0.1:0"), ("WAKE_PEERS", &peer)]);
    let ids = pipeline.create(3).await;
    pipeline.values(&ids).await;
    until_metric(&consumer, "eventpipeline_wakeups_sent_total{kind=\"finished\"}", 1.0).await;
}

#[tokio::test]
async fn without_wakeups_events_are_found_by_polling() {
    let mut pipeline = Pipeline::new().await;
    let consumer = pipeline.consumer(&[]);
    consumer.line("database is ready").await;
    for _ in 0..3 {
        let ids = pipeline.create(1).await;
        pipeline.values(&ids).await;
    }
    assert!(metric(&consumer, "eventpipeline_claim_triggers_total{kind=\"poll\"}").await > 0.0);
}
