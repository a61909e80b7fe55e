//! The wire contract with the clients of the first version.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::{Producer, claim};
use eventpipeline_testkit::{Database as Server, Engine, Options};

#[tokio::test]
async fn create_async_returns_an_id_and_a_location() {
    let producer = Producer::start().await;
    let created = producer.post("/create-async").await;
    assert_eq!(created.status(), 202);
    assert_eq!(created.headers()["location"], "/1");
    assert_eq!(created.headers()["content-type"], "application/json");
    let body: Json = created.json().await.unwrap();
    assert_eq!(body, json!({"message": "Event created on demand", "id": 1}));
}

#[tokio::test]
async fn an_event_has_an_empty_value_until_it_is_processed() {
    let producer = Producer::start().await;
    producer.post("/create-async").await;
    assert_eq!(producer.get("/1").await.json::<Json>().await.unwrap(), json!({"valor": ""}));
    producer.consume(&mut producer.database.session(), "maçã").await;
    let done = producer.get("/1").await;
    assert_eq!(done.status(), 200);
    assert_eq!(done.json::<Json>().await.unwrap(), json!({"valor": "maçã"}));
}

#[tokio::test]
async fn the_root_counts_every_event_ever_created() {
    let producer = Producer::start().await;
    assert_eq!(producer.get("/").await.json::<Json>().await.unwrap(), json!({"events": 0}));
    for _ in 0..3 {
        producer.post("/create-async").await;
    }
    assert_eq!(producer.get("/").await.json::<Json>().await.unwrap(), json!({"events": 3}));
}

#[tokio::test]
async fn create_sync_returns_the_stored_value() {
    let producer = Producer::start().await;
    let mut session = producer.database.session();
    let (created, ()) =
        tokio::join!(producer.post("/create-sync"), producer.consume(&mut session, "saudade"));
    assert_eq!(created.status(), 201);
    assert_eq!(created.json::<Json>().await.unwrap(), json!({"valor": "saudade"}));
    assert_eq!(producer.get("/1").await.json::<Json>().await.unwrap(), json!({"valor": "saudade"}));
    producer.until_waiters(0).await;
}

#[tokio::test]
async fn each_waiting_client_gets_the_value_of_its_own_event() {
    let producer = Producer::start().await;
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let request = producer.client.post(format!("{}/create-sync", producer.api));
            tokio::spawn(async move { request.send().await.unwrap().json::<Json>().await.unwrap() })
        })
        .collect();
    producer.until_waiters(50).await;
    let mut session = producer.database.session();
    for number in 1..=50 {
        producer.consume(&mut session, &format!("value of {number}")).await;
    }
    let mut values = BTreeSet::new();
    for answer in waiting {
        values.insert(answer.await.unwrap()["valor"].as_str().unwrap().to_owned());
    }
    assert_eq!(values, (1..=50).map(|number| format!("value of {number}")).collect());
}

#[tokio::test]
async fn a_client_that_leaves_no_longer_waits() {
    let producer = Producer::start().await;
    let request = producer.client.post(format!("{}/create-sync", producer.api));
    let waiting = tokio::spawn(async move { request.send().await });
    producer.until_waiters(1).await;
    waiting.abort();
    producer.until_waiters(0).await;
    // Its event is still processed.
    producer.consume(&mut producer.database.session(), "fica").await;
    assert_eq!(producer.get("/1").await.json::<Json>().await.unwrap(), json!({"valor": "fica"}));
}

#[tokio::test]
async fn concurrent_requests_get_distinct_ids() {
    let producer = Producer::start().await;
    let requests: Vec<_> = (0..200)
        .map(|_| {
            let request = producer.client.post(format!("{}/create-async", producer.api));
            tokio::spawn(async move { request.send().await.unwrap().json::<Json>().await.unwrap() })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for request in requests {
        ids.insert(request.await.unwrap()["id"].as_i64().unwrap());
    }
    assert_eq!(ids, (1..=200).collect());
}

/// Together, the payloads exceed the server's maximum packet.
#[tokio::test]
async fn many_concurrent_payloads_of_maximum_size_are_accepted() {
    let options = Options { arguments: vec!["--max-allowed-packet=16M".to_owned()], ..Options::default() };
    let server = Server::start_with(Engine::MariaDb, options).await;
    let producer = Producer::before(&server, &[]).await;
    let body = format!("\"{}\"", "a".repeat(64 * 1024 - 2));
    let requests: Vec<_> = (0..300)
        .map(|_| {
            let post = producer.client.post(format!("{}/create-async", producer.api));
            let request = post.header("content-type", "application/json").body(body.clone());
            tokio::spawn(async move { request.send().await.unwrap().status() })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 202);
    }
}

#[tokio::test]
async fn responses_name_their_producer_and_only_classic_ones_allow_any_origin() {
    let producer = Producer::start().await;
    let classic = [
        producer.get("/").await,
        producer.get("/7").await,
        producer.post("/create-async").await,
        producer.request(reqwest::Method::DELETE, "/").await,
        producer.request(reqwest::Method::OPTIONS, "/create-sync").await,
    ];
    let others = [
        producer.get("/no/such/path").await,
        producer.get("/v1/events").await,
        producer.get("/v1/events/1").await,
        producer.get("/v1/stats").await,
        producer.post("/v1/events/1/cancel").await,
        producer.request(reqwest::Method::OPTIONS, "/v1/events").await,
        producer.request(reqwest::Method::OPTIONS, "/no/such/path").await,
    ];
    let origin = |answer: &reqwest::Response| answer.headers().get("access-control-allow-origin").cloned();
    for answer in &classic {
        assert_eq!(origin(answer).unwrap(), "*", "{answer:?}");
    }
    for answer in &others {
        assert_eq!(origin(answer), None, "{answer:?}");
    }
    for answer in classic.iter().chain(&others) {
        assert_eq!(answer.headers()["x-service-language"], "rust", "{answer:?}");
        assert_eq!(answer.headers()["x-served-by"], "local", "{answer:?}");
    }
    assert_eq!(others[5].status(), 405);
    assert_eq!(others[6].status(), 404);
}

#[tokio::test]
async fn a_web_page_may_send_and_read_the_api_headers() {
    let producer = Producer::start().await;
    let asked = producer.request(reqwest::Method::OPTIONS, "/create-sync").await;
    assert_eq!(asked.status(), 204);
    let header = |answer: &reqwest::Response, name| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header(&asked, "access-control-allow-methods"), "GET,HEAD,POST");
    for sent in ["authorization", "content-type", "idempotency-key", "prefer", "traceparent", "tracestate"] {
        assert!(header(&asked, "access-control-allow-headers").contains(sent));
    }
    assert_eq!(header(&asked, "access-control-max-age"), "7200");
    let answer = producer.post("/create-async").await;
    for read in ["location", "retry-after", "idempotent-replayed", "preference-applied", "x-served-by"] {
        assert!(header(&answer, "access-control-expose-headers").contains(read));
    }
    assert!(header(&answer, "vary").contains("origin"));
}

#[tokio::test]
async fn a_payload_reaches_the_consumer_unchanged() {
    let producer = Producer::start().await;
    let body = "{\"nome\":  \"João\", \"n\": 1e400}";
    let post = producer.client.post(format!("{}/create-async", producer.api));
    let created =
        post.header("content-type", "application/json; charset=utf-8").body(body).send().await.unwrap();
    assert_eq!(created.status(), 202);
    let mut session = producer.database.session();
    assert_eq!(claim(&mut session).await.payload.as_deref(), Some(body));
}
