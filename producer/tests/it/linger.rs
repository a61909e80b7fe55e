//! A slow commit waits for the clients of the previous one, so that they share transactions.

use std::time::Duration;

use eventpipeline_testkit::{Database as Server, Engine, Fault, Proxy, eventually};

use crate::support::Producer;

/// One more than the upper limit of a bucket of `eventpipeline_create_batch_events`.
const CLIENTS: usize = 5;

/// Returns the number of transactions, and of those that had fewer events than there are clients.
async fn transactions(producer: &Producer) -> Option<[f64; 2]> {
    let all = producer.metric("eventpipeline_create_batch_events_count").await?;
    Some([all, producer.metric("eventpipeline_create_batch_events_bucket{le=\"4\"}").await?])
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_wait_for_slow_commits_share_them() {
    let proxy = Proxy::start(Server::shared(Engine::MySql).await.port()).await;
    let producer = Producer::behind(&proxy, &[]).await;
    proxy.set(Fault::Slow(Duration::from_millis(10)));
    let clients = (0..CLIENTS).map(|_| {
        let request = producer.posting("/create-async");
        tokio::spawn(async move {
            while let Some(request) = request.try_clone() {
                assert_eq!(request.send().await.unwrap().status(), 202);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut before = [0.0; 2];
    eventually(async || {
        let now = transactions(&producer).await?;
        let [all, smaller] = [now[0] - before[0], now[1] - before[1]];
        if all < 20.0 {
            return None;
        }
        before = now;
        // Two groups that take turns would make all of them smaller.
        (smaller < all / 4.0).then_some(())
    })
    .await;
    for client in clients {
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled(), "a request failed");
    }
}
