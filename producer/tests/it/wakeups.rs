//! Wake-ups between producers and consumers. Clients get their answers even if all wake-ups are lost.

use std::net::UdpSocket;
use std::time::Duration;

use eventpipeline_service::{Announcer, Wakeup, WakeupArgs, WakeupMetrics, Wakeups};
use eventpipeline_testkit::{Database as Server, Engine, Fault, Proxy, eventually, free_udp};
use prometheus::Registry;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::support::Producer;

const BY_WAKEUP: &str = "eventpipeline_waited_events_total{noticed_by=\"wakeup\"}";
const BY_POLL: &str = "eventpipeline_waited_events_total{noticed_by=\"poll\"}";

/// Sends and receives wake-ups, as a consumer does.
fn consumer(own: &str, peer: &str) -> (Announcer, UnboundedReceiver<Wakeup>) {
    let args = WakeupArgs { wake_address: own.parse().unwrap(), wake_peers: vec![peer.to_owned()] };
    let (wakeups, announcer) = Wakeups::bind(&args, WakeupMetrics::new(&Registry::new()).unwrap()).unwrap();
    let (heard, hearing) = unbounded_channel();
    tokio::spawn(wakeups.run(CancellationToken::new(), move |wakeup| {
        let _ = heard.send(wakeup);
    }));
    (announcer, hearing)
}

async fn create_sync(producer: &Producer, valor: &str, finish: impl AsyncFnOnce()) {
    let create = producer.posting("/create-sync").timeout(Duration::from_mins(1));
    let waiting = tokio::spawn(async move { create.send().await.unwrap() });
    producer.until_waiters(1).await;
    producer.consume(&mut producer.database.session(), valor).await;
    finish().await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.json::<Json>().await.unwrap(), json!({"valor": valor}));
}

/// Waits until polls have found `events` events, which are counted after their clients are answered.
async fn until_polled(producer: &Producer, events: f64) {
    eventually(async || (producer.metric(BY_POLL).await == Some(events)).then_some(())).await;
}

#[tokio::test]
async fn a_new_event_sends_a_wakeup_and_a_wakeup_brings_its_answer() {
    let (own, peer) = (free_udp().to_string(), free_udp().to_string());
    let producer = Producer::with(&[("WAKE_ADDRESS", &own), ("WAKE_PEERS", &peer)]).await;
    let (announcer, mut hearing) = consumer(&peer, &own);
    // Wake-ups are lost until names are resolved.
    eventually(async || {
        producer.post("/create-async").await;
        hearing.try_recv().ok()
    })
    .await;
    // A poll may be faster than the wake-up, until the producer has seen that wake-ups arrive.
    eventually(async || {
        let mut session = producer.database.session();
        let create = producer.posting("/create-sync").timeout(Duration::from_mins(1));
        let waiting = tokio::spawn(async move { create.send().await.unwrap().status() });
        producer.until_waiters(1).await;
        while producer.json("/v1/stats").await["pending"] != 0 {
            producer.consume(&mut session, "logo").await;
            announcer.finished(1..1000);
        }
        assert_eq!(waiting.await.unwrap(), 201);
        producer.metric(BY_WAKEUP).await.filter(|events| *events > 0.0)
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_drops_every_wakeup_only_delays_answers() {
    // Bound, but never read.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer = deaf.local_addr().unwrap().to_string();
    let producer = Producer::with(&[("WAKE_ADDRESS", &free_udp().to_string()), ("WAKE_PEERS", &peer)]).await;
    for valor in ["um", "dois", "três"] {
        create_sync(&producer, valor, async || {}).await;
    }
    until_polled(&producer, 3.0).await;
    assert_eq!(producer.metric(BY_WAKEUP).await, Some(0.0));
}

#[tokio::test]
async fn clients_are_answered_without_wakeups() {
    let producer = Producer::start().await;
    create_sync(&producer, "só", async || {}).await;
    until_polled(&producer, 1.0).await;
}

/// Anyone who can reach the port can forge wake-ups, so they only lead to reads.
#[tokio::test]
async fn a_wrong_wakeup_answers_no_client() {
    let (own, peer) = (free_udp().to_string(), free_udp().to_string());
    let producer = Producer::with(&[("WAKE_ADDRESS", &own), ("WAKE_PEERS", &peer)]).await;
    let (announcer, _hearing) = consumer(&peer, &own);
    let received = "eventpipeline_wakeups_received_total{kind=\"finished\"}";
    create_sync(&producer, "verdade", async || {}).await;
    let create = producer.posting("/create-sync").timeout(Duration::from_mins(1));
    let waiting = tokio::spawn(async move { create.send().await.unwrap() });
    producer.until_waiters(1).await;
    eventually(async || {
        announcer.finished([2, i64::MAX, -1, 0]);
        producer.metric(received).await.filter(|wakeups| *wakeups > 2.0)
    })
    .await;
    producer.until_waiters(1).await;
    producer.consume(&mut producer.database.session(), "agora").await;
    assert_eq!(waiting.await.unwrap().json::<Json>().await.unwrap(), json!({"valor": "agora"}));
}

/// Wake-ups arrive faster than events can be read. Finished events without a wake-up are still found.
#[tokio::test]
async fn a_flood_of_wakeups_does_not_delay_answers() {
    let (own, peer) = (free_udp().to_string(), free_udp().to_string());
    let proxy = Proxy::start(Server::shared(Engine::MySql).await.port()).await;
    let producer = Producer::behind(&proxy, &[("WAKE_ADDRESS", &own), ("WAKE_PEERS", &peer)]).await;
    proxy.set(Fault::Slow(Duration::from_millis(20)));
    let (announcer, _hearing) = consumer(&peer, &own);
    // The polling session is connected from here on.
    create_sync(&producer, "primeiro", async || {}).await;
    let others: Vec<_> = (0..20).map(|_| tokio::spawn(producer.posting("/create-sync").send())).collect();
    producer.until_waiters(20).await;
    let flood = tokio::spawn(async move {
        loop {
            // All events except the one that will finish.
            announcer.finished(3..=21);
            tokio::task::yield_now().await;
        }
    });
    let received = "eventpipeline_wakeups_received_total{kind=\"finished\"}";
    eventually(async || producer.metric(received).await.filter(|wakeups| *wakeups > 1000.0)).await;
    producer.consume(&mut producer.database.session(), "achado").await;
    producer.until_waiters(19).await;
    flood.abort();
    others.iter().for_each(tokio::task::JoinHandle::abort);
}
